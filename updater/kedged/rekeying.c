/* rekeying.c: see rekeying.h. */
#define _GNU_SOURCE
#include "updater/kedged/bridge.h"
#include "updater/kedged/clock.h"
#include "updater/kedged/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATHER_MS 1000u

/* A device and its key. */
struct kedge_rekeyed {
    struct kedge_rekeyed *next;
    struct kedge_bridge *bridge;
    char endpoint[KEDGE_ENDPOINT_MAX + 1];
    char identity[KEDGE_CREDENTIAL_IDENTITY_MAX + 1];
};

/* ---- ending what is left of former keys ---- */

/* Sorted by endpoint, for as long as the peers are walked. */
struct walk {
    const struct kedge_rekeyed **items;
    size_t count;
};

static int compare_endpoints(const void *a, const void *b)
{
    return strcmp((*(const struct kedge_rekeyed *const *)a)->endpoint,
                  (*(const struct kedge_rekeyed *const *)b)->endpoint);
}

static int compare_name(const void *name, const void *item)
{
    return strcmp(name, (*(const struct kedge_rekeyed *const *)item)->endpoint);
}

static bool is_by_a_former_key(void *context, const char *name, const char *identity)
{
    const struct walk *walk = context;
    const struct kedge_rekeyed *const *found =
        bsearch(name, walk->items, walk->count, sizeof(const void *), compare_name);
    return found != NULL && identity[0] != '\0' && strcmp((*found)->identity, identity) != 0;
}

void kedge_rekeying_clear(struct kedge_bridge *bridge)
{
    struct kedge_rekeying *rekeying = &bridge->rekeying;
    kedge_net_timer_cancel(bridge->net, &rekeying->timer);
    while (rekeying->first != NULL) {
        struct kedge_rekeyed *next = rekeying->first->next;
        free(rekeying->first);
        rekeying->first = next;
    }
}

static void end_former(void *context)
{
    struct kedge_bridge *bridge = context;
    struct walk walk = {.count = 0};
    for (const struct kedge_rekeyed *item = bridge->rekeying.first; item != NULL; item = item->next)
        walk.count++;
    walk.items = calloc(walk.count, sizeof(const void *));
    if (walk.items == NULL) { /* they are ended with the next ones */
        kedge_net_timer_arm(bridge->net, &bridge->rekeying.timer,
                            kedge_net_now_ms(bridge->net) + GATHER_MS, end_former, bridge);
        return;
    }
    walk.count = 0;
    for (const struct kedge_rekeyed *item = bridge->rekeying.first; item != NULL; item = item->next)
        walk.items[walk.count++] = item;
    qsort(walk.items, walk.count, sizeof(const void *), compare_endpoints);
    kedge_net_hang_up(bridge->net, is_by_a_former_key, &walk);
    free(walk.items);
    kedge_rekeying_clear(bridge);
}

/* ---- taking the new one ---- */

/* Of a device with two, the newer one counts. */
static void drop_former(struct kedge_rekeying *rekeying, const char *endpoint)
{
    for (struct kedge_rekeyed **at = &rekeying->first; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->endpoint, endpoint) != 0)
            continue;
        struct kedge_rekeyed *former = *at;
        *at = former->next;
        free(former);
        return;
    }
}

static void on_adopted(void *context)
{
    struct kedge_rekeyed *rekeyed = context;
    struct kedge_bridge *bridge = rekeyed->bridge;
    if (bridge->ended) {
        free(rekeyed);
        return;
    }
    drop_former(&bridge->rekeying, rekeyed->endpoint);
    rekeyed->next = bridge->rekeying.first;
    bridge->rekeying.first = rekeyed;
    if (rekeyed->next == NULL)
        kedge_net_timer_arm(bridge->net, &bridge->rekeying.timer,
                            kedge_net_now_ms(bridge->net) + GATHER_MS, end_former, bridge);
}

/* One that is lost is seen again with the device's next Register. */
static void on_durable(void *context, enum kedge_rc rc, const char *error)
{
    struct kedge_rekeyed *rekeyed = context;
    if (rc == KEDGE_OK && kedge_net_post(rekeyed->bridge->net, on_adopted, rekeyed) == KEDGE_OK)
        return;
    if (rc != KEDGE_OK && rc != KEDGE_E_CONFLICT)
        kedge_bridge_store_failed(rekeyed->bridge, error);
    free(rekeyed);
}

static enum kedge_rc fill_batch(struct kedge_batch *batch, const struct kedge_rekeyed *rekeyed)
{
    struct kedge_audit_entry entry = {
        .at_ms = kedge_wall_ms(), .who = "device", .what = "bootstrap.adopted"};
    (void)snprintf(entry.subject, sizeof(entry.subject), "%s", rekeyed->endpoint);
    (void)snprintf(entry.after, sizeof(entry.after), "%s", rekeyed->identity);
    KEDGE_TRY(kedge_batch_adopt_credential(batch, rekeyed->identity, entry.at_ms));
    return kedge_batch_add_audit(batch, &entry);
}

static void adopt(struct kedge_bridge *bridge, const char *endpoint, const char *identity)
{
    struct kedge_rekeyed *rekeyed = calloc(1, sizeof(*rekeyed));
    struct kedge_batch *batch = kedge_batch_create();
    if (rekeyed != NULL) {
        rekeyed->bridge = bridge;
        (void)snprintf(rekeyed->endpoint, sizeof(rekeyed->endpoint), "%s", endpoint);
        (void)snprintf(rekeyed->identity, sizeof(rekeyed->identity), "%s", identity);
    }
    if (rekeyed == NULL || batch == NULL || fill_batch(batch, rekeyed) != KEDGE_OK) {
        kedge_batch_destroy(batch);
        free(rekeyed);
        return; /* it is seen again */
    }
    kedge_log(KEDGE_LOG_INFO, "device %s uses the key that it was given by bootstrapping",
              endpoint);
    kedge_store_submit(bridge->store, batch, on_durable, rekeyed);
}

void kedge_bridge_adopt(struct kedge_bridge *bridge, const struct kedge_device *device)
{
    char identity[KEDGE_NET_IDENTITY_MAX + 1];
    struct kedge_credential_record record;
    if (!bridge->somebody_issued ||
        kedge_net_peer_proof(bridge->net, &device->address, identity) != KEDGE_PROOF_PSK ||
        kedge_reader_issued(bridge->reader, identity, &record) != KEDGE_OK)
        return;
    if (strcmp(record.endpoint, device->endpoint) == 0)
        adopt(bridge, device->endpoint, identity);
    kedge_wipe(&record, sizeof(record));
}
