/*
 * json.h: JSON (RFC 8259) piece by piece, in place. core has no heap, so no JSON library can be
 * used here; this reads just what the two JSON formats of LwM2M are made of.
 */
#ifndef KEDGE_CORE_LWM2M_JSON_H
#define KEDGE_CORE_LWM2M_JSON_H

#include <kedge/base.h>

/** A string as it stands between its quotes. */
struct json_string {
    struct kedge_slice raw;
    bool escaped; /* has a backslash */
};

/* Each moves past what it reads and the white space before it; KEDGE_E_TRUNCATED at the end. */

/** Whether `byte` comes next. */
bool json_accept(struct kedge_cursor *cursor, uint8_t byte);
enum kedge_rc json_expect(struct kedge_cursor *cursor, uint8_t byte);
enum kedge_rc json_read_string(struct kedge_cursor *cursor, struct json_string *string);
/** A number's characters, which are well-formed. */
enum kedge_rc json_read_number(struct kedge_cursor *cursor, struct kedge_slice *number);
enum kedge_rc json_read_boolean(struct kedge_cursor *cursor, bool *boolean);
enum kedge_rc json_read_null(struct kedge_cursor *cursor);
/** Any value, nested so deep at most (KEDGE_E_LIMIT). */
enum kedge_rc json_skip(struct kedge_cursor *cursor, unsigned depth_left);
/** Nothing but white space is left. */
enum kedge_rc json_end(struct kedge_cursor *cursor);

/**
 * The string itself: borrowed as it is when nothing is escaped, else written to `out` (NULL or no
 * room: KEDGE_E_BUFFER) and borrowed from there.
 */
enum kedge_rc json_unescape(const struct json_string *string, struct kedge_writer *out,
                            struct kedge_slice *text);
/** Writes it between quotes. */
enum kedge_rc json_write_string(struct kedge_writer *out, struct kedge_slice text);

#endif
