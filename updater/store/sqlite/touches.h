/*
 * touches.h: the newest touch of each device that waits to be flushed.
 */
#ifndef KEDGE_UPDATER_STORE_SQLITE_TOUCHES_H
#define KEDGE_UPDATER_STORE_SQLITE_TOUCHES_H

#include "updater/rollout/map.h"
#include "updater/store/store.h"

struct kedge_touch_node {
    struct kedge_map_link link; /* the first member */
    struct kedge_touch_node *next, *previous;
    struct kedge_device_touch touch; /* its texts are behind the node */
};

struct kedge_touches {
    struct kedge_map map;
    struct kedge_touch_node *first;
};

enum kedge_rc kedge_touches_init(struct kedge_touches *touches) KEDGE_MUST_USE;
void kedge_touches_free(struct kedge_touches *touches);
enum kedge_rc kedge_touches_put(struct kedge_touches *touches,
                                const struct kedge_device_touch *touch) KEDGE_MUST_USE;
/** Forgets the touch of a device; that there is none is fine. */
void kedge_touches_forget(struct kedge_touches *touches, const char *endpoint);

#endif
