/* policy.c: see policy.h. */
#include "agent/boot/policy.h"

#define USAGE_STATUS 2

void kedge_trial_limit_init(struct kedge_trial_limit *limit, uint64_t limit_ms)
{
    *limit = (struct kedge_trial_limit){.limit_ms = limit_ms};
}

void kedge_trial_limit_boot(struct kedge_trial_limit *limit, bool on_trial, uint64_t sequence,
                            uint64_t now_ms)
{
    bool same = on_trial && limit->running && limit->sequence == sequence;
    if (same)
        return;
    limit->running = on_trial;
    limit->sequence = sequence;
    limit->started_at_ms = now_ms;
}

void kedge_trial_limit_end(struct kedge_trial_limit *limit)
{
    limit->running = false;
}

uint64_t kedge_trial_limit_left_ms(const struct kedge_trial_limit *limit, uint64_t now_ms)
{
    if (!limit->running)
        return UINT64_MAX;
    uint64_t passed_ms = now_ms - limit->started_at_ms;
    return passed_ms < limit->limit_ms ? limit->limit_ms - passed_ms : 0;
}

/* 1 s, 2 s, 4 s and so on. */
static uint64_t back_off_ms(unsigned quick)
{
    uint64_t wait_ms = KEDGE_RESTART_FIRST_WAIT_MS;
    for (unsigned i = 1; i < quick && wait_ms < KEDGE_RESTART_WAIT_MAX_MS; i++)
        wait_ms *= 2;
    return wait_ms < KEDGE_RESTART_WAIT_MAX_MS ? wait_ms : KEDGE_RESTART_WAIT_MAX_MS;
}

enum kedge_after kedge_restart_after(struct kedge_restarts *restarts,
                                     const struct kedge_agent_end *end, int reboot_status,
                                     uint64_t *wait_ms)
{
    bool exited = end->signal_number == 0;
    *wait_ms = 0;
    if (exited && end->status == 0)
        return KEDGE_AFTER_OFF;
    if (exited && end->status == USAGE_STATUS && !end->on_trial)
        return KEDGE_AFTER_USAGE;
    restarts->quick = end->ran_ms < KEDGE_RESTART_QUICK_MS ? restarts->quick + 1 : 0;
    bool reboot = exited && end->status == reboot_status;
    unsigned free_runs = reboot ? KEDGE_RESTART_FREE_REBOOTS : 0;
    if (!reboot || restarts->quick > free_runs)
        *wait_ms = back_off_ms(restarts->quick > free_runs ? restarts->quick - free_runs : 0);
    return KEDGE_AFTER_BOOT;
}
