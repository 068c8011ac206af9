/*
 * machine_hold.c: a device that has downloaded and may not install yet. It is watched, so that what
 * it loses is noticed, but seldom, and nothing limits how long: it waits for us.
 */
#include "updater/lwm2m/machine.h"
#include "updater/lwm2m/machine_parts.h"

#define NO_LIMIT_S UINT32_MAX
#define LOOK_EVERY_S 3600u

static bool may_install(const struct kedge_machine *machine, uint64_t now_ms)
{
    return !machine->plan.hold_install || now_ms < machine->install_until_ms;
}

static void hold(struct kedge_machine *machine, uint64_t now_ms)
{
    machine->on_hold = true;
    machine_limit(machine, NO_LIMIT_S, now_ms);
    if (machine->phase == KEDGE_UPDATE_INSTALLING) {
        machine_say(machine, "Execute was not answered, and may not be sent again now");
        machine_enter_phase(machine, KEDGE_UPDATE_DOWNLOADED);
    }
    machine_watch(machine, machine_after_s(now_ms, LOOK_EVERY_S), now_ms);
}

bool machine_may_install(struct kedge_machine *machine, uint64_t now_ms)
{
    machine->on_hold = false;
    if (may_install(machine, now_ms))
        return true;
    hold(machine, now_ms);
    return false;
}

void kedge_machine_let_install(struct kedge_machine *machine, uint64_t until_ms, uint64_t now_ms)
{
    machine->install_until_ms = until_ms;
    if (machine->ended || machine->step != KEDGE_STEP_EXECUTE || machine->asking)
        return;
    if (may_install(machine, now_ms) && machine->on_hold) {
        machine->on_hold = false;
        machine_limit(machine, machine->plan.install_limit_s, now_ms);
        machine_look_now(machine, now_ms);
    } else if (!may_install(machine, now_ms) && machine->executes == 0 && !machine->on_hold) {
        hold(machine, now_ms);
    }
}
