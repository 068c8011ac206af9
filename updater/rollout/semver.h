/*
 * semver.h: versions of any length as Semantic Versioning 2.0.0 orders them.
 *
 * A package's version is what a manifest can express (kedge_suit_version). What a device says that
 * it runs is any text, so it is compared as text, with every identifier that SemVer allows.
 */
#ifndef KEDGE_UPDATER_ROLLOUT_SEMVER_H
#define KEDGE_UPDATER_ROLLOUT_SEMVER_H

#include <kedge/base.h>

/** Views into the text that was parsed. */
struct kedge_semver {
    struct kedge_slice numbers[3]; /* major, minor, patch: digits */
    struct kedge_slice prerelease; /* identifiers between dots; size 0: a release */
};

/** Whether `text` is a version by SemVer's grammar, all of it; build metadata may stand there. */
bool kedge_semver_parse(struct kedge_slice text, struct kedge_semver *out);
/** -1, 0 or 1, by section 11: build metadata does not count. */
int kedge_semver_compare(const struct kedge_semver *a, const struct kedge_semver *b);

#endif
