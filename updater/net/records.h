/*
 * records.h: what of DTLS is read before a key is there: the heads of records (RFC 6347 section
 * 4.1), and a ClientHello that stands alone in its datagram (section 4.2).
 */
#ifndef KEDGE_UPDATER_RECORDS_H
#define KEDGE_UPDATER_RECORDS_H

#include <kedge/base.h>

#define DTLS_RANDOM_SIZE 32u

enum dtls_content { DTLS_ALERT = 21, DTLS_HANDSHAKE = 22, DTLS_APPLICATION_DATA = 23 };

struct dtls_record {
    uint8_t content; /* enum dtls_content, or another number */
    uint16_t epoch;  /* 0: in the clear */
    struct kedge_slice fragment;
};

/** KEDGE_E_TRUNCATED when it is cut, KEDGE_E_UNSUPPORTED for another protocol than DTLS. */
enum kedge_rc dtls_record_next(struct kedge_cursor *cursor,
                               struct dtls_record *record) KEDGE_MUST_USE;

struct dtls_hello {
    struct kedge_slice random; /* DTLS_RANDOM_SIZE bytes, borrowed */
    bool has_cookie;
    bool raw_keys_only; /* of the certificates it can show (RFC 7250), none is X.509 */
};

/**
 * KEDGE_OK when the datagram begins with a whole ClientHello in the clear. KEDGE_E_NOT_FOUND when
 * it is something else; other failures when it is a ClientHello that cannot be taken.
 */
enum kedge_rc dtls_hello_parse(struct kedge_slice datagram,
                               struct dtls_hello *hello) KEDGE_MUST_USE;

#endif
