/*
 * download.c: what devices download, from the files in which it is kept, by the kernel's sendfile
 * where there is no TLS, and no pace (pacing.h). The name is the SHA-256 of the bytes: whoever
 * knows it may have them, they never change, and it is their entity tag. So no token is asked for,
 * the store is not looked at, and caches may keep the answer for ever.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <kedge/crypto.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "updater/api/conditions.h"
#include "updater/api/internal.h"

#define DIGEST_DIGITS (2u * KEDGE_SHA256_SIZE)
#define CACHE_FOR_EVER "public, max-age=31536000, immutable" /* RFC 8246 */
/* What waits unsent in the kernel for one reader: it bounds the memory that slow ones take, and
 * lets a slow one be seen to move before it is taken for gone. */
#define UNSENT_MAX 32768

/* ---- the file ---- */

static void refuse_unknown(struct request *request)
{
    refuse(request, MHD_HTTP_NOT_FOUND, "not_found", NULL, "there is no download \"%s\"",
           request->parameter);
}

static void refuse_file(struct request *request)
{
    bool busy = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
    refuse(request, busy ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_INTERNAL_SERVER_ERROR,
           busy ? "busy" : "system", NULL, "the download \"%s\" cannot be read: %s",
           request->parameter, strerror(errno));
}

static bool is_digest(const char *name)
{
    return strlen(name) == DIGEST_DIGITS && strspn(name, "0123456789abcdef") == DIGEST_DIGITS;
}

/* Gives the answer when it fails. */
static bool open_file(struct request *request, int *file, uint64_t *size)
{
    struct stat status;
    if (!is_digest(request->parameter)) {
        refuse_unknown(request);
        return false;
    }
    *file = openat(request->api->downloads_folder, request->parameter,
                   O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*file < 0 && (errno == ENOENT || errno == ELOOP)) {
        refuse_unknown(request);
        return false;
    }
    if (*file < 0 || fstat(*file, &status) != 0) {
        refuse_file(request);
    } else if (!S_ISREG(status.st_mode) || status.st_size <= 0) {
        refuse_unknown(request);
    } else {
        *size = (uint64_t)status.st_size;
        return true;
    }
    if (*file >= 0)
        (void)close(*file);
    return false;
}

/* ---- the request ---- */

static enum conditions_verdict judge(const struct request *request, uint64_t size,
                                     struct byte_range *range)
{
    struct conditions conditions = {.tag = kedge_slice_text(request->parameter)};
    request_conditions(request, &conditions);
    return conditions_judge(&conditions, request->head, size, range);
}

/* Some connections stay free of downloads, so that a fleet that updates locks nobody out. */
static bool enter(struct request *request)
{
    const struct pacing *pacing = &request->api->pacing;
    request->downloading = true;
    bool has_room = request->api->downloads++ < request->api->downloads_max;
    if (!has_room)
        refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", NULL,
               "there %s %u %s going on already",
               kedge_by_count(request->api->downloads_max, "is", "are"),
               request->api->downloads_max,
               kedge_by_count(request->api->downloads_max, "download", "downloads"));
    else if (pacing_is_full(pacing))
        refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", NULL,
               "the server sends at most %" PRIu64
               " bytes a second to all devices, and those who download already wait for them",
               pacing->pace->bytes_per_s);
    return request->answer == NULL;
}

/* ---- the answer ---- */

static void add_validators(struct request *request)
{
    char tag[DIGEST_DIGITS + 3];
    (void)snprintf(tag, sizeof(tag), "\"%.*s\"", (int)DIGEST_DIGITS, request->parameter);
    (void)answer_header(request, MHD_HTTP_HEADER_ETAG, tag);
    (void)answer_header(request, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
}

static void limit_unsent(const struct request *request)
{
    const int most = UNSENT_MAX;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info != NULL)
        (void)setsockopt(info->connect_fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof(most));
}

/* NULL: no memory, and the file stays the caller's. What has no body needs no turn. */
static struct MHD_Response *make_response(const struct request *request, bool has_body, int file,
                                          const struct byte_range *range)
{
    struct pacing *pacing = &request->api->pacing;
    if (has_body && pacing_is_on(pacing))
        return pacing_response(pacing, request->connection, file, range->first, range->size);
    return MHD_create_response_from_fd_at_offset64(range->size, file, range->first);
}

/* Takes the file over. */
static void answer_range(struct request *request, unsigned status, int file,
                         const struct byte_range *range)
{
    const bool has_body = status != MHD_HTTP_NOT_MODIFIED && !request->head;
    struct MHD_Response *response = make_response(request, has_body, file, range);
    if (response == NULL) {
        (void)close(file);
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return;
    }
    answer_bytes(request, status, response, "application/octet-stream", CACHE_FOR_EVER);
    add_validators(request);
    limit_unsent(request);
    if (has_body)
        transfer_begin(request, range->first, range->size);
}

static void answer_part(struct request *request, int file, const struct byte_range *range,
                        uint64_t size)
{
    char content_range[96];
    (void)snprintf(content_range, sizeof(content_range), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
                   range->first, range->first + range->size - 1, size);
    answer_range(request, MHD_HTTP_PARTIAL_CONTENT, file, range);
    (void)answer_header(request, MHD_HTTP_HEADER_CONTENT_RANGE, content_range);
}

static void refuse_range(struct request *request, uint64_t size)
{
    char content_range[48];
    refuse(request, MHD_HTTP_RANGE_NOT_SATISFIABLE, "range", "Range",
           "the range begins behind the end: there are %" PRIu64 " bytes", size);
    (void)snprintf(content_range, sizeof(content_range), "bytes */%" PRIu64, size);
    (void)answer_header(request, MHD_HTTP_HEADER_CONTENT_RANGE, content_range);
}

void download_show(struct request *request)
{
    int file = -1;
    uint64_t size = 0;
    struct byte_range range = {0};
    if (!enter(request) || !open_file(request, &file, &size))
        return;
    const struct byte_range whole = {.first = 0, .size = size};
    switch (judge(request, size, &range)) {
    case CONDITIONS_WHOLE:
        answer_range(request, MHD_HTTP_OK, file, &whole);
        return;
    case CONDITIONS_PART:
        answer_part(request, file, &range, size);
        return;
    case CONDITIONS_NOT_MODIFIED:
        /* No body goes out, but its length is told: that of an empty one would be wrong (RFC 9110
         * section 8.6). */
        answer_range(request, MHD_HTTP_NOT_MODIFIED, file, &whole);
        return;
    case CONDITIONS_FAILED:
        refuse(request, MHD_HTTP_PRECONDITION_FAILED, "precondition", "If-Match",
               "what is served here has the entity tag \"%s\"", request->parameter);
        break;
    case CONDITIONS_UNSATISFIABLE:
        refuse_range(request, size);
        break;
    }
    (void)close(file);
}
