/*
 * watch_rollouts.h: kedge rollout list --watch.
 */
#ifndef KEDGE_UPDATER_CLI_WATCH_ROLLOUTS_H
#define KEDGE_UPDATER_CLI_WATCH_ROLLOUTS_H

#include "updater/cli/cli.h"

/** Shows the newest rollouts, and how they go, until it is interrupted or the server is gone. */
enum status rollouts_watch(struct cli *cli);

#endif
