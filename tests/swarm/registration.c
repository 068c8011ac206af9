/*
 * registration.c: Register, Update and De-register (OMA LwM2M Core 1.1, section 6.2), restarts and
 * changes of address. A bounded number of devices registers at the same time.
 */
#include "tests/swarm/swarm.h"

#include <stdio.h>
#include <string.h>

#define PAUSE_MS 1000u

/* ---- the requests ---- */

static void add_query(struct kedge_coap_builder *out, const char *name, const char *value)
{
    char text[DEVICE_ENDPOINT_MAX + SWARM_TEXT_MAX];
    (void)snprintf(text, sizeof text, "%s=%s", name, value);
    kedge_coap_add_option(out, KEDGE_COAP_URI_QUERY, kedge_slice_text(text));
}

static bool is_version_1_0(const struct swarm_options *options)
{
    return strcmp(options->lwm2m, "1.0") == 0;
}

/* Queue mode is part of the binding in 1.0, and beside it from 1.1 on (section 6.2.1.2). */
const char *device_binding(const struct device *device)
{
    return device->sleeps && is_version_1_0(device->swarm->options) ? "UQ" : "U";
}

void registration_write(const struct device *device, struct kedge_coap_builder *out)
{
    const struct swarm_options *options = device->swarm->options;
    char text[DEVICE_ENDPOINT_MAX];
    if (device->errand != ERRAND_REGISTER) {
        kedge_coap_add_path(out, KEDGE_COAP_URI_PATH, device->location);
        return;
    }
    kedge_coap_add_path(out, KEDGE_COAP_URI_PATH, "rd");
    kedge_coap_add_uint(out, KEDGE_COAP_CONTENT_FORMAT, KEDGE_LWM2M_FORMAT_LINK);
    device_endpoint(device, text);
    add_query(out, "ep", text);
    (void)snprintf(text, sizeof text, "%u", options->lifetime_s);
    add_query(out, "lt", text);
    add_query(out, "lwm2m", options->lwm2m);
    add_query(out, "b", device_binding(device));
    if (device->sleeps && !is_version_1_0(options))
        kedge_coap_add_option(out, KEDGE_COAP_URI_QUERY, kedge_slice_text("Q"));
    kedge_coap_add_payload(
        out, kedge_slice_text("</>;ct=\"0 11542\",</1/0>,</3/0>,</5>;ver=\"1.1\",</5/0>"));
}

/* ---- when to register ---- */

static void let_register(struct swarm *swarm)
{
    while (swarm->registering < swarm->options->window && swarm->waiting != NULL) {
        struct device *device = swarm->waiting;
        swarm->waiting = device->next_waiting;
        if (swarm->waiting == NULL)
            swarm->waiting_end = &swarm->waiting;
        device->next_waiting = NULL;
        if (device->outcome == OUTCOME_VANISHED)
            continue;
        device->takes_place = true;
        swarm->registering++;
        /* What was observed ends with the former registration. */
        memset(device->observations, 0, sizeof device->observations);
        device_next(device);
    }
}

void registration_queue(struct device *device)
{
    struct swarm *swarm = device->swarm;
    if (device->takes_place || device->next_waiting != NULL ||
        swarm->waiting_end == &device->next_waiting)
        return;
    device->registered = false;
    *swarm->waiting_end = device;
    swarm->waiting_end = &device->next_waiting;
    let_register(swarm);
}

void registration_release(struct device *device)
{
    struct swarm *swarm = device->swarm;
    if (device->leaving && !device->left) {
        device->left = true;
        swarm->left++;
        security_say_goodbye(device);
    }
    if (!device->takes_place)
        return;
    device->takes_place = false;
    swarm->registering--;
    let_register(swarm);
}

static void on_pause_over(void *context)
{
    struct device *device = context;
    registration_queue(device);
    device_next(device);
}

void registration_failed(struct device *device)
{
    struct swarm *swarm = device->swarm;
    device->registered = false;
    registration_release(device);
    (void)timers_arm(&swarm->timers, &device->life_timer, swarm->now_ms + PAUSE_MS, on_pause_over,
                     device);
}

