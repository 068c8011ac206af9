/* fleet.c: the fleet in numbers, and how they and those of rollouts came about. */
#include "updater/api/internal.h"
#include "updater/store/figures.h"

#define SHARES_MAX 100u /* that are told apart; the others are one number */

struct shares {
    json_t *items;
    uint64_t devices, registered; /* of those in it */
};

static bool add_share(void *context, const struct kedge_fleet_share *share)
{
    struct shares *shares = context;
    json_t *item = json_object();
    json_put(&item, "vendor", json_text(share->vendor));
    json_put(&item, "class", json_text(share->class_name));
    json_put(&item, "version", json_text(share->version));
    json_put(&item, "devices", json_count(share->devices));
    json_put(&item, "registered", json_count(share->registered));
    json_add(&shares->items, item);
    shares->devices += share->devices;
    shares->registered += share->registered;
    return shares->items != NULL;
}

void fleet_show(struct request *request)
{
    struct kedge_fleet_totals totals = {.devices = 0};
    struct shares shares = {.items = json_array()};
    enum kedge_rc rc = kedge_reader_fleet_totals(request->reader, &totals);
    if (rc == KEDGE_OK)
        rc = kedge_reader_fleet_shares(request->reader, SHARES_MAX, add_share, &shares);
    if (!reader_ok(request, rc, "fleet")) {
        json_decref(shares.items);
        return;
    }
    json_t *json = json_object();
    json_put(&json, "devices", json_count(totals.devices));
    json_put(&json, "registered", json_count(totals.registered));
    json_put(&json, "versions", shares.items);
    json_put(&json, "versions_count", json_count(totals.shares));
    answer_json(request, MHD_HTTP_OK, json);
}

/* ---- over time ---- */

static bool add_sample(void *context, const struct kedge_sample *sample)
{
    json_t *item = json_loads(sample->figures, JSON_REJECT_DUPLICATES, NULL);
    json_put(&item, "at_ms", json_count(sample->at_ms));
    return json_add_to(context, item);
}

static void answer_series(struct request *request, uint64_t series)
{
    struct kedge_page all = {.next = ""};
    json_t *items = json_array();
    enum kedge_rc rc = kedge_reader_samples(request->reader, series, add_sample, &items);
    answer_list(request, reader_ok(request, rc, "series"), "samples", items, &all);
}

void fleet_samples(struct request *request)
{
    answer_series(request, KEDGE_SERIES_FLEET);
}

void rollout_samples(struct request *request)
{
    uint64_t id;
    struct kedge_rollout record;
    if (parameter_id(request, &id) &&
        reader_ok(request, kedge_reader_rollout(request->reader, id, &record), "rollout"))
        answer_series(request, id);
}
