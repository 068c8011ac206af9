/* reconcile.c: see reconcile.h. */
#include "agent/client/reconcile.h"

#include <stdio.h>

void kedge_reconcile_words(const struct kedge_boot_record *record, char *words, size_t capacity)
{
    const char *reason = kedge_boot_reason_text(record->reason);
    if (record->text[0] != '\0')
        snprintf(words, capacity, "%s: %s", reason, record->text);
    else
        snprintf(words, capacity, "%s", reason);
}

/* Takes the table's word for what an event does to State; `result` is for cells that say -2. */
static void apply(struct kedge_agent_state *state, enum kedge_firmware_event event, int result,
                  uint64_t now_s)
{
    const struct kedge_firmware_transition *cell = kedge_firmware_transition(state->state, event);
    if (cell->action != KEDGE_FIRMWARE_ACCEPT)
        return;
    if (cell->next != state->state)
        state->changed_at_s = now_s;
    state->state = cell->next;
    if (cell->result != -1)
        state->result = cell->result == -2 ? result : cell->result;
}

/* The record tells of an end of a trial that the state file has not taken in yet. */
static void take_outcome(struct kedge_agent_state *state, const struct kedge_boot_record *record,
                         uint64_t now_s)
{
    state->state = KEDGE_FIRMWARE_UPDATING; /* where it was when the trial ended, file or no file */
    if (record->outcome == KEDGE_BOOT_CONFIRMED) {
        apply(state, KEDGE_FIRMWARE_TRIAL_CONFIRMED, KEDGE_RESULT_SUCCESS, now_s);
        state->reason[0] = '\0';
    } else {
        apply(state, KEDGE_FIRMWARE_TRIAL_ROLLED_BACK,
              kedge_rc_update_result(kedge_boot_reason_rc(record->reason)), now_s);
    }
    state->changed_at_s = now_s;
    state->uri[0] = '\0';
}

/* Steady, and the file says Updating: the switch was never written, the package still waits. */
static void take_lost_switch(struct kedge_agent_state *state, uint64_t now_s)
{
    apply(state, KEDGE_FIRMWARE_INSTALL_FAILED, KEDGE_RESULT_FAILED, now_s);
    snprintf(state->reason, sizeof state->reason, "%s",
             "the device restarted before the switch to the new slot was written");
}

/* Whatever ends this device in mid-download may do so again and again: there is an end to that. */
static enum kedge_start take_download(struct kedge_agent_state *state, uint64_t now_s)
{
    if (state->begun < KEDGE_DOWNLOAD_BEGUN_MAX)
        return KEDGE_START_DOWNLOAD;
    apply(state, KEDGE_FIRMWARE_DOWNLOAD_FAILED, KEDGE_RESULT_CONNECTION_LOST, now_s);
    snprintf(state->reason, sizeof state->reason,
             "the download was begun %u times and cut short each time", KEDGE_DOWNLOAD_BEGUN_MAX);
    return KEDGE_START_NORMAL;
}

enum kedge_start kedge_reconcile(struct kedge_agent_state *state,
                                 const struct kedge_boot_record *record, uint8_t slot,
                                 uint64_t now_s)
{
    bool news = record->number != state->boot_number;
    /* A confirmation can be news only to an agent that was updating, or that lost its file. */
    bool ended = news && (record->outcome == KEDGE_BOOT_ROLLED_BACK ||
                          (record->outcome == KEDGE_BOOT_CONFIRMED &&
                           (state->state == KEDGE_FIRMWARE_UPDATING || state->boot_number == 0)));
    state->boot_number = record->number;
    if (record->phase != KEDGE_BOOT_STEADY) {
        if (state->state != KEDGE_FIRMWARE_UPDATING)
            state->changed_at_s = now_s;
        state->state = KEDGE_FIRMWARE_UPDATING;
        bool on_trial = record->phase == KEDGE_BOOT_ON_TRIAL && record->trial_slot == slot;
        return on_trial ? KEDGE_START_TRIAL : KEDGE_START_REBOOT;
    }
    if (ended)
        take_outcome(state, record, now_s);
    else if (state->state == KEDGE_FIRMWARE_UPDATING)
        take_lost_switch(state, now_s);
    if (news && record->reason != KEDGE_BOOT_REASON_NONE)
        kedge_reconcile_words(record, state->reason, sizeof state->reason);

    switch (state->state) {
    case KEDGE_FIRMWARE_DOWNLOADING:
        return take_download(state, now_s);
    case KEDGE_FIRMWARE_DOWNLOADED:
        return KEDGE_START_DOWNLOADED;
    default:
        return KEDGE_START_NORMAL;
    }
}
