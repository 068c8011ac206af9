/*
 * filter.h: which devices somebody means: `class == "board-a" and version < 1.4.0`; or packages.
 *
 * A filter is parsed once, into a record of a fixed size that owns all it needs, and then asked
 * about one device (or package) after the other. Neither allocates, blocks or fails half-way. The
 * language is written down in docs/rollouts.md, "Filters"; its tables are printed from the ones
 * here.
 */
#ifndef KEDGE_UPDATER_ROLLOUT_FILTER_H
#define KEDGE_UPDATER_ROLLOUT_FILTER_H

#include "updater/rollout/semver.h"

#define KEDGE_FILTER_TEXT_MAX 2048u /* bytes of a filter */
#define KEDGE_FILTER_DEPTH_MAX 16u  /* parentheses and "not" within each other */
#define KEDGE_FILTER_TESTS_MAX 64u  /* comparisons in a filter */
#define KEDGE_FILTER_VALUES_MAX 256u
#define KEDGE_FILTER_NODES_MAX 256u    /* comparisons, and what ties them together */
#define KEDGE_FILTER_PROBLEM_MAX 160u  /* with its NUL */
#define KEDGE_FILTER_ATTRIBUTE_MAX 16u /* of an attribute's name, with its NUL */

/** What a filter is about: each has attributes of its own. */
enum kedge_filter_of { KEDGE_FILTER_OF_DEVICE, KEDGE_FILTER_OF_PACKAGE, KEDGE_FILTER_OF_COUNT };

/** What is known of a device or a package, by name. The first ones are texts. */
enum kedge_filter_attribute {
    KEDGE_FILTER_ENDPOINT,
    KEDGE_FILTER_VENDOR,
    KEDGE_FILTER_CLASS,
    KEDGE_FILTER_HARDWARE,
    KEDGE_FILTER_SERIAL,
    KEDGE_FILTER_BATCH,
    KEDGE_FILTER_VERSION,
    KEDGE_FILTER_ID,
    KEDGE_FILTER_UPLOADER,
    KEDGE_FILTER_TEXT_COUNT,
    KEDGE_FILTER_TAG = KEDGE_FILTER_TEXT_COUNT, /* the names of its tags, and NAME=VALUE */
    KEDGE_FILTER_TAG_VALUE,                     /* tag.NAME */
    KEDGE_FILTER_REVISION,                      /* one of those that a package is for */
    KEDGE_FILTER_REGISTERED,
    KEDGE_FILTER_FIRST_SEEN,
    KEDGE_FILTER_LAST_SEEN,
    KEDGE_FILTER_UPLOADED,
    KEDGE_FILTER_ATTRIBUTE_COUNT
};

enum kedge_filter_operator {
    KEDGE_FILTER_EQUAL,
    KEDGE_FILTER_NOT_EQUAL,
    KEDGE_FILTER_LESS,
    KEDGE_FILTER_LESS_EQUAL,
    KEDGE_FILTER_GREATER,
    KEDGE_FILTER_GREATER_EQUAL,
    KEDGE_FILTER_LIKE,
    KEDGE_FILTER_ILIKE, /* as like, in either case */
    KEDGE_FILTER_IN,
    KEDGE_FILTER_OPERATOR_COUNT
};

/** A row of the language: what an attribute is called and may be asked. */
struct kedge_filter_row {
    const char *name;
    const char *meanings[KEDGE_FILTER_OF_COUNT]; /* NULL: these have no such attribute */
    unsigned operators;                          /* bit 1u << enum kedge_filter_operator */
};

extern const struct kedge_filter_row kedge_filter_rows[KEDGE_FILTER_ATTRIBUTE_COUNT];
/** "==", "like", ...; static storage. */
const char *kedge_filter_operator_name(enum kedge_filter_operator operator_);

enum kedge_filter_node_kind {
    KEDGE_FILTER_NODE_TEST,
    KEDGE_FILTER_NODE_NOT, /* of its one child */
    KEDGE_FILTER_NODE_AND, /* of all its children */
    KEDGE_FILTER_NODE_OR
};

struct kedge_filter_value {
    uint16_t offset; /* in `texts`, with a NUL behind it */
    uint16_t size;
    bool is_version;  /* `version` views the text */
    bool flag;        /* of `registered` */
    bool before_now;  /* time_ms is so long before now */
    uint64_t time_ms; /* a point in time: Unix time */
    struct kedge_semver version;
};

struct kedge_filter_node {
    enum kedge_filter_node_kind kind;
    uint16_t first_child, next;            /* 0: none; the root is never anybody's */
    enum kedge_filter_attribute attribute; /* of a test, and likewise below */
    enum kedge_filter_operator operator_;
    uint16_t tag; /* offset of its name in `texts`, for KEDGE_FILTER_TAG_VALUE */
    uint16_t first_value, value_count; /* none: `registered` alone */
};

/** Keep it where it is: values point into it. `node_count` 0: it matches everything. */
struct kedge_filter {
    struct kedge_filter_node nodes[KEDGE_FILTER_NODES_MAX];
    struct kedge_filter_value values[KEDGE_FILTER_VALUES_MAX];
    char texts[KEDGE_FILTER_TEXT_MAX + 2];
    uint16_t node_count, value_count, test_count, text_size;
    uint16_t root;
    unsigned uses; /* bit 1u << enum kedge_filter_attribute: what it asks for */
};

/** Where a filter does not parse, and why. */
struct kedge_filter_problem {
    size_t offset;                       /* in bytes */
    unsigned line, column;               /* from 1; a column is a character of UTF-8 */
    char text[KEDGE_FILTER_PROBLEM_MAX]; /* what stands there and what was expected */
};

/**
 * Parses all of `text`. On failure `problem` is filled in: KEDGE_E_MALFORMED (it is no filter),
 * KEDGE_E_TYPE (an attribute that `of` does not have, or that cannot be asked this), KEDGE_E_LIMIT
 * (too long, too deep, or too many comparisons or values).
 */
enum kedge_rc kedge_filter_parse(enum kedge_filter_of of, struct kedge_slice text,
                                 struct kedge_filter *filter,
                                 struct kedge_filter_problem *problem) KEDGE_MUST_USE;

struct kedge_filter_tag {
    const char *name, *value;
};

/** A device or a package as a filter sees it. NULL and "": not known. */
struct kedge_filter_subject {
    const char *texts[KEDGE_FILTER_TEXT_COUNT];
    const struct kedge_filter_tag *tags;
    size_t tag_count;
    bool registered;
    const char *revisions;                             /* of hardware, each on a line */
    uint64_t first_seen_ms, last_seen_ms, uploaded_ms; /* Unix time; 0: never */
    uint64_t now_ms;
};

/** Whether the filter asks for the attribute: what it does not ask for need not be filled in. */
bool kedge_filter_uses(const struct kedge_filter *filter, enum kedge_filter_attribute attribute);
bool kedge_filter_matches(const struct kedge_filter *filter,
                          const struct kedge_filter_subject *subject);
/** The one text that the attribute must equal for anything to match; NULL: not that simple. */
const char *kedge_filter_requires(const struct kedge_filter *filter,
                                  enum kedge_filter_attribute attribute);
/**
 * Whether `pattern` is all of `text`: "*" is any characters, "?" any one character of UTF-8; with
 * `either_case`, A to Z are as a to z.
 */
bool kedge_filter_like(const char *text, const char *pattern, bool either_case);

#endif
