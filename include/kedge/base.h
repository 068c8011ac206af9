/*
 * base.h: what every part of Kedge stands on: byte slices, bounded cursors,
 * the one result type, CRC-32, and the seams to clock and random.
 *
 * Nothing here allocates, blocks, keeps global state or calls the operating system.
 */
#ifndef KEDGE_BASE_H
#define KEDGE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEDGE_MUST_USE __attribute__((warn_unused_result))

/*
 * The one table of results. X(name, LwM2M Update Result of /5/0/5, words for people).
 * The Update Result is what a device reports when an update ends for this reason
 * (OMA object 5, resource 5; the mapping is docs/format.md, "What a refusal reports");
 * 0 means that the reason never ends an update.
 */
#define KEDGE_RC_LIST(X)                                                                 \
    X(KEDGE_OK, 0, "done")                                                               \
    X(KEDGE_E_ARGUMENT, 8, "an argument is out of range")                                \
    X(KEDGE_E_TRUNCATED, 5, "the data ends too early")                                   \
    X(KEDGE_E_TRAILING, 5, "bytes follow where the data should end")                     \
    X(KEDGE_E_MALFORMED, 6, "the data is not well-formed")                               \
    X(KEDGE_E_NOT_CANONICAL, 6, "the encoding is not the canonical one")                 \
    X(KEDGE_E_TYPE, 6, "a field has another type than the format asks for")              \
    X(KEDGE_E_LIMIT, 6, "a length, count or depth is over its limit")                    \
    X(KEDGE_E_UNSUPPORTED, 6, "this kind of data is not supported")                      \
    X(KEDGE_E_MISSING, 6, "a required field is missing")                                 \
    X(KEDGE_E_BUFFER, 3, "the buffer given is too small")                                \
    X(KEDGE_E_MEMORY, 3, "out of memory")                                                \
    X(KEDGE_E_SPACE, 2, "there is no room for it")                                       \
    X(KEDGE_E_SIGNATURE, 5, "not signed by a trusted key")                               \
    X(KEDGE_E_DIGEST, 5, "a digest does not match")                                      \
    X(KEDGE_E_FRAME, 5, "a payload frame is damaged")                                    \
    X(KEDGE_E_KEY, 5, "the key is not usable")                                           \
    X(KEDGE_E_DEVELOPMENT_KEY, 5, "only a development key signed this")                  \
    X(KEDGE_E_PASSWORD, 0, "the password is wrong or missing")                           \
    X(KEDGE_E_VENDOR, 6, "it is for another vendor")                                     \
    X(KEDGE_E_CLASS, 6, "it is for another device class")                                \
    X(KEDGE_E_HARDWARE, 6, "it is for another hardware revision")                        \
    X(KEDGE_E_COMMAND, 6, "the manifest asks for a command that is not known")           \
    X(KEDGE_E_CONDITION, 6, "a condition of the manifest does not hold")                 \
    X(KEDGE_E_SEQUENCE, 6, "the sequence number is below what is installed")             \
    X(KEDGE_E_VERSION, 6, "the installed version is outside the version window")         \
    X(KEDGE_E_CONNECTION, 4, "the connection was lost")                                  \
    X(KEDGE_E_BUDGET, 4, "more bytes were received than the update may cost")            \
    X(KEDGE_E_URI, 7, "the URI is not valid")                                            \
    X(KEDGE_E_PROTOCOL, 9, "the URI's protocol is not supported")                        \
    X(KEDGE_E_CANCELED, 10, "it was canceled")                                           \
    X(KEDGE_E_FLASH, 8, "the flash did not hold what was written")                       \
    X(KEDGE_E_HEALTH, 8, "the health check failed on trial")                             \
    X(KEDGE_E_TRIAL, 8, "the trial ended without being confirmed")                       \
    X(KEDGE_E_NO_SLOT, 8, "no slot holds a verified image")                              \
    X(KEDGE_E_STATE, 8, "this is not possible in the present state")                     \
    X(KEDGE_E_NOT_FOUND, 0, "no such thing")                                             \
    X(KEDGE_E_EXISTS, 0, "it exists already")                                            \
    X(KEDGE_E_CONFLICT, 0, "it conflicts with something that exists")                    \
    X(KEDGE_E_BUSY, 0, "busy, try again later")                                          \
    X(KEDGE_E_TIMEOUT, 4, "no answer in time")                                           \
    X(KEDGE_E_REFUSED, 0, "the other side refused")                                      \
    X(KEDGE_E_SYSTEM, 8, "the system refused to read or write")

enum kedge_rc {
#define KEDGE_RC_ENUM(name, update_result, words) name,
    KEDGE_RC_LIST(KEDGE_RC_ENUM)
#undef KEDGE_RC_ENUM
        KEDGE_RC_COUNT
};

