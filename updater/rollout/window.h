/*
 * window.h: recurring windows of time: `Mon-Fri 22:00-04:00 Europe/Berlin`.
 *
 * A window is a stretch of the week as a clock on the wall of its zone reads it: it is open exactly
 * while that clock reads such a time. An hour that is skipped is not there, and one that is read
 * twice is there twice. Nothing here allocates, blocks or has state; what clocks read in a zone is
 * told by a seam. The language is written down in docs/rollouts.md, "Windows".
 */
#ifndef KEDGE_UPDATER_ROLLOUT_WINDOW_H
#define KEDGE_UPDATER_ROLLOUT_WINDOW_H

#include <kedge/base.h>

#define KEDGE_WINDOWS_MAX 8u          /* at one time */
#define KEDGE_ZONE_NAME_MAX 40u       /* bytes of a time zone's name */
#define KEDGE_WINDOW_TEXT_MAX 96u     /* bytes of a window as somebody writes it */
#define KEDGE_WINDOWS_TEXT_MAX 800u   /* of all, one a line, as they are kept */
#define KEDGE_WINDOW_PROBLEM_MAX 192u /* with its NUL */
#define KEDGE_WINDOW_LENGTH_MAX_S 604800u
/** So far ahead it is looked for the next opening: every window opens more than once in it. */
#define KEDGE_WINDOW_HORIZON_S 34560000u /* 400 days */
#define KEDGE_WINDOW_NEVER UINT64_MAX
#define KEDGE_ZONE_UTC "UTC"

/** What clocks read in a zone: so far ahead of UTC, for so long. */
struct kedge_zone_offset {
    int32_t offset_s;
    uint64_t until_s; /* Unix time, above the one that was asked about; UINT64_MAX: for ever */
};

/** The time zones that there are. */
struct kedge_zones {
    void *context;
    /** False: there is no zone of that name. */
    bool (*offset)(void *context, const char *zone, uint64_t at_s, struct kedge_zone_offset *out);
};

struct kedge_window {
    uint8_t days;      /* bit 1u << day: the days on which it opens, Monday is 0 */
    bool fixed;        /* a device's own zone is not looked at */
    uint32_t start_s;  /* of the day */
    uint32_t length_s; /* on the clock; at least 60 */
    char zone[KEDGE_ZONE_NAME_MAX + 1];
};

/** Open is what one of them is. Without any, it always is. */
struct kedge_windows {
    struct kedge_window items[KEDGE_WINDOWS_MAX];
    uint32_t count;
};

/** Where a window is none, and why. */
struct kedge_window_problem {
    unsigned column;                     /* from 1 */
    char text[KEDGE_WINDOW_PROBLEM_MAX]; /* what stands there and what was expected */
};

/** Whether it can be the name of a zone: "UTC", or an area and a place, as Europe/Berlin. */
bool kedge_zone_name_valid(const char *name);

/**
 * Parses all of `text`. `zones` NULL: whether there is such a zone is not looked at. On failure
 * `problem` is filled in: KEDGE_E_MALFORMED (it is no window), KEDGE_E_ARGUMENT (it never opens),
 * KEDGE_E_NOT_FOUND (there is no such zone), KEDGE_E_LIMIT (too long).
 */
enum kedge_rc kedge_window_parse(struct kedge_slice text, const struct kedge_zones *zones,
                                 struct kedge_window *window,
                                 struct kedge_window_problem *problem) KEDGE_MUST_USE;
/** The one way of writing it, which parses to the same again. */
void kedge_window_text(const struct kedge_window *window, char text[KEDGE_WINDOW_TEXT_MAX + 1]);

/** All of them, one a line; "" for none. KEDGE_E_LIMIT. */
enum kedge_rc kedge_windows_text(const struct kedge_windows *windows,
                                 char text[KEDGE_WINDOWS_TEXT_MAX + 1]) KEDGE_MUST_USE;
/** From what kedge_windows_text() made; KEDGE_E_MALFORMED for anything else. */
enum kedge_rc kedge_windows_load(const char *text, struct kedge_windows *windows) KEDGE_MUST_USE;

/** How it stands, and until when. */
struct kedge_window_state {
    bool open;
    uint64_t changes_at_ms; /* it stands so before, and otherwise from then on;
                               KEDGE_WINDOW_NEVER: it does not change within the horizon */
};

/**
 * How the windows stand at `at_ms`, by the zone `own` (NULL, "" or none that there is: by that of
 * each window). A window whose zone is gone is taken by UTC.
 */
void kedge_windows_state(const struct kedge_windows *windows, const struct kedge_zones *zones,
                         const char *own, uint64_t at_ms, struct kedge_window_state *out);

/** The zone that counts for somebody whose own is `own`: that of the first window, or `own`. */
const char *kedge_windows_zone(const struct kedge_windows *windows, const struct kedge_zones *zones,
                               const char *own);

#endif
