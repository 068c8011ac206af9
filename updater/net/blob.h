/*
 * blob.h: serving bytes by stateless Block2 (RFC 7959): each request says which block it wants, and
 * the answer comes from one shared mapping. No state for a transfer, so nothing to lose.
 */
#ifndef KEDGE_UPDATER_BLOB_H
#define KEDGE_UPDATER_BLOB_H

#include "updater/net/net.h"

struct kedge_blob {
    struct kedge_slice bytes; /* stays mapped for the call */
    struct kedge_slice etag;  /* 1 to 8 bytes */
    uint16_t content_format;
};

/**
 * Answers a GET: 2.05 with ETag, Block2 and, in block 0, Size2; 2.03 when the request carries the
 * ETag and asks for block 0 or none; 4.00 for a block beyond the end; 4.05 for another method; 4.06
 * when it accepts another format only; 4.12 when an If-Match names other ETags, or If-None-Match is
 * there.
 * Returns how far the block reaches, in bytes from the start: the progress of this download.
 */
size_t kedge_blob_serve(const struct kedge_blob *blob, const struct kedge_coap_message *request,
                        struct kedge_net_reply *reply);

/** How many bytes of it that answer would carry, and whether they are its first ones; 0: none. */
size_t kedge_blob_part(const struct kedge_blob *blob, const struct kedge_coap_message *request,
                       bool *is_first);

#endif
