/* intake.c: see intake.h. */
#include "agent/fetch/intake.h"

#include <kedge/coap.h>
#include <stdio.h>
#include <string.h>

static uint64_t offset_of(const struct kedge_intake_block *block)
{
    return (uint64_t)block->number << (block->szx + 4u);
}

/* RFC 7959 section 2.2: a block that is not the last one is full. */
static bool is_sound(const struct kedge_intake_block *block)
{
    size_t size = (size_t)16 << block->szx;
    bool fits = block->more ? block->payload.size == size : block->payload.size <= size;
    return fits && block->payload.size > 0 && block->tag.size <= KEDGE_INTAKE_TAG_MAX;
}

static bool same_tag(const struct kedge_intake *intake, const struct kedge_intake_block *block)
{
    return kedge_slice_equal(block->tag, kedge_slice(intake->tag, intake->tag_size));
}

static void fail(struct kedge_intake *intake, enum kedge_rc rc, const char *words)
{
    intake->running = false;
    intake->failure = rc;
    snprintf(intake->words, sizeof intake->words, "%s", words);
}

static void note_progress(struct kedge_intake *intake, uint64_t now_ms)
{
    kedge_patience_progress(&intake->patience, now_ms);
    intake->quiet_at_ms = now_ms + KEDGE_INTAKE_QUIET_MS;
}

void kedge_intake_begin(struct kedge_intake *intake, const struct kedge_download_sink *sink,
                        uint64_t patience_ms, uint64_t now_ms)
{
    *intake = (struct kedge_intake){.sink = *sink, .running = true};
    kedge_patience_begin(&intake->patience, patience_ms, now_ms);
    note_progress(intake, now_ms);
}

bool kedge_intake_knows(const struct kedge_intake *intake, const struct kedge_intake_block *block)
{
    /* A first block without a tag may be the first of another package. */
    return (intake->running || intake->finished) && is_sound(block) && same_tag(intake, block) &&
           (block->tag.size > 0 || block->number > 0) &&
           offset_of(block) + block->payload.size <= intake->offset;
}

/* Whatever it is good for; false when it has failed by that. */
static bool afford(struct kedge_intake *intake, const struct kedge_intake_block *block)
{
    struct kedge_budget *budget = intake->sink.budget;
    char words[KEDGE_BUDGET_WORDS_MAX];
    if (budget == NULL || !intake->running)
        return true;
    uint64_t total = block->number == 0 ? block->total : intake->total;
    if (!kedge_budget_fits(budget, total, words))
        fail(intake, KEDGE_E_SPACE, words);
    else if (!kedge_budget_spend(budget, block->payload.size, total, words))
        fail(intake, KEDGE_E_BUDGET, words);
    return intake->failure == KEDGE_OK;
}

/* A first block: of the first package, or of one that is pushed in place of what came so far. */
static enum kedge_rc begin_body(struct kedge_intake *intake, const struct kedge_intake_block *block)
{
    if (intake->offset > 0)
        KEDGE_TRY(intake->sink.restart(intake->sink.context));
    intake->offset = 0;
    intake->total = block->total;
    intake->tag_size = (uint8_t)block->tag.size;
    if (block->tag.size > 0)
        memcpy(intake->tag, block->tag.data, block->tag.size);
    return KEDGE_OK;
}

static enum kedge_rc push(struct kedge_intake *intake, const struct kedge_intake_block *block)
{
    if (block->number == 0)
        KEDGE_TRY(begin_body(intake, block));
    return intake->sink.push(intake->sink.context, block->payload);
}

static uint8_t refusal(enum kedge_rc rc)
{
    return rc == KEDGE_E_SPACE ? KEDGE_COAP_TOO_LARGE : KEDGE_COAP_BAD_REQUEST;
}

uint8_t kedge_intake_take(struct kedge_intake *intake, const struct kedge_intake_block *block,
                          uint64_t now_ms)
{
    if (!is_sound(block))
        return KEDGE_COAP_BAD_REQUEST;
    if (!afford(intake, block))
        return refusal(intake->failure);
    if (kedge_intake_knows(intake, block))
        return intake->finished && !block->more ? KEDGE_COAP_CHANGED : KEDGE_COAP_CONTINUE;
    bool fits =
        block->number == 0 || (same_tag(intake, block) && offset_of(block) == intake->offset);
    if (!intake->running || !fits)
        return KEDGE_COAP_INCOMPLETE;
    enum kedge_rc rc = push(intake, block);
    if (rc != KEDGE_OK) {
        fail(intake, rc, kedge_rc_text(rc));
        return refusal(rc);
    }
    intake->offset += block->payload.size;
    intake->finished = !block->more;
    intake->running = block->more;
    note_progress(intake, now_ms);
    return block->more ? KEDGE_COAP_CONTINUE : KEDGE_COAP_CHANGED;
}

bool kedge_intake_poll(struct kedge_intake *intake, uint64_t now_ms, uint64_t *wait_ms, bool *quiet)
{
    uint64_t give_up_at_ms = kedge_patience_ends_at_ms(&intake->patience);
    if (!intake->running)
        return true;
    if (now_ms >= give_up_at_ms) {
        char words[KEDGE_PATIENCE_WORDS_MAX];
        kedge_patience_words(&intake->patience, intake->offset, words);
        fail(intake, KEDGE_E_CONNECTION, words);
        return false;
    }
    if (now_ms >= intake->quiet_at_ms) {
        intake->quiet_at_ms = now_ms + KEDGE_INTAKE_QUIET_MS;
        *quiet = true;
    }
    uint64_t until_ms = intake->quiet_at_ms < give_up_at_ms ? intake->quiet_at_ms : give_up_at_ms;
    if (until_ms - now_ms < *wait_ms)
        *wait_ms = until_ms - now_ms;
    return true;
}

void kedge_intake_end(struct kedge_intake *intake)
{
    intake->running = intake->finished = false;
}
