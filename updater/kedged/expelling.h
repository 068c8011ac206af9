/*
 * expelling.h: the endpoints whose credentials are about to change. The list is made before the
 * change, so that no lack of memory keeps alive what a former credential has brought; it is acted
 * on when the change is durable.
 */
#ifndef KEDGE_UPDATER_EXPELLING_H
#define KEDGE_UPDATER_EXPELLING_H

#include <kedge/base.h>
#include <stdbool.h>

struct kedge_expelling {
    void *server; /* whose devices they are; for who acts on it */
    size_t count;
    const char *endpoints[]; /* in the order of strcmp once sorted; their texts stand behind */
};

/** With room for so many; NULL without memory. End it with free(). */
struct kedge_expelling *kedge_expelling_create(size_t room);
/** At most as often as there is room. */
void kedge_expelling_add(struct kedge_expelling *expelling, const char *endpoint);
/** When all are there. */
void kedge_expelling_sort(struct kedge_expelling *expelling);
/** Whether it is one of those that were sorted. */
bool kedge_expelling_holds(const struct kedge_expelling *expelling, const char *endpoint);

#endif
