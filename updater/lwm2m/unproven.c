/*
 * unproven.c: devices without security that have registered, and have not shown yet that they
 * receive at the address that they gave.
 *
 * Method. A Register can be sent in anybody's name and from anybody's address. What follows from it
 * is bounded until the device answers what it is asked, or says its location: there are so many of
 * these devices at most, and the oldest goes first. So a device has as long to answer as it takes
 * so many others to register, and making up addresses shuts nobody out. A few of them each second
 * are told to those above (and so stored) at once, since devices that answer nothing are to be seen
 * too; all others when they have answered. A device with security has proved all of this.
 */
#include "updater/lwm2m/internal.h"

#include <stdlib.h>

enum kedge_rc unproven_init(struct unproven *list, size_t size)
{
    list->ring = calloc(size, sizeof *list->ring);
    list->size = (uint32_t)size;
    return list->ring != NULL ? KEDGE_OK : KEDGE_E_MEMORY;
}

static void skip_gaps(struct unproven *list)
{
    while (list->taken > 0 && list->ring[list->first] == NULL) {
        list->first = (list->first + 1) % list->size;
        list->taken--;
    }
}

static bool is_listed(const struct device *device)
{
    const struct unproven *list = &device->fleet->unproven;
    return list->ring[device->unproven_at] == device;
}

void unproven_add(struct device *device)
{
    struct kedge_fleet *fleet = device->fleet;
    struct unproven *list = &fleet->unproven;
    if (list->taken == list->size) {
        fleet->counters.pushed_out++;
        device_leave(list->ring[list->first], KEDGE_GONE_UNPROVEN);
    }
    device->unproven_at = (list->first + list->taken) % list->size;
    list->ring[device->unproven_at] = device;
    list->taken++;
    list->count++;
    kedge_net_peer_doubt(fleet->net, &device->address);
}

void unproven_remove(struct device *device)
{
    struct unproven *list = &device->fleet->unproven;
    if (!is_listed(device))
        return;
    list->ring[device->unproven_at] = NULL;
    list->count--;
    skip_gaps(list);
}

bool unproven_may_be_told(struct kedge_fleet *fleet)
{
    return kedge_tokens_take(&fleet->unproven.told, fleet->unproven_told_rate,
                             kedge_net_now_ms(fleet->net));
}

void device_prove(struct device *device)
{
    struct kedge_fleet *fleet = device->fleet;
    if (!device->registered || device->proven)
        return;
    device->proven = true;
    unproven_remove(device);
    if (!device->address.secure)
        kedge_hosts_prove(&fleet->hosts, device_host(fleet, &device->address));
    kedge_net_peer_trust(fleet->net, &device->address);
    device_tell(device);
}