/* ---- the answers ---- */

static void on_update_due(void *context)
{
    struct device *device = context;
    sleep_end(device);
    device->wants_update = true;
    device_next(device);
}

/* Well before the lifetime ends unless told otherwise, and not all devices at once. */
static uint64_t update_pause_ms(struct device *device)
{
    const struct swarm_options *options = device->swarm->options;
    uint64_t lifetime_ms = UINT64_C(1000) * options->lifetime_s, update_ms = options->update_ms;
    if (update_ms != 0)
        return draw_between(&device->draw, update_ms / 2, update_ms * 3 / 2);
    return draw_between(&device->draw, lifetime_ms / 2, lifetime_ms * 4 / 5);
}

static void arm_update(struct device *device)
{
    struct swarm *swarm = device->swarm;
    (void)timers_arm(&swarm->timers, &device->life_timer, swarm->now_ms + update_pause_ms(device),
                     on_update_due, device);
}

static bool read_location(struct device *device, const struct kedge_coap_message *message)
{
    struct kedge_coap_options walk = kedge_coap_options(message);
    struct kedge_coap_option option;
    size_t size = 0;
    while (kedge_coap_option_next(&walk, &option)) {
        if (option.number != KEDGE_COAP_LOCATION_PATH)
            continue;
        if (size + option.value.size + 1 > DEVICE_LOCATION_MAX)
            return false;
        if (size > 0)
            device->location[size++] = '/';
        memcpy(device->location + size, option.value.data, option.value.size);
        size += option.value.size;
    }
    device->location[size] = '\0';
    return size > 0;
}

static void registered(struct device *device)
{
    struct swarm_counts *counts = &device->swarm->counts;
    device->registered = true;
    device->wants_update = false;
    counts->registers++;
    if (!device->ever_registered)
        counts->registered++;
    device->ever_registered = true;
    registration_release(device);
    arm_update(device);
    sleep_end(device);
}

void registration_answered(struct device *device, const struct kedge_coap_message *message)
{
    if (device->leaving && message->code == KEDGE_COAP_DELETED) {
        device->registered = false;
        registration_release(device);
    } else if (message->code == KEDGE_COAP_CREATED && read_location(device, message)) {
        registered(device);
    } else if (message->code == KEDGE_COAP_CHANGED) {
        device->wants_update = false;
        device->swarm->counts.updates++;
        arm_update(device);
    } else if (device->leaving) {
        registration_release(device);
    } else {
        registration_failed(device); /* 4.04: the server does not know it any more */
    }
}

/* ---- restarts and moves ---- */

static void on_power(void *context)
{
    struct device *device = context;
    device->present = true;
    if (device->restart_confirms)
        firmware_come_back(device);
    registration_queue(device);
    device_next(device);
}

void device_draw_ids(struct device *device)
{
    device->message_id = (uint16_t)draw_bits(&device->draw);
    device->token_salt = (uint32_t)draw_bits(&device->draw);
}

void device_restart(struct device *device, uint64_t down_ms)
{
    struct swarm *swarm = device->swarm;
    exchange_drop(device);
    download_drop(device);
    security_drop(device);
    sleep_forget(device);
    timers_cancel(&swarm->timers, &device->install_timer);
    device->present = device->registered = device->wants_update = false;
    memset(device->observations, 0, sizeof device->observations);
    memset(device->answered, 0, sizeof device->answered);
    device_draw_ids(device);
    (void)timers_arm(&swarm->timers, &device->life_timer,
                     swarm->now_ms + draw_between(&device->draw, down_ms / 2, down_ms * 3 / 2),
                     on_power, device);
}

void device_move(struct device *device)
{
    network_move(&device->swarm->network, &device->place);
    device->swarm->counts.address_changes++;
    if (!device_is_secure(device)) {
        device->wants_update = true;
        return;
    }
    /* The association is bound to the address, and a new one asks for a new Register. */
    security_drop(device);
    registration_queue(device);
}
