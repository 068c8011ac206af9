/*
 * spans.h: spans of time and attempts, as the command line says them.
 */
#ifndef KEDGE_UPDATER_CLI_SPANS_H
#define KEDGE_UPDATER_CLI_SPANS_H

#include "updater/cli/cli.h"

/** "600", "600s", "10m", "2h", "7d" or "1w", in seconds; false for anything else, and for more than
 * nine digits of seconds. */
bool span_read(const char *text, uint32_t *span_s);

/** Adds what --retry says ("failed=2,timed-out=3") to a policy; false, with a complaint. */
bool add_attempts(const struct arguments *arguments, json_t *policy);

#endif
