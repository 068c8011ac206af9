/*
 * sampling.h: notes from time to time how the fleet and its rollouts stand, for charts over time.
 *
 * A thread of its own, beside the network thread: it reads what is committed and writes samples
 * (updater/store/figures.h). A sample that could not be written is missed by nobody.
 */
#ifndef KEDGE_UPDATER_SAMPLING_H
#define KEDGE_UPDATER_SAMPLING_H

#include "updater/kedged/bridge.h"
#include "updater/kedged/resting.h"

#define KEDGE_SAMPLING_TICK_S 5u      /* a rollout that has moved meanwhile is noted */
#define KEDGE_SAMPLING_FLEET_S 60u    /* the fleet is noted */
#define KEDGE_SAMPLING_SHARES_MAX 12u /* versions that a sample of it tells apart */

struct kedge_sampling {
    struct kedge_store *store;
    struct kedge_bridge *bridge;
    const char *folder;
    struct kedge_resting resting;
};

/** Begins; the store and the bridge outlive it. 0, or the error number: then there are no samples.
 */
int kedge_sampling_start(struct kedge_sampling *sampling, struct kedge_store *store,
                         struct kedge_bridge *bridge, const char *folder);
/** Also when it was never started (zeroed). */
void kedge_sampling_stop(struct kedge_sampling *sampling);

#endif
