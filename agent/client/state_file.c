/* state_file.c: see state_file.h. */
#include "agent/client/state_file.h"

#include "agent/client/record.h"

#include <string.h>

#define MAGIC "KAS1"

/*
 * The map's keys; those of the first agent are all present, later ones where they say something. A
 * key that a later agent adds has a higher number: after a rollback this agent skips it, and that
 * agent must do without it in a file that this one wrote.
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
    KEY_ENDPOINT,
    KEY_SEVERITY = 13,   /* unless mandatory */
    KEY_DEFER_PERIOD,    /* once it was written */
    KEY_CONSENT_COUNTED, /* while consent is wanted */
    KEY_CONSENT_CHOICE,  /* once the device's software has named a time */
    KEY_POST_INSTALL,    /* while that hook is due */
    KEY_SPENT,           /* while a download is on that has cost something */
    KEY_ACCESS           /* once an owner has written some: four bytes of mark, and the table */
};
#define MARK_SIZE 4u
#define KEY_COUNT 9u

void kedge_agent_state_init(struct kedge_agent_state *state)
{
    *state = (struct kedge_agent_state){.state = KEDGE_FIRMWARE_IDLE,
                                        .severity = KEDGE_SEVERITY_MANDATORY,
                                        .defer_period_s = KEDGE_CONSENT_NO_LIMIT,
                                        .consent.choice_s = KEDGE_CONSENT_NO_LIMIT};
}

/* ---- the keys that need not be there ---- */

struct optional {
    uint64_t key;
    uint64_t limit;
    bool given;
    uint64_t value;
};
#define OPTIONAL_COUNT 6u

static void take_optional(const struct kedge_agent_state *state,
                          struct optional optional[OPTIONAL_COUNT])
{
    const struct kedge_consent *consent = &state->consent;
    const struct optional all[OPTIONAL_COUNT] = {
        {KEY_SEVERITY, KEDGE_SEVERITY_COUNT - 1, state->severity != KEDGE_SEVERITY_MANDATORY,
         state->severity},
        {KEY_DEFER_PERIOD, KEDGE_CONSENT_S_MAX, state->defer_period_s != KEDGE_CONSENT_NO_LIMIT,
         state->defer_period_s},
        {KEY_CONSENT_COUNTED, UINT64_MAX / 4, consent->wanted, consent->counted_s},
        {KEY_CONSENT_CHOICE, UINT64_MAX / 2,
         consent->wanted && consent->choice_s != KEDGE_CONSENT_NO_LIMIT, consent->choice_s},
        {KEY_POST_INSTALL, 1, state->post_install_due, 1},
        {KEY_SPENT, UINT64_MAX, state->state == KEDGE_FIRMWARE_DOWNLOADING && state->spent > 0,
         state->spent},
    };
    memcpy(optional, all, sizeof all);
}

static enum kedge_rc put_access(struct kedge_writer *out, const struct kedge_agent_state *state)
{
    uint8_t bytes[MARK_SIZE + KEDGE_ACCESS_SIZE_MAX];
    struct kedge_writer table = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(kedge_writer_u32(&table, state->access_mark));
    KEDGE_TRY(kedge_access_encode(&state->access, &table));
    return kedge_record_put_bytes(out, KEY_ACCESS, kedge_writer_slice(&table));
}

static enum kedge_rc get_access(struct kedge_record *record, struct kedge_agent_state *state)
{
    uint8_t bytes[MARK_SIZE + KEDGE_ACCESS_SIZE_MAX];
    size_t size;
    if (!kedge_record_has(record, KEY_ACCESS))
        return KEDGE_OK;
    KEDGE_TRY(kedge_record_get_bytes(record, KEY_ACCESS, bytes, sizeof bytes, &size));
    struct kedge_cursor mark = kedge_cursor(kedge_slice(bytes, size));
    KEDGE_TRY(kedge_cursor_u32(&mark, &state->access_mark));
    KEDGE_TRY(
        kedge_access_decode(kedge_slice(bytes + MARK_SIZE, size - MARK_SIZE), &state->access));
    return state->access.count > 0 ? KEDGE_OK : KEDGE_E_NOT_CANONICAL;
}

