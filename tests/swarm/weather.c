/*
 * weather.c: what befalls datagrams on their way: loss, a second copy, being overtaken. A datagram
 * that is late waits in memory of its own; there is a limit to how many do, above which they are on
 * time.
 */
#include "tests/swarm/swarm.h"

#include <stdlib.h>
#include <string.h>

#define LATE_LEAST_MS 20u
#define LATE_MOST_MS 200u

struct delayed {
    struct swarm_timer timer;
    struct swarm *swarm;
    struct swarm_place place;
    struct swarm_address peer;
    bool outgoing;
    size_t size;
    uint8_t bytes[];
};

static void hand_over(struct swarm *swarm, struct swarm_place place,
                      const struct swarm_address *from, struct kedge_slice bytes)
{
    if (place.index >= swarm->options->devices)
        return;
    struct device *device = &swarm->devices[place.index];
    if (!device->present || device->place.generation != place.generation)
        return; /* nobody lives there now */
    if (device->asleep) {
        swarm->counts.unheard++;
        return;
    }
    sleep_put_off(device);
    security_receive(device, from, bytes);
}

static void arrive(struct swarm *swarm, struct swarm_place place, const struct swarm_address *peer,
                   bool outgoing, struct kedge_slice bytes)
{
    if (outgoing)
        network_send(&swarm->network, place, peer, bytes);
    else
        hand_over(swarm, place, peer, bytes);
}

static void on_time(void *context)
{
    struct delayed *delayed = context;
    struct swarm *swarm = delayed->swarm;
    swarm->delayed_count--;
    arrive(swarm, delayed->place, &delayed->peer, delayed->outgoing,
           kedge_slice(delayed->bytes, delayed->size));
    free(delayed);
}

static bool hold_back(struct swarm *swarm, struct swarm_place place,
                      const struct swarm_address *peer, bool outgoing, struct kedge_slice bytes,
                      uint64_t delay_ms)
{
    struct delayed *delayed = NULL;
    if (swarm->delayed_count < SWARM_DELAYED_MAX)
        delayed = calloc(1, sizeof *delayed + bytes.size);
    if (delayed == NULL)
        return false;
    delayed->swarm = swarm;
    delayed->place = place;
    delayed->peer = *peer;
    delayed->outgoing = outgoing;
    delayed->size = bytes.size;
    memcpy(delayed->bytes, bytes.data, bytes.size);
    if (!timers_arm(&swarm->timers, &delayed->timer, swarm->now_ms + delay_ms, on_time, delayed)) {
        free(delayed);
        return false;
    }
    swarm->delayed_count++;
    return true;
}

static void travel(struct swarm *swarm, struct swarm_place place, const struct swarm_address *peer,
                   bool outgoing, struct kedge_slice bytes, uint64_t delay_ms)
{
    const struct swarm_options *options = swarm->options;
    if (draw_chance(&swarm->weather, options->loss)) {
        swarm->counts.lost++;
        return;
    }
    if (draw_chance(&swarm->weather, options->duplicate) &&
        hold_back(swarm, place, peer, outgoing, bytes,
                  delay_ms + draw_between(&swarm->weather, 0, LATE_MOST_MS)))
        swarm->counts.duplicated++;
    if (draw_chance(&swarm->weather, options->reorder)) {
        delay_ms += draw_between(&swarm->weather, LATE_LEAST_MS, LATE_MOST_MS);
        swarm->counts.reordered++;
    }
    if (delay_ms == 0 || !hold_back(swarm, place, peer, outgoing, bytes, delay_ms))
        arrive(swarm, place, peer, outgoing, bytes);
}

void weather_send(struct device *device, const struct swarm_address *to, struct kedge_slice bytes,
                  uint64_t delay_ms)
{
    sleep_put_off(device);
    travel(device->swarm, device->place, to, true, bytes, delay_ms);
}

void weather_receive(struct swarm *swarm, struct swarm_place place,
                     const struct swarm_address *from, struct kedge_slice bytes)
{
    travel(swarm, place, from, false, bytes, 0);
}
