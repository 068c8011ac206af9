/*
 * test_lwm2m_machine_lives.c: thousands of devices that lose, restart, lie and are meddled with,
 * under what must hold of every job. Machines with one line made wrong must break it.
 */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/machine_sim.h"

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33) % below;
}

static void stop_push(struct sim *sim, enum kedge_rc rc, uint8_t code)
{
    if (sim->machine.push == KEDGE_PUSH_RUNNING)
        kedge_machine_push_stopped(&sim->machine, rc, code, 0, sim->now_ms);
}

static void goes(struct sim *sim)
{
    stop_push(sim, KEDGE_E_CANCELED, 0);
    kedge_machine_gone(&sim->machine);
}

/* The device does something of its own: goes on, fails, restarts, is meddled with. */
static void happen(struct sim *sim, uint64_t *seed)
{
    static const char *const versions[] = {"1.0.0", "2.0.0", "1.5.0"};
    switch (draw(seed, sim->pushed_to ? 17 : 14)) {
    case 0:
    case 1:
    case 2:
        if (sim->state > 0 && sim->state < 3)
            sim->state++;
        break;
    case 3:
        sim->result = draw(seed, 13);
        break;
    case 4:
        sim->state = draw(seed, 4);
        break;
    case 5:
        sim->version = versions[draw(seed, 3)];
        break;
    case 6:
        strcpy(sim->uri, draw(seed, 2) ? OTHER_URI : OUR_URI);
        break;
    case 7:
        sim->silent = draw(seed, 3) == 0;
        break;
    case 8:
        goes(sim);
        break;
    case 9:
        sim->back = true;
        goes(sim);
        kedge_machine_registered(&sim->machine, sim->now_ms);
        break;
    case 10:
        sim->back = true;
        kedge_machine_touched(&sim->machine, sim->now_ms);
        break;
    case 11:
    case 12: /* all as it should be, but for the return and perhaps the Result */
        sim->state = 0;
        sim->result = draw(seed, 3) != 0;
        sim->version = versions[1];
        break;
    case 14:
        stop_push(sim, draw(seed, 2) ? KEDGE_E_TIMEOUT : KEDGE_E_MALFORMED, 0);
        break;
    case 15:
        stop_push(sim, KEDGE_E_REFUSED,
                  draw(seed, 2) ? KEDGE_COAP_TOO_LARGE : KEDGE_COAP_INCOMPLETE);
        break;
    case 16:
        if (draw(seed, 2) == 0 && sim->machine.push == KEDGE_PUSH_RUNNING)
            kedge_machine_push_restarted(&sim->machine, KEDGE_COAP_INCOMPLETE, sim->now_ms);
        else
            stop_push(sim, KEDGE_OK, KEDGE_COAP_CHANGED);
        break;
    default:
        kedge_machine_block(&sim->machine, draw(seed, 100001), sim->now_ms);
        break;
    }
    if (draw(seed, 8) == 0)
        kedge_machine_may_be_away(&sim->machine, 300 * draw(seed, 3), sim->now_ms);
    if (sim->machine.observing && draw(seed, 2) == 0)
        kedge_machine_state_noticed(&sim->machine, sim->state, sim->now_ms);
}

static void check(const struct sim *sim, uint64_t seed, bool holds, const char *invariant)
{
    if (!holds)
        fail_msg("seed %" PRIu64 ": invariant broken: %s (%s)", seed, invariant, sim->reason);
}

static void live(uint64_t first_seed)
{
    uint64_t seed = first_seed;
    struct sim sim = {.unobservable = draw(&seed, 4) == 0,
                      .state = draw(&seed, 4),
                      .pushed_to = first_seed % 3 == 0};
    enum kedge_update_phase reached = (enum kedge_update_phase)draw(&seed, 5);
    if (draw(&seed, 2) == 0)
        strcpy(sim.uri, OUR_URI);
    begin(&sim, reached);
    sim.machine.plan.soak_s = draw(&seed, 20);
    const uint64_t began_ms = sim.now_ms;
    while (sim.last != KEDGE_MACHINE_OVER) {
        uint64_t wait_ms = 0;
        bool asked = step(&sim, &wait_ms);
        if (sim.last == KEDGE_MACHINE_EXECUTE)
            check(&sim, first_seed, sim.machine.state == KEDGE_FIRMWARE_DOWNLOADED,
                  "Execute is sent only to what was seen as Downloaded");
        if (sim.last == KEDGE_MACHINE_OFFER)
            check(&sim, first_seed, sim.machine.step <= KEDGE_STEP_DOWNLOAD,
                  "the URI is not written while it installs");
        if (sim.last == KEDGE_MACHINE_GO_ON)
            check(&sim, first_seed, sim.machine.state == KEDGE_FIRMWARE_DOWNLOADING,
                  "a push is gone on with only where the device waits for it");
        check(&sim, first_seed, sim.uris <= KEDGE_MACHINE_TRIES_MAX,
              "the URI is written so often at most");
        check(&sim, first_seed, sim.executes <= KEDGE_MACHINE_TRIES_MAX, "Execute likewise");
        check(&sim, first_seed, sim.resets <= KEDGE_MACHINE_TRIES_MAX, "the reset likewise");
        check(&sim, first_seed, sim.phase != KEDGE_UPDATE_SUCCEEDED || sim.machine.state == 0,
              "success is State 0");
        if (sim.phase == KEDGE_UPDATE_SUCCEEDED) {
            check(&sim, first_seed, strcmp(sim.version, "2.0.0") == 0, "success is the version");
            check(&sim, first_seed, sim.executes == 0 || sim.machine.result == 1,
                  "success is Result 1");
            check(&sim, first_seed, sim.executes == 0 || sim.back, "success is after the return");
            check(&sim, first_seed, sim.now_ms >= sim.machine.soak_until_ms,
                  "success is after the soak");
        }
        if (!asked && sim.last == KEDGE_MACHINE_WAIT) {
            check(&sim, first_seed, wait_ms > 0, "waiting takes time");
            uint64_t pause_ms = 1 + draw(&seed, 20000);
            sim.now_ms += wait_ms < pause_ms ? wait_ms : pause_ms;
            happen(&sim, &seed);
        }
        check(&sim, first_seed, sim.now_ms - began_ms < UINT64_C(24) * 3600 * 1000,
              "a job ends within a day");
    }
    check(&sim, first_seed, sim.phase >= KEDGE_UPDATE_SUCCEEDED, "the end is reported");
    check(&sim, first_seed, sim.reason[0] != '\0', "with a reason");
}

static void test_whatever_a_device_does_the_job_ends_and_never_lies(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20000; seed++)
        live(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whatever_a_device_does_the_job_ends_and_never_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
