/* metrics.c: /metrics, the figures of this server for Prometheus (docs/metrics.md). */
#define _GNU_SOURCE
#include "updater/api/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "updater/store/figures.h"

#define SHARES_MAX 200u /* of the fleet, the largest; what is beyond is summed */

/* ---- the process, by the names that Prometheus has for it ---- */

static void write_memory(struct kedge_exposition *out)
{
    unsigned long long pages_of_all, resident;
    FILE *file = fopen("/proc/self/statm", "re");
    bool known = file != NULL && fscanf(file, "%llu %llu", &pages_of_all, &resident) == 2;
    if (file != NULL)
        (void)fclose(file);
    if (known)
        kedge_exposition_gauge(out, "process_resident_memory_bytes", "Resident memory.",
                               resident * (uint64_t)sysconf(_SC_PAGESIZE));
}

static void write_process(struct kedge_exposition *out)
{
    struct timespec used;
    write_memory(out);
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0)
        return;
    kedge_exposition_family(out, "process_cpu_seconds_total", KEDGE_METRIC_COUNTER,
                            "Time of the processor that was used.");
    kedge_exposition_number(out, NULL, (double)used.tv_sec + (double)used.tv_nsec / 1e9);
}

/* ---- what the store holds ---- */

static void write_states(struct kedge_exposition *out, const struct kedge_store_totals *totals)
{
    kedge_exposition_family(out, "kedge_rollouts", KEDGE_METRIC_GAUGE, "Rollouts by state.");
    for (int i = 0; i < KEDGE_ROLLOUT_STATE_COUNT; i++)
        kedge_exposition_count(
            out,
            (struct kedge_label[]){{"state", kedge_rollout_state_name((enum kedge_rollout_state)i)},
                                   {NULL, NULL}},
            totals->rollouts[i]);
    kedge_exposition_family(out, "kedge_deployments", KEDGE_METRIC_GAUGE,
                            "Deployments of all rollouts by state.");
    for (int i = 0; i < KEDGE_DEPLOYMENT_STATE_COUNT; i++)
        kedge_exposition_count(out,
                               (struct kedge_label[]){{"state", kedge_deployment_state_name((
                                                                    enum kedge_deployment_state)i)},
                                                      {NULL, NULL}},
                               totals->deployments[i]);
}

/* What is left of the fleet's totals goes into a share of its own. */
struct shares {
    struct kedge_exposition *out;
    struct kedge_fleet_totals rest;
};

static void write_devices(struct kedge_exposition *out, const struct kedge_fleet_share *share,
                          uint64_t devices, const char *registered)
{
    const struct kedge_label labels[] = {{"vendor", share->vendor},
                                         {"class", share->class_name},
                                         {"version", share->version},
                                         {"registered", registered}};
    if (devices > 0)
        kedge_exposition_count(out, labels, devices);
}

/* A device may have changed between the questions. */
static uint64_t beyond(uint64_t total, uint64_t part)
{
    return total > part ? total - part : 0;
}

static bool write_share(void *context, const struct kedge_fleet_share *share)
{
    struct shares *shares = context;
    shares->rest.devices = beyond(shares->rest.devices, share->devices);
    shares->rest.registered = beyond(shares->rest.registered, share->registered);
    write_devices(shares->out, share, share->registered, "true");
    write_devices(shares->out, share, beyond(share->devices, share->registered), "false");
    return true;
}

static enum kedge_rc write_shares(struct kedge_reader *reader, struct kedge_exposition *out)
{
    struct shares shares = {.out = out};
    KEDGE_TRY(kedge_reader_fleet_totals(reader, &shares.rest));
    kedge_exposition_family(out, "kedge_devices", KEDGE_METRIC_GAUGE,
                            "Devices that are known, by what they run.");
    KEDGE_TRY(kedge_reader_fleet_shares(reader, SHARES_MAX, write_share, &shares));
    const struct kedge_fleet_share others = {.vendor = "other",
                                             .class_name = "other",
                                             .version = "other",
                                             .devices = shares.rest.devices,
                                             .registered = shares.rest.registered};
    (void)write_share(&shares, &others);
    return KEDGE_OK;
}

static bool write_store(struct request *request, struct kedge_exposition *out)
{
    struct kedge_store_totals totals;
    if (!reader_ok(request, kedge_reader_totals(request->reader, &totals), NULL) ||
        !reader_ok(request, write_shares(request->reader, out), NULL))
        return false;
    write_states(out, &totals);
    return true;
}

/* ---- the request ---- */

static void write_api(const struct kedge_api *api, struct kedge_exposition *out)
{
    kedge_exposition_family(out, "kedge_build_info", KEDGE_METRIC_GAUGE,
                            "Always 1; the version is in the label.");
    kedge_exposition_count(out, (struct kedge_label[]){{"version", KEDGE_VERSION}, {NULL, NULL}},
                           1);
    kedge_exposition_gauge(out, "kedge_http_downloads", "Downloads by HTTP that are going on.",
                           api->downloads);
    tally_write(api->tally, out);
}

void metrics_show(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    struct kedge_exposition *out = kedge_exposition_create();
    size_t size = 0;
    if (out == NULL) {
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return;
    }
    write_api(request->api, out);
    write_process(out);
    bool good = write_store(request, out);
    backend->figures(backend->context, out);
    char *text = kedge_exposition_end(out, &size);
    if (good)
        answer_bytes(request, MHD_HTTP_OK,
                     text == NULL
                         ? NULL
                         : MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_COPY),
                     KEDGE_EXPOSITION_TYPE, "no-store");
    free(text);
}
