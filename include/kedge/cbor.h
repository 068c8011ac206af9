/*
 * cbor.h: a strict zero-copy CBOR reader and a canonical writer (RFC 8949 section 4.2.1).
 *
 * The profile: unsigned and negative integers, byte strings, text strings (valid UTF-8), arrays,
 * maps, tags, false, true, null. Refused, each with its own result: longer-than-needed integers
 * and lengths, indefinite lengths, floats, undefined and other simple values (KEDGE_E_UNSUPPORTED),
 * unsorted or repeated map keys (bytewise order of the encoded keys), nesting deeper than
 * KEDGE_CBOR_DEPTH_MAX, and bytes after the end. Nothing allocates and nothing recurses without
 * that bound: the length of a string is checked against the bytes that are there first.
 */
#ifndef KEDGE_CBOR_H
#define KEDGE_CBOR_H

#include <kedge/base.h>

#define KEDGE_CBOR_DEPTH_MAX 16

enum kedge_cbor_type {
    KEDGE_CBOR_UINT = 0,
    KEDGE_CBOR_NINT = 1,
    KEDGE_CBOR_BSTR = 2,
    KEDGE_CBOR_TSTR = 3,
    KEDGE_CBOR_ARRAY = 4,
    KEDGE_CBOR_MAP = 5,
    KEDGE_CBOR_TAG = 6,
    KEDGE_CBOR_FALSE,
    KEDGE_CBOR_TRUE,
    KEDGE_CBOR_NULL,
    /* Only of kedge_cbor_next_loose(): */
    KEDGE_CBOR_FLOAT,
    KEDGE_CBOR_BREAK
};

/** The head of one item. For a container the items follow in the cursor. */
struct kedge_cbor_item {
    enum kedge_cbor_type type;
    uint64_t value;           /* UINT: n; NINT: -1 - value; ARRAY: items; MAP: pairs; TAG: number */
    struct kedge_slice bytes; /* BSTR and TSTR */
    bool indefinite; /* ARRAY, MAP: until BREAK; strings: in chunks. `value` is 0. Only of
                      * kedge_cbor_next_loose() */
    double number;   /* FLOAT */
};

/* Every reader below moves the cursor past what it read, or moves nothing and fails. */

/** Reads one head (and the bytes of a string). */
enum kedge_rc kedge_cbor_next(struct kedge_cursor *cursor, struct kedge_cbor_item *item)
    KEDGE_MUST_USE;
/**
 * Reads one head as kedge_cbor_next(), of any well-formed CBOR (RFC 8949 section 3): for formats
 * that do not ask for the deterministic encoding, and whose values may be floating-point numbers.
 * Still KEDGE_E_UNSUPPORTED: undefined and other simple values. The chunks of a string that is
 * `indefinite` come next.
 */
enum kedge_rc kedge_cbor_next_loose(struct kedge_cursor *cursor, struct kedge_cbor_item *item)
    KEDGE_MUST_USE;
/**
 * Reads the next chunk of a string of that type (RFC 8949 section 3.2.3); KEDGE_E_NOT_FOUND at the
 * end, which it moves past. Whether all of them make valid UTF-8 is for the caller to see.
 */
enum kedge_rc kedge_cbor_next_chunk(struct kedge_cursor *cursor, enum kedge_cbor_type type,
                                    struct kedge_slice *chunk) KEDGE_MUST_USE;
/** Looks at the next head without moving. KEDGE_E_TRUNCATED at the end. */
enum kedge_rc kedge_cbor_peek(const struct kedge_cursor *cursor, struct kedge_cbor_item *item)
    KEDGE_MUST_USE;
/** Skips one whole item, checked against the profile, and views its encoding (`out` may be NULL). */
enum kedge_rc kedge_cbor_skip(struct kedge_cursor *cursor, struct kedge_slice *out) KEDGE_MUST_USE;
/** Checks that `bytes` is exactly one item of the profile. */
enum kedge_rc kedge_cbor_check(struct kedge_slice bytes) KEDGE_MUST_USE;

