/* download.c: see download.h. */
#include "agent/fetch/download.h"

#include <kedge/coap.h>
#include <stdio.h>

#define CODE_CLASS(code) ((code) >> 5)
#define CODE_DETAIL(code) ((code)&0x1Fu)
#define CODE_TOO_MANY_REQUESTS KEDGE_COAP_CODE(4, 29) /* RFC 8516 */

static uint32_t block_size(uint8_t szx)
{
    return 16u << szx;
}

void kedge_download_begin(struct kedge_download *download, const struct kedge_download_sink *sink,
                          const struct kedge_download_point *from, uint64_t patience_ms,
                          uint64_t now_ms)
{
    kedge_transfer_begin(&download->transfer, sink, patience_ms, now_ms);
    download->szx = KEDGE_DOWNLOAD_SZX;
    download->unproven = from != NULL && from->offset > 0;
    if (!download->unproven)
        return;
    download->transfer.offset = from->offset;
    download->transfer.total = from->total;
    download->transfer.etag = from->etag;
}

static void restart(struct kedge_download *download, uint64_t now_ms)
{
    download->szx = KEDGE_DOWNLOAD_SZX;
    download->unproven = false;
    (void)kedge_transfer_restart(&download->transfer, "what the server offers keeps changing",
                                 now_ms);
}

static uint64_t next_block(const struct kedge_download *download)
{
    return download->transfer.offset / block_size(download->szx);
}

enum kedge_download_step kedge_download_next(struct kedge_download *download, uint64_t now_ms,
                                             uint64_t *wait_ms, uint32_t *number)
{
    struct kedge_transfer *transfer = &download->transfer;
    enum kedge_download_step step = kedge_transfer_next(transfer, now_ms, wait_ms);
    if (step != KEDGE_DOWNLOAD_ASK)
        return step;
    if (download->unproven && next_block(download) >= KEDGE_DOWNLOAD_BLOCKS_MAX)
        restart(download, now_ms);
    if (transfer->failure == KEDGE_OK && next_block(download) >= KEDGE_DOWNLOAD_BLOCKS_MAX)
        kedge_transfer_fail(transfer, KEDGE_E_SPACE,
                            "the download has more blocks than Block2 can number");
    if (transfer->failure != KEDGE_OK)
        return KEDGE_DOWNLOAD_FAILED;
    *number = (uint32_t)next_block(download);
    return KEDGE_DOWNLOAD_ASK;
}

void kedge_download_asked(struct kedge_download *download, uint64_t now_ms)
{
    kedge_transfer_asked(&download->transfer, now_ms);
}

void kedge_download_lost(struct kedge_download *download, uint64_t now_ms)
{
    kedge_transfer_lost(&download->transfer, NULL, 0, now_ms);
}

/* A refusal of the server: some pass by themselves, and two may name the time after which they are
 * to be asked for again (RFC 7252 section 5.9.3.4, RFC 8516); the others are about the URI. */
static void refused(struct kedge_download *download, const struct kedge_download_answer *answer,
                    uint64_t now_ms)
{
    uint8_t code = answer->code;
    bool busy = code == KEDGE_COAP_UNAVAILABLE || code == CODE_TOO_MANY_REQUESTS;
    bool passes = busy || CODE_CLASS(code) == 5 || code == KEDGE_COAP_INCOMPLETE;
    if (!passes && download->unproven) {
        restart(download, now_ms);
        return;
    }
    char words[32];
    snprintf(words, sizeof words, "the server answered %u.%02u", (unsigned)CODE_CLASS(code),
             (unsigned)CODE_DETAIL(code));
    if (passes)
        kedge_transfer_come_again(&download->transfer, words, busy ? answer->max_age_s : 0, now_ms);
    else
        kedge_transfer_fail(&download->transfer, KEDGE_E_URI, words);
}

/* Servers leave the ETag out of later blocks (libcoap does, reference case): only another one
 * counts. */
static bool etag_changed(struct kedge_download *download, struct kedge_slice etag)
{
    struct kedge_transfer *transfer = &download->transfer;
    if (download->unproven)
        return !kedge_slice_equal(etag, kedge_etag_slice(&transfer->etag));
    if (etag.size == 0 || etag.size > KEDGE_DOWNLOAD_ETAG_MAX)
        return false;
    if (transfer->offset > 0 && transfer->etag.size > 0)
        return !kedge_slice_equal(etag, kedge_etag_slice(&transfer->etag));
    kedge_etag_set(&transfer->etag, etag);
    return false;
}

/* Where the block that was asked for begins. */
static uint64_t asked_from(const struct kedge_download *download)
{
    return next_block(download) * block_size(download->szx);
}

/* RFC 7959 section 2.2: a block that is not the last one is full, and none is larger than asked
 * for. */
static bool block_fits(const struct kedge_download *download,
                       const struct kedge_download_answer *answer)
{
    if (!answer->has_block)
        return download->transfer.offset == 0;
    uint32_t size = block_size(answer->szx);
    if (answer->szx > download->szx || (uint64_t)answer->number * size != asked_from(download))
        return false;
    return answer->more ? answer->payload.size == size : answer->payload.size <= size;
}

/* A point to go on at is where a frame begins, seldom a block; all that follow are whole blocks. */
static struct kedge_slice what_is_new(const struct kedge_download *download,
                                      struct kedge_slice payload)
{
    uint64_t known = download->transfer.offset - asked_from(download);
    if (known == 0)
        return payload;
    if (known >= payload.size)
        return kedge_slice(NULL, 0);
    return kedge_slice(payload.data + known, payload.size - (size_t)known);
}

void kedge_download_answer(struct kedge_download *download,
                           const struct kedge_download_answer *answer, uint64_t now_ms)
{
    struct kedge_transfer *transfer = &download->transfer;
    if (!transfer->asked || transfer->failure != KEDGE_OK || transfer->finished)
        return;
    transfer->asked = false;
    if (!kedge_transfer_count(transfer, answer->payload.size))
        return;
    if (answer->code != KEDGE_COAP_CONTENT) {
        refused(download, answer, now_ms);
        return;
    }
    if (etag_changed(download, answer->etag)) {
        restart(download, now_ms);
        return;
    }
    if (!block_fits(download, answer)) {
        if (download->unproven)
            restart(download, now_ms);
        else
            kedge_transfer_lost(transfer, "the server sends another block than the one asked for",
                                0, now_ms);
        return;
    }
    download->unproven = false;
    if (answer->size > 0 && !kedge_transfer_expect(transfer, answer->size))
        return;
    if (!kedge_transfer_push(transfer, what_is_new(download, answer->payload)))
        return;
    if (answer->has_block)
        download->szx = answer->szx;
    transfer->finished = !answer->has_block || !answer->more;
    kedge_transfer_progress(transfer, now_ms);
}
