/*
 * progress.h: what those who watch make of the server's answers: pure functions.
 */
#ifndef KEDGE_UPDATER_CLI_PROGRESS_H
#define KEDGE_UPDATER_CLI_PROGRESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum watch_verdict {
    WATCH_GOES_ON,
    WATCH_FINISHED, /* exit status 0 */
    WATCH_STOPPED   /* paused, aborted, rolled back: exit status 1 */
};

/** What the state of a rollout means for who watches it; an unknown one goes on. */
enum watch_verdict watch_verdict(const char *state);

/**
 * How much of the work is done, 0 to 100, from the counts by state; `downloaded` (0 to 1) is how
 * far the downloads are on average. 100 only when every deployment has ended.
 */
unsigned progress_percent(const json_t *counts, double downloaded);

/** The average of bytes_done / bytes_total over a list of deployments; 0 for none. */
double downloads_average(const json_t *deployments);

/** "[#####.....]  50 %  running: 1 downloading, 1 succeeded", cut to `width` characters. */
void progress_line(const json_t *rollout, double downloaded, size_t width, char *out,
                   size_t out_size);

/**
 * "canary  [#####.....]  50 %  running: 1 downloading, 1 succeeded": a group or a rollout, with
 * `name` in `name_width` columns, all cut to `width` columns.
 */
void named_line(const char *name, size_t name_width, const json_t *record, double downloaded,
                size_t width, char *out, size_t out_size);

/**
 * Which of `count` groups are shown where there is room for `room`: the index of the first, so that
 * the first that has not ended is among them, with the one before it where there is room.
 */
size_t groups_first(const json_t *groups, size_t room);

/** "[#####.....]  50 %  downloading 1.0 MiB of 2.0 MiB: why", of a deployment. */
void deployment_line(const json_t *deployment, size_t width, char *out, size_t out_size);

/** "boat-1: downloading -> downloaded: why", of an entry of the history. */
void history_line(const json_t *entry, char *out, size_t out_size);

/** Whether an entry tells of a deployment that ended other than well. */
bool history_is_bad(const json_t *entry);

#endif
