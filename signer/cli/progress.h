/*
 * progress.h: how far a long task is, on a terminal only and only when it takes its time.
 */
#ifndef KEDGE_SIGNER_PROGRESS_H
#define KEDGE_SIGNER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/** One task of `total` bytes; the caller's. */
struct kedge_progress {
    const char *what;
    uint64_t total;
    uint64_t done;
    uint64_t started_ms;
    uint64_t shown_ms;
    bool terminal;
};

/** kedge_progress_begin() starts the clock; `what` names the task ("compressing"). */
void kedge_progress_begin(struct kedge_progress *progress, const char *what, uint64_t total);

/** kedge_progress_add() counts `bytes` more as done, and shows it a few times a second. */
void kedge_progress_add(struct kedge_progress *progress, uint64_t bytes);

/** kedge_progress_end() clears the line. */
void kedge_progress_end(struct kedge_progress *progress);

#endif
