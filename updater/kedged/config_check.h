/*
 * config_check.h: what the files of the configuration want of each other. Each check says on
 * standard error what is wrong, by the option's name.
 */
#ifndef KEDGE_UPDATER_CONFIG_CHECK_H
#define KEDGE_UPDATER_CONFIG_CHECK_H

#include "updater/kedged/config.h"

/** Whether the option's value is ADDR:PORT, with a numeric address; an empty one is none. */
bool config_check_address(const char *name, const char *text);
/** The same of a list with commas, of KEDGE_CONFIG_LISTEN_MAX addresses at most. */
bool config_check_addresses(const char *name, const char *list);
/** Everything about HTTP and HTTPS; takes the slashes off the end of the base URL. */
bool config_check_web(struct kedge_config *config);

#endif
