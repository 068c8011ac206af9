/*
 * http_field.h: the fields of an HTTP answer by which a download goes on where it broke off
 * (RFC 9110). Bytes of a server that nobody has proven anything about: strict, and nothing is
 * guessed.
 */
#ifndef KEDGE_AGENT_HTTP_FIELD_H
#define KEDGE_AGENT_HTTP_FIELD_H

#include <kedge/base.h>

/** Content-Range (section 14.4), in bytes. */
struct kedge_content_range {
    bool satisfied;       /* false: the range that was asked for is not there */
    uint64_t first, last; /* of a satisfied one; `last` is part of it */
    bool has_total;       /* always, when it is not satisfied */
    uint64_t total;       /* bytes of the whole */
};

/**
 * kedge_http_content_range() reads the value of a Content-Range field. KEDGE_E_UNSUPPORTED for
 * another unit than bytes, KEDGE_E_MALFORMED for what is no range, KEDGE_E_LIMIT for numbers that
 * are over 2^63 - 1 or contradict each other.
 */
enum kedge_rc kedge_http_content_range(struct kedge_slice field,
                                       struct kedge_content_range *range) KEDGE_MUST_USE;

/**
 * kedge_http_etag_is_strong() says whether `field` is one strong entity tag (section 8.8.3), quotes
 * included. A weak one says that two representations do as well as each other, not that their bytes
 * are the same, and a range may not be asked for by it (section 13.1.5).
 */
bool kedge_http_etag_is_strong(struct kedge_slice field);

#endif
