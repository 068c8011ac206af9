/*
 * fit.h: whether a device can take a package, as far as a server knows before it is offered.
 *
 * What only a device knows (its sequence floor, the size of its slot) it judges itself.
 */
#ifndef KEDGE_UPDATER_ROLLOUT_FIT_H
#define KEDGE_UPDATER_ROLLOUT_FIT_H

#include <kedge/base.h>

/* X(name, as the API calls it, words for people) */
#define KEDGE_FITS(X)                                                                        \
    X(KEDGE_FIT_OK, "fits", "can take the package")                                          \
    X(KEDGE_FIT_UNKNOWN, "not_known", "is not known")                                        \
    X(KEDGE_FIT_UNIDENTIFIED, "not_identified",                                              \
      "has not said yet of which vendor and class it is")                                    \
    X(KEDGE_FIT_VENDOR, "vendor", "is of another vendor")                                    \
    X(KEDGE_FIT_CLASS, "class", "is of another class")                                       \
    X(KEDGE_FIT_HARDWARE, "hardware", "has a hardware revision that the package is not for") \
    X(KEDGE_FIT_VERSION, "version", "runs a version that the package does not replace")

enum kedge_fit {
#define KEDGE_FIT_ENUM_(name, code, words) name,
    KEDGE_FITS(KEDGE_FIT_ENUM_)
#undef KEDGE_FIT_ENUM_
        KEDGE_FIT_COUNT
};

/** As "hardware", and in words; static storage. */
const char *kedge_fit_code(enum kedge_fit fit);
const char *kedge_fit_text(enum kedge_fit fit);

/** What a package asks beside vendor and class; "" (or NULL): nothing. */
struct kedge_fit_conditions {
    const char *hardware;                  /* revisions, each on a line of its own */
    const char *min_version, *max_version; /* of what it replaces, both inclusive */
};

/**
 * KEDGE_FIT_OK, KEDGE_FIT_HARDWARE or KEDGE_FIT_VERSION. As a device does, it takes what is not
 * known, or is no version, for what does not fit.
 */
enum kedge_fit kedge_fit_check(const struct kedge_fit_conditions *conditions, const char *hardware,
                               const char *version);

#endif
