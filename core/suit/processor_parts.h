/*
 * processor_parts.h: what the files of the processor share: processor_check.c looks at everything
 * before it runs, processor.c decides which command comes next, commands.c does one of them.
 */
#ifndef KEDGE_CORE_SUIT_PROCESSOR_PARTS_H
#define KEDGE_CORE_SUIT_PROCESSOR_PARTS_H

#include <kedge/processor.h>

enum suit_command_kind {
    SUIT_UNKNOWN = 0,
    SUIT_FLOW,      /* the processor's own: index, parameters, try-each, run-sequence */
    SUIT_CONDITION, /* `failure` says that it does not hold */
    SUIT_DIRECTIVE
};

struct suit_command {
    enum suit_command_kind kind;
    uint32_t needs;        /* parameters, kedge_suit_has bits */
    enum kedge_rc failure; /* of a condition */
    bool writes, reads;    /* the component; the source component */
};

/** What is known about a command. */
struct suit_command suit_command(int64_t id);

/** Whether the platform has a function for a condition or directive. */
bool suit_platform_has(const struct kedge_suit_platform *platform, int64_t id);

/**
 * Runs a condition or directive on one component; KEDGE_E_MISSING without its parameters. `*failed`
 * is set when a condition does not hold, which is then the result; other results are failures, or
 * KEDGE_E_BUSY.
 */
enum kedge_rc suit_command_run(struct kedge_suit_processor *processor, int64_t id, size_t index,
                               bool *failed) KEDGE_MUST_USE;

/** The sections of a procedure, in the order in which they run. */
#define SUIT_PROCEDURE_SECTIONS 3u
extern const enum kedge_suit_section suit_procedures[2][SUIT_PROCEDURE_SECTIONS];

/** The encoded sequence of a section; empty when the manifest has none. */
struct kedge_slice suit_section(const struct kedge_suit_parts *parts,
                                enum kedge_suit_section section);

/** Notes the command or parameter that is refused and hands `rc` on. */
enum kedge_rc suit_refuse(struct kedge_suit_processor *processor, enum kedge_suit_section section,
                          bool parameter, int64_t id, enum kedge_rc rc);

/** Reads the argument of set-component-index: a number, a list of numbers, or true. */
enum kedge_rc suit_targets_read(struct kedge_slice argument, size_t component_count,
                                struct kedge_suit_targets *out) KEDGE_MUST_USE;

/**
 * Opens the argument of try-each: two sequences or more, of which the last may be null (section
 * 8.4.10.2).
 */
enum kedge_rc suit_alternatives_begin(struct kedge_slice argument, struct kedge_cursor *cursor,
                                      size_t *count) KEDGE_MUST_USE;
/** The next sequence; `data` is NULL for null, which succeeds without doing anything. */
enum kedge_rc suit_alternatives_next(struct kedge_cursor *cursor, size_t *left,
                                     struct kedge_slice *sequence) KEDGE_MUST_USE;

/** The argument of run-sequence. */
enum kedge_rc suit_sequence_argument(struct kedge_slice argument,
                                     struct kedge_slice *sequence) KEDGE_MUST_USE;

/** Checks all that can be said before anything runs. */
enum kedge_rc suit_check(struct kedge_suit_processor *processor) KEDGE_MUST_USE;

#endif
