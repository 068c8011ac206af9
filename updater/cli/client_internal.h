/*
 * client_internal.h: what the parts of the client share. Only client.c and stream.c include it.
 */
#ifndef KEDGE_UPDATER_CLI_CLIENT_INTERNAL_H
#define KEDGE_UPDATER_CLI_CLIENT_INTERNAL_H

#include <curl/curl.h>

#include "updater/cli/client.h"

/** client_dress() has `curl` ask for `url` as the client does: its token, trust and limits. */
void client_dress(const struct client *client, CURL *curl, const char *url);

/** The whole URL of a path; the caller's. NULL when there is no memory. */
char *client_url(const struct client *client, const char *path);

#endif
