/* swarm.c: all devices, and the one loop in which they live. */
#define _GNU_SOURCE
#include "tests/swarm/swarm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TURN_MOST_MS 200
#define PROGRESS_MS 250u
#define LEAVING_MOST_MS 30000u
#define NEVER 2.0
#define TIMERS_PER_DEVICE 5u

static uint64_t clock_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000u + (uint64_t)time.tv_nsec / 1000000u;
}

void device_endpoint(const struct device *device, char text[DEVICE_ENDPOINT_MAX])
{
    const struct swarm_options *options = device->swarm->options;
    if (!options->secure) {
        (void)snprintf(text, DEVICE_ENDPOINT_MAX, "%s%u", options->prefix, device->place.index);
        return;
    }
    struct kedge_slice name = options->psk.rows[device->place.index].endpoint;
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
}

const char *device_version(const struct device *device)
{
    return device->running != NULL ? device->running->version : device->swarm->options->version;
}

/* ---- what becomes of a device ---- */

static bool is_as_meant(const struct device *device)
{
    switch (device->fate) {
    case FATE_UPDATE:
        return device->outcome == OUTCOME_UPDATED;
    case FATE_FAIL:
        return device->outcome == OUTCOME_FAILED && device->outcome_result == device->fate_result;
    case FATE_VANISH:
        return device->outcome == OUTCOME_VANISHED;
    case FATE_WRONG_VERSION:
        return device->outcome == OUTCOME_WRONG_VERSION;
    }
    return false;
}

enum fate device_fate(const struct device *device)
{
    bool is_now = device->outcome == OUTCOME_OPEN && device->updates == device->fate_update;
    return is_now ? device->fate : FATE_UPDATE;
}

void device_end(struct device *device, enum outcome outcome, int result)
{
    struct swarm *swarm = device->swarm;
    struct swarm_counts *counts = &swarm->counts;
    if (device->outcome != OUTCOME_OPEN)
        return;
    device->outcome = outcome;
    device->outcome_result = result;
    swarm->last_end_ms = swarm->now_ms;
    counts->ended++;
    counts->updated += outcome == OUTCOME_UPDATED;
    counts->vanished += outcome == OUTCOME_VANISHED;
    counts->wrong_version += outcome == OUTCOME_WRONG_VERSION;
    if (outcome == OUTCOME_FAILED)
        counts->failed[result <= SWARM_RESULT_MAX ? result : 0]++;
    if (!is_as_meant(device))
        counts->unexpected++;
}

static uint8_t block_exponent(uint32_t size)
{
    uint8_t exponent = 0;
    while (UINT32_C(16) << exponent < size)
        exponent++;
    return exponent;
}

static void draw_fate(struct device *device, const struct swarm_options *options)
{
    struct draw *draw = &device->draw;
    double lot = draw_unit(draw);
    if (lot < options->fail_rate)
        device->fate = FATE_FAIL;
    else if ((lot -= options->fail_rate) < options->vanish_rate)
        device->fate = FATE_VANISH;
    else if (lot - options->vanish_rate < options->wrong_version_rate)
        device->fate = FATE_WRONG_VERSION;
    device->fate_result =
        options->fail_results[draw_between(draw, 0, options->fail_result_count - 1)];
    device->reboot_at = draw_chance(draw, options->reboot_rate) ? draw_unit(draw) : NEVER;
    device->move_at = draw_chance(draw, options->address_change_rate) ? draw_unit(draw) : NEVER;
    device->slow = draw_chance(draw, options->slow_rate);
    device->sleeps = draw_chance(draw, options->sleep_rate);
    device->wanted_exponent = DEVICE_LARGEST_EXPONENT;
    if (draw_chance(draw, options->small_block_rate)) {
        device->wanted_exponent = block_exponent(options->block_size);
        device->refuses_large = draw_chance(draw, 0.5);
    }
    if (options->intermediates > 0)
        device->fate_update = (uint32_t)draw_between(draw, 0, options->intermediates);
}

static enum kedge_rc make_devices(struct swarm *swarm)
{
    const struct swarm_options *options = swarm->options;
    swarm->devices = calloc(options->devices, sizeof *swarm->devices);
    if (swarm->devices == NULL)
        return KEDGE_E_MEMORY;
    for (uint32_t i = 0; i < options->devices; i++) {
        struct device *device = &swarm->devices[i];
        struct draw seed = {.state = options->seed ^ (uint64_t)(i + 1) << 32};
        device->swarm = swarm;
        device->place.index = i;
        device->draw.state = draw_bits(&seed);
        device_draw_ids(device);
        device->present = true;
        draw_fate(device, options);
    }
    return KEDGE_OK;
}

/* ---- the phases of a run ---- */

