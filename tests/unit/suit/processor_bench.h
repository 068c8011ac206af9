/*
 * processor_bench.h: what the tests of the processor have in common: a device, and a manifest in
 * the making. The device's ids are zeros.
 */
#ifndef KEDGE_TEST_PROCESSOR_BENCH_H
#define KEDGE_TEST_PROCESSOR_BENCH_H

#include "tests/unit/suit/sequences.h"

#define ZEROS16 "00000000000000000000000000000000"
#define ZEROS32 ZEROS16 ZEROS16
#define ONES32 "0101010101010101010101010101010101010101010101010101010101010101"
#define IDS "a20150" ZEROS16 "0250" ZEROS16
#define DIGEST(hex) "a1035824822f5820" hex
#define URI_A "a1156161"

#define SLOT KEDGE_SUIT_CONDITION_COMPONENT_SLOT
#define MATCH KEDGE_SUIT_CONDITION_IMAGE_MATCH
#define CONTENT KEDGE_SUIT_CONDITION_CHECK_CONTENT
#define ABORT KEDGE_SUIT_CONDITION_ABORT
#define FETCH KEDGE_SUIT_DIRECTIVE_FETCH
#define WRITE KEDGE_SUIT_DIRECTIVE_WRITE
#define COPY KEDGE_SUIT_DIRECTIVE_COPY
#define SWAP KEDGE_SUIT_DIRECTIVE_SWAP
#define INVOKE KEDGE_SUIT_DIRECTIVE_INVOKE

/* A device and a manifest in the making: one shared sequence that checks vendor and class. */
struct bench {
    struct simulated sim;
    struct draft draft;
    struct seq shared, install;
    struct kedge_suit_processor processor;
    uint8_t bytes[4096];
    struct kedge_suit_envelope envelope;
};

static inline void bench_begin(struct bench *bench, size_t components)
{
    memset(bench, 0, sizeof *bench);
    simulated_begin(&bench->sim, components);
    bench->draft = (struct draft){.components = components, .sequence = 7, .version = 1};
    bench->draft.section[KEDGE_SUIT_SECTION_SHARED] = &bench->shared;
    bench->draft.section[KEDGE_SUIT_SECTION_INSTALL] = &bench->install;
    if (components > 1)
        seq_index(&bench->shared, "f5");
    seq_set(&bench->shared, IDS);
    seq_do(&bench->shared, KEDGE_SUIT_CONDITION_VENDOR);
    seq_do(&bench->shared, KEDGE_SUIT_CONDITION_CLASS);
}

static inline enum kedge_rc bench_prepare(struct bench *bench, enum kedge_suit_procedure procedure)
{
    bench->envelope = draft_envelope(&bench->draft, bench->bytes, sizeof bench->bytes);
    return kedge_suit_processor_begin(&bench->processor, &bench->envelope, NULL,
                                      &bench->sim.platform, procedure);
}

static inline enum kedge_rc bench_run(struct bench *bench, enum kedge_suit_procedure procedure)
{
    KEDGE_TRY(bench_prepare(bench, procedure));
    return kedge_suit_processor_run(&bench->processor);
}

static inline enum kedge_rc bench_update(struct bench *bench)
{
    return bench_run(bench, KEDGE_SUIT_UPDATE);
}

/* What the device was told behind the checks of vendor and class. */
static inline const char *told(const struct bench *bench)
{
    const char *last = bench->sim.log;
    for (const char *at = last; (at = strstr(at, "class")) != NULL; at += 5)
        last = at + 7;
    return last;
}

static inline void assert_refused(const struct bench *bench, const char *text)
{
    char words[KEDGE_SUIT_REFUSAL_TEXT_MAX];
    kedge_suit_refusal_text(&bench->processor.refused, words);
    assert_string_equal(words, text);
}

#endif
