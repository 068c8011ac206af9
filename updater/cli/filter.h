/*
 * filter.h: --filter, looked at before it is sent.
 */
#ifndef KEDGE_UPDATER_CLI_FILTER_H
#define KEDGE_UPDATER_CLI_FILTER_H

#include "updater/cli/cli.h"
#include "updater/rollout/filter.h"

/** Whether it is a filter; if not, a complaint shows it and points at where it goes wrong. */
bool check_filter(enum kedge_filter_of of, const char *text);
/** All pages of a listing by the --filter that is given, or not. Takes `path` of path_of() over. */
enum status ask_matching(struct cli *cli, enum kedge_filter_of of,
                         const struct arguments *arguments, char *path, const char *name,
                         json_t **out);

#endif