/** kedge_rc_name() is the identifier, as "KEDGE_E_DIGEST"; static storage, never NULL. */
const char *kedge_rc_name(enum kedge_rc rc);

/** kedge_rc_text() is the reason in words for people; static storage, never NULL. */
const char *kedge_rc_text(enum kedge_rc rc);

/** kedge_rc_update_result() is the value of /5/0/5 for an update that ended with `rc`. */
int kedge_rc_update_result(enum kedge_rc rc);

/* ---- slices: bytes that somebody else owns ---- */

/** A view of `size` bytes at `data`; owns nothing; `data` may be NULL when `size` is 0. */
struct kedge_slice {
    const uint8_t *data;
    size_t size;
};

/** kedge_slice() views `size` bytes at `data`. */
static inline struct kedge_slice kedge_slice(const void *data, size_t size)
{
    return (struct kedge_slice){.data = data, .size = size};
}

/** kedge_slice_text() views a NUL-terminated string without its NUL. */
struct kedge_slice kedge_slice_text(const char *text);

/** kedge_slice_equal() compares; the time depends on the sizes and the bytes: not for secrets. */
bool kedge_slice_equal(struct kedge_slice a, struct kedge_slice b);

/** kedge_equal_constant_time() compares `size` bytes in a time that depends on `size` only. */
bool kedge_equal_constant_time(const void *a, const void *b, size_t size);

/** kedge_wipe() overwrites `size` bytes at `data` in a way that the compiler keeps. */
void kedge_wipe(void *data, size_t size);

/* ---- the cursor through which all bytes from outside are read ---- */

/** A bounded reader: `offset` never exceeds `bytes.size`. A failed read moves nothing. */
struct kedge_cursor {
    struct kedge_slice bytes;
    size_t offset;
};

static inline struct kedge_cursor kedge_cursor(struct kedge_slice bytes)
{
    return (struct kedge_cursor){.bytes = bytes, .offset = 0};
}

/** kedge_cursor_left() is how many bytes are still unread. */
static inline size_t kedge_cursor_left(const struct kedge_cursor *cursor)
{
    return cursor->bytes.size - cursor->offset;
}

/* Each read fails with KEDGE_E_TRUNCATED when the bytes are not there. Integers are big-endian.
 * What every option of every message is read by is inline: the calls took longer than the reads. */
static inline KEDGE_MUST_USE enum kedge_rc kedge_cursor_take(struct kedge_cursor *cursor,
                                                             size_t size, struct kedge_slice *out)
{
    if (size > kedge_cursor_left(cursor))
        return KEDGE_E_TRUNCATED;
    /* An empty slice at the end of NULL bytes must not do arithmetic on NULL. */
    *out = kedge_slice(size > 0 ? cursor->bytes.data + cursor->offset : cursor->bytes.data, size);
    cursor->offset += size;
    return KEDGE_OK;
}

static inline KEDGE_MUST_USE enum kedge_rc kedge_cursor_u8(struct kedge_cursor *cursor,
                                                           uint8_t *out)
{
    if (kedge_cursor_left(cursor) == 0)
        return KEDGE_E_TRUNCATED;
    *out = cursor->bytes.data[cursor->offset++];
    return KEDGE_OK;
}

enum kedge_rc kedge_cursor_skip(struct kedge_cursor *cursor, size_t size) KEDGE_MUST_USE;
enum kedge_rc kedge_cursor_u16(struct kedge_cursor *cursor, uint16_t *out) KEDGE_MUST_USE;
enum kedge_rc kedge_cursor_u32(struct kedge_cursor *cursor, uint32_t *out) KEDGE_MUST_USE;
enum kedge_rc kedge_cursor_u64(struct kedge_cursor *cursor, uint64_t *out) KEDGE_MUST_USE;

/** kedge_cursor_accept() moves past the next byte if it is `byte`, and says whether it did. */
bool kedge_cursor_accept(struct kedge_cursor *cursor, uint8_t byte);

/* ---- the bounded writer, its counterpart ---- */

/** Writes into the caller's `capacity` bytes at `data`; `size` is what has been written. */
struct kedge_writer {
    uint8_t *data;
    size_t capacity;
    size_t size;
};

static inline struct kedge_writer kedge_writer(void *data, size_t capacity)
{
    return (struct kedge_writer){.data = data, .capacity = capacity, .size = 0};
}

/* Each write fails with KEDGE_E_BUFFER, and writes nothing, when it does not fit. Big-endian. */
enum kedge_rc kedge_writer_put(struct kedge_writer *writer, struct kedge_slice bytes) KEDGE_MUST_USE;
enum kedge_rc kedge_writer_u8(struct kedge_writer *writer, uint8_t value) KEDGE_MUST_USE;
enum kedge_rc kedge_writer_u16(struct kedge_writer *writer, uint16_t value) KEDGE_MUST_USE;
enum kedge_rc kedge_writer_u32(struct kedge_writer *writer, uint32_t value) KEDGE_MUST_USE;
enum kedge_rc kedge_writer_u64(struct kedge_writer *writer, uint64_t value) KEDGE_MUST_USE;

