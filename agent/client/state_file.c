/* state_file.c: see state_file.h. */
#include "agent/client/state_file.h"

#include "agent/client/record.h"
#include "agent/client/record_file.h"

#define MAGIC "KAS1"

/*
 * The map's keys, all of them present. A key that a later agent adds has a higher number: after a
 * rollback this agent skips it, and that agent must do without it in a file that this one wrote.
 */
enum {
    KEY_STATE = 1,
    KEY_RESULT,
    KEY_CHANGED,
    KEY_BOOT,
    KEY_BEGUN,
    KEY_URI,
    KEY_REASON,
    KEY_MESSAGE,
    KEY_ENDPOINT
};
#define KEY_COUNT 9u

void kedge_agent_state_init(struct kedge_agent_state *state)
{
    *state = (struct kedge_agent_state){.state = KEDGE_FIRMWARE_IDLE};
}

enum kedge_rc kedge_agent_state_encode(const struct kedge_agent_state *state,
                                       struct kedge_writer *out)
{
    size_t start;
    KEDGE_TRY(kedge_record_begin(out, MAGIC, KEY_COUNT, &start));
    KEDGE_TRY(kedge_record_put_number(out, KEY_STATE, (uint64_t)state->state));
    KEDGE_TRY(kedge_record_put_number(out, KEY_RESULT, (uint64_t)state->result));
    KEDGE_TRY(kedge_record_put_number(out, KEY_CHANGED, state->changed_at_s));
    KEDGE_TRY(kedge_record_put_number(out, KEY_BOOT, state->boot_number));
    KEDGE_TRY(kedge_record_put_number(out, KEY_BEGUN, state->begun));
    KEDGE_TRY(kedge_record_put_text(out, KEY_URI, state->uri));
    KEDGE_TRY(kedge_record_put_text(out, KEY_REASON, state->reason));
    KEDGE_TRY(kedge_record_put_text(out, KEY_MESSAGE, state->message));
    KEDGE_TRY(kedge_record_put_text(out, KEY_ENDPOINT, state->endpoint));
    return kedge_record_end(out, start);
}

static enum kedge_rc decode(struct kedge_slice bytes, struct kedge_agent_state *state)
{
    struct kedge_record record;
    uint64_t number;
    KEDGE_TRY(kedge_record_open(&record, bytes, MAGIC, KEY_COUNT));
    KEDGE_TRY(kedge_record_get_number(&record, KEY_STATE, KEDGE_FIRMWARE_STATE_COUNT - 1, &number));
    state->state = (enum kedge_firmware_state)number;
    KEDGE_TRY(kedge_record_get_number(&record, KEY_RESULT, KEDGE_RESULT_DEFERRED, &number));
    state->result = (int)number;
    KEDGE_TRY(kedge_record_get_number(&record, KEY_CHANGED, INT64_MAX, &state->changed_at_s));
    KEDGE_TRY(kedge_record_get_number(&record, KEY_BOOT, UINT64_MAX, &state->boot_number));
    KEDGE_TRY(kedge_record_get_number(&record, KEY_BEGUN, UINT64_MAX, &state->begun));
    KEDGE_TRY(kedge_record_get_text(&record, KEY_URI, state->uri, sizeof state->uri));
    KEDGE_TRY(kedge_record_get_text(&record, KEY_REASON, state->reason, sizeof state->reason));
    KEDGE_TRY(kedge_record_get_text(&record, KEY_MESSAGE, state->message, sizeof state->message));
    KEDGE_TRY(
        kedge_record_get_text(&record, KEY_ENDPOINT, state->endpoint, sizeof state->endpoint));
    return kedge_record_close(&record);
}

enum kedge_rc kedge_agent_state_decode(struct kedge_slice bytes, struct kedge_agent_state *state)
{
    kedge_agent_state_init(state);
    enum kedge_rc rc = decode(bytes, state);
    if (rc != KEDGE_OK)
        kedge_agent_state_init(state);
    return rc;
}

enum kedge_rc kedge_agent_state_load(int folder, struct kedge_agent_state *state)
{
    uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
    size_t size;
    kedge_agent_state_init(state);
    KEDGE_TRY(kedge_record_file_read(folder, KEDGE_AGENT_STATE_FILE, bytes, sizeof bytes, &size));
    return kedge_agent_state_decode(kedge_slice(bytes, size), state);
}

enum kedge_rc kedge_agent_state_save(int folder, const struct kedge_agent_state *state)
{
    uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    const struct kedge_folder in = kedge_folder_of(&folder);
    KEDGE_TRY(kedge_agent_state_encode(state, &out));
    return kedge_record_file_replace(&in, KEDGE_AGENT_STATE_FILE, kedge_writer_slice(&out));
}