static void enter(struct swarm *swarm, enum swarm_phase phase, uint64_t most_ms)
{
    swarm->phase = phase;
    swarm->phase_ends_ms = swarm->now_ms + most_ms;
}

static void begin_leaving(struct swarm *swarm)
{
    enter(swarm, swarm->options->keep_registered ? PHASE_DONE : PHASE_LEAVING, LEAVING_MOST_MS);
}

/* So many at a time as may register at a time. */
static void ask_to_leave(struct swarm *swarm)
{
    const struct swarm_options *options = swarm->options;
    while (swarm->asked_to_leave < options->devices &&
           swarm->asked_to_leave - swarm->left < options->window) {
        struct device *device = &swarm->devices[swarm->asked_to_leave++];
        device->leaving = true;
        download_drop(device);
        sleep_end(device);
        if (!device->present || !device->registered)
            registration_release(device);
        else
            device_next(device);
    }
}

static void advance(struct swarm *swarm)
{
    const struct swarm_options *options = swarm->options;
    const struct swarm_counts *counts = &swarm->counts;
    bool time_over = swarm->now_ms >= swarm->phase_ends_ms;
    switch (swarm->phase) {
    case PHASE_RUNNING:
        if (*swarm->stop != 0 || time_over)
            begin_leaving(swarm);
        else if (counts->heard + counts->vanished == options->devices)
            swarm->phase = PHASE_LINGERING;
        break;
    case PHASE_LINGERING: /* until the server has been quiet for so long */
        if (*swarm->stop != 0 || swarm->now_ms >= swarm->asked_at_ms + options->linger_ms)
            begin_leaving(swarm);
        break;
    case PHASE_LEAVING:
        ask_to_leave(swarm);
        if (swarm->left == options->devices || time_over)
            swarm->phase = PHASE_DONE;
        break;
    case PHASE_DONE:
        break;
    }
}

static void on_datagram(void *context, struct swarm_place to, const struct swarm_address *from,
                        struct kedge_slice bytes)
{
    weather_receive(context, to, from, bytes);
}

static void live(struct swarm *swarm)
{
    uint64_t shown_ms = 0;
    for (uint32_t i = 0; i < swarm->options->devices; i++)
        registration_queue(&swarm->devices[i]);
    enter(swarm, PHASE_RUNNING, swarm->options->time_limit_ms);
    while (swarm->phase != PHASE_DONE) {
        network_flush(&swarm->network);
        network_turn(&swarm->network, timers_wait_ms(&swarm->timers, swarm->now_ms, TURN_MOST_MS));
        swarm->now_ms = clock_ms();
        timers_run(&swarm->timers, swarm->now_ms);
        advance(swarm);
        if (swarm->now_ms - shown_ms >= PROGRESS_MS) {
            shown_ms = swarm->now_ms;
            report_progress(swarm, false);
        }
    }
    network_flush(&swarm->network);
    report_progress(swarm, true);
}

/* What was on its way when everything ended. */
static void drop_all(struct swarm *swarm)
{
    for (uint32_t i = 0; swarm->devices != NULL && i < swarm->options->devices; i++) {
        struct device *device = &swarm->devices[i];
        device->present = false;
        exchange_drop(device);
        download_drop(device);
        timers_cancel(&swarm->timers, &device->life_timer);
        timers_cancel(&swarm->timers, &device->install_timer);
        sleep_forget(device);
        security_free(device);
    }
    timers_run(&swarm->timers, UINT64_MAX);
}

int swarm_run(const struct swarm_options *options, volatile int *stop)
{
    static struct swarm swarm;
    int status = 1;
    swarm = (struct swarm){.options = options, .stop = stop, .now_ms = clock_ms()};
    swarm.began_ms = swarm.last_end_ms = swarm.now_ms;
    swarm.waiting_end = &swarm.waiting;
    swarm.weather.state = options->seed;
    enum kedge_rc rc =
        network_open(&swarm.network, &options->server, options->devices, on_datagram, &swarm);
    if (rc == KEDGE_OK)
        rc = timers_init(&swarm.timers,
                         (size_t)TIMERS_PER_DEVICE * options->devices + SWARM_DELAYED_MAX);
    if (rc == KEDGE_OK)
        rc = security_open(&swarm);
    if (rc == KEDGE_OK)
        rc = make_devices(&swarm);
    if (rc == KEDGE_OK) {
        live(&swarm);
        status = report_summary(&swarm);
    } else {
        fprintf(stderr, "kedge-swarm: %s\n",
                rc == KEDGE_E_SYSTEM ? strerror(errno) : kedge_rc_text(rc));
    }
    drop_all(&swarm);
    timers_free(&swarm.timers);
    security_close(&swarm);
    packages_free(&swarm);
    free(swarm.devices);
    network_close(&swarm.network);
    return status;
}