/* What was there is what would be written: nothing that says what holds without it. */
static bool is_canonical(const struct kedge_agent_state *state,
                         const struct optional found[OPTIONAL_COUNT])
{
    struct optional written[OPTIONAL_COUNT];
    take_optional(state, written);
    for (size_t i = 0; i < OPTIONAL_COUNT; i++)
        if (written[i].given != found[i].given)
            return false;
    return true;
}

static enum kedge_rc get_optional(struct kedge_record *record, struct kedge_agent_state *state)
{
    struct optional optional[OPTIONAL_COUNT];
    uint64_t post_install_due = 0;
    uint64_t *const fields[OPTIONAL_COUNT] = {&state->severity,          &state->defer_period_s,
                                              &state->consent.counted_s, &state->consent.choice_s,
                                              &post_install_due,         &state->spent};
    take_optional(state, optional);
    for (size_t i = 0; i < OPTIONAL_COUNT; i++)
        if (kedge_record_has(record, optional[i].key)) {
            KEDGE_TRY(
                kedge_record_get_number(record, optional[i].key, optional[i].limit, fields[i]));
            state->consent.wanted |= optional[i].key == KEY_CONSENT_COUNTED;
            optional[i].given = true;
        }
    state->post_install_due = post_install_due != 0;
    return is_canonical(state, optional) ? KEDGE_OK : KEDGE_E_NOT_CANONICAL;
}

enum kedge_rc kedge_agent_state_encode(const struct kedge_agent_state *state,
                                       struct kedge_writer *out)
{
    size_t start, count = KEY_COUNT;
    struct optional optional[OPTIONAL_COUNT];
    take_optional(state, optional);
    for (size_t i = 0; i < OPTIONAL_COUNT; i++)
        count += optional[i].given;
    count += state->access.count > 0;
    KEDGE_TRY(kedge_record_begin(out, MAGIC, count, &start));
    KEDGE_TRY(kedge_record_put_number(out, KEY_STATE, (uint64_t)state->state));
    KEDGE_TRY(kedge_record_put_number(out, KEY_RESULT, (uint64_t)state->result));
    KEDGE_TRY(kedge_record_put_number(out, KEY_CHANGED, state->changed_at_s));
    KEDGE_TRY(kedge_record_put_number(out, KEY_BOOT, state->boot_number));
    KEDGE_TRY(kedge_record_put_number(out, KEY_BEGUN, state->begun));
    KEDGE_TRY(kedge_record_put_text(out, KEY_URI, state->uri));
    KEDGE_TRY(kedge_record_put_text(out, KEY_REASON, state->reason));
    KEDGE_TRY(kedge_record_put_text(out, KEY_MESSAGE, state->message));
    KEDGE_TRY(kedge_record_put_text(out, KEY_ENDPOINT, state->endpoint));
    for (size_t i = 0; i < OPTIONAL_COUNT; i++)
        if (optional[i].given)
            KEDGE_TRY(kedge_record_put_number(out, optional[i].key, optional[i].value));
    if (state->access.count > 0)
        KEDGE_TRY(put_access(out, state));
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
    KEDGE_TRY(get_optional(&record, state));
    KEDGE_TRY(get_access(&record, state));
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

enum kedge_rc kedge_agent_state_load_in(const struct kedge_folder *folder,
                                        struct kedge_agent_state *state)
{
    uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
    size_t size;
    kedge_agent_state_init(state);
    KEDGE_TRY(folder->read(folder->context, KEDGE_AGENT_STATE_FILE, bytes, sizeof bytes, &size));
    return kedge_agent_state_decode(kedge_slice(bytes, size), state);
}

enum kedge_rc kedge_agent_state_save_in(const struct kedge_folder *folder,
                                        const struct kedge_agent_state *state)
{
    uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(kedge_agent_state_encode(state, &out));
    return kedge_record_file_replace(folder, KEDGE_AGENT_STATE_FILE, kedge_writer_slice(&out));
}

enum kedge_rc kedge_agent_state_load(int folder, struct kedge_agent_state *state)
{
    const struct kedge_folder in = kedge_folder_of(&folder);
    return kedge_agent_state_load_in(&in, state);
}

enum kedge_rc kedge_agent_state_save(int folder, const struct kedge_agent_state *state)
{
    const struct kedge_folder in = kedge_folder_of(&folder);
    return kedge_agent_state_save_in(&in, state);
}
