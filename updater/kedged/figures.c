/* figures.c: what the network threads and the store have done, for /metrics (docs/metrics.md). */
#include "updater/kedged/backend.h"
#include "updater/kedged/glance.h"

/* One network thread's. */
struct network_figures {
    struct kedge_net_counters net;
    struct kedge_fleet_counters fleet;
    struct kedge_bootstrap_counters bootstrap;
    struct kedge_gate_decisions decisions;
    bool has_fleet, has_engine;
};
_Static_assert(sizeof(struct network_figures) <= KEDGE_GLANCE_MAX, "it fits into a glance");

/* The two networks, in the order in which they are told. */
enum network { NETWORK_DEVICES, NETWORK_BOOTSTRAP, NETWORK_COUNT };
static const char *const network_names[] = {"devices", "bootstrap"};

static void look_at_devices(void *context, void *out)
{
    const struct kedge_bridge *bridge = context;
    struct network_figures *figures = out;
    figures->net = kedge_net_counters(bridge->net);
    figures->has_fleet = !bridge->ended;
    if (!figures->has_fleet)
        return;
    figures->fleet = kedge_fleet_counters(bridge->fleet);
    const struct kedge_engine *engine = kedge_steering_engine(bridge->steering);
    figures->has_engine = engine != NULL;
    if (engine != NULL)
        figures->decisions = kedge_engine_gate_decisions(engine);
}

static void look_at_bootstrap(void *context, void *out)
{
    const struct kedge_bootstrapping *bootstrapping = context;
    struct network_figures *figures = out;
    figures->net = kedge_net_counters(bootstrapping->net);
    figures->bootstrap = kedge_bootstrap_counters(bootstrapping->server);
}

/* ---- CoAP and DTLS ---- */

/* A family with one sample for each network that has answered. */
#define WRITE_NETWORKS(out, networks, name, type, help, member)                       \
    do {                                                                              \
        kedge_exposition_family(out, name, type, help);                               \
        for (int at = 0; at < NETWORK_COUNT; at++)                                    \
            if ((networks)[at] != NULL)                                               \
                kedge_exposition_count(                                               \
                    out, (struct kedge_label[]){{"network", network_names[at]}, {0}}, \
                    (networks)[at]->net.member);                                      \
    } while (0)

static void write_networks(struct kedge_exposition *out,
                           const struct network_figures *const networks[NETWORK_COUNT])
{
    WRITE_NETWORKS(out, networks, "kedge_coap_received_datagrams_total", KEDGE_METRIC_COUNTER,
                   "Datagrams that came in, CoAP and DTLS.", datagrams_in);
    WRITE_NETWORKS(out, networks, "kedge_coap_received_bytes_total", KEDGE_METRIC_COUNTER,
                   "Bytes of the datagrams that came in.", bytes_in);
    WRITE_NETWORKS(out, networks, "kedge_coap_sent_datagrams_total", KEDGE_METRIC_COUNTER,
                   "Datagrams that went out, CoAP and DTLS.", datagrams_out);
    WRITE_NETWORKS(out, networks, "kedge_coap_sent_bytes_total", KEDGE_METRIC_COUNTER,
                   "Bytes of the datagrams that went out.", bytes_out);
    WRITE_NETWORKS(out, networks, "kedge_coap_send_failures_total", KEDGE_METRIC_COUNTER,
                   "Datagrams that the system did not take.", send_failures);
    WRITE_NETWORKS(out, networks, "kedge_coap_malformed_datagrams_total", KEDGE_METRIC_COUNTER,
                   "Datagrams that were no message.", malformed);
    WRITE_NETWORKS(out, networks, "kedge_coap_duplicates_total", KEDGE_METRIC_COUNTER,
                   "Messages that came again and were answered as before.", duplicates);
    WRITE_NETWORKS(out, networks, "kedge_coap_retransmissions_total", KEDGE_METRIC_COUNTER,
                   "Requests of ours that were sent again.", retransmissions);
    WRITE_NETWORKS(out, networks, "kedge_coap_timeouts_total", KEDGE_METRIC_COUNTER,
                   "Requests of ours that nobody answered.", timeouts);
    WRITE_NETWORKS(out, networks, "kedge_coap_held_off_total", KEDGE_METRIC_COUNTER,
                   "What was left undone for addresses that proved nothing.", held_off);
    WRITE_NETWORKS(out, networks, "kedge_coap_peers", KEDGE_METRIC_GAUGE,
                   "Addresses that something is known of.", peers);
    WRITE_NETWORKS(out, networks, "kedge_coap_exchanges", KEDGE_METRIC_GAUGE,
                   "Requests of ours and observations that are kept.", exchanges);
    WRITE_NETWORKS(out, networks, "kedge_dtls_handshakes_total", KEDGE_METRIC_COUNTER,
                   "Handshakes of DTLS that were completed.", handshakes);
    WRITE_NETWORKS(out, networks, "kedge_dtls_handshake_failures_total", KEDGE_METRIC_COUNTER,
                   "Handshakes of DTLS that failed.", handshakes_failed);
}

