/*
 * attributes.h: what a server attaches to paths to say when it wants to be notified (OMA LwM2M Core
 * 1.1, section 5.1.2 and 7.3), and what follows for one observation. Pure. They outlast
 * observations and registrations, and end with the process.
 */
#ifndef KEDGE_AGENT_ATTRIBUTES_H
#define KEDGE_AGENT_ATTRIBUTES_H

#include <kedge/lwm2m.h>

#define KEDGE_ATTRIBUTES_PATHS_MAX 16u   /* paths with attributes; one more is answered 5.00 */
#define KEDGE_ATTRIBUTES_TEXT_MAX 160u   /* bytes of them as attributes of a link */
#define KEDGE_ATTRIBUTE_S_MAX 315360000u /* of the periods: ten years */

enum kedge_attribute {
    KEDGE_ATTRIBUTE_PMIN,  /* seconds: not sooner after the last notification */
    KEDGE_ATTRIBUTE_PMAX,  /* seconds: not later, changed or not; below pmin it is not minded */
    KEDGE_ATTRIBUTE_EPMIN, /* seconds between two looks at the value, at least */
    KEDGE_ATTRIBUTE_EPMAX, /* and at most, for what changes by itself */
    KEDGE_ATTRIBUTE_GT,    /* notify when the value crosses it */
    KEDGE_ATTRIBUTE_LT,
    KEDGE_ATTRIBUTE_ST, /* or has moved by so much */
    KEDGE_ATTRIBUTE_COUNT
};

struct kedge_attribute_values {
    uint8_t set; /* bit by bit, as enum kedge_attribute counts */
    double values[KEDGE_ATTRIBUTE_COUNT];
};

/** What one Write-Attributes asks for. */
struct kedge_attribute_change {
    struct kedge_attribute_values to;
    uint8_t unset;
};

struct kedge_attributes {
    struct {
        struct kedge_lwm2m_path path;
        struct kedge_attribute_values values; /* nothing set: the place is free */
    } entries[KEDGE_ATTRIBUTES_PATHS_MAX];
};

/**
 * kedge_attributes_parse() adds one query of a Write-Attributes, `pmin=10`, or `pmin` alone which
 * takes it away. KEDGE_E_UNSUPPORTED for a name that is none of these, KEDGE_E_MALFORMED for a
 * value that is no number of its kind or a name that was there before, KEDGE_E_LIMIT for a period
 * that is too long.
 */
enum kedge_rc kedge_attributes_parse(struct kedge_attribute_change *change,
                                     struct kedge_slice query) KEDGE_MUST_USE;
/**
 * kedge_attributes_write() carries a change out, or nothing of it: 2.04; 4.00 for gt, lt and st at
 * a path that `is_number` does not say to be one numeric resource, or where they contradict each
 * other (lt + 2 st < gt must hold); 5.00 when there is no place.
 */
uint8_t kedge_attributes_write(struct kedge_attributes *attributes,
                               const struct kedge_lwm2m_path *path, bool is_number,
                               const struct kedge_attribute_change *change);
/** What is attached to `path` itself. */
struct kedge_attribute_values kedge_attributes_own(const struct kedge_attributes *attributes,
                                                   const struct kedge_lwm2m_path *path);
/** What holds for `path`: its own before those of its resource, instance and object. */
struct kedge_attribute_values kedge_attributes_for(const struct kedge_attributes *attributes,
                                                   const struct kedge_lwm2m_path *path);
/** Appends them as attributes of a link, ";pmin=10;pmax=60". */
enum kedge_rc kedge_attributes_text(const struct kedge_attribute_values *values,
                                    struct kedge_writer *out) KEDGE_MUST_USE;

/** Takes from `more` what `values` has not: defaults, or the attributes of the path above. */
void kedge_attributes_inherit(struct kedge_attribute_values *values,
                              const struct kedge_attribute_values *more);

/** Of two paths observed together: the longer pmin and epmin, the shorter pmax; no conditions. */
void kedge_attributes_combine(struct kedge_attribute_values *values,
                              const struct kedge_attribute_values *more);

/** What is known of an observation when it is asked whether to notify. Times are monotonic. */
struct kedge_attribute_look {
    bool changed;        /* the value is not what was told last */
    bool has_number;     /* it is one number, and was one then */
    double told, number; /* what was told last, and what it is now */
    uint64_t told_at_ms, looked_at_ms;
};

/**
 * kedge_attributes_due() says whether to notify now; `look->looked_at_ms` moves on when the value
 * was looked at. Otherwise `wait_ms` is in how long to ask again though nothing happens,
 * UINT64_MAX: never.
 */
bool kedge_attributes_due(const struct kedge_attribute_values *values,
                          struct kedge_attribute_look *look, uint64_t now_ms, uint64_t *wait_ms);

#endif
