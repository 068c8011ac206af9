/*
 * settings.h: what a file says of the server, so that it need not be said each time.
 *
 * The file is what KEDGE_CONFIG names, else kedge/kedge.conf in the user's folder of configurations
 * (XDG_CONFIG_HOME, ~/.config), else /etc/kedge/kedge.conf: the first that there is, and that
 * alone. It has "name = value" lines: server, token-file, ca-file, fingerprint.
 */
#ifndef KEDGE_UPDATER_CLI_SETTINGS_H
#define KEDGE_UPDATER_CLI_SETTINGS_H

#include <stdbool.h>

#define SETTINGS_VALUE_MAX 1023u

/** "" is what the file does not say. */
struct settings {
    char server[SETTINGS_VALUE_MAX + 1];
    char token_file[SETTINGS_VALUE_MAX + 1];
    char ca_file[SETTINGS_VALUE_MAX + 1];
    char fingerprint[SETTINGS_VALUE_MAX + 1];
};

/** settings_read() fills in all; false, with a complaint, when there is a file and it is wrong. */
bool settings_read(struct settings *settings);

#endif
