/* progress.c: see progress.h. */
#define _GNU_SOURCE
#include "signer/cli/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 500u /* shorter tasks show nothing */
#define INTERVAL_MS 100u

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

void kedge_progress_begin(struct kedge_progress *progress, const char *what, uint64_t total)
{
    *progress = (struct kedge_progress){
        .what = what, .total = total, .terminal = isatty(STDERR_FILENO) != 0};
    if (progress->terminal)
        progress->started_ms = now_ms();
}

void kedge_progress_add(struct kedge_progress *progress, uint64_t bytes)
{
    progress->done += bytes;
    if (!progress->terminal || progress->total == 0)
        return;
    uint64_t now = now_ms();
    if (now - progress->started_ms < PATIENCE_MS || now - progress->shown_ms < INTERVAL_MS)
        return;
    progress->shown_ms = now;
    fprintf(stderr, "\r%s: %3u %%", progress->what,
            (unsigned)(progress->done * 100 / progress->total));
}

void kedge_progress_end(struct kedge_progress *progress)
{
    if (progress->shown_ms != 0)
        fputs("\r\033[K", stderr);
}
