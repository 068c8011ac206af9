/*
 * conditions.h: conditional and partial requests (RFC 9110 sections 13 and 14): what is to be
 * answered to a GET or HEAD of something that never changes and has a strong entity tag.
 *
 * Pure: header lines and the size go in, a verdict comes out. There is no modification date, so
 * If-Modified-Since and If-Unmodified-Since are ignored (sections 13.1.3 and 13.1.4), and a date in
 * If-Range holds for nothing (section 13.1.5).
 */
#ifndef KEDGE_UPDATER_API_CONDITIONS_H
#define KEDGE_UPDATER_API_CONDITIONS_H

#include <kedge/base.h>

/** Zero it but for `tag`. What the lines lend is borrowed until the verdict. */
struct conditions {
    struct kedge_slice tag; /* the entity tag of what is served, without its quotes; it is strong */
    bool match_given, match;  /* If-Match */
    bool none_match;          /* If-None-Match: one of those listed is ours */
    size_t ranges, if_ranges; /* how many lines there were */
    struct kedge_slice range, if_range;
};

enum conditions_verdict {
    CONDITIONS_WHOLE,         /* 200 */
    CONDITIONS_PART,          /* 206 */
    CONDITIONS_NOT_MODIFIED,  /* 304 */
    CONDITIONS_FAILED,        /* 412 */
    CONDITIONS_UNSATISFIABLE, /* 416 */
};

struct byte_range {
    uint64_t first;
    uint64_t size; /* at least 1 */
};

/** Takes one line of the request's header; names are compared without case, others are ignored. */
void conditions_take(struct conditions *conditions, const char *name, struct kedge_slice value);

/**
 * The verdict in the order of section 13.2.2. `size` (at least 1) is what is served in bytes; a
 * HEAD has no ranges (section 14.2). CONDITIONS_PART fills in `range`, which lies within `size`.
 * A Range that is malformed, of another unit, or of several ranges is ignored.
 */
enum conditions_verdict conditions_judge(const struct conditions *conditions, bool head,
                                         uint64_t size, struct byte_range *range);

#endif
