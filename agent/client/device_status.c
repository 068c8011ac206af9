/* device_status.c: see device_status.h. */
#include "agent/client/device_status.h"

#include "agent/client/reconcile.h"

#include <stdio.h>
#include <string.h>

_Static_assert(KEDGE_CONSENT_NO_LIMIT == KEDGE_STATUS_NONE, "no limit is none to tell");

static void take_versions(const struct kedge_boot *boot, struct kedge_status *status)
{
    for (uint8_t slot = 0; slot < KEDGE_SLOTS; slot++)
        if (kedge_slot_manifest(boot->slots[slot], slot, boot->work) != KEDGE_OK ||
            kedge_suit_version_text(&boot->work->manifest.version, status->slot_versions[slot]) !=
                KEDGE_OK)
            status->slot_versions[slot][0] = '\0';
}

static void take_record(const struct kedge_boot_record *record, struct kedge_status *status)
{
    status->on_trial = record->phase == KEDGE_BOOT_ON_TRIAL;
    status->slot = status->on_trial ? record->trial_slot : record->confirmed_slot;
    status->boots_used = record->boots_used;
    status->sequence_floor = record->floor;
    status->updates_confirmed = record->confirmed_count;
    status->updates_rolled_back = record->rolled_back_count;
}

static void take_agent(const struct kedge_agent_state *agent, struct kedge_status *status)
{
    memcpy(status->endpoint, agent->endpoint, sizeof status->endpoint);
    memcpy(status->reason, agent->reason, sizeof status->reason);
    memcpy(status->message, agent->message, sizeof status->message);
    snprintf(status->state, sizeof status->state, "%s", kedge_firmware_state_name(agent->state));
    snprintf(status->result_text, sizeof status->result_text, "%s",
             kedge_firmware_result_name(agent->result));
    status->result = (uint64_t)agent->result;
    snprintf(status->severity, sizeof status->severity, "%s", kedge_severity_name(agent->severity));
    status->maximum_defer_s = agent->defer_period_s;
    status->consent_wanted = agent->consent.wanted;
    status->consent_left_s = agent->consent.wanted
                                 ? kedge_consent_left_s(&agent->consent, agent->defer_period_s)
                                 : KEDGE_STATUS_NONE;
    status->changed_at_s = agent->changed_at_s;
}

/* By a record of a later format the bootloader does not go: see kedge_boot_select(). */
static enum kedge_rc read_record(const struct kedge_boot *boot, struct kedge_boot_record *record)
{
    enum kedge_rc rc = kedge_boot_record_read(boot, record);
    if (rc != KEDGE_E_UNSUPPORTED)
        return rc;
    uint64_t lowest = UINT64_MAX;
    *record = (struct kedge_boot_record){.number = record->number, .trial_slot = KEDGE_SLOT_NONE};
    for (uint8_t slot = 0; slot < KEDGE_SLOTS; slot++)
        if (kedge_slot_manifest(boot->slots[slot], slot, boot->work) == KEDGE_OK &&
            boot->work->manifest.sequence < lowest) {
            lowest = boot->work->manifest.sequence;
            record->confirmed_slot = slot;
        }
    return KEDGE_OK;
}

enum kedge_rc kedge_device_status(const struct kedge_boot *boot,
                                  const struct kedge_agent_state *agent,
                                  struct kedge_status *status)
{
    struct kedge_boot_record record;
    struct kedge_agent_state known = *agent;
    KEDGE_TRY(read_record(boot, &record));
    *status = (struct kedge_status){.slot = 0};
    take_record(&record, status);
    if (record.number != known.boot_number)
        kedge_reconcile(&known, &record, (uint8_t)status->slot, known.changed_at_s);
    take_agent(&known, status);
    take_versions(boot, status);
    memcpy(status->version, status->slot_versions[status->slot], sizeof status->version);
    if (known.state == KEDGE_FIRMWARE_DOWNLOADED || known.state == KEDGE_FIRMWARE_UPDATING)
        memcpy(status->package_version,
               status->slot_versions[KEDGE_SLOTS - 1 - record.confirmed_slot],
               sizeof status->package_version);
    return KEDGE_OK;
}
