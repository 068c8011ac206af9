/* twice.h: devices that stand in one list twice, by their endpoints or by what they prove. Pure. */
#ifndef KEDGE_UPDATER_API_TWICE_H
#define KEDGE_UPDATER_API_TWICE_H

#include "updater/store/store.h"

/** A device of a request or of a file, and where in it the device stands. */
struct twice_place {
    const struct kedge_credential_record *credential; /* borrowed */
    size_t place;
};

/** Told of each: the device at `place` has its `member` from one at `first`, before it. */
typedef void twice_fn(void *context, size_t place, const char *member, size_t first);

/** twice_find() tells of all that are there twice, endpoints first; it sorts `places`. */
void twice_find(struct twice_place *places, size_t count, twice_fn *twice, void *context);

#endif
