/* firmware.c: a device's object 5, by the state table of core/lwm2m, and the fate drawn for it. */
#include "tests/swarm/swarm.h"

#define INSTALL_LEAST_MS 100u
#define INSTALL_MOST_MS 400u

static void set(struct device *device, enum kedge_firmware_state state, int result)
{
    struct observation *watched = device->observations;
    watched[WATCHED_STATE].due = watched[WATCHED_STATE].due || state != device->state;
    watched[WATCHED_RESULT].due = watched[WATCHED_RESULT].due || result != device->result;
    device->state = state;
    device->result = result;
}

static void count_step(const struct device *device, enum kedge_firmware_state next)
{
    struct swarm_counts *counts = &device->swarm->counts;
    if (next == device->state)
        return;
    counts->offers_taken += next == KEDGE_FIRMWARE_DOWNLOADING;
    counts->installations += next == KEDGE_FIRMWARE_UPDATING;
}

uint8_t firmware_event(struct device *device, enum kedge_firmware_event event, int result)
{
    const struct kedge_firmware_transition *row = kedge_firmware_transition(device->state, event);
    if (row->action == KEDGE_FIRMWARE_METHOD_NOT_ALLOWED)
        return KEDGE_COAP_METHOD_NOT_ALLOWED;
    if (row->action == KEDGE_FIRMWARE_BAD_REQUEST)
        return KEDGE_COAP_BAD_REQUEST;
    if (row->action == KEDGE_FIRMWARE_IGNORE)
        return KEDGE_COAP_CHANGED;
    if (row->drop_package) {
        download_drop(device);
        device->package = NULL;
    }
    count_step(device, row->next);
    set(device, row->next,
        row->result >= 0    ? row->result
        : row->result == -2 ? result
                            : device->result);
    return KEDGE_COAP_CHANGED;
}

static bool refuses_every_uri(const struct device *device)
{
    return device_fate(device) == FATE_FAIL &&
           (device->fate_result == KEDGE_RESULT_INVALID_URI ||
            device->fate_result == KEDGE_RESULT_UNSUPPORTED_PROTOCOL);
}

static uint8_t refuse_uri(struct device *device, int result)
{
    set(device, device->state, result);
    device_end(device, OUTCOME_FAILED, result);
    return KEDGE_COAP_BAD_REQUEST;
}

uint8_t firmware_write_uri(struct device *device, struct kedge_slice uri)
{
    if (uri.size == 0)
        return firmware_event(device, KEDGE_FIRMWARE_URI_EMPTY, 0);
    if (device->state != KEDGE_FIRMWARE_IDLE)
        return firmware_event(device, KEDGE_FIRMWARE_URI_WRITTEN, 0);
    if (refuses_every_uri(device))
        return refuse_uri(device, device->fate_result);
    struct package *package;
    enum kedge_rc rc = package_find(device->swarm, uri, &package);
    if (rc != KEDGE_OK)
        return refuse_uri(device, kedge_rc_update_result(rc));
    uint8_t code = firmware_event(device, KEDGE_FIRMWARE_URI_WRITTEN, 0);
    device->package = package;
    download_begin(device);
    return code;
}

static void on_installed(void *context)
{
    struct device *device = context;
    if (device_fate(device) == FATE_VANISH) {
        device_restart(device, 0);
        timers_cancel(&device->swarm->timers, &device->life_timer);
        device_end(device, OUTCOME_VANISHED, 0);
        registration_release(device);
        return;
    }
    device->restart_confirms = true;
    device_restart(device, device->swarm->options->reboot_ms);
}

uint8_t firmware_execute(struct device *device)
{
    struct swarm *swarm = device->swarm;
    uint8_t code = firmware_event(device, KEDGE_FIRMWARE_UPDATE_EXECUTED, 0);
    if (code == KEDGE_COAP_CHANGED)
        (void)timers_arm(&swarm->timers, &device->install_timer,
                         swarm->now_ms +
                             draw_between(&device->draw, INSTALL_LEAST_MS, INSTALL_MOST_MS),
                         on_installed, device);
    return code;
}

void firmware_come_back(struct device *device)
{
    enum fate fate = device_fate(device);
    struct package *package = device->package;
    device->restart_confirms = false;
    if (fate == FATE_FAIL) {
        (void)firmware_event(device, KEDGE_FIRMWARE_TRIAL_ROLLED_BACK, 0);
        device_end(device, OUTCOME_FAILED, device->result);
        return;
    }
    (void)firmware_event(device, KEDGE_FIRMWARE_TRIAL_CONFIRMED, 0);
    if (fate == FATE_WRONG_VERSION) {
        device_end(device, OUTCOME_WRONG_VERSION, 0);
        return;
    }
    device->running = package;
    if (device->updates++ >= device->swarm->options->intermediates)
        device_end(device, OUTCOME_UPDATED, 0);
}
