/*
 * stream.h: the server's events (/api/v1/events), by which who watches knows when to look again.
 * What has changed is always asked for: a stream that cannot be had, or that has ended, costs
 * nothing but promptness.
 */
#ifndef KEDGE_UPDATER_CLI_STREAM_H
#define KEDGE_UPDATER_CLI_STREAM_H

#include "updater/cli/client.h"

#define STREAM_LOOK_MS 250u    /* without a stream: so often it is looked */
#define STREAM_SOONEST_MS 100u /* with one: not more often than that */
#define STREAM_ANYHOW_MS 2000u /* and so often anyhow: how far downloads are is no event */
#define STREAM_AGAIN_MS 2000u  /* one that has ended is asked for again */
#define STREAM_PATH_MAX 512u

struct stream;

/**
 * stream_open() begins to listen for the events of `path`, as "/api/v1/events?rollout=7"; it does
 * not block. `client` is borrowed for as long as the stream is there. NULL when there is no memory.
 */
struct stream *stream_open(struct client *client, const char *path);

/** stream_wait() blocks until it is time to look again. */
void stream_wait(struct stream *stream);

/** stream_close() ends it; NULL is none. */
void stream_close(struct stream *stream);

#endif
