/* transfer.c: see transfer.h. */
#include "agent/fetch/transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void kedge_transfer_begin(struct kedge_transfer *transfer, const struct kedge_download_sink *sink,
                          uint64_t patience_ms, uint64_t now_ms)
{
    *transfer = (struct kedge_transfer){.sink = *sink};
    kedge_patience_begin(&transfer->patience, patience_ms, now_ms);
}

static void end_patience(struct kedge_transfer *transfer)
{
    char words[KEDGE_PATIENCE_WORDS_MAX];
    kedge_patience_words(&transfer->patience, transfer->offset, words);
    snprintf(transfer->words, sizeof transfer->words, "%s%s%.*s", words,
             transfer->trouble[0] != '\0' ? ": " : "",
             (int)(sizeof transfer->words - sizeof words - 2), transfer->trouble);
    transfer->failure = KEDGE_E_CONNECTION;
}

enum kedge_download_step kedge_transfer_next(struct kedge_transfer *transfer, uint64_t now_ms,
                                             uint64_t *wait_ms)
{
    *wait_ms = 0;
    if (transfer->failure != KEDGE_OK)
        return KEDGE_DOWNLOAD_FAILED;
    if (transfer->finished)
        return KEDGE_DOWNLOAD_DONE;
    if (now_ms >= kedge_patience_ends_at_ms(&transfer->patience)) {
        end_patience(transfer);
        return KEDGE_DOWNLOAD_FAILED;
    }
    if (transfer->asked && now_ms >= transfer->patience.next_at_ms)
        kedge_transfer_lost(transfer, "no answer in time", 0, now_ms);
    if (now_ms >= transfer->patience.next_at_ms)
        return KEDGE_DOWNLOAD_ASK;
    *wait_ms = kedge_patience_wait_ms(&transfer->patience, now_ms);
    return KEDGE_DOWNLOAD_WAIT;
}

void kedge_transfer_asked(struct kedge_transfer *transfer, uint64_t now_ms)
{
    transfer->asked = true;
    kedge_patience_asked(&transfer->patience, now_ms);
}

/* Without random numbers a pause is as long as it must be. */
static uint32_t spread(const struct kedge_random *random)
{
    uint32_t number = 0;
    if (random == NULL || random->fill(random->context, &number, sizeof number) != KEDGE_OK)
        return 0;
    return number;
}

void kedge_transfer_lost(struct kedge_transfer *transfer, const char *trouble, uint64_t least_ms,
                         uint64_t now_ms)
{
    if (trouble != NULL)
        snprintf(transfer->trouble, sizeof transfer->trouble, "%s", trouble);
    transfer->asked = false;
    kedge_patience_lost(&transfer->patience, least_ms, spread(transfer->sink.random), now_ms);
}

void kedge_transfer_come_again(struct kedge_transfer *transfer, const char *what, uint64_t after_s,
                               uint64_t now_ms)
{
    uint64_t ends_at_ms = kedge_patience_ends_at_ms(&transfer->patience);
    uint64_t left_ms = ends_at_ms > now_ms ? ends_at_ms - now_ms : 0;
    if (after_s <= left_ms / 1000) {
        kedge_transfer_lost(transfer, what, after_s * 1000, now_ms);
        return;
    }
    char words[KEDGE_TRANSFER_WORDS_MAX];
    snprintf(words, sizeof words,
             "%s and is not to be asked for %" PRIu64 " s: longer than the patience", what, after_s);
    kedge_transfer_fail(transfer, KEDGE_E_CONNECTION, words);
}

void kedge_transfer_fail(struct kedge_transfer *transfer, enum kedge_rc rc, const char *words)
{
    transfer->failure = rc;
    snprintf(transfer->words, sizeof transfer->words, "%s", words);
}

bool kedge_transfer_expect(struct kedge_transfer *transfer, uint64_t total)
{
    char words[KEDGE_BUDGET_WORDS_MAX];
    transfer->total = total;
    if (transfer->sink.budget == NULL || kedge_budget_fits(transfer->sink.budget, total, words))
        return true;
    kedge_transfer_fail(transfer, KEDGE_E_SPACE, words);
    return false;
}

bool kedge_transfer_count(struct kedge_transfer *transfer, size_t size)
{
    char words[KEDGE_BUDGET_WORDS_MAX];
    struct kedge_budget *budget = transfer->sink.budget;
    /* A size that more bytes than that have come of was a lie: then none is known. */
    uint64_t total = transfer->offset + size > transfer->total ? 0 : transfer->total;
    if (budget == NULL || kedge_budget_spend(budget, size, total, words))
        return true;
    kedge_transfer_fail(transfer, KEDGE_E_BUDGET, words);
    return false;
}

void kedge_transfer_progress(struct kedge_transfer *transfer, uint64_t now_ms)
{
    transfer->trouble[0] = '\0';
    kedge_patience_progress(&transfer->patience, now_ms);
}

bool kedge_transfer_push(struct kedge_transfer *transfer, struct kedge_slice bytes)
{
    enum kedge_rc rc = transfer->sink.push(transfer->sink.context, bytes);
    if (rc != KEDGE_OK) {
        kedge_transfer_fail(transfer, rc, kedge_rc_text(rc));
        return false;
    }
    transfer->offset += bytes.size;
    return true;
}

bool kedge_transfer_restart(struct kedge_transfer *transfer, const char *words, uint64_t now_ms)
{
    if (++transfer->restarts > KEDGE_TRANSFER_RESTARTS_MAX) {
        kedge_transfer_fail(transfer, KEDGE_E_CONNECTION, words);
        return false;
    }
    enum kedge_rc rc = transfer->sink.restart(transfer->sink.context);
    if (rc != KEDGE_OK) {
        kedge_transfer_fail(transfer, rc, kedge_rc_text(rc));
        return false;
    }
    transfer->offset = 0;
    transfer->total = 0;
    transfer->etag.size = 0;
    transfer->patience.next_at_ms = now_ms;
    return true;
}

bool kedge_etag_set(struct kedge_etag *etag, struct kedge_slice bytes)
{
    etag->size = 0;
    if (bytes.size > sizeof etag->bytes)
        return false;
    if (bytes.size > 0)
        memcpy(etag->bytes, bytes.data, bytes.size);
    etag->size = (uint8_t)bytes.size;
    return true;
}

struct kedge_slice kedge_etag_slice(const struct kedge_etag *etag)
{
    return kedge_slice(etag->bytes, etag->size);
}
