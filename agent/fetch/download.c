/* download.c: see download.h. */
#include "agent/fetch/download.h"

#include <inttypes.h>
#include <kedge/coap.h>
#include <stdio.h>
#include <string.h>

#define CODE_CLASS(code) ((code) >> 5)
#define CODE_DETAIL(code) ((code)&0x1Fu)
#define CODE_TOO_MANY_REQUESTS KEDGE_COAP_CODE(4, 29) /* RFC 8516 */

static uint32_t block_size(uint8_t szx)
{
    return 16u << szx;
}

static void fail(struct kedge_download *download, enum kedge_rc rc, const char *words)
{
    download->failure = rc;
    snprintf(download->words, sizeof download->words, "%s", words);
}

void kedge_download_begin(struct kedge_download *download, const struct kedge_download_sink *sink,
                          uint64_t patience_ms, uint64_t now_ms)
{
    *download = (struct kedge_download){.sink = *sink,
                                        .patience_ms = patience_ms,
                                        .szx = KEDGE_DOWNLOAD_SZX,
                                        .progress_at_ms = now_ms,
                                        .next_at_ms = now_ms,
                                        .pause_ms = KEDGE_DOWNLOAD_PAUSE_FIRST_MS};
}

enum kedge_download_step kedge_download_next(struct kedge_download *download, uint64_t now_ms,
                                             uint64_t *wait_ms, uint32_t *number)
{
    *wait_ms = 0;
    if (download->failure != KEDGE_OK)
        return KEDGE_DOWNLOAD_FAILED;
    if (download->finished)
        return KEDGE_DOWNLOAD_DONE;

    uint64_t give_up_at_ms = download->progress_at_ms + download->patience_ms;
    if (now_ms >= give_up_at_ms) {
        snprintf(download->words, sizeof download->words,
                 "no new block for %" PRIu64 " s, at byte %" PRIu64, download->patience_ms / 1000,
                 download->offset);
        download->failure = KEDGE_E_CONNECTION;
        return KEDGE_DOWNLOAD_FAILED;
    }
    if (download->asked && now_ms >= download->next_at_ms)
        kedge_download_lost(download, now_ms);
    if (now_ms < download->next_at_ms) {
        uint64_t until_ms =
            download->next_at_ms < give_up_at_ms ? download->next_at_ms : give_up_at_ms;
        *wait_ms = until_ms - now_ms;
        return KEDGE_DOWNLOAD_WAIT;
    }
    uint64_t block = download->offset / block_size(download->szx);
    if (block >= KEDGE_DOWNLOAD_BLOCKS_MAX) {
        fail(download, KEDGE_E_SPACE, "the download has more blocks than Block2 can number");
        return KEDGE_DOWNLOAD_FAILED;
    }
    *number = (uint32_t)block;
    return KEDGE_DOWNLOAD_ASK;
}

void kedge_download_asked(struct kedge_download *download, uint64_t now_ms)
{
    download->asked = true;
    download->next_at_ms = now_ms + KEDGE_DOWNLOAD_ANSWER_MS;
}

void kedge_download_lost(struct kedge_download *download, uint64_t now_ms)
{
    download->asked = false;
    download->next_at_ms = now_ms + download->pause_ms;
    download->pause_ms *= 2;
    if (download->pause_ms > KEDGE_DOWNLOAD_PAUSE_MAX_MS)
        download->pause_ms = KEDGE_DOWNLOAD_PAUSE_MAX_MS;
}

/* A refusal of the server: some pass by themselves, the others are about the URI. */
static void refused(struct kedge_download *download, uint8_t code, uint64_t now_ms)
{
    if (CODE_CLASS(code) == 5 || code == KEDGE_COAP_INCOMPLETE || code == CODE_TOO_MANY_REQUESTS) {
        kedge_download_lost(download, now_ms);
        return;
    }
    snprintf(download->words, sizeof download->words, "the server answered %u.%02u",
             (unsigned)CODE_CLASS(code), (unsigned)CODE_DETAIL(code));
    download->failure = KEDGE_E_URI;
}

/* Servers leave the ETag out of later blocks (libcoap does, reference case): only another one
 * counts. */
static bool etag_changed(struct kedge_download *download, struct kedge_slice etag)
{
    if (etag.size == 0 || etag.size > sizeof download->etag)
        return false;
    if (download->offset > 0 && download->etag_size > 0)
        return !kedge_slice_equal(etag, kedge_slice(download->etag, download->etag_size));
    memcpy(download->etag, etag.data, etag.size);
    download->etag_size = (uint8_t)etag.size;
    return false;
}

static void restart(struct kedge_download *download, uint64_t now_ms)
{
    if (++download->restarts > KEDGE_DOWNLOAD_RESTARTS_MAX) {
        fail(download, KEDGE_E_CONNECTION, "what the server offers keeps changing");
        return;
    }
    enum kedge_rc rc = download->sink.restart(download->sink.context);
    if (rc != KEDGE_OK) {
        fail(download, rc, kedge_rc_text(rc));
        return;
    }
    download->offset = 0;
    download->total = 0;
    download->etag_size = 0;
    download->szx = KEDGE_DOWNLOAD_SZX;
    download->next_at_ms = now_ms;
}

/* RFC 7959 section 2.2: a block that is not the last one is full, and none is larger than asked
 * for. */
static bool block_fits(const struct kedge_download *download,
                       const struct kedge_download_answer *answer)
{
    if (!answer->has_block)
        return download->offset == 0;
    uint32_t size = block_size(answer->szx);
    if (answer->szx > download->szx || (uint64_t)answer->number * size != download->offset)
        return false;
    return answer->more ? answer->payload.size == size : answer->payload.size <= size;
}

void kedge_download_answer(struct kedge_download *download,
                           const struct kedge_download_answer *answer, uint64_t now_ms)
{
    if (!download->asked || download->failure != KEDGE_OK || download->finished)
        return;
    download->asked = false;
    if (answer->code != KEDGE_COAP_CONTENT) {
        refused(download, answer->code, now_ms);
        return;
    }
    if (etag_changed(download, answer->etag)) {
        restart(download, now_ms);
        return;
    }
    if (!block_fits(download, answer)) {
        kedge_download_lost(download, now_ms);
        return;
    }
    enum kedge_rc rc = download->sink.push(download->sink.context, answer->payload);
    if (rc != KEDGE_OK) {
        fail(download, rc, kedge_rc_text(rc));
        return;
    }
    if (answer->size > 0)
        download->total = answer->size;
    if (answer->has_block)
        download->szx = answer->szx;
    download->offset += answer->payload.size;
    download->finished = !answer->has_block || !answer->more;
    download->progress_at_ms = now_ms;
    download->next_at_ms = now_ms;
    download->pause_ms = KEDGE_DOWNLOAD_PAUSE_FIRST_MS;
}
