/*
 * test_lwm2m_results_document.c: docs/lwm2m.md says what becomes of a deployment by each Update
 * Result, at each point where a device may read it; the table is what the machine does in a
 * simulated device's life. "test_lwm2m_results_document --print" prints it for the document.
 */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/machine_sim.h"

#define TABLE_MAX 8192u

static const char marker[] = "<!-- the table of Update Results -->\n";

/* To the point in question, then the device reads this Result and says no more. */
static const char *outcome(struct sim *sim)
{
    unsigned uris = sim->uris;
    registers(sim);
    pass_s(sim, 30);
    if (sim->uris > uris)
        return "offered again";
    return sim->machine.ended ? kedge_update_phase_name(sim->phase) : "waited for";
}

static const char *while_it_downloads(int result)
{
    struct sim sim = {0};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    pass_s(&sim, 10);
    sim.state = KEDGE_FIRMWARE_IDLE;
    sim.result = result;
    return outcome(&sim);
}

static const char *after_execute(int64_t device_state, int result, const char *version)
{
    struct sim sim = {0};
    install(&sim);
    sim.state = device_state;
    sim.result = result;
    sim.version = version;
    registers(&sim);
    pass_s(&sim, 100);
    return sim.machine.ended ? kedge_update_phase_name(sim.phase) : "waited for";
}

static void render(char table[TABLE_MAX])
{
    size_t size = (size_t)snprintf(
        table, TABLE_MAX,
        "| Result | Idle, while it was to download | Downloaded, after Execute | "
        "Idle with the old version, back from Execute | Idle with the wanted version, back from "
        "Execute |\n|---|---|---|---|---|\n");
    for (int result = 0; result <= 12; result++)
        size += (size_t)snprintf(table + size, TABLE_MAX - size, "| %d%s | %s | %s | %s | %s |\n",
                                 result, result == 12 ? " and above: no Result" : "",
                                 while_it_downloads(result),
                                 after_execute(KEDGE_FIRMWARE_DOWNLOADED, result, "1.0.0"),
                                 after_execute(KEDGE_FIRMWARE_IDLE, result, "1.0.0"),
                                 after_execute(KEDGE_FIRMWARE_IDLE, result, "2.0.0"));
    assert_true(size < TABLE_MAX);
}

#include "tests/unit/document_table.h"
