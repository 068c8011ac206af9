/*
 * overlaps.h: rollouts that go on and want devices of one that is planned.
 */
#ifndef KEDGE_UPDATER_OVERLAPS_H
#define KEDGE_UPDATER_OVERLAPS_H

#include "updater/kedged/backend.h"
#include "updater/kedged/targets.h"

/**
 * Fills plan->overlaps as the targets' parts in other rollouts stand now. The network thread is
 * asked for a thousand devices at a time, so that it can do other things in between; while the
 * store is held there is nothing to be told. KEDGE_E_MEMORY when it could not be asked.
 */
enum kedge_rc kedge_overlaps_find(struct kedge_backend_state *state,
                                  const struct kedge_targets *targets,
                                  struct kedge_backend_plan *plan) KEDGE_MUST_USE;

#endif
