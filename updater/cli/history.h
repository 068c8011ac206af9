/* history.h: what has happened, an entry in a line. */
#ifndef KEDGE_UPDATER_CLI_HISTORY_H
#define KEDGE_UPDATER_CLI_HISTORY_H

#include <jansson.h>

/** Prints an entry of a rollout's history, behind its time. */
void history_say(const json_t *entry);

#endif
