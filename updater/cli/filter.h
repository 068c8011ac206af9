/*
 * filter.h: --filter, looked at before it is sent.
 */
#ifndef KEDGE_UPDATER_CLI_FILTER_H
#define KEDGE_UPDATER_CLI_FILTER_H

#include <stdbool.h>

/** Whether it is a filter; if not, a complaint shows it and points at where it goes wrong. */
bool check_filter(const char *text);

#endif
