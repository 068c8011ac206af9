/*
 * steps.h: a new rollout, and its groups, as the command line says them.
 */
#ifndef KEDGE_UPDATER_CLI_STEPS_H
#define KEDGE_UPDATER_CLI_STEPS_H

#include "updater/cli/cli.h"

/** Adds "groups", "spread_by" and "seed" where they are said; false, with a complaint. */
bool add_steps(const struct arguments *arguments, json_t *body);

/** Says of each group what holds for it alone, and the filter that it has. */
void print_rules(const json_t *groups);

/** The body that asks for a rollout, or for the plan of one; NULL, with a complaint. */
json_t *rollout_body(const struct arguments *arguments, bool plan);

#endif
