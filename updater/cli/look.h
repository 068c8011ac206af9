/*
 * look.h: what every watch does: ask again and again, through a restart of the server.
 */
#ifndef KEDGE_UPDATER_CLI_LOOK_H
#define KEDGE_UPDATER_CLI_LOOK_H

#include <time.h>

#include "updater/cli/cli.h"
#include "updater/cli/screen.h"

#define LOOK_OUTAGE_S 60 /* a server that restarts is waited for */

/** How a look went: LOOK_AGAIN is one that may go well the next time. */
enum look { LOOK_SEEN, LOOK_AGAIN, LOOK_FAILED };

struct looking {
    struct cli *cli;
    struct screen *screen; /* cleared before anything is said */
    bool reached;          /* the server has answered at least once */
    time_t silent_since;   /* 0: it answers */
};

/**
 * look_at() asks for `path`, which it frees. LOOK_SEEN: *out is the answer, the caller's.
 * LOOK_FAILED: it was said, and *status is what to exit with.
 */
enum look look_at(struct looking *looking, char *path, json_t **out, enum status *status);

/**
 * look_in_rounds() is a watch: `round` looks, draws and says whether to go on, anew whenever the
 * events at `path`, which it frees, tell of a change. `path` may be NULL for want of memory. Returns
 * what `round` has set in the end.
 */
enum status look_in_rounds(struct looking *looking, char *path,
                           bool (*round)(void *watch, enum status *status), void *watch);

/** Prints a record in a line of its own, as JSON. */
void print_json_line(const json_t *record);

/** Prints an entry of a history with its time, above what is drawn. */
void print_history_line(struct screen *screen, const json_t *entry);

#endif
