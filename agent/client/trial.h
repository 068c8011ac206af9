/*
 * trial.h: what new firmware does about its own trial: a pure machine over time and events.
 *
 * It is confirmed when the health command has passed, the server has been reached once in this
 * boot, and the soak after both has gone by, at whose end the command has passed once more. A
 * health command that fails or hangs ends the trial at once. A server that is away ends nothing:
 * how long a trial may take altogether is kedge-boot's to say (--trial-limit). Where another
 * bootloader says nothing of the kind, the policy does, for each boot of the trial.
 */
#ifndef KEDGE_AGENT_TRIAL_H
#define KEDGE_AGENT_TRIAL_H

#include <kedge/base.h>

#define KEDGE_TRIAL_REASON_MAX 95u
#define KEDGE_TRIAL_RETRY_MS 10000u /* between attempts to write the confirmation */

enum kedge_trial_health {
    KEDGE_TRIAL_HEALTH_DUE,
    KEDGE_TRIAL_HEALTH_RUNNING,
    KEDGE_TRIAL_HEALTH_GOOD,
    KEDGE_TRIAL_HEALTH_BAD
};

enum kedge_trial_action {
    KEDGE_TRIAL_NOTHING,     /* no trial, or it is over */
    KEDGE_TRIAL_WAIT,        /* until something happens, or `wait_ms` have passed */
    KEDGE_TRIAL_RUN_HEALTH,  /* start the command, then kedge_trial_health_started() */
    KEDGE_TRIAL_KILL_HEALTH, /* it hangs: end its process group; the next action is REJECT */
    KEDGE_TRIAL_CONFIRM,     /* write it, then kedge_trial_confirmed() */
    KEDGE_TRIAL_REJECT       /* write `reason`, then reboot */
};

/** What the device's maker asks of new firmware before it is confirmed. */
struct kedge_trial_policy {
    bool has_command;          /* a health command is run */
    bool without_server;       /* the server need not be reached */
    uint64_t command_limit_ms; /* for the health command, each time */
    uint64_t soak_ms;          /* 0: none */
    uint64_t limit_ms;         /* for all of it; 0: none */
};

struct kedge_trial {
    bool running;
    bool server_reached;
    bool soaking, soaked;
    bool out_of_time; /* the limit passed: `reason` says so */
    enum kedge_trial_health health;
    struct kedge_trial_policy policy;
    uint64_t ends_at_ms;    /* by the policy's limit; UINT64_MAX without one */
    uint64_t started_at_ms; /* of the health command */
    uint64_t soaks_until_ms;
    uint64_t retry_at_ms; /* not before this is the confirmation written again */
    char reason[KEDGE_TRIAL_REASON_MAX + 1];
};

/** kedge_trial_begin() begins a trial; without a health command that part has passed. */
void kedge_trial_begin(struct kedge_trial *trial, const struct kedge_trial_policy *policy,
                       uint64_t now_ms);
/** What to do at `now_ms`; `wait_ms` is UINT64_MAX when only an event can change anything. */
enum kedge_trial_action kedge_trial_next(struct kedge_trial *trial, uint64_t now_ms,
                                         uint64_t *wait_ms);
/** The command was started, or (false) could not be: that fails the check. */
void kedge_trial_health_started(struct kedge_trial *trial, bool started, uint64_t now_ms);
/** The command ended: by exit with `status`, or, when `signal_number` is not 0, by that signal. */
void kedge_trial_health_ended(struct kedge_trial *trial, int status, int signal_number);
/** A registration was answered with 2.01. */
void kedge_trial_server_reached(struct kedge_trial *trial);
/** The confirmation was written, or (false) not: it is tried again. */
void kedge_trial_confirmed(struct kedge_trial *trial, bool written, uint64_t now_ms);
/** The rejection was written: the trial is over for this firmware. */
void kedge_trial_rejected(struct kedge_trial *trial);

#endif
