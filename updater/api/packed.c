/*
 * packed.c: answers in the coding gzip (RFC 1952), for those who take it: a page of 50 rollouts is a
 * thirtieth of what it is otherwise, and a phone pays for each byte.
 *
 * What is packed holds no secret, and no other page can have it asked for with somebody's cookie
 * (SameSite=Strict): its size tells nothing to who watches.
 */
#include "updater/api/internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define WORTH_MIN 1024u       /* bytes; what is shorter is one packet as it is */
#define GZIP (MAX_WBITS + 16) /* as zlib wants it */
#define MEMORY_LEVEL 8        /* 256 KiB for as long as it takes */

bool packed_taken(const struct request *request)
{
    const char *at = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                                 MHD_HTTP_HEADER_ACCEPT_ENCODING);
    while (at != NULL && *at != '\0') {
        at += strspn(at, ", \t");
        size_t size = strcspn(at, ","), named = size;
        while (named > 0 && (at[named - 1] == ' ' || at[named - 1] == '\t'))
            named--;
        if (named == 4 && strncasecmp(at, "gzip", named) == 0)
            return true;
        at += size;
    }
    return false;
}

void packed_tell(struct request *request, bool packed)
{
    (void)answer_header(request, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    if (packed)
        (void)answer_header(request, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
}

bool packed_text(char **text, size_t *size)
{
    z_stream stream = {.next_in = (uint8_t *)*text};
    uint8_t *out = *size < WORTH_MIN || *size > UINT_MAX ? NULL : malloc(*size);
    if (out == NULL || deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, GZIP, MEMORY_LEVEL,
                                    Z_DEFAULT_STRATEGY) != Z_OK) {
        free(out);
        return false;
    }
    stream.avail_in = (uInt)*size;
    stream.next_out = out;
    stream.avail_out = (uInt)*size;
    bool shorter = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    size_t packed_size = stream.total_out;
    (void)deflateEnd(&stream);
    free(shorter ? *text : (char *)out);
    if (!shorter)
        return false;
    *text = (char *)out;
    *size = packed_size;
    return true;
}
