/*
 * moment.h: points in time as people write them, in the proleptic Gregorian calendar.
 */
#ifndef KEDGE_UPDATER_ROLLOUT_MOMENT_H
#define KEDGE_UPDATER_ROLLOUT_MOMENT_H

#include <kedge/base.h>

#define KEDGE_DAY_S 86400u
#define KEDGE_MOMENT_MAX_MS 253402300799999u /* the last one that four digits of a year can say */
#define KEDGE_MOMENT_TEXT_MAX 24u            /* "2026-11-26T09:00:00Z" with its NUL, and more */
#define KEDGE_SPAN_TEXT_MAX 32u              /* of kedge_span_text() */

/** `count` digits as a number; false: something else stands there. */
bool kedge_moment_digits(struct kedge_cursor *cursor, size_t count, uint64_t *out);
/**
 * 2026-11-26, which begins at midnight UTC, 2026-11-26T09:00:00Z, or with an offset as +01:00 (RFC
 * 3339, without fractions); false for anything else, and for what was before 1970.
 */
bool kedge_moment_parse(struct kedge_slice text, uint64_t *time_ms);

/** A second of some clock on a wall. */
struct kedge_moment {
    unsigned year, month, day; /* month and day from 1 */
    unsigned hour, minute, second;
};

/** What a clock reads `at_s` seconds after it read 1970-01-01 00:00:00. */
struct kedge_moment kedge_moment_of(uint64_t at_s);
/** "2026-11-26T09:00:00Z". */
void kedge_moment_text(uint64_t time_ms, char text[KEDGE_MOMENT_TEXT_MAX]);
/** "45 s", "12 min", "3 h 12 min", "2 d 5 h": rounded down to its smaller unit. */
void kedge_span_text(uint64_t span_ms, char text[KEDGE_SPAN_TEXT_MAX]);

#endif
