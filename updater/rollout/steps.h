/*
 * steps.h: packages that take a device to a version one after the other, where the last one does
 * not replace what the device runs: intermediate versions, offered first. Pure.
 */
#ifndef KEDGE_UPDATER_ROLLOUT_STEPS_H
#define KEDGE_UPDATER_ROLLOUT_STEPS_H

#include "updater/rollout/fit.h"

#include <stddef.h>

#define KEDGE_INTERMEDIATES_MAX 4u
#define KEDGE_STEPS_MAX (KEDGE_INTERMEDIATES_MAX + 1u) /* with the rollout's own package */
#define KEDGE_STEPS_TEXT_MAX 320u                      /* with the NUL */

/** One package of the chain, in the order in which they are offered; the last is the rollout's. */
struct kedge_step {
    struct kedge_fit_conditions conditions;
    const char *version;
};

/** What is known of a device. */
struct kedge_step_device {
    const char *hardware, *version; /* "": not known */
    struct kedge_fit_limits limits;
};

/**
 * The latest step from `from` on that the device can take, and whose version it does not run:
 * nothing is taken that can be left out. `count`: there is none.
 */
size_t kedge_steps_next(const struct kedge_step *steps, size_t count, size_t from,
                        const struct kedge_step_device *device);
/**
 * How many steps from `from` on take the device to the last version; 0: none do. `through` (may be
 * NULL) counts, at its index, each step that it goes through.
 */
size_t kedge_steps_needed(const struct kedge_step *steps, size_t count, size_t from,
                          const struct kedge_step_device *device, uint64_t *through);
/**
 * Whether each step has a sequence number above those before it, a version of its own, and leads on
 * to the last one: KEDGE_E_ARGUMENT, and why. Of versions that are not known nothing is said.
 */
enum kedge_rc kedge_steps_check(const struct kedge_step *steps, size_t count,
                                char why[KEDGE_STEPS_TEXT_MAX]) KEDGE_MUST_USE;

#endif
