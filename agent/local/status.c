/* status.c: see status.h. */
#include "agent/local/status.h"

#include "core/lwm2m/json.h"

#include <string.h>

#define DEPTH_MAX 4u /* of values that are skipped */

enum kind { TEXT, NUMBER, NUMBER_OR_NULL, BOOLEAN };

struct field {
    const char *name;
    enum kind kind;
    size_t offset, size; /* in struct kedge_status */
};

#define FIELD(kind, name, member)                          \
    {                                                      \
        name, kind, offsetof(struct kedge_status, member), \
            sizeof(((struct kedge_status *)0)->member)     \
    }

static const struct field fields[] = {
    FIELD(BOOLEAN, "agent_running", agent_running),
    FIELD(TEXT, "endpoint", endpoint),
    FIELD(TEXT, "state", state),
    FIELD(NUMBER, "result", result),
    FIELD(TEXT, "result_text", result_text),
    FIELD(TEXT, "reason", reason),
    FIELD(TEXT, "version", version),
    FIELD(NUMBER, "slot", slot),
    FIELD(BOOLEAN, "on_trial", on_trial),
    FIELD(NUMBER, "boots_used", boots_used),
    FIELD(TEXT, "slot0_version", slot_versions[0]),
    FIELD(TEXT, "slot1_version", slot_versions[1]),
    FIELD(TEXT, "package_version", package_version),
    FIELD(NUMBER, "downloaded_bytes", downloaded_bytes),
    FIELD(NUMBER, "package_bytes", package_bytes),
    FIELD(TEXT, "severity", severity),
    FIELD(NUMBER_OR_NULL, "maximum_defer_s", maximum_defer_s),
    FIELD(BOOLEAN, "consent_wanted", consent_wanted),
    FIELD(NUMBER_OR_NULL, "consent_left_s", consent_left_s),
    FIELD(TEXT, "message", message),
    FIELD(NUMBER, "changed_at", changed_at_s),
    FIELD(NUMBER, "sequence_floor", sequence_floor),
    FIELD(NUMBER, "updates_confirmed", updates_confirmed),
    FIELD(NUMBER, "updates_rolled_back", updates_rolled_back),
};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])
_Static_assert(FIELD_COUNT <= 64, "which of them were read is a bit each");

static enum kedge_rc put(struct kedge_writer *out, const char *text)
{
    return kedge_writer_put(out, kedge_slice_text(text));
}

static enum kedge_rc write_value(const struct field *field, const void *value,
                                 struct kedge_writer *out)
{
    char text[KEDGE_LWM2M_STRING_MAX + 1];
    switch (field->kind) {
    case TEXT:
        kedge_printable(kedge_slice_text(value), text, sizeof text);
        return json_write_string(out, kedge_slice_text(text));
    case NUMBER_OR_NULL:
        if (*(const uint64_t *)value == KEDGE_STATUS_NONE)
            return put(out, "null");
        /* fall through */
    case NUMBER:
        return kedge_writer_decimal(out, *(const uint64_t *)value);
    default:
        return put(out, *(const bool *)value ? "true" : "false");
    }
}

enum kedge_rc kedge_status_write(const struct kedge_status *status, enum kedge_status_layout layout,
                                 struct kedge_writer *out)
{
    bool line = layout == KEDGE_STATUS_LINE;
    KEDGE_TRY(put(out, "{"));
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct field *field = &fields[i];
        KEDGE_TRY(put(out, i == 0 ? "" : line ? ", " : ","));
        KEDGE_TRY(put(out, line ? "" : "\n  "));
        KEDGE_TRY(json_write_string(out, kedge_slice_text(field->name)));
        KEDGE_TRY(put(out, ": "));
        KEDGE_TRY(write_value(field, (const char *)status + field->offset, out));
    }
    return put(out, line ? "}" : "\n}");
}

/* ---- reading ---- */

static enum kedge_rc read_text(struct kedge_cursor *cursor, char *text, size_t capacity)
{
    uint8_t decoded[KEDGE_LWM2M_STRING_MAX + 1];
    struct kedge_writer scratch = kedge_writer(decoded, sizeof decoded);
    struct json_string string;
    struct kedge_slice found;
    KEDGE_TRY(json_read_string(cursor, &string));
    KEDGE_TRY(json_unescape(&string, &scratch, &found));
    if (found.size >= capacity)
        return KEDGE_E_LIMIT;
    kedge_printable(found, text, capacity);
    return KEDGE_OK;
}

static enum kedge_rc read_number(struct kedge_cursor *cursor, uint64_t *number)
{
    struct kedge_slice digits;
    KEDGE_TRY(json_read_number(cursor, &digits));
    struct kedge_cursor inner = kedge_cursor(digits);
    KEDGE_TRY(kedge_cursor_decimal(&inner, UINT64_MAX, number));
    return kedge_cursor_left(&inner) == 0 ? KEDGE_OK : KEDGE_E_TYPE;
}

static enum kedge_rc read_value(struct kedge_cursor *cursor, const struct field *field,
                                struct kedge_status *status)
{
    void *value = (char *)status + field->offset;
    switch (field->kind) {
    case TEXT:
        return read_text(cursor, value, field->size);
    case NUMBER_OR_NULL:
        if (json_read_null(cursor) == KEDGE_OK) {
            *(uint64_t *)value = KEDGE_STATUS_NONE;
            return KEDGE_OK;
        }
        /* fall through */
    case NUMBER:
        return read_number(cursor, value);
    default:
        return json_read_boolean(cursor, value);
    }
}

static size_t find(struct kedge_slice name)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (kedge_slice_equal(name, kedge_slice_text(fields[i].name)))
            return i;
    return FIELD_COUNT;
}

static enum kedge_rc read_member(struct kedge_cursor *cursor, struct kedge_status *status,
                                 uint64_t *read)
{
    struct json_string name;
    KEDGE_TRY(json_read_string(cursor, &name));
    KEDGE_TRY(json_expect(cursor, ':'));
    size_t i = find(name.raw);
    if (i == FIELD_COUNT)
        return json_skip(cursor, DEPTH_MAX);
    if ((*read >> i & 1) != 0)
        return KEDGE_E_EXISTS;
    *read |= UINT64_C(1) << i;
    return read_value(cursor, &fields[i], status);
}

static enum kedge_rc read_object(struct kedge_slice json, struct kedge_status *status)
{
    struct kedge_cursor cursor = kedge_cursor(json);
    uint64_t read = 0;
    KEDGE_TRY(json_expect(&cursor, '{'));
    if (!json_accept(&cursor, '}')) {
        do
            KEDGE_TRY(read_member(&cursor, status, &read));
        while (json_accept(&cursor, ','));
        KEDGE_TRY(json_expect(&cursor, '}'));
    }
    return json_end(&cursor);
}

enum kedge_rc kedge_status_read(struct kedge_slice json, struct kedge_status *status)
{
    *status = (struct kedge_status){.slot = 0};
    enum kedge_rc rc = read_object(json, status);
    if (rc != KEDGE_OK)
        *status = (struct kedge_status){.slot = 0};
    return rc;
}
