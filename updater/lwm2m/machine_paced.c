/*
 * machine_paced.c: a device whose next bytes the server holds back, since it sends no more than so
 * many a second to all devices. It can do nothing about that, so it counts for no limit.
 */
#include "updater/lwm2m/machine.h"
#include "updater/lwm2m/machine_parts.h"

#include <inttypes.h>

/* Only what is new of the wait: who asks again while it is held back waits no longer by that. */
static void put_off_limit(struct kedge_machine *machine, uint64_t until_ms, uint64_t now_ms)
{
    uint64_t from_ms = machine->held_until_ms > now_ms ? machine->held_until_ms : now_ms;
    if (until_ms <= from_ms)
        return;
    uint64_t more_ms = until_ms - from_ms;
    machine->limit_at_ms =
        machine->limit_at_ms > UINT64_MAX - more_ms ? UINT64_MAX : machine->limit_at_ms + more_ms;
    machine->held_until_ms = until_ms;
}

void kedge_machine_held_back(struct kedge_machine *machine, uint64_t wait_ms, uint64_t bytes_per_s,
                             uint64_t now_ms)
{
    if (machine->ended || machine->step > KEDGE_STEP_DOWNLOAD)
        return;
    put_off_limit(machine, now_ms + wait_ms, now_ms);
    if (wait_ms < KEDGE_MACHINE_HELD_BACK_MS)
        return;
    machine->report_due = machine->report_due || machine->held_bytes_per_s == 0;
    machine->held_bytes_per_s = bytes_per_s;
    if (machine->held_told)
        return;
    machine->held_told = true;
    machine_say(machine,
                "its download waits for the server's download rate, %" PRIu64
                " bytes a second for all devices",
                bytes_per_s);
}

void machine_review_pace(struct kedge_machine *machine, uint64_t now_ms)
{
    if (now_ms > machine->held_until_ms + KEDGE_MACHINE_HELD_BACK_MS)
        machine->held_bytes_per_s = 0;
}
