/*
 * fit.h: whether a device can take a package, as far as a server knows before it is offered. What a
 * device does not say of itself, it judges itself.
 */
#ifndef KEDGE_UPDATER_ROLLOUT_FIT_H
#define KEDGE_UPDATER_ROLLOUT_FIT_H

#include <kedge/base.h>

/* X(name, as the API calls it, words for people) */
#define KEDGE_FITS(X)                                                                           \
    X(KEDGE_FIT_OK, "fits", "can take the package")                                             \
    X(KEDGE_FIT_UNKNOWN, "not_known", "is not known")                                           \
    X(KEDGE_FIT_UNIDENTIFIED, "not_identified",                                                 \
      "has not said yet of which vendor and class it is")                                       \
    X(KEDGE_FIT_VENDOR, "vendor", "is of another vendor")                                       \
    X(KEDGE_FIT_CLASS, "class", "is of another class")                                          \
    X(KEDGE_FIT_HARDWARE, "hardware", "has a hardware revision that the package is not for")    \
    X(KEDGE_FIT_VERSION, "version", "runs a version that the package does not replace")         \
    X(KEDGE_FIT_SEQUENCE, "sequence", "takes no sequence number as low as that of the package") \
    X(KEDGE_FIT_SIZE, "size", "has no slot as large as the image of the package")

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
    uint64_t sequence;                     /* its own; 0: not known */
    uint64_t image_size;                   /* bytes, likewise */
};

/** What a device says that it takes; 0: it does not say. */
struct kedge_fit_limits {
    uint64_t sequence_floor; /* the lowest sequence number */
    uint64_t slot_capacity;  /* bytes of an image */
};

#define KEDGE_FIT_WORDS_MAX 112u /* with the NUL */

/**
 * KEDGE_FIT_OK, or KEDGE_FIT_HARDWARE and what follows it. As a device does, it takes a hardware
 * and a version that are not known, or are none, for what does not fit; a limit that is not known
 * is none.
 */
enum kedge_fit kedge_fit_check(const struct kedge_fit_conditions *conditions, const char *hardware,
                               const char *version, const struct kedge_fit_limits *limits);
/** kedge_fit_text(), with the figures of the one device where there are any. */
void kedge_fit_words(enum kedge_fit fit, const struct kedge_fit_conditions *conditions,
                     const struct kedge_fit_limits *limits, char text[KEDGE_FIT_WORDS_MAX]);

#endif
