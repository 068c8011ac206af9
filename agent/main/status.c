/* status.c: where the device stands, read from its state folder. */
#include "agent/client/log.h"
#include "agent/client/reconcile.h"
#include "agent/main/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct status {
    struct kedge_boot_record record;
    struct kedge_agent_state agent;
    uint8_t slot; /* the running one, or the one that runs next */
    bool on_trial;
    char version[KEDGE_SUIT_VERSION_TEXT_MAX];
    char package_version[KEDGE_SUIT_VERSION_TEXT_MAX];
};

static void read_version(struct kedge_port_state *port, uint8_t slot,
                         char version[KEDGE_SUIT_VERSION_TEXT_MAX])
{
    if (kedge_slot_manifest(port->boot.slots[slot], slot, &port->work) != KEDGE_OK ||
        kedge_suit_version_text(&port->work.manifest.version, version) != KEDGE_OK)
        version[0] = '\0';
}

static enum kedge_rc collect(struct kedge_port_state *port, struct status *status)
{
    KEDGE_TRY(kedge_boot_record_read(&port->boot, &status->record));
    enum kedge_rc rc = kedge_agent_state_load(port->folder, &status->agent);
    if (rc == KEDGE_E_NOT_FOUND)
        snprintf(status->agent.message, sizeof status->agent.message, "no agent has run here yet");
    else if (rc != KEDGE_OK)
        return rc;

    const struct kedge_boot_record *record = &status->record;
    status->on_trial = record->phase == KEDGE_BOOT_ON_TRIAL;
    status->slot = status->on_trial ? record->trial_slot : record->confirmed_slot;
    /* A running agent takes the record in by itself; what it has not yet taken in is told here. */
    if (record->number != status->agent.boot_number)
        kedge_reconcile(&status->agent, record, status->slot, status->agent.changed_at_s);

    read_version(port, status->slot, status->version);
    bool waits = status->agent.state == KEDGE_FIRMWARE_DOWNLOADED ||
                 status->agent.state == KEDGE_FIRMWARE_UPDATING;
    uint8_t spare = (uint8_t)(KEDGE_SLOTS - 1 - record->confirmed_slot);
    if (waits)
        read_version(port, spare, status->package_version);
    return KEDGE_OK;
}

static bool print_json(const struct status *status)
{
    const struct kedge_agent_state *agent = &status->agent;
    const struct kedge_boot_record *record = &status->record;
    json_t *json = json_pack(
        "{s:s, s:s, s:i, s:s, s:s, s:s, s:i, s:b, s:i, s:s, s:s, s:I, s:I, s:I, s:I}", "endpoint",
        agent->endpoint, "state", kedge_firmware_state_name(agent->state), "result", agent->result,
        "result_text", kedge_firmware_result_name(agent->result), "version", status->version,
        "reason", agent->reason, "slot", (int)status->slot, "on_trial", (int)status->on_trial,
        "boots_used", (int)record->boots_used, "package_version", status->package_version,
        "message", agent->message, "changed_at", (json_int_t)agent->changed_at_s, "sequence_floor",
        (json_int_t)record->floor, "updates_confirmed", (json_int_t)record->confirmed_count,
        "updates_rolled_back", (json_int_t)record->rolled_back_count);
    bool good = json != NULL && json_dumpf(json, stdout, JSON_INDENT(2)) == 0 && putchar('\n') > 0;
    json_decref(json);
    return good;
}

static void print_text(const struct status *status)
{
    const struct kedge_agent_state *agent = &status->agent;
    const struct kedge_boot_record *record = &status->record;
    if (agent->endpoint[0] != '\0')
        printf("endpoint  %s\n", agent->endpoint);
    printf("version   %s (slot %u%s)\n", status->version, (unsigned)status->slot,
           status->on_trial ? ", on trial" : "");
    printf("state     %s\n", kedge_firmware_state_name(agent->state));
    if (status->package_version[0] != '\0')
        printf("package   %s\n", status->package_version);
    printf("result    %d, %s\n", agent->result, kedge_firmware_result_name(agent->result));
    if (agent->reason[0] != '\0')
        printf("reason    %s\n", agent->reason);
    printf("updates   %" PRIu32 " confirmed, %" PRIu32 " rolled back\n", record->confirmed_count,
           record->rolled_back_count);
    if (agent->message[0] != '\0')
        printf("message   %s\n", agent->message);
}

static const char *why(enum kedge_rc rc)
{
    if (rc == KEDGE_E_NOT_FOUND)
        return "no firmware here; run kedge-agent install-factory first";
    return rc == KEDGE_E_SYSTEM ? strerror(errno) : kedge_rc_text(rc);
}

int kedge_command_status(const struct kedge_agent_config *config)
{
    static struct kedge_port_state port;
    const struct kedge_suit_trust nobody = {.required = 1};
    struct status status = {.slot = 0};
    enum kedge_rc rc =
        kedge_port_state_open(&port, config->state, &nobody, 0, KEDGE_PORT_READ_ONLY);
    if (rc == KEDGE_OK) {
        rc = collect(&port, &status);
        int saved_errno = errno;
        kedge_port_state_close(&port);
        errno = saved_errno;
    }
    if (rc != KEDGE_OK) {
        kedge_log(KEDGE_LOG_ERROR, "--state %s: %s", config->state, why(rc));
        return 1;
    }
    if (!config->json)
        print_text(&status);
    else if (!print_json(&status))
        return 1;
    return fflush(stdout) == 0 ? 0 : 1;
}
