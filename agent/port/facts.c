/* facts.c: see facts.h; the network is in network.c. */
#define _GNU_SOURCE
#include "agent/port/facts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum kedge_rc kedge_port_storage(int folder, uint64_t *free_size, uint64_t *total_size)
{
    struct statvfs status;
    if (fstatvfs(folder, &status) != 0)
        return KEDGE_E_SYSTEM;
    *free_size = (uint64_t)status.f_bavail * status.f_frsize;
    *total_size = (uint64_t)status.f_blocks * status.f_frsize;
    return KEDGE_OK;
}

void kedge_port_utc_offset(uint64_t now_s, char text[KEDGE_PORT_UTC_OFFSET_MAX + 1])
{
    time_t now = (time_t)now_s;
    struct tm local = {0};
    tzset();
    localtime_r(&now, &local);
    long minutes = local.tm_gmtoff / 60;
    unsigned distance = (unsigned)(minutes < 0 ? -minutes : minutes) % (24 * 60);
    snprintf(text, KEDGE_PORT_UTC_OFFSET_MAX + 1, "%c%02u:%02u", minutes < 0 ? '-' : '+',
             distance / 60, distance % 60);
}

/* "Europe/Berlin" or "UTC": what a zone's name is made of, and no file's whole path. */
static bool is_zone(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/+-";
    size_t size = strlen(name);
    return size > 0 && size <= KEDGE_PORT_ZONE_MAX && name[0] != '/' &&
           strspn(name, letters) == size;
}

enum kedge_rc kedge_port_zone(char text[KEDGE_PORT_ZONE_MAX + 1])
{
    static const char marker[] = "/zoneinfo/";
    char target[PATH_MAX + 1];
    const char *name = getenv("TZ");
    if (name == NULL || name[0] == '\0') {
        ssize_t size = readlink("/etc/localtime", target, PATH_MAX);
        target[size > 0 ? size : 0] = '\0';
        name = strstr(target, marker);
        if (name == NULL)
            return KEDGE_E_NOT_FOUND;
        name += sizeof marker - 1;
    } else if (name[0] == ':') {
        name++; /* POSIX: the rest is the implementation's own, a zone's name here */
    }
    if (!is_zone(name))
        return KEDGE_E_NOT_FOUND;
    strcpy(text, name);
    return KEDGE_OK;
}
