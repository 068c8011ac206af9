/* changes.c: a ring of what has changed. */
#include "updater/api/changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_BACK 64u /* changes among which an older one of the same thing is looked for */

enum kedge_rc changes_init(struct changes *changes)
{
    /* Pages that no change has come to yet cost nothing. */
    *changes = (struct changes){.ring = calloc(CHANGES_KEPT, sizeof(struct change))};
    return changes->ring == NULL ? KEDGE_E_MEMORY : KEDGE_OK;
}

void changes_clear(struct changes *changes)
{
    free(changes->ring);
    changes->ring = NULL;
}

static struct change *at(const struct changes *changes, uint64_t number)
{
    return &changes->ring[number % CHANGES_KEPT];
}

const struct change *changes_at(const struct changes *changes, uint64_t number)
{
    return at(changes, number);
}

uint64_t changes_oldest(const struct changes *changes)
{
    return changes->newest < CHANGES_KEPT ? 1 : changes->newest - CHANGES_KEPT + 1;
}

static bool is_same(const struct change *change, const struct kedge_committed *what)
{
    return change->kind == what->kind && change->rollout_id == what->rollout_id &&
           change->id == what->id && strcmp(change->endpoint, what->endpoint) == 0;
}

static void supersede(struct changes *changes, const struct kedge_committed *what)
{
    uint64_t oldest = changes_oldest(changes);
    for (uint64_t i = 0, number = changes->newest; i < LOOK_BACK && number >= oldest;
         i++, number--) {
        if (!is_same(at(changes, number), what))
            continue;
        at(changes, number)->superseded = true;
        return;
    }
}

void changes_add(struct changes *changes, const struct kedge_committed *what)
{
    supersede(changes, what);
    struct change *change = at(changes, ++changes->newest);
    change->kind = what->kind;
    change->superseded = false;
    change->rollout_id = what->rollout_id;
    change->id = what->id;
    (void)snprintf(change->endpoint, sizeof(change->endpoint), "%s", what->endpoint);
}
