/* request.c: see request.h. */
#include "agent/local/request.h"

#include "core/lwm2m/json.h"

static const char *const names[KEDGE_LOCAL_COMMAND_COUNT] = {
    [KEDGE_LOCAL_STATUS] = "status",
    [KEDGE_LOCAL_WATCH] = "watch",
    [KEDGE_LOCAL_ACCEPT] = "accept",
    [KEDGE_LOCAL_DEFER] = "defer",
};

static enum kedge_rc read_command(struct kedge_cursor *cursor, enum kedge_local_command *command)
{
    struct json_string name;
    KEDGE_TRY(json_read_string(cursor, &name));
    for (size_t i = 0; i < KEDGE_LOCAL_COMMAND_COUNT; i++)
        if (kedge_slice_equal(name.raw, kedge_slice_text(names[i]))) {
            *command = (enum kedge_local_command)i;
            return KEDGE_OK;
        }
    return KEDGE_E_UNSUPPORTED;
}

static enum kedge_rc read_seconds(struct kedge_cursor *cursor, uint64_t *seconds)
{
    struct kedge_slice digits;
    KEDGE_TRY(json_read_number(cursor, &digits));
    struct kedge_cursor inner = kedge_cursor(digits);
    KEDGE_TRY(kedge_cursor_decimal(&inner, KEDGE_LOCAL_SECONDS_MAX, seconds));
    if (kedge_cursor_left(&inner) > 0)
        return KEDGE_E_TYPE;
    return *seconds > 0 ? KEDGE_OK : KEDGE_E_LIMIT;
}

static enum kedge_rc read_member(struct kedge_cursor *cursor, struct kedge_local_request *request,
                                 bool *has_command)
{
    struct json_string name;
    KEDGE_TRY(json_read_string(cursor, &name));
    KEDGE_TRY(json_expect(cursor, ':'));
    bool is_command = kedge_slice_equal(name.raw, kedge_slice_text("command"));
    if (!is_command && !kedge_slice_equal(name.raw, kedge_slice_text("seconds")))
        return KEDGE_E_UNSUPPORTED;
    bool *has = is_command ? has_command : &request->has_seconds;
    if (*has)
        return KEDGE_E_EXISTS;
    *has = true;
    return is_command ? read_command(cursor, &request->command)
                      : read_seconds(cursor, &request->seconds);
}

enum kedge_rc kedge_local_request_read(struct kedge_slice line, struct kedge_local_request *request)
{
    struct kedge_cursor cursor = kedge_cursor(line);
    bool has_command = false;
    *request = (struct kedge_local_request){.command = KEDGE_LOCAL_STATUS};
    KEDGE_TRY(json_expect(&cursor, '{'));
    if (!json_accept(&cursor, '}')) {
        do
            KEDGE_TRY(read_member(&cursor, request, &has_command));
        while (json_accept(&cursor, ','));
        KEDGE_TRY(json_expect(&cursor, '}'));
    }
    KEDGE_TRY(json_end(&cursor));
    if (!has_command)
        return KEDGE_E_MISSING;
    return request->has_seconds && request->command != KEDGE_LOCAL_DEFER ? KEDGE_E_UNSUPPORTED
                                                                         : KEDGE_OK;
}

enum kedge_rc kedge_local_request_write(const struct kedge_local_request *request,
                                        struct kedge_writer *out)
{
    KEDGE_TRY(kedge_writer_put(out, kedge_slice_text("{\"command\": ")));
    KEDGE_TRY(json_write_string(out, kedge_slice_text(names[request->command])));
    if (request->has_seconds) {
        KEDGE_TRY(kedge_writer_put(out, kedge_slice_text(", \"seconds\": ")));
        KEDGE_TRY(kedge_writer_decimal(out, request->seconds));
    }
    return kedge_writer_put(out, kedge_slice_text("}\n"));
}

enum kedge_rc kedge_local_error_write(const char *words, struct kedge_writer *out)
{
    char text[KEDGE_LOCAL_WORDS_MAX + 1];
    kedge_printable(kedge_slice_text(words), text, sizeof text);
    KEDGE_TRY(kedge_writer_put(out, kedge_slice_text("{\"error\": ")));
    KEDGE_TRY(json_write_string(out, kedge_slice_text(text)));
    return kedge_writer_put(out, kedge_slice_text("}"));
}

bool kedge_local_error_read(struct kedge_slice line, char words[KEDGE_LOCAL_WORDS_MAX + 1])
{
    uint8_t decoded[KEDGE_LOCAL_LINE_MAX];
    struct kedge_writer scratch = kedge_writer(decoded, sizeof decoded);
    struct kedge_cursor cursor = kedge_cursor(line);
    struct json_string name, text;
    struct kedge_slice found;
    if (json_expect(&cursor, '{') != KEDGE_OK || json_read_string(&cursor, &name) != KEDGE_OK ||
        !kedge_slice_equal(name.raw, kedge_slice_text("error")) ||
        json_expect(&cursor, ':') != KEDGE_OK || json_read_string(&cursor, &text) != KEDGE_OK ||
        json_unescape(&text, &scratch, &found) != KEDGE_OK ||
        json_expect(&cursor, '}') != KEDGE_OK || json_end(&cursor) != KEDGE_OK)
        return false;
    kedge_printable(found, words, KEDGE_LOCAL_WORDS_MAX + 1);
    return true;
}
