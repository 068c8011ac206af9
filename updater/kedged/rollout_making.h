/*
 * rollout_making.h: a new rollout is given to the engine in parts, so that devices are answered
 * between them.
 */
#ifndef KEDGE_UPDATER_ROLLOUT_MAKING_H
#define KEDGE_UPDATER_ROLLOUT_MAKING_H

#include "updater/kedged/bridge.h"
#include "updater/kedged/targets.h"

#define KEDGE_MAKING_PART 500u /* devices in a step of the network thread */
/* On their way to the store at once: so long others who write wait at most. Fewer would be more
 * transactions, each of which writes most pages of the index of devices anew. */
#define KEDGE_MAKING_PARTS_AHEAD 40u

/**
 * kedge_rollout_check() says what the engine would refuse of a rollout whose targets are all there:
 * O(targets), on any thread. `text` (of KEDGE_BACKEND_TEXT_MAX bytes) and `field`, which may be
 * NULL, are then those of the refusal.
 */
enum kedge_rc kedge_rollout_check(const struct kedge_rollout_spec *spec, char *text,
                                  const char **field) KEDGE_MUST_USE;

/**
 * kedge_rollout_make() creates the rollout of `event`, KEDGE_EVENT_ROLLOUT_CREATE over `targets`,
 * which it says are there or not as their turn comes; both stay the caller's. It waits until all of
 * it is durable. A refusal is in `text` and `field`, as above; what was written of the rollout by
 * then is aborted. KEDGE_E_BUSY when the store was lost in the midst: then the draft is
 * aborted when it can be written again.
 */
enum kedge_rc kedge_rollout_make(struct kedge_net *net, struct kedge_bridge *bridge,
                                 const struct kedge_engine_event *event,
                                 struct kedge_targets *targets, uint64_t *rollout_id, char *text,
                                 const char **field) KEDGE_MUST_USE;

#endif
