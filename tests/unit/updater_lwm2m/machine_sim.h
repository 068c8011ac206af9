/*
 * machine_sim.h: what the tests of the machine share: a simulated device and simulated time, and
 * the machine between them.
 */
#ifndef KEDGE_TESTS_MACHINE_SIM_H
#define KEDGE_TESTS_MACHINE_SIM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <inttypes.h>

#include "updater/lwm2m/machine.h"

#include <kedge/coap.h>

#define FILE_NAME "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OUR_URI "coap://192.0.2.1:5683/fw/" FILE_NAME
#define OTHER_URI "coap://192.0.2.9/other.bin"
#define POLL_MS 30000u
#define QUICK_POLL_MS 5000u

struct sim {
    struct kedge_machine machine;
    uint64_t now_ms;
    /* the device */
    int64_t state, result;
    const char *version;
    char uri[256];
    bool unobservable;
    bool says_max_age; /* with what is observed */
    uint32_t max_age_s;
    uint8_t uri_code, execute_code; /* 0: 2.04 */
    bool silent;
    bool tells_severity, tells_max_defer;
    uint32_t max_defer_s;
    bool pushed_to;                    /* it is given the package, and has no URI */
    enum kedge_update_success success; /* what counts of its class */
    /* what was done to it */
    unsigned preparations, uris, resets, executes, probes, explained, goings_on, observations;
    bool back; /* it was heard of since the last Execute */
    /* what was reported */
    unsigned reports;
    enum kedge_update_phase phase;
    char reason[KEDGE_UPDATE_REASON_MAX + 1];
    int update_result;
    uint64_t bytes_done;
    enum kedge_machine_action last;
};

static inline struct kedge_update_plan plan_of(enum kedge_update_phase reached)
{
    return (struct kedge_update_plan){.file = FILE_NAME,
                                      .file_size = 100000,
                                      .version = "2.0.0",
                                      .reached = reached,
                                      .soak_s = 60,
                                      .offer_limit_s = 300,
                                      .download_limit_s = 600,
                                      .install_limit_s = 500,
                                      .verify_limit_s = 2400};
}

static inline void begin(struct sim *sim, enum kedge_update_phase reached)
{
    struct kedge_update_plan plan = plan_of(reached);
    plan.success = sim->success;
    plan.tells_severity = sim->tells_severity;
    plan.tells_max_defer = sim->tells_max_defer;
    plan.max_defer_s = sim->max_defer_s;
    sim->now_ms = 1000000;
    sim->phase = reached;
    if (sim->version == NULL)
        sim->version = "1.0.0";
    kedge_machine_begin(&sim->machine, &plan, POLL_MS, QUICK_POLL_MS, true, sim->now_ms);
}

static inline void take_reports(struct sim *sim)
{
    struct kedge_update_report report;
    while (kedge_machine_report(&sim->machine, &report)) {
        sim->reports++;
        sim->phase = report.phase;
        sim->update_result = report.update_result;
        sim->bytes_done = report.bytes_done;
        if (report.reason != NULL)
            snprintf(sim->reason, sizeof sim->reason, "%s", report.reason);
    }
}

static inline void answer_probe(struct sim *sim)
{
    struct kedge_machine_view view = {.state = sim->state, .result = sim->result, .version = ""};
    sim->probes++;
    if (sim->silent) {
        kedge_machine_probe_failed(&sim->machine, "/5/0/3", 0, sim->now_ms);
        return;
    }
    if (kedge_machine_wants_version(sim->state))
        view.version = sim->version;
    if (kedge_machine_wants_uri(&sim->machine, sim->state))
        view.uri = sim->uri;
    kedge_machine_probed(&sim->machine, &view, sim->now_ms);
}

static inline void answer_uri(struct sim *sim)
{
    sim->uris++;
    if (sim->silent || sim->uri_code != 0) {
        uint8_t code = sim->silent ? 0 : sim->uri_code;
        enum kedge_rc rc = sim->silent ? KEDGE_E_TIMEOUT : KEDGE_E_REFUSED;
        if (sim->pushed_to)
            kedge_machine_push_stopped(&sim->machine, rc, code, 0, sim->now_ms);
        else
            kedge_machine_uri_written(&sim->machine, code, sim->now_ms);
        return;
    }
    sim->state = KEDGE_FIRMWARE_DOWNLOADING;
    sim->result = 0;
    if (sim->pushed_to) {
        kedge_machine_push_taken(&sim->machine, KEDGE_COAP_CONTINUE, sim->now_ms);
        return;
    }
    strcpy(sim->uri, OUR_URI);
    kedge_machine_uri_written(&sim->machine, KEDGE_COAP_CHANGED, sim->now_ms);
}

