/*
 * policy.h: the bootloader's judgements about time: how long a trial may last, and what follows
 * when the agent ends. Pure: times come in, answers go out.
 */
#ifndef KEDGE_AGENT_BOOT_POLICY_H
#define KEDGE_AGENT_BOOT_POLICY_H

#include <kedge/base.h>

#define KEDGE_TRIAL_LIMIT_DEFAULT_S 1800u
#define KEDGE_TRIAL_LIMIT_MAX_S (30u * 24u * 3600u)

/* ---- the trial limit: one trial, over all of its boots ---- */

struct kedge_trial_limit {
    uint64_t limit_ms;
    bool running;
    uint64_t sequence; /* of the package on trial: tells one trial from the next */
    uint64_t started_at_ms;
};

/** kedge_trial_limit_init() is a device without a trial. */
void kedge_trial_limit_init(struct kedge_trial_limit *limit, uint64_t limit_ms);
/** A boot begins. A trial's time runs from the first of its boots; another boot does not reset it.
 */
void kedge_trial_limit_boot(struct kedge_trial_limit *limit, bool on_trial, uint64_t sequence,
                            uint64_t now_ms);
/** The trial is over, by whatever end. */
void kedge_trial_limit_end(struct kedge_trial_limit *limit);
/** Milliseconds until the limit; 0 when it has passed; UINT64_MAX without a trial. */
uint64_t kedge_trial_limit_left_ms(const struct kedge_trial_limit *limit, uint64_t now_ms);

/* ---- after the agent ended ---- */

#define KEDGE_RESTART_QUICK_MS 10000u /* a run shorter than this one counts towards a back-off */
#define KEDGE_RESTART_FREE_REBOOTS 3u /* quick reboots that are not slowed down: an update is two \
                                       */
#define KEDGE_RESTART_FIRST_WAIT_MS 1000u
#define KEDGE_RESTART_WAIT_MAX_MS 60000u

struct kedge_agent_end {
    int status; /* exit status; not used when `signal_number` is not 0 */
    int signal_number;
    bool on_trial;
    uint64_t ran_ms;
};

enum kedge_after {
    KEDGE_AFTER_BOOT, /* boot again, after the wait */
    KEDGE_AFTER_OFF,  /* it switched itself off: exit status 0 */
    KEDGE_AFTER_USAGE /* its command line is wrong, and will be so again */
};

struct kedge_restarts {
    unsigned quick; /* quick runs in a row */
};

/**
 * kedge_restart_after() says what follows an agent's end. A reboot that was asked for is immediate;
 * a crash waits, twice as long each time up to KEDGE_RESTART_WAIT_MAX_MS, until a run lasts. So
 * does an agent that only ever asks for reboots. On trial a wrong command line is the new
 * firmware's fault, and one of its boots.
 */
enum kedge_after kedge_restart_after(struct kedge_restarts *restarts,
                                     const struct kedge_agent_end *end, int reboot_status,
                                     uint64_t *wait_ms);

#endif
