/*
 * steps.h: the groups of a new rollout, as the command line says them.
 */
#ifndef KEDGE_UPDATER_CLI_STEPS_H
#define KEDGE_UPDATER_CLI_STEPS_H

#include "updater/cli/cli.h"

/** Adds "groups", "spread_by" and "seed" where they are said; false, with a complaint. */
bool add_steps(const struct arguments *arguments, json_t *body);

#endif
