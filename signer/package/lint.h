/*
 * lint.h: looking before signing: does this release follow from the one before it? Each rule is
 * something that a signature makes irrevocable and that somebody once got wrong.
 */
#ifndef KEDGE_SIGNER_LINT_H
#define KEDGE_SIGNER_LINT_H

#include <kedge/suit.h>

#define KEDGE_FINDING_TEXT_MAX 256u

/** What is asked of the new release beside what always is. */
struct kedge_lint_rules {
    uint64_t slot_size;   /* bytes; 0: not asked */
    bool allow_downgrade; /* an older image signed again, with a higher sequence number */
};

/** Is given each finding: the rule's short name for machines, and words for people. */
struct kedge_lint_sink {
    void *context;
    void (*find)(void *context, const char *rule, const char *words);
};

/**
 * kedge_lint() compares `next` with `previous` (NULL: only the slot size is asked) and returns how
 * many findings it gave to `sink`.
 * It needs no signature of either: only what the manifests say, and image_size of `next`. Rules:
 *
 *     sequence   it went up
 *     version    it went up, by SemVer's precedence (not asked with allow_downgrade)
 *     vendor     it is the same
 *     class      it is the same
 *     window     a device that runs the previous version is let in
 *     hardware   each revision that the previous release ran on is still there
 *     slot-size  the image fits
 */
size_t kedge_lint(const struct kedge_suit_manifest *next,
                  const struct kedge_suit_manifest *previous, const struct kedge_lint_rules *rules,
                  const struct kedge_lint_sink *sink);

#endif
