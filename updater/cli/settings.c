/* settings.c: the configuration file of kedge. */
#define _POSIX_C_SOURCE 200809L
#include "updater/cli/settings.h"

#include <ini.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "updater/cli/cli.h"

#define SYSTEM_FILE "/etc/kedge/kedge.conf"

struct reading {
    struct settings *settings;
    char wrong[128]; /* what is wrong with the line; "": nothing */
};

static char *place_of(struct settings *settings, const char *name)
{
    const struct {
        const char *name;
        char *place;
    } rows[] = {{"server", settings->server},
                {"token-file", settings->token_file},
                {"ca-file", settings->ca_file},
                {"fingerprint", settings->fingerprint}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].place;
    return NULL;
}

static int take_pair(void *context, const char *section, const char *name, const char *value)
{
    struct reading *reading = context;
    char *place = section[0] == '\0' ? place_of(reading->settings, name) : NULL;
    if (place == NULL)
        (void)snprintf(reading->wrong, sizeof(reading->wrong),
                       "\"%.60s\" is none of server, token-file, ca-file and fingerprint", name);
    else if (strlen(value) > SETTINGS_VALUE_MAX)
        (void)snprintf(reading->wrong, sizeof(reading->wrong), "the value is too long");
    else
        memcpy(place, value, strlen(value) + 1);
    return reading->wrong[0] == '\0';
}

/* Where it is; "": there is none. */
static void find_file(char path[PATH_MAX])
{
    const char *named = getenv("KEDGE_CONFIG"), *folder = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    path[0] = '\0';
    if (named != NULL && named[0] != '\0') {
        (void)snprintf(path, PATH_MAX, "%s", named);
        return;
    }
    if (folder != NULL && folder[0] == '/')
        (void)snprintf(path, PATH_MAX, "%s/kedge/kedge.conf", folder);
    else if (home != NULL && home[0] == '/')
        (void)snprintf(path, PATH_MAX, "%s/.config/kedge/kedge.conf", home);
    if (path[0] != '\0' && access(path, F_OK) == 0)
        return;
    (void)snprintf(path, PATH_MAX, "%s", access(SYSTEM_FILE, F_OK) == 0 ? SYSTEM_FILE : "");
}

bool settings_read(struct settings *settings)
{
    struct reading reading = {.settings = settings};
    char path[PATH_MAX];
    *settings = (struct settings){.server = ""};
    find_file(path);
    int line = path[0] == '\0' ? 0 : ini_parse(path, take_pair, &reading);
    if (line == 0)
        return true;
    if (line < 0)
        complain("%s: cannot be read", path);
    else
        complain("%s:%d: %s", path, line,
                 reading.wrong[0] != '\0' ? reading.wrong : "not a name = value line");
    return false;
}
