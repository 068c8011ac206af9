/* bootstrap_pressure.c: who was turned away at the bootstrap server is said in the log. */
#include <inttypes.h>

#include "updater/kedged/bootstrapping.h"
#include "updater/kedged/log.h"

#define SAY_MS 60000u

static void say(struct kedge_bootstrapping *bootstrapping)
{
    struct kedge_bootstrap_pressure *pressure = &bootstrapping->pressure;
    const struct kedge_bootstrap_counters now = kedge_bootstrap_counters(bootstrapping->server);
    const uint64_t held_off = kedge_net_counters(bootstrapping->net).held_off;
    const uint64_t crowded_out = now.crowded_out - pressure->said.crowded_out;
    const uint64_t of_devices = now.held_off - pressure->said.held_off;
    const uint64_t of_strangers = held_off - pressure->said_strangers;
    if (crowded_out > 0)
        kedge_log(KEDGE_LOG_WARNING,
                  "%" PRIu64 " %s told to ask again later, as %u are bootstrapped at once; now %zu",
                  crowded_out, kedge_by_count(crowded_out, "device was", "devices were"),
                  KEDGE_BOOTSTRAP_SESSIONS_MAX, now.sessions);
    if (of_devices > 0)
        kedge_log(KEDGE_LOG_WARNING,
                  "%" PRIu64 " %s began more than %u times, and then more than once in %u s",
                  of_devices,
                  kedge_by_count(of_devices,
                                 "request to be bootstrapped was held off: its device",
                                 "requests to be bootstrapped were held off: their devices"),
                  KEDGE_BOOTSTRAP_BURST, KEDGE_BOOTSTRAP_PAUSE_S);
    if (of_strangers > 0)
        kedge_log(KEDGE_LOG_WARNING,
                  "%" PRIu64 " %s not answered: their network sent more than --unproven-rate",
                  of_strangers,
                  kedge_by_count(of_strangers, "request of strangers to be bootstrapped was",
                                 "requests of strangers to be bootstrapped were"));
    pressure->said = now;
    pressure->said_strangers = held_off;
}

static void on_timer(void *context)
{
    say(context);
    kedge_bootstrap_pressure_watch(context);
}

void kedge_bootstrap_pressure_watch(struct kedge_bootstrapping *bootstrapping)
{
    struct kedge_net *net = bootstrapping->net;
    kedge_net_timer_arm(net, &bootstrapping->pressure.timer, kedge_net_now_ms(net) + SAY_MS,
                        on_timer, bootstrapping);
}
