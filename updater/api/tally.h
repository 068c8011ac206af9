/* tally.h: requests, counted by route and status, and how long each route takes to answer. */
#ifndef KEDGE_UPDATER_TALLY_H
#define KEDGE_UPDATER_TALLY_H

#include "updater/api/slowness.h"
#include "updater/metrics/exposition.h"

struct tally;
struct route;

/** NULL: no memory. It begins at 0. */
struct tally *tally_create(void);
void tally_destroy(struct tally *tally);

/** An answer is about to go out. `route` is NULL where there is none of that name. Any thread. */
void tally_note(struct tally *tally, const struct route *route, unsigned status,
                uint64_t duration_us);
/** So many bytes of a file that was downloaded have gone out. Any thread. */
void tally_downloaded(struct tally *tally, uint64_t bytes);

/** A connection was ended because it was late in this phase. Any thread. */
void tally_late(struct tally *tally, enum slowness_phase phase);

void tally_write(const struct tally *tally, struct kedge_exposition *out);

#endif
