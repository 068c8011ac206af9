/*
 * changes.h: the latest changes, by number: which things changed, not how. Whoever follows them
 * asks for those after the last number that they know, and reads what the things are now; so of two
 * changes of the same thing, one after the other, the older one need not be told.
 *
 * Not locked: events.c does that.
 */
#ifndef KEDGE_UPDATER_API_CHANGES_H
#define KEDGE_UPDATER_API_CHANGES_H

#include "updater/store/store.h"

#define CHANGES_KEPT 16384u /* a power of two */

struct change {
    enum kedge_committed_kind kind;
    bool superseded; /* the same thing changed again soon afterwards */
    uint64_t rollout_id, id;
    char endpoint[KEDGE_ENDPOINT_MAX + 1];
};

struct changes {
    struct change *ring; /* CHANGES_KEPT of them; change n stands at n modulo that */
    uint64_t newest;     /* its number; 0: there was none. They count from 1 */
};

/** KEDGE_E_MEMORY. */
enum kedge_rc changes_init(struct changes *changes) KEDGE_MUST_USE;
void changes_clear(struct changes *changes);
void changes_add(struct changes *changes, const struct kedge_committed *what);
/** The number of the oldest one that is kept, or will be. */
uint64_t changes_oldest(const struct changes *changes);
/** One that is kept. */
const struct change *changes_at(const struct changes *changes, uint64_t number);

#endif
