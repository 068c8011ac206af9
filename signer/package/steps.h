/*
 * steps.h: a manifest's command sequences in words: what a device does, step by step.
 *
 * The words are made from the commands as they stand in the manifest, not from what a package
 * usually has, so they also tell the truth about a strange one.
 */
#ifndef KEDGE_SIGNER_STEPS_H
#define KEDGE_SIGNER_STEPS_H

#include <kedge/suit.h>

#define KEDGE_STEP_PARAMETERS_MAX 16u
#define KEDGE_STEP_VALUE_SIZE 200u
#define KEDGE_STEP_TEXT_SIZE 400u

/** One command in words. */
struct kedge_described_step {
    const char *sequence; /* "shared", "install", "validate", ... */
    int64_t command;
    char name[64]; /* the registry's, or "command 4711" */
    char text[KEDGE_STEP_TEXT_SIZE];
    struct {
        char name[64];
        char value[KEDGE_STEP_VALUE_SIZE];
    } parameters[KEDGE_STEP_PARAMETERS_MAX]; /* what directive-override-parameters sets */
    size_t parameter_count;
};

/** Is given each step in turn. */
struct kedge_step_sink {
    void *context;
    void (*take)(void *context, const struct kedge_described_step *step);
};

/**
 * kedge_steps_describe() goes through the sequences in the order in which an update runs them.
 * `names` may be empty. Fails as reading the manifest does; what was described until then has been
 * given to `sink`.
 */
enum kedge_rc kedge_steps_describe(const struct kedge_suit_envelope *envelope,
                                   const struct kedge_suit_text *names,
                                   const struct kedge_step_sink *sink) KEDGE_MUST_USE;

/** kedge_uuid_text() writes 16 bytes as 8-4-4-4-12 hex digits and a NUL. */
void kedge_uuid_text(const uint8_t uuid[16], char text[37]);

#endif
