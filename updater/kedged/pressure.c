/* pressure.c: see pressure.h. */
#include "updater/kedged/bridge.h"
#include "updater/kedged/log.h"

#include <inttypes.h>

#define SAY_MS 60000u

static void say(struct kedge_bridge *bridge)
{
    struct kedge_pressure *pressure = &bridge->pressure;
    const struct kedge_net_counters net = kedge_net_counters(bridge->net);
    uint64_t pushed_out = kedge_fleet_counters(bridge->fleet).pushed_out;
    const uint64_t unanswered = net.held_off - pressure->said_held_off;
    const uint64_t pinged = net.probes - pressure->said_probes;
    const uint64_t gave_way = pushed_out - pressure->said_pushed_out;
    const uint64_t moved = pressure->unaudited - pressure->said_unaudited;
    if (unanswered > 0)
        kedge_log(KEDGE_LOG_WARNING,
                  "%" PRIu64 " %s not answered: their network sent more than --unproven-rate",
                  unanswered,
                  kedge_by_count(unanswered, "request of strangers was",
                                 "requests of strangers were"));
    if (pinged > 0)
        kedge_log(KEDGE_LOG_WARNING,
                  "%" PRIu64 " %s a device had to answer a ping before it could register: "
                  "--unproven-max of them had answered nothing yet",
                  pinged, kedge_by_count(pinged, "time", "times"));
    if (gave_way > 0)
        kedge_log(KEDGE_LOG_WARNING,
                  "%" PRIu64 " %s that registered and answered nothing gave way to newer ones: "
                  "more than --unproven-max",
                  gave_way, kedge_by_count(gave_way, "device", "devices"));
    if (moved > 0)
        kedge_log(KEDGE_LOG_WARNING,
                  "%" PRIu64 " %s not in the audit log: more than %u a second", moved,
                  kedge_by_count(moved, "device was registered from another address and is",
                                 "devices were registered from another address and are"),
                  KEDGE_PRESSURE_AUDIT_PER_S);
    pressure->said_held_off = net.held_off;
    pressure->said_probes = net.probes;
    pressure->said_pushed_out = pushed_out;
    pressure->said_unaudited = pressure->unaudited;
}

static void on_timer(void *context)
{
    say(context);
    kedge_pressure_watch(context);
}

void kedge_pressure_watch(struct kedge_bridge *bridge)
{
    kedge_net_timer_arm(bridge->net, &bridge->pressure.timer,
                        kedge_net_now_ms(bridge->net) + SAY_MS, on_timer, bridge);
}

bool kedge_pressure_may_audit(struct kedge_bridge *bridge)
{
    const struct kedge_token_rate rate = {KEDGE_PRESSURE_AUDIT_PER_S, KEDGE_PRESSURE_AUDIT_BURST};
    if (kedge_tokens_take(&bridge->pressure.audit, rate, kedge_net_now_ms(bridge->net)))
        return true;
    bridge->pressure.unaudited++;
    return false;
}

enum kedge_rc kedge_pressure_gone(struct kedge_bridge *bridge, struct kedge_batch *batch,
                                  const struct kedge_device_record *record)
{
    if (record->registered || record->vendor[0] != '\0' || record->class_name[0] != '\0' ||
        record->version[0] != '\0')
        return KEDGE_OK;
    if (++bridge->pressure.strangers % KEDGE_PRESSURE_STRANGERS_MORE != 0)
        return KEDGE_OK;
    return kedge_batch_trim_devices(batch, KEDGE_PRESSURE_STRANGERS_KEPT);
}
