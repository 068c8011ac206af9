/* trial.c: see trial.h. */
#include "agent/client/trial.h"

#include <inttypes.h>
#include <stdio.h>

/* Without a command there is nothing to pass. */
static enum kedge_trial_health health_at_first(const struct kedge_trial *trial)
{
    return trial->policy.has_command ? KEDGE_TRIAL_HEALTH_DUE : KEDGE_TRIAL_HEALTH_GOOD;
}

void kedge_trial_begin(struct kedge_trial *trial, const struct kedge_trial_policy *policy,
                       uint64_t now_ms)
{
    *trial = (struct kedge_trial){.running = true, .policy = *policy, .ends_at_ms = UINT64_MAX};
    if (policy->limit_ms > 0)
        trial->ends_at_ms = now_ms + policy->limit_ms;
    trial->health = health_at_first(trial);
}

static enum kedge_trial_action wait_until(uint64_t then_ms, uint64_t now_ms, uint64_t *wait_ms)
{
    *wait_ms = then_ms - now_ms;
    return KEDGE_TRIAL_WAIT;
}

static const char *when_it_was(const struct kedge_trial *trial)
{
    return trial->soaked ? ", after the soak" : "";
}

static enum kedge_trial_action check_health(struct kedge_trial *trial, uint64_t now_ms,
                                            uint64_t *wait_ms)
{
    uint64_t ends_at_ms = trial->started_at_ms + trial->policy.command_limit_ms;
    if (now_ms < ends_at_ms)
        return wait_until(ends_at_ms, now_ms, wait_ms);
    trial->health = KEDGE_TRIAL_HEALTH_BAD;
    snprintf(trial->reason, sizeof trial->reason,
             "health command did not end within %" PRIu64 " s%s",
             trial->policy.command_limit_ms / 1000, when_it_was(trial));
    return KEDGE_TRIAL_KILL_HEALTH;
}

/* All is well so far. Is it to stay so for a while? Then the command is asked again at the end. */
static bool soak_is_over(struct kedge_trial *trial, uint64_t now_ms)
{
    if (trial->soaked || trial->policy.soak_ms == 0)
        return true;
    if (!trial->soaking)
        trial->soaks_until_ms = now_ms + trial->policy.soak_ms;
    trial->soaking = now_ms < trial->soaks_until_ms;
    if (trial->soaking)
        return false;
    trial->soaked = true;
    trial->health = health_at_first(trial);
    return true;
}

static enum kedge_trial_action next_in_time(struct kedge_trial *trial, uint64_t now_ms,
                                            uint64_t *wait_ms)
{
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
    if (!trial->server_reached && !trial->policy.without_server)
        return KEDGE_TRIAL_WAIT;
    if (!soak_is_over(trial, now_ms))
        return wait_until(trial->soaks_until_ms, now_ms, wait_ms);
    if (trial->health == KEDGE_TRIAL_HEALTH_DUE)
        return KEDGE_TRIAL_RUN_HEALTH;
    if (now_ms < trial->retry_at_ms)
        return wait_until(trial->retry_at_ms, now_ms, wait_ms);
    return KEDGE_TRIAL_CONFIRM;
}

static enum kedge_trial_action run_out_of_time(struct kedge_trial *trial)
{
    bool hangs = trial->health == KEDGE_TRIAL_HEALTH_RUNNING;
    trial->health = KEDGE_TRIAL_HEALTH_BAD;
    trial->out_of_time = true;
    snprintf(trial->reason, sizeof trial->reason, "not confirmed within %" PRIu64 " s",
             trial->policy.limit_ms / 1000);
    return hangs ? KEDGE_TRIAL_KILL_HEALTH : KEDGE_TRIAL_REJECT;
}

enum kedge_trial_action kedge_trial_next(struct kedge_trial *trial, uint64_t now_ms,
                                         uint64_t *wait_ms)
{
    *wait_ms = UINT64_MAX;
    if (!trial->running)
        return KEDGE_TRIAL_NOTHING;
    if (now_ms >= trial->ends_at_ms && trial->health != KEDGE_TRIAL_HEALTH_BAD)
        return run_out_of_time(trial);
    enum kedge_trial_action action = next_in_time(trial, now_ms, wait_ms);
    bool limited = action == KEDGE_TRIAL_WAIT && trial->policy.limit_ms > 0;
    if (limited && trial->ends_at_ms - now_ms < *wait_ms)
        *wait_ms = trial->ends_at_ms - now_ms;
    return action;
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
        snprintf(trial->reason, sizeof trial->reason, "health command ended by signal %d%s",
                 signal_number, when_it_was(trial));
    else
        snprintf(trial->reason, sizeof trial->reason, "health command exit status %d%s", status,
                 when_it_was(trial));
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
