/* place.c: see place.h. */
#define _GNU_SOURCE
#include "agent/local/place.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_folder(const char *path)
{
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

enum kedge_rc kedge_local_place_open(struct kedge_local_place *place, const char *path,
                                     const char *state)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    size_t folder_size = (size_t)(name - path);
    place->folder = -1;
    if (path[0] == '\0')
        name = KEDGE_LOCAL_SOCKET_FILE;
    if (name[0] == '\0' || strlen(name) > KEDGE_LOCAL_NAME_MAX || folder_size >= sizeof folder ||
        strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return KEDGE_E_ARGUMENT;
    strcpy(place->name, name);
    memcpy(folder, path, folder_size);
    folder[folder_size] = '\0';
    place->folder = open_folder(path[0] == '\0' ? state : folder_size == 0 ? "." : folder);
    return place->folder >= 0 ? KEDGE_OK : KEDGE_E_SYSTEM;
}

void kedge_local_place_close(struct kedge_local_place *place)
{
    if (place->folder >= 0)
        close(place->folder);
    place->folder = -1;
}

struct sockaddr_un kedge_local_place_address(const struct kedge_local_place *place)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _Static_assert(sizeof address.sun_path >
                       sizeof "/proc/self/fd/2147483647/" + KEDGE_LOCAL_NAME_MAX,
                   "the longest name fits");
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", place->folder,
             place->name);
    return address;
}
