/*
 * glance.h: one look at what a network thread owns, which does not wait for it for ever: whoever
 * watches the server must be told that it hangs, and not hang too.
 */
#ifndef KEDGE_UPDATER_GLANCE_H
#define KEDGE_UPDATER_GLANCE_H

#include "updater/net/net.h"

#define KEDGE_GLANCE_MAX 512u
#define KEDGE_GLANCE_WAIT_MS 1000u

/** On the network thread: writes what it sees to `out`, which is zeroed. */
typedef void kedge_glance_fn(void *context, void *out);

/**
 * Has `look` called on the network's thread and copies `size` bytes (KEDGE_GLANCE_MAX at most) of
 * what it saw to `out`. False after KEDGE_GLANCE_WAIT_MS, or without memory: `out` is untouched,
 * and `look` may be called still, so `context` outlives the network. From any other thread.
 */
bool kedge_glance(struct kedge_net *net, kedge_glance_fn *look, void *context, void *out,
                  size_t size);

#endif