/** kedge_writer_slice() views what has been written so far. */
static inline struct kedge_slice kedge_writer_slice(const struct kedge_writer *writer)
{
    return kedge_slice(writer->data, writer->size);
}

/** KEDGE_TRY() hands a failure of `expression` to the caller and keeps the happy path straight. */
#define KEDGE_TRY(expression)                                                            \
    do {                                                                                 \
        enum kedge_rc kedge_try_rc_ = (expression);                                      \
        if (kedge_try_rc_ != KEDGE_OK)                                                   \
            return kedge_try_rc_;                                                        \
    } while (0)

/* ---- hexadecimal ---- */

/** kedge_hex_encode() writes 2 * bytes.size lower-case digits and a NUL; `out` has room for them. */
void kedge_hex_encode(struct kedge_slice bytes, char *out);

/** kedge_hex_decode() fails with KEDGE_E_MALFORMED unless `text` is exactly 2 * size hex digits. */
enum kedge_rc kedge_hex_decode(struct kedge_slice text, uint8_t *out, size_t size) KEDGE_MUST_USE;

/* ---- text ---- */

/** kedge_utf8_valid() says whether `text` is UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool kedge_utf8_valid(struct kedge_slice text);

/**
 * kedge_utf8_printable() says whether `text` is UTF-8 that may stand in a log or on a terminal as it
 * is: no control characters (C0, DEL, C1), no line or paragraph separators, and none of the
 * characters that turn the direction of what follows (Unicode Standard Annex 9).
 */
bool kedge_utf8_printable(struct kedge_slice text);

/** kedge_name_valid() says whether `text` is 1 to `max` bytes that kedge_utf8_printable() allows. */
bool kedge_name_valid(struct kedge_slice text, size_t max);

/**
 * kedge_printable() copies `text` into `out`, of `size` bytes (at least 1), with a "?" for each
 * character that kedge_utf8_printable() does not allow and for each byte that is no UTF-8. What is
 * too long is cut between two characters; a NUL ends it. `out` may be where `text` is.
 */
void kedge_printable(struct kedge_slice text, char *out, size_t size);

/**
 * kedge_by_count() is `one` for a count of 1 and `many` for any other: the words behind a figure,
 * as "device is" and "devices are".
 */
static inline const char *kedge_by_count(uint64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

/**
 * kedge_cursor_decimal() reads all the digits that stand next as a number of at most `max`.
 * KEDGE_E_MALFORMED when there is none or they begin with a zero too many, KEDGE_E_LIMIT above
 * `max`; the cursor then stays where it was.
 */
enum kedge_rc kedge_cursor_decimal(struct kedge_cursor *cursor, uint64_t max, uint64_t *out)
    KEDGE_MUST_USE;
/** kedge_writer_decimal() writes `number` in decimal digits; KEDGE_E_BUFFER as any write. */
enum kedge_rc kedge_writer_decimal(struct kedge_writer *writer, uint64_t number) KEDGE_MUST_USE;

/**
 * Base64 (RFC 4648 section 4), padded and in one line. Decoding fails with KEDGE_E_MALFORMED for
 * anything but the one encoding of some bytes. Both fail with KEDGE_E_BUFFER when it does not fit;
 * after a failure `out` counts nothing of it as written.
 */
enum kedge_rc kedge_base64_decode(struct kedge_slice text, struct kedge_writer *out) KEDGE_MUST_USE;
enum kedge_rc kedge_base64_encode(struct kedge_slice bytes, struct kedge_writer *out)
    KEDGE_MUST_USE;
/**
 * The same with the alphabet for URLs and without padding (RFC 4648 section 5). Encoding needs room
 * for the padding too.
 */
enum kedge_rc kedge_base64url_decode(struct kedge_slice text, struct kedge_writer *out)
    KEDGE_MUST_USE;
enum kedge_rc kedge_base64url_encode(struct kedge_slice bytes, struct kedge_writer *out)
    KEDGE_MUST_USE;

/* ---- CRC-32 (IEEE 802.3, reflected polynomial 0xEDB88320), for records on flash ---- */

/** kedge_crc32() continues from `crc`; begin with 0. */
uint32_t kedge_crc32(uint32_t crc, struct kedge_slice bytes);

/* ---- seams ---- */

/** The clock seam. Times are milliseconds; `monotonic_ms` never steps, `wall_ms` is Unix time. */
struct kedge_clock {
    void *context;
    uint64_t (*monotonic_ms)(void *context);
    uint64_t (*wall_ms)(void *context);
};

/** The random seam: fills `size` bytes with numbers that nobody can predict. */
struct kedge_random {
    void *context;
    enum kedge_rc (*fill)(void *context, void *out, size_t size);
};

#endif
