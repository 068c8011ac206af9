/*
 * der.h: just so much DER (X.690) as private key files need: one element at a time, lengths
 * definite, minimal and below 64 KiB, tags of one byte.
 */
#ifndef KEDGE_SIGNER_DER_H
#define KEDGE_SIGNER_DER_H

#include <kedge/base.h>

enum kedge_der_tag {
    KEDGE_DER_INTEGER = 0x02,
    KEDGE_DER_BIT_STRING = 0x03,
    KEDGE_DER_OCTETS = 0x04,
    KEDGE_DER_NULL = 0x05,
    KEDGE_DER_OID = 0x06,
    KEDGE_DER_SEQUENCE = 0x30,
    KEDGE_DER_CONTEXT_0 = 0xA0, /* constructed, as the next one */
    KEDGE_DER_CONTEXT_1 = 0xA1
};

/**
 * kedge_der_take() reads the next element, which must have `tag`, and views its content.
 * KEDGE_E_TYPE when it has another tag, KEDGE_E_MALFORMED or KEDGE_E_TRUNCATED when it is none.
 */
enum kedge_rc kedge_der_take(struct kedge_cursor *cursor, uint8_t tag,
                             struct kedge_slice *content) KEDGE_MUST_USE;

/** kedge_der_enter() is kedge_der_take() with a cursor on the content, for what has elements. */
enum kedge_rc kedge_der_enter(struct kedge_cursor *cursor, uint8_t tag,
                              struct kedge_cursor *content) KEDGE_MUST_USE;

/** kedge_der_next_is() says whether an element with `tag` comes next; it reads nothing. */
bool kedge_der_next_is(const struct kedge_cursor *cursor, uint8_t tag);

/** kedge_der_uint() reads a non-negative INTEGER; KEDGE_E_LIMIT when it is over 32 bits. */
enum kedge_rc kedge_der_uint(struct kedge_cursor *cursor, uint32_t *value) KEDGE_MUST_USE;

/** kedge_der_end() is KEDGE_E_TRAILING unless everything has been read. */
enum kedge_rc kedge_der_end(const struct kedge_cursor *cursor) KEDGE_MUST_USE;

/** kedge_der_put() writes one element. */
enum kedge_rc kedge_der_put(struct kedge_writer *out, uint8_t tag,
                            struct kedge_slice content) KEDGE_MUST_USE;

/** kedge_der_put_uint() writes an INTEGER. */
enum kedge_rc kedge_der_put_uint(struct kedge_writer *out, uint32_t value) KEDGE_MUST_USE;

#endif