/* ---- LwM2M and rollouts ---- */

static void write_fleet(struct kedge_exposition *out, const struct kedge_fleet_counters *fleet)
{
    kedge_exposition_gauge(out, "kedge_lwm2m_registrations", "Devices that are registered.",
                           fleet->registered);
    kedge_exposition_gauge(out, "kedge_lwm2m_unproven_registrations",
                           "Registered devices that have answered nothing yet.", fleet->unproven);
    kedge_exposition_gauge(out, "kedge_lwm2m_jobs", "Devices that are being updated.", fleet->jobs);
    kedge_exposition_counter(out, "kedge_lwm2m_registers_total", "Registers that were taken.",
                             fleet->registers);
    kedge_exposition_counter(out, "kedge_lwm2m_updates_total", "Updates of registrations.",
                             fleet->updates);
    kedge_exposition_counter(out, "kedge_lwm2m_deregisters_total", "De-registers.",
                             fleet->deregisters);
    kedge_exposition_counter(out, "kedge_lwm2m_expired_total",
                             "Registrations whose lifetime was over.", fleet->expired);
    kedge_exposition_counter(out, "kedge_lwm2m_refused_total",
                             "Registers and Updates that were refused.", fleet->refused);
    kedge_exposition_counter(out, "kedge_lwm2m_conflicts_total", "Names that two devices claimed.",
                             fleet->conflicts);
    kedge_exposition_counter(out, "kedge_lwm2m_sends_total", "Sends of devices.", fleet->sends);
    kedge_exposition_counter(out, "kedge_coap_served_blocks_total",
                             "Blocks of firmware that devices asked for.", fleet->blocks_served);
}

static void write_decisions(struct kedge_exposition *out,
                            const struct kedge_gate_decisions *decisions)
{
    const struct {
        const char *name;
        uint64_t count;
    } lines[] = {{"passed", decisions->passed},
                 {"failed", decisions->failed},
                 {"paused", decisions->paused},
                 {"aborted", decisions->aborted},
                 {"rolled_back", decisions->rolled_back}};
    kedge_exposition_family(out, "kedge_gate_decisions_total", KEDGE_METRIC_COUNTER,
                            "What gates and thresholds of errors have decided.");
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        kedge_exposition_count(out, (struct kedge_label[]){{"decision", lines[i].name}, {0}},
                               lines[i].count);
}

/* ---- the store ---- */

static void write_store(struct kedge_exposition *out, struct kedge_store *store)
{
    struct kedge_store_figures figures;
    kedge_store_figures(store, &figures);
    kedge_exposition_counter(out, "kedge_store_changes_total",
                             "Changes that were handed to the store.", figures.submitted);
    kedge_exposition_gauge(out, "kedge_store_waiting_changes",
                           "Changes that are not on the disk yet.", figures.waiting);
    kedge_exposition_counter(out, "kedge_store_failures_total",
                             "Transactions that could not be written.", figures.failures);
    kedge_exposition_family(out, "kedge_store_commit_duration_seconds", KEDGE_METRIC_HISTOGRAM,
                            "How long transactions took, with their sync.");
    kedge_exposition_histogram(out, NULL, figures.commits);
}

void kedge_backend_figures(void *context, struct kedge_exposition *out)
{
    struct kedge_backend_state *state = context;
    struct kedge_bootstrapping *bootstrapping = state->bootstrapping;
    struct network_figures devices, bootstrap;
    const struct network_figures *networks[NETWORK_COUNT] = {NULL};
    if (kedge_glance(state->net, look_at_devices, state->bridge, &devices, sizeof(devices)))
        networks[NETWORK_DEVICES] = &devices;
    if (bootstrapping->net != NULL && kedge_glance(bootstrapping->net, look_at_bootstrap,
                                                   bootstrapping, &bootstrap, sizeof(bootstrap)))
        networks[NETWORK_BOOTSTRAP] = &bootstrap;
    kedge_exposition_gauge(out, "kedge_network_answers",
                           "Whether the network thread answered within a second.",
                           networks[NETWORK_DEVICES] != NULL);
    write_networks(out, networks);
    if (networks[NETWORK_DEVICES] != NULL && devices.has_fleet)
        write_fleet(out, &devices.fleet);
    if (networks[NETWORK_DEVICES] != NULL && devices.has_engine)
        write_decisions(out, &devices.decisions);
    if (networks[NETWORK_BOOTSTRAP] != NULL)
        kedge_exposition_gauge(out, "kedge_bootstrap_sessions", "Devices being bootstrapped.",
                               bootstrap.bootstrap.sessions);
    kedge_exposition_counter(out, "kedge_download_held_back_bytes_total",
                             "Bytes of firmware that waited for --download-rate.",
                             state->pace->waited_bytes);
    write_store(out, state->store);
}
