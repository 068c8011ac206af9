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
    if (net.held_off > pressure->said_held_off)
        kedge_log(KEDGE_LOG_WARNING,
                  "%" PRIu64 " requests of strangers were not answered: their network sent more "
                  "than --unproven-rate",
                  net.held_off - pressure->said_held_off);
    if (net.probes > pressure->said_probes)
        kedge_log(KEDGE_LOG_WARNING,
                  "%" PRIu64 " times a device had to answer a ping before it could register: "
                  "--unproven-max of them had answered nothing yet",
                  net.probes - pressure->said_probes);
    if (pushed_out > pressure->said_pushed_out)
        kedge_log(KEDGE_LOG_WARNING,
                  "%" PRIu64 " devices that registered and answered nothing gave way to newer "
                  "ones: more than --unproven-max",
                  pushed_out - pressure->said_pushed_out);
    if (pressure->unaudited > pressure->said_unaudited)
        kedge_log(KEDGE_LOG_WARNING,
                  "%" PRIu64 " devices were registered from another address and are not in the "
                  "audit log: more than %u a second",
                  pressure->unaudited - pressure->said_unaudited, KEDGE_PRESSURE_AUDIT_PER_S);
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
