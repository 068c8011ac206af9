/*
 * device_state.c: what the simulated device's agent keeps in agent.state, and whether what it tells
 * the server is true. The file, the table of object 5 and what a start makes of file and boot
 * record are the agent's real code; what lies between them in agent/client/object5.c is done here
 * as it is there.
 *
 * The truth is what the simulator saw happen: which image runs, whether it ran on trial, and what
 * was saved for good. No code under test is asked for it.
 */
#include "tests/powercut/device_parts.h"

#include "agent/client/reconcile.h"

#include <stdio.h>
#include <string.h>

#define NOW_S 1700000000u

/* ---- the file ---- */

static void save(struct device *device)
{
    const struct kedge_folder folder = sim_folder(&device->sim);
    if (kedge_agent_state_save_in(&folder, &device->agent) != KEDGE_OK)
        device_broken(device, "the agent's state file could not be kept");
    device->promises.agent_kept = 1;
    device->promises.agent_state = (uint64_t)device->agent.state;
    device_mark(device);
}

/* A step back: until it is saved, the file may say more than holds. */
static void promise_no_more_than(struct device *device, enum kedge_firmware_state state)
{
    if (device->promises.agent_state > (uint64_t)state) {
        device->promises.agent_state = (uint64_t)state;
        device_mark(device);
    }
}

static void load(struct device *device)
{
    const struct kedge_folder folder = sim_folder(&device->sim);
    enum kedge_rc rc = kedge_agent_state_load_in(&folder, &device->agent);
    const bool may_be_none = rc == KEDGE_E_NOT_FOUND && device->promises.agent_kept == 0;
    if (rc != KEDGE_OK && !may_be_none && device->promises.damaged != DAMAGE_STATE)
        device_broken(device, "the agent's state file is lost");
    if (device->promises.damaged == DAMAGE_NONE &&
        (uint64_t)device->agent.state < device->promises.agent_state)
        device_broken(device, "the agent's state file is older than what was saved");
}

/* ---- is it true? ---- */

static bool is_told(const struct device *device, enum kedge_firmware_state state, int result)
{
    return device->agent.state == state && device->agent.result == result;
}

/* Why a trial ends by itself, or because the power went too often in it. */
static bool is_a_reason(const struct device *device, enum behaviour behaviour)
{
    static const char *const words[] = {
        [SICK] = "the health check failed: health command exit status 1",
        [HANGS] = "the trial limit passed without being confirmed: not confirmed within 1800 s"};
    const char *reason = device->agent.reason;
    const bool has_its_own = behaviour == SICK || behaviour == HANGS;
    return strcmp(reason, "three boots without being confirmed") == 0 ||
           (has_its_own && strcmp(reason, words[behaviour]) == 0);
}

static void check_ended_trial(struct device *device, bool confirmed, enum behaviour behaviour)
{
    if (confirmed && (!is_told(device, KEDGE_FIRMWARE_IDLE, KEDGE_RESULT_SUCCESS) ||
                      device->agent.reason[0] != '\0'))
        device_broken(device, "an update that was confirmed is not told as a success");
    if (!confirmed && !is_told(device, KEDGE_FIRMWARE_IDLE, KEDGE_RESULT_FAILED))
        device_broken(device, "an update that was rolled back is not told as a failure");
    if (!confirmed && !is_a_reason(device, behaviour))
        device_broken(device, "the reason told is not why the update was rolled back");
    device->promises.told = (uint64_t)device->agent.result;
}

/* Nothing ran on trial: an update is on its way, or the latest one is over. */
static void check_no_trial(struct device *device, uint8_t slot, uint64_t wanted)
{
    const struct kedge_agent_state *agent = &device->agent;
    const bool lost = device->promises.damaged == DAMAGE_STATE;
    switch (agent->state) {
    case KEDGE_FIRMWARE_IDLE:
        if ((uint64_t)agent->result != device->promises.told &&
            !(lost && agent->result == KEDGE_RESULT_INITIAL))
            device_broken(device, "the Result is not how the latest update ended");
        break;
    case KEDGE_FIRMWARE_DOWNLOADING:
        if (agent->result != KEDGE_RESULT_INITIAL)
            device_broken(device, "a download has a Result before its end");
        break;
    case KEDGE_FIRMWARE_DOWNLOADED:
        if (device->verified[1 - slot] != wanted)
            device_broken(device, "a package is told as downloaded that is not there");
        break;
    default:
        device_broken(device, "an update is told to run that does not");
    }
    const uint64_t least = device->promises.agent_state < KEDGE_FIRMWARE_DOWNLOADED
                               ? device->promises.agent_state
                               : KEDGE_FIRMWARE_DOWNLOADED;
    if (!lost && (uint64_t)agent->state < least)
        device_broken(device, "an update that was on its way is forgotten");
}

