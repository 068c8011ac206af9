/*
 * unproven.c: devices without security that have registered, and have not shown yet that they
 * receive at the address that they gave.
 *
 * Method. A Register can be sent in anybody's name and from anybody's address. What follows from it
 * is bounded until the device answers what it is asked, or says its location: there are so many of
 * these devices at most. Each has KEDGE_FLEET_PATIENCE_MS; then the oldest gives way to a newer
 * one. While nobody's time is up and there is no room, a Register is not taken up: its sender is
 * only asked by a ping whether it is there, which costs no memory. One that answers is waited for
 * among others that have, apart from the silent ones, when its Register comes again as any that is
 * not answered does (RFC 7252 section 4.2). So senders that answer nothing push out nobody who has
 * yet to be asked, and shut nobody out.
 *
 * A few of them each second are told to those above (and so stored) at once, since devices that
 * answer nothing are to be seen too; all others when they have answered. A device with security has
 * proved all of this.
 */
#include "updater/lwm2m/internal.h"

#include <stdlib.h>

/* Memory that was not touched yet costs nothing: the rings are as large as they may become. */
static enum kedge_rc ring_init(struct unproven_ring *ring, uint32_t max)
{
    ring->max = max;
    ring->size = 2u * max;
    ring->slots = calloc(ring->size, sizeof *ring->slots);
    return ring->slots != NULL ? KEDGE_OK : KEDGE_E_MEMORY;
}

enum kedge_rc unproven_init(struct unproven *list, uint32_t silent_max)
{
    KEDGE_TRY(ring_init(&list->silent, silent_max));
    return ring_init(&list->present, KEDGE_FLEET_PRESENT_FACTOR * silent_max);
}

void unproven_free(struct unproven *list)
{
    free(list->silent.slots);
    free(list->present.slots);
}

static struct unproven_ring *ring_of(const struct device *device)
{
    struct unproven *list = &device->fleet->unproven;
    return device->present ? &list->present : &list->silent;
}

static void skip_gaps(struct unproven_ring *ring)
{
    while (ring->taken > 0 && ring->slots[ring->first] == NULL) {
        ring->first = (ring->first + 1) % ring->size;
        ring->taken--;
    }
}

static void put_last(struct unproven_ring *ring, struct device *device)
{
    device->unproven_at = (ring->first + ring->taken) % ring->size;
    ring->slots[device->unproven_at] = device;
    ring->taken++;
}

/* Half of a ring without a free slot are gaps at least, so this comes once in `max` devices. */
static void close_gaps(struct unproven_ring *ring)
{
    uint32_t slots = ring->taken;
    ring->taken = 0;
    for (uint32_t i = 0; i < slots; i++) {
        uint32_t at = (ring->first + i) % ring->size;
        struct device *device = ring->slots[at];
        ring->slots[at] = NULL;
        if (device != NULL)
            put_last(ring, device);
    }
}

bool unproven_may_add(const struct kedge_fleet *fleet, const struct kedge_address *from)
{
    const struct unproven_ring *silent = &fleet->unproven.silent;
    if (silent->count < silent->max)
        return true;
    const struct device *oldest = silent->slots[silent->first];
    return kedge_net_now_ms(fleet->net) - oldest->renewed_ms >= KEDGE_FLEET_PATIENCE_MS ||
           kedge_net_is_present(fleet->net, from);
}

void unproven_add(struct device *device)
{
    struct kedge_fleet *fleet = device->fleet;
    device->present = kedge_net_is_present(fleet->net, &device->address);
    struct unproven_ring *ring = ring_of(device);
    if (ring->count == ring->max) {
        fleet->counters.pushed_out++;
        device_leave(ring->slots[ring->first], KEDGE_GONE_UNPROVEN);
    }
    if (ring->taken == ring->size)
        close_gaps(ring);
    put_last(ring, device);
    ring->count++;
    kedge_net_peer_doubt(fleet->net, &device->address);
}

void unproven_remove(struct device *device)
{
    struct unproven_ring *ring = ring_of(device);
    if (ring->slots[device->unproven_at] != device)
        return;
    ring->slots[device->unproven_at] = NULL;
    ring->count--;
    skip_gaps(ring);
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
