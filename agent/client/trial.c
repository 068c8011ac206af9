/* trial.c: see trial.h. */
#include "agent/client/trial.h"

#include <inttypes.h>
#include <stdio.h>

void kedge_trial_begin(struct kedge_trial *trial, bool has_command, uint64_t limit_ms)
{
    *trial = (struct kedge_trial){.running = true,
                                  .health = has_command ? KEDGE_TRIAL_HEALTH_DUE
                                                        : KEDGE_TRIAL_HEALTH_GOOD,
                                  .limit_ms = limit_ms};
}

static enum kedge_trial_action check_health(struct kedge_trial *trial, uint64_t now_ms,
                                            uint64_t *wait_ms)
{
    uint64_t ends_at_ms = trial->started_at_ms + trial->limit_ms;
    if (now_ms < ends_at_ms) {
        *wait_ms = ends_at_ms - now_ms;
        return KEDGE_TRIAL_WAIT;
    }
    trial->health = KEDGE_TRIAL_HEALTH_BAD;
    snprintf(trial->reason, sizeof trial->reason, "health command did not end within %" PRIu64 " s",
             trial->limit_ms / 1000);
    return KEDGE_TRIAL_KILL_HEALTH;
}

enum kedge_trial_action kedge_trial_next(struct kedge_trial *trial, uint64_t now_ms,
                                         uint64_t *wait_ms)
{
    *wait_ms = UINT64_MAX;
    if (!trial->running)
        return KEDGE_TRIAL_NOTHING;
    switch (trial->health) {
    case KEDGE_TRIAL_HEALTH_DUE:
        return KEDGE_TRIAL_RUN_HEALTH;
    case KEDGE_TRIAL_HEALTH_RUNNING:
        return check_health(trial, now_ms, wait_ms);
    case KEDGE_TRIAL_HEALTH_BAD:
        return KEDGE_TRIAL_REJECT;
    case KEDGE_TRIAL_HEALTH_GOOD:
        break;
    }
    if (!trial->server_reached)
        return KEDGE_TRIAL_WAIT;
    if (now_ms < trial->retry_at_ms) {
        *wait_ms = trial->retry_at_ms - now_ms;
        return KEDGE_TRIAL_WAIT;
    }
    return KEDGE_TRIAL_CONFIRM;
}

void kedge_trial_health_started(struct kedge_trial *trial, bool started, uint64_t now_ms)
{
    trial->started_at_ms = now_ms;
    trial->health = started ? KEDGE_TRIAL_HEALTH_RUNNING : KEDGE_TRIAL_HEALTH_BAD;
    if (!started)
        snprintf(trial->reason, sizeof trial->reason, "health command could not be started");
}

void kedge_trial_health_ended(struct kedge_trial *trial, int status, int signal_number)
{
    if (trial->health != KEDGE_TRIAL_HEALTH_RUNNING)
        return;
    bool good = signal_number == 0 && status == 0;
    trial->health = good ? KEDGE_TRIAL_HEALTH_GOOD : KEDGE_TRIAL_HEALTH_BAD;
    if (good)
        return;
    if (signal_number != 0)
        snprintf(trial->reason, sizeof trial->reason, "health command ended by signal %d",
                 signal_number);
    else
        snprintf(trial->reason, sizeof trial->reason, "health command exit status %d", status);
}

void kedge_trial_server_reached(struct kedge_trial *trial)
{
    trial->server_reached = true;
}

void kedge_trial_confirmed(struct kedge_trial *trial, bool written, uint64_t now_ms)
{
    trial->running = !written;
    trial->retry_at_ms = now_ms + KEDGE_TRIAL_RETRY_MS;
}

void kedge_trial_rejected(struct kedge_trial *trial)
{
    trial->running = false;
}