static void check_told(struct device *device, const struct kedge_boot_record *record, uint8_t slot)
{
    const struct plan *plan = device->plan;
    const uint64_t step = device->promises.step;
    if (device->promises.damaged == DAMAGE_FLASH)
        return;
    if (record->phase != KEDGE_BOOT_STEADY) {
        if (!is_told(device, KEDGE_FIRMWARE_UPDATING, KEDGE_RESULT_INITIAL))
            device_broken(device, "a trial is not told as one");
        return;
    }
    const uint64_t wanted =
        step < plan->step_count ? device->packages[plan->steps[step].package].sequence : 0;
    if (device->promises.trial_boots == 0)
        check_no_trial(device, slot, wanted);
    else if (step < plan->step_count)
        check_ended_trial(device, device->verified[slot] == wanted, plan->steps[step].behaviour);
}

/* ---- what the agent does ---- */

static void check_downloaded(struct device *device, uint8_t slot)
{
    const uint8_t spare = (uint8_t)(1 - slot);
    enum kedge_rc rc =
        kedge_slot_verify(device->boot.slots[spare], spare, &device->trust, &device->check);
    if (rc == KEDGE_OK)
        return;
    int result = kedge_rc_update_result(rc);
    device->agent.state = KEDGE_FIRMWARE_IDLE;
    device->agent.result = result != 0 ? result : KEDGE_RESULT_FAILED;
}

void device_agent_starts(struct device *device, const struct kedge_boot_record *record,
                         uint8_t slot)
{
    if (!device->plan->keeps_state)
        return;
    load(device);
    enum kedge_start how = kedge_reconcile(&device->agent, record, slot, NOW_S);
    if (how == KEDGE_START_DOWNLOADED)
        check_downloaded(device, slot);
    if (how == KEDGE_START_DOWNLOAD)
        device->agent.begun++;
    check_told(device, record, slot);
    promise_no_more_than(device, device->agent.state);
    save(device);
}

void device_agent_applies(struct device *device, enum kedge_firmware_event event, int result,
                          const char *reason)
{
    struct kedge_agent_state *agent = &device->agent;
    const struct kedge_firmware_transition *cell = kedge_firmware_transition(agent->state, event);
    if (!device->plan->keeps_state)
        return;
    if (cell->action != KEDGE_FIRMWARE_ACCEPT) {
        device_broken(device, "object 5 refuses what the server does");
        return;
    }
    agent->state = cell->next;
    if (cell->result != -1)
        agent->result = cell->result == -2 ? result : cell->result;
    snprintf(agent->reason, sizeof agent->reason, "%s", reason);
    promise_no_more_than(device, agent->state);
    if (event == KEDGE_FIRMWARE_DOWNLOAD_FAILED)
        device->promises.told = (uint64_t)agent->result;
    save(device);
}

void device_agent_is_offered(struct device *device, const char *uri)
{
    struct kedge_agent_state *agent = &device->agent;
    if (!device->plan->keeps_state || agent->state == KEDGE_FIRMWARE_DOWNLOADING)
        return;
    snprintf(agent->uri, sizeof agent->uri, "%s", uri);
    agent->begun = 1;
    device_agent_applies(device, KEDGE_FIRMWARE_URI_WRITTEN, KEDGE_RESULT_INITIAL, "");
}

bool device_agent_has_package(const struct device *device)
{
    return device->plan->keeps_state && device->agent.state == KEDGE_FIRMWARE_DOWNLOADED;
}

void device_agent_has_confirmed(struct device *device)
{
    struct kedge_boot_record record;
    if (!device->plan->keeps_state || kedge_boot_record_read(&device->boot, &record) != KEDGE_OK)
        return;
    device->agent.boot_number = record.number;
    device->agent.uri[0] = '\0';
    promise_no_more_than(device, KEDGE_FIRMWARE_IDLE);
    device_agent_applies(device, KEDGE_FIRMWARE_TRIAL_CONFIRMED, KEDGE_RESULT_SUCCESS, "");
}
