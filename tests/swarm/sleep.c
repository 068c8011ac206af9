/*
 * sleep.c: devices in queue mode (OMA LwM2M Core 1.1, section 6.5): deaf from some time after the
 * last message on, until they wake and say so by an Update.
 */
#include "tests/swarm/swarm.h"

#define BUSY_MS 200u /* until it is asked again whether it has something to do */

static void on_sleep_timer(void *context);

/* Later than now, so that a time of 0 is no endless loop. */
static void arm(struct device *device, uint64_t at_ms)
{
    struct swarm *swarm = device->swarm;
    (void)timers_arm(&swarm->timers, &device->sleep_timer,
                     at_ms > swarm->now_ms ? at_ms : swarm->now_ms + 1, on_sleep_timer, device);
}

static bool is_busy(const struct device *device)
{
    return device->errand != ERRAND_NONE || device->takes_place ||
           (device->downloading && !device->pushed) || device->state == KEDGE_FIRMWARE_UPDATING;
}

static void fall_asleep(struct device *device)
{
    struct swarm *swarm = device->swarm;
    uint64_t least_ms = swarm->options->sleep_ms / 2;
    device->asleep = true;
    swarm->counts.sleeps++;
    arm(device, swarm->now_ms + draw_between(&device->draw, least_ms, 3 * least_ms));
}

static void on_sleep_timer(void *context)
{
    struct device *device = context;
    const struct swarm *swarm = device->swarm;
    if (device->asleep) {
        sleep_end(device);
        device->wants_update = true;
        device_next(device);
    } else if (swarm->now_ms < device->awake_until_ms) {
        arm(device, device->awake_until_ms);
    } else if (is_busy(device)) {
        arm(device, swarm->now_ms + BUSY_MS);
    } else {
        fall_asleep(device);
    }
}

void sleep_put_off(struct device *device)
{
    device->awake_until_ms = device->swarm->now_ms + device->swarm->options->awake_ms;
}

void sleep_end(struct device *device)
{
    if (!device->sleeps)
        return;
    device->asleep = false;
    sleep_put_off(device);
    arm(device, device->awake_until_ms);
}

void sleep_forget(struct device *device)
{
    timers_cancel(&device->swarm->timers, &device->sleep_timer);
    device->asleep = false;
}