static inline void answer_execute(struct sim *sim)
{
    sim->executes++;
    sim->back = false;
    if (!sim->silent && sim->execute_code == 0)
        sim->state = KEDGE_FIRMWARE_UPDATING;
    kedge_machine_executed(&sim->machine,
                           sim->silent              ? 0
                           : sim->execute_code != 0 ? sim->execute_code
                                                    : KEDGE_COAP_CHANGED,
                           sim->now_ms);
}

/* Carries out one action; false when the machine waits or is over. */
static inline bool step(struct sim *sim, uint64_t *wait_ms)
{
    take_reports(sim);
    sim->last = kedge_machine_next(&sim->machine, sim->now_ms, wait_ms);
    take_reports(sim);
    switch (sim->last) {
    case KEDGE_MACHINE_PROBE:
        answer_probe(sim);
        break;
    case KEDGE_MACHINE_OFFER:
        answer_uri(sim);
        break;
    case KEDGE_MACHINE_RESET:
        sim->resets++;
        sim->state = sim->result = 0;
        sim->uri[0] = '\0';
        kedge_machine_reset_done(&sim->machine, KEDGE_COAP_CHANGED, sim->now_ms);
        break;
    case KEDGE_MACHINE_GO_ON:
        sim->goings_on++;
        kedge_machine_push_going_on(&sim->machine, sim->now_ms);
        break;
    case KEDGE_MACHINE_OBSERVE:
        sim->observations++;
        kedge_machine_fresh_for(&sim->machine, sim->says_max_age ? sim->max_age_s : UINT32_MAX,
                                sim->now_ms);
        kedge_machine_observed(&sim->machine, !sim->unobservable && !sim->silent, sim->now_ms);
        break;
    case KEDGE_MACHINE_PREPARE:
        sim->preparations++;
        assert_int_equal(sim->executes, 0);
        kedge_machine_prepared(&sim->machine, sim->now_ms);
        break;
    case KEDGE_MACHINE_EXECUTE:
        answer_execute(sim);
        break;
    case KEDGE_MACHINE_EXPLAIN:
        sim->explained++;
        kedge_machine_explained(&sim->machine, "the health command exited with 1");
        break;
    case KEDGE_MACHINE_WAIT:
    case KEDGE_MACHINE_OVER:
        break;
    }
    take_reports(sim);
    return sim->last != KEDGE_MACHINE_WAIT && sim->last != KEDGE_MACHINE_OVER;
}

static inline void settle(struct sim *sim)
{
    uint64_t wait_ms;
    unsigned turns = 0;
    while (step(sim, &wait_ms))
        assert_true(++turns < 50);
}

/* Lets time pass, with all that becomes due in it. */
static inline void pass_s(struct sim *sim, uint64_t seconds)
{
    uint64_t until_ms = sim->now_ms + seconds * 1000;
    for (;;) {
        uint64_t wait_ms = 0;
        while (step(sim, &wait_ms)) {
        }
        if (sim->last == KEDGE_MACHINE_OVER || sim->now_ms + wait_ms > until_ms)
            break;
        assert_true(wait_ms > 0);
        sim->now_ms += wait_ms;
    }
    sim->now_ms = until_ms;
}

static inline void becomes(struct sim *sim, int64_t state, int64_t result)
{
    sim->state = state;
    sim->result = result;
    if (sim->machine.observing) {
        kedge_machine_state_noticed(&sim->machine, state, sim->now_ms);
        kedge_machine_result_noticed(&sim->machine, result, sim->now_ms);
    }
    settle(sim);
}

static inline void registers(struct sim *sim)
{
    kedge_machine_gone(&sim->machine);
    kedge_machine_registered(&sim->machine, sim->now_ms);
    settle(sim);
}

static inline void assert_ended(struct sim *sim, enum kedge_update_phase phase, const char *words)
{
    if (sim->last != KEDGE_MACHINE_OVER || sim->phase != phase)
        fail_msg("not over and %s, but %s: %s", kedge_update_phase_name(phase),
                 kedge_update_phase_name(sim->phase), sim->reason);
    if (strstr(sim->reason, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", sim->reason, words);
}

static inline void assert_open(struct sim *sim, enum kedge_update_phase phase)
{
    if (sim->machine.ended || sim->phase != phase)
        fail_msg("not at work and %s, but %s: %s", kedge_update_phase_name(phase),
                 kedge_update_phase_name(sim->phase), sim->reason);
}

/* To the point where Execute has been answered. */
static inline void install(struct sim *sim)
{
    begin(sim, KEDGE_UPDATE_OFFERED);
    settle(sim);
    assert_open(sim, KEDGE_UPDATE_DOWNLOADING);
    becomes(sim, KEDGE_FIRMWARE_DOWNLOADED, 0);
    assert_open(sim, KEDGE_UPDATE_VERIFYING);
    assert_int_equal(sim->executes, 1);
}

#endif
