/* network.c: which interface reaches the server, what kind of link it is, and its addresses. */
#define _GNU_SOURCE
#include "agent/port/facts.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct kedge_port_network_files kedge_port_network_files = {"/sys/class/net",
                                                                  "/proc/net/wireless"};

/* ---- kinds of links ---- */

static bool read_file(const struct kedge_port_network_files *files, const char *name,
                      const char *leaf, char *text, size_t capacity)
{
    char path[256];
    int length = snprintf(path, sizeof path, "%s/%s/%s", files->interfaces, name, leaf);
    FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "re") : NULL;
    if (file == NULL)
        return false;
    size_t size = fread(text, 1, capacity - 1, file);
    text[size] = '\0';
    fclose(file);
    return true;
}

static bool has_folder(const struct kedge_port_network_files *files, const char *name,
                       const char *leaf)
{
    char path[256];
    int length = snprintf(path, sizeof path, "%s/%s/%s", files->interfaces, name, leaf);
    return length > 0 && (size_t)length < sizeof path && access(path, F_OK) == 0;
}

enum kedge_port_bearer kedge_port_bearer(const struct kedge_port_network_files *files,
                                         const char *name)
{
    char text[1024];
    if (has_folder(files, name, "wireless") || has_folder(files, name, "phy80211"))
        return KEDGE_BEARER_WLAN;
    if (read_file(files, name, "uevent", text, sizeof text)) {
        if (strstr(text, "DEVTYPE=wlan\n") != NULL)
            return KEDGE_BEARER_WLAN;
        if (strstr(text, "DEVTYPE=wwan\n") != NULL)
            return KEDGE_BEARER_CELLULAR;
        if (strstr(text, "DEVTYPE=bluetooth\n") != NULL)
            return KEDGE_BEARER_BLUETOOTH;
    }
    if (read_file(files, name, "type", text, sizeof text) &&
        strtol(text, NULL, 10) == ARPHRD_IEEE802154)
        return KEDGE_BEARER_IEEE_802_15_4;
    return KEDGE_BEARER_ETHERNET;
}

/* " wlan0: 0000   54.  -56.  -256 ..." after two lines of headings: status, link, level, noise. */
int kedge_port_signal_dbm(const struct kedge_port_network_files *files, const char *name)
{
    char line[256], found[17];
    int level = 0;
    FILE *file = fopen(files->wireless, "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        int value;
        if (sscanf(line, " %16[^: ]: %*x %*d. %d", found, &value) == 2 && strcmp(found, name) == 0)
            level = value;
    }
    fclose(file);
    return level;
}

/* ---- interfaces ---- */

static bool same_address(const struct sockaddr *a, const struct sockaddr *b)
{
    if (a == NULL || b == NULL || a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET)
        return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)(const void *)b)->sin_addr.s_addr;
    return a->sa_family == AF_INET6 &&
           memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
                  &((const struct sockaddr_in6 *)(const void *)b)->sin6_addr,
                  sizeof(struct in6_addr)) == 0;
}

static bool is_up(const struct ifaddrs *entry)
{
    return (entry->ifa_flags & IFF_UP) != 0 && (entry->ifa_flags & IFF_RUNNING) != 0;
}

static const char *find_interface(const struct ifaddrs *all, const struct sockaddr *local)
{
    const char *first = NULL;
    for (const struct ifaddrs *entry = all; entry != NULL; entry = entry->ifa_next) {
        if (same_address(entry->ifa_addr, local))
            return entry->ifa_name;
        bool is_inet = entry->ifa_addr != NULL && (entry->ifa_addr->sa_family == AF_INET ||
                                                   entry->ifa_addr->sa_family == AF_INET6);
        if (first == NULL && is_inet && is_up(entry) && (entry->ifa_flags & IFF_LOOPBACK) == 0)
            first = entry->ifa_name;
    }
    return first;
}

static void add_bearer(struct kedge_port_network *network, int bearer)
{
    for (size_t i = 0; i < network->bearer_count; i++)
        if (network->bearers[i] == bearer)
            return;
    if (network->bearer_count < KEDGE_PORT_BEARERS_MAX)
        network->bearers[network->bearer_count++] = bearer;
}

static void add_address(struct kedge_port_network *network, const struct sockaddr *address)
{
    const void *bytes;
    if (address == NULL || network->address_count == KEDGE_PORT_ADDRESSES_MAX)
        return;
    if (address->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    else if (address->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    else
        return;
    if (inet_ntop(address->sa_family, bytes, network->addresses[network->address_count],
                  INET6_ADDRSTRLEN) != NULL)
        network->address_count++;
}

void kedge_port_network(const struct kedge_port_network_files *files, const struct sockaddr *local,
                        struct kedge_port_network *network)
{
    *network = (struct kedge_port_network){.bearer = KEDGE_BEARER_ETHERNET};
    struct ifaddrs *all;
    if (getifaddrs(&all) != 0)
        return;
    const char *interface = find_interface(all, local);
    if (interface != NULL) {
        snprintf(network->interface, sizeof network->interface, "%s", interface);
        network->bearer = (int)kedge_port_bearer(files, interface);
        network->signal_dbm = kedge_port_signal_dbm(files, interface);
        add_bearer(network, network->bearer);
    }
    for (const struct ifaddrs *entry = all; entry != NULL; entry = entry->ifa_next) {
        if (interface != NULL && strcmp(entry->ifa_name, interface) == 0)
            add_address(network, entry->ifa_addr);
        if (is_up(entry) && (entry->ifa_flags & IFF_LOOPBACK) == 0)
            add_bearer(network, (int)kedge_port_bearer(files, entry->ifa_name));
    }
    freeifaddrs(all);
}
