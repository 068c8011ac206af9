/* timing.h: start times and windows on the command line. */
#ifndef KEDGE_UPDATER_CLI_TIMING_H
#define KEDGE_UPDATER_CLI_TIMING_H

#include "updater/cli/cli.h"
#include "updater/cli/json.h"

/** Adds what is said of them to a new rollout; false, with a complaint. */
bool add_timing(const struct arguments *arguments, json_t *body);
/** What a rollout or a plan says of them; nothing where there is none. */
void print_timing(const json_t *rollout);

#endif
