/*
 * coap.h: the CoAP message codec (RFC 7252), block options (RFC 7959) and observe (RFC 7641).
 * Pure: bytes in, a view out; values in, bytes out. No exchange state here: that is updater/net.
 */
#ifndef KEDGE_COAP_H
#define KEDGE_COAP_H

#include <kedge/base.h>

#define KEDGE_COAP_TOKEN_MAX 8u
#define KEDGE_COAP_MESSAGE_MAX 1472u /* one Ethernet frame over IPv4; what we send stays below 1,280 */
#define KEDGE_COAP_OPTIONS_MAX 64u   /* a message with more is refused */
#define KEDGE_COAP_BLOCK_NUMBER_MAX 0xFFFFFu

enum kedge_coap_type { KEDGE_COAP_CON = 0, KEDGE_COAP_NON = 1, KEDGE_COAP_ACK = 2, KEDGE_COAP_RST = 3 };

/* Codes are class << 5 | detail: 2.05 is KEDGE_COAP_CODE(2, 5). */
#define KEDGE_COAP_CODE(class_, detail) ((uint8_t)(((class_) << 5) | (detail)))
#define KEDGE_COAP_EMPTY 0x00u
#define KEDGE_COAP_GET 0x01u
#define KEDGE_COAP_POST 0x02u
#define KEDGE_COAP_PUT 0x03u
#define KEDGE_COAP_DELETE 0x04u
#define KEDGE_COAP_FETCH 0x05u
#define KEDGE_COAP_IPATCH 0x07u
#define KEDGE_COAP_CREATED KEDGE_COAP_CODE(2, 1)
#define KEDGE_COAP_DELETED KEDGE_COAP_CODE(2, 2)
#define KEDGE_COAP_VALID KEDGE_COAP_CODE(2, 3)
#define KEDGE_COAP_CHANGED KEDGE_COAP_CODE(2, 4)
#define KEDGE_COAP_CONTENT KEDGE_COAP_CODE(2, 5)
#define KEDGE_COAP_CONTINUE KEDGE_COAP_CODE(2, 31)
#define KEDGE_COAP_BAD_REQUEST KEDGE_COAP_CODE(4, 0)
#define KEDGE_COAP_UNAUTHORIZED KEDGE_COAP_CODE(4, 1)
#define KEDGE_COAP_BAD_OPTION KEDGE_COAP_CODE(4, 2)
#define KEDGE_COAP_FORBIDDEN KEDGE_COAP_CODE(4, 3)
#define KEDGE_COAP_NOT_FOUND KEDGE_COAP_CODE(4, 4)
#define KEDGE_COAP_METHOD_NOT_ALLOWED KEDGE_COAP_CODE(4, 5)
#define KEDGE_COAP_NOT_ACCEPTABLE KEDGE_COAP_CODE(4, 6)
#define KEDGE_COAP_INCOMPLETE KEDGE_COAP_CODE(4, 8)
#define KEDGE_COAP_PRECONDITION_FAILED KEDGE_COAP_CODE(4, 12)
#define KEDGE_COAP_TOO_LARGE KEDGE_COAP_CODE(4, 13)
#define KEDGE_COAP_UNSUPPORTED_FORMAT KEDGE_COAP_CODE(4, 15)
#define KEDGE_COAP_INTERNAL_ERROR KEDGE_COAP_CODE(5, 0)
#define KEDGE_COAP_NOT_IMPLEMENTED KEDGE_COAP_CODE(5, 1)
#define KEDGE_COAP_UNAVAILABLE KEDGE_COAP_CODE(5, 3)
#define KEDGE_COAP_TOO_MANY_REQUESTS KEDGE_COAP_CODE(4, 29) /* RFC 8516 */

enum kedge_coap_option_number {
    KEDGE_COAP_IF_MATCH = 1, KEDGE_COAP_URI_HOST = 3, KEDGE_COAP_ETAG = 4,
    KEDGE_COAP_IF_NONE_MATCH = 5, KEDGE_COAP_OBSERVE = 6, KEDGE_COAP_URI_PORT = 7,
    KEDGE_COAP_LOCATION_PATH = 8, KEDGE_COAP_URI_PATH = 11, KEDGE_COAP_CONTENT_FORMAT = 12,
    KEDGE_COAP_MAX_AGE = 14, KEDGE_COAP_URI_QUERY = 15, KEDGE_COAP_ACCEPT = 17,
    KEDGE_COAP_LOCATION_QUERY = 20, KEDGE_COAP_BLOCK2 = 23, KEDGE_COAP_BLOCK1 = 27,
    KEDGE_COAP_SIZE2 = 28, KEDGE_COAP_PROXY_URI = 35, KEDGE_COAP_PROXY_SCHEME = 39,
    KEDGE_COAP_SIZE1 = 60, KEDGE_COAP_REQUEST_TAG = 292
};

/** A message taken apart; slices borrow the datagram. */
struct kedge_coap_message {
    enum kedge_coap_type type;
    uint8_t code;
    uint16_t message_id;
    uint8_t token[KEDGE_COAP_TOKEN_MAX];
    size_t token_size;
    struct kedge_slice options; /* encoded; walked by kedge_coap_option_next(), already checked */
    struct kedge_slice payload;
};