/* KEDGE_E_TYPE when the next item is of another type; KEDGE_E_LIMIT when it does not fit. */
enum kedge_rc kedge_cbor_uint(struct kedge_cursor *cursor, uint64_t *out) KEDGE_MUST_USE;
enum kedge_rc kedge_cbor_int(struct kedge_cursor *cursor, int64_t *out) KEDGE_MUST_USE;
enum kedge_rc kedge_cbor_bool(struct kedge_cursor *cursor, bool *out) KEDGE_MUST_USE;
enum kedge_rc kedge_cbor_null(struct kedge_cursor *cursor) KEDGE_MUST_USE;
enum kedge_rc kedge_cbor_bstr(struct kedge_cursor *cursor, struct kedge_slice *out) KEDGE_MUST_USE;
enum kedge_rc kedge_cbor_tstr(struct kedge_cursor *cursor, struct kedge_slice *out) KEDGE_MUST_USE;
/** Reads only the head of a byte string, whose bytes may not have arrived yet; by the same rules. */
enum kedge_rc kedge_cbor_bstr_head(struct kedge_cursor *cursor, uint64_t *size) KEDGE_MUST_USE;
enum kedge_rc kedge_cbor_array(struct kedge_cursor *cursor, size_t *count) KEDGE_MUST_USE;
enum kedge_rc kedge_cbor_tag(struct kedge_cursor *cursor, uint64_t *number) KEDGE_MUST_USE;
/** KEDGE_E_TRAILING unless the cursor is at its end. */
enum kedge_rc kedge_cbor_end(const struct kedge_cursor *cursor) KEDGE_MUST_USE;

/** A walk over one map's pairs, which checks the order of the keys as it goes. */
struct kedge_cbor_map {
    size_t left;                  /* pairs not yet read */
    struct kedge_slice last_key;  /* encoded */
};

enum kedge_rc kedge_cbor_map(struct kedge_cursor *cursor, struct kedge_cbor_map *map) KEDGE_MUST_USE;
/** Reads the next key's head, which must be an integer or a text string; the value comes next. */
enum kedge_rc kedge_cbor_map_key(struct kedge_cursor *cursor, struct kedge_cbor_map *map,
                                 struct kedge_cbor_item *key) KEDGE_MUST_USE;

/* ---- the canonical writer. Map keys are the caller's to write in canonical order. ---- */

enum kedge_rc kedge_cbor_write_uint(struct kedge_writer *out, uint64_t value) KEDGE_MUST_USE;
enum kedge_rc kedge_cbor_write_int(struct kedge_writer *out, int64_t value) KEDGE_MUST_USE;
enum kedge_rc kedge_cbor_write_bool(struct kedge_writer *out, bool value) KEDGE_MUST_USE;
enum kedge_rc kedge_cbor_write_null(struct kedge_writer *out) KEDGE_MUST_USE;
/** As a single-precision float where that has the same value, else in double precision. */
enum kedge_rc kedge_cbor_write_float(struct kedge_writer *out, double number) KEDGE_MUST_USE;
enum kedge_rc kedge_cbor_write_bstr(struct kedge_writer *out, struct kedge_slice bytes) KEDGE_MUST_USE;
enum kedge_rc kedge_cbor_write_tstr(struct kedge_writer *out, struct kedge_slice text) KEDGE_MUST_USE;
/** Writes only the head of a byte string of `size` bytes, which the caller streams after it. */
enum kedge_rc kedge_cbor_write_bstr_head(struct kedge_writer *out, uint64_t size) KEDGE_MUST_USE;
enum kedge_rc kedge_cbor_write_array(struct kedge_writer *out, uint64_t count) KEDGE_MUST_USE;
enum kedge_rc kedge_cbor_write_map(struct kedge_writer *out, uint64_t pairs) KEDGE_MUST_USE;
enum kedge_rc kedge_cbor_write_tag(struct kedge_writer *out, uint64_t number) KEDGE_MUST_USE;
/** Writes one item of any type from its head; containers' items follow. */
enum kedge_rc kedge_cbor_write_item(struct kedge_writer *out, const struct kedge_cbor_item *item)
    KEDGE_MUST_USE;

#endif