/**
 * Takes a datagram apart and checks all of it. KEDGE_E_UNSUPPORTED for another version (ignore
 * it silently, RFC 7252 section 3); KEDGE_E_MALFORMED or KEDGE_E_TRUNCATED for a format error
 * (RST a CON, section 4.2: the first 4 bytes are then still in `out`'s type and message_id when
 * at least 4 came); KEDGE_E_LIMIT for too many options.
 */
enum kedge_rc kedge_coap_parse(struct kedge_slice datagram, struct kedge_coap_message *out)
    KEDGE_MUST_USE;

struct kedge_coap_option {
    uint16_t number;
    struct kedge_slice value;
};

struct kedge_coap_options {
    struct kedge_cursor cursor;
    uint16_t number;
};

struct kedge_coap_options kedge_coap_options(const struct kedge_coap_message *message);
/** false after the last option. */
bool kedge_coap_option_next(struct kedge_coap_options *walk, struct kedge_coap_option *option);
/** Finds the first option of that number. */
bool kedge_coap_option_find(const struct kedge_coap_message *message, uint16_t number,
                            struct kedge_slice *value);
/** Reads an option's value as an unsigned integer of at most 4 bytes; false when it is longer. */
bool kedge_coap_uint(struct kedge_slice bytes, uint32_t *value);
/** Finds an option and reads it so; false when absent or longer. */
bool kedge_coap_option_uint(const struct kedge_coap_message *message, uint16_t number,
                            uint32_t *value);
/**
 * The first critical option (odd number) that is to be answered with 4.02: one that is not in this
 * codec's list, or whose length is outside its range (RFC 7252 section 5.4.3), or that is there once
 * too often (section 5.4.5). 0 when there is none.
 */
uint16_t kedge_coap_unknown_critical(const struct kedge_coap_message *message);
/** true when the Uri-Path options are exactly `path`, as "rd" or "fw/ab12" (no leading slash). */
bool kedge_coap_path_is(const struct kedge_coap_message *message, const char *path);
/** The n-th Uri-Path segment or Uri-Query; false when there are not so many. */
bool kedge_coap_path_segment(const struct kedge_coap_message *message, size_t index,
                             struct kedge_slice *segment);
size_t kedge_coap_path_count(const struct kedge_coap_message *message);
/** Finds the query `name=value` (or bare `name`, with an empty value). */
bool kedge_coap_query(const struct kedge_coap_message *message, const char *name,
                      struct kedge_slice *value);

struct kedge_coap_block {
    uint32_t number;
    bool more;
    uint8_t size_exponent; /* SZX 0 to 6; the size is 1 << (SZX + 4) */
};

static inline size_t kedge_coap_block_size(const struct kedge_coap_block *block)
{
    return (size_t)1 << (block->size_exponent + 4u);
}

/**
 * KEDGE_E_NOT_FOUND when absent; KEDGE_E_MALFORMED for SZX 7, which is to be answered by 4.00 (RFC
 * 7959 section 2.2), and KEDGE_E_UNSUPPORTED for more than 3 bytes, which make it an option that is
 * not known (RFC 7252 section 5.4.3).
 */
enum kedge_rc kedge_coap_block_find(const struct kedge_coap_message *message, uint16_t number,
                                    struct kedge_coap_block *block) KEDGE_MUST_USE;
uint32_t kedge_coap_block_value(const struct kedge_coap_block *block);

/** RFC 7641 section 3.4: is notification `b` (received at b_ms) newer than `a`? 24-bit numbers. */
bool kedge_coap_observe_newer(uint32_t a, uint64_t a_ms, uint32_t b, uint64_t b_ms);

/**
 * A message being written: options in ascending order of their numbers, then at most one payload.
 * What comes out of order is KEDGE_E_ARGUMENT, what does not fit KEDGE_E_BUFFER.
 */
struct kedge_coap_builder {
    struct kedge_writer out;
    uint16_t last_option;
    bool has_payload;
    enum kedge_rc rc; /* the first failure; later calls do nothing, kedge_coap_finish() reports it */
};

void kedge_coap_begin(struct kedge_coap_builder *builder, void *buffer, size_t capacity,
                      enum kedge_coap_type type, uint8_t code, uint16_t message_id,
                      struct kedge_slice token);
void kedge_coap_add_option(struct kedge_coap_builder *builder, uint16_t number,
                           struct kedge_slice value);
void kedge_coap_add_uint(struct kedge_coap_builder *builder, uint16_t number, uint32_t value);
/** Adds one Uri-Path (or Location-Path) option for each segment of "5/0/1". */
void kedge_coap_add_path(struct kedge_coap_builder *builder, uint16_t number, const char *path);
/** Adds the payload, which ends the message; an empty one is no payload (section 3: no marker). */
void kedge_coap_add_payload(struct kedge_coap_builder *builder, struct kedge_slice payload);
enum kedge_rc kedge_coap_finish(const struct kedge_coap_builder *builder, struct kedge_slice *message)
    KEDGE_MUST_USE;

/** "2.05" for people; `text` has room for 5 bytes. */
void kedge_coap_code_text(uint8_t code, char text[5]);

#endif
