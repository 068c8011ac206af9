/*
 * bootstrap_changes.c: credentials for bootstrapping, written and taken away. When that is durable,
 * the bootstrap server ends what the devices still have by former ones. No audit entry holds a key.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "updater/kedged/backend.h"
#include "updater/kedged/clock.h"

static enum kedge_rc add_one(struct kedge_batch *batch, const struct kedge_backend_factory *devices,
                             size_t index, uint64_t now_ms)
{
    struct kedge_bootstrap_record record = devices->records[index];
    const struct kedge_handout_record *handout =
        devices->handouts != NULL ? devices->handouts[index] : NULL;
    record.credential.changed_at_ms = now_ms;
    enum kedge_rc rc = kedge_batch_put_bootstrap(batch, &record);
    kedge_wipe(&record.credential.secret, sizeof(record.credential.secret));
    KEDGE_TRY(rc);
    KEDGE_TRY(kedge_batch_delete_handout(batch, record.credential.endpoint));
    if (handout != NULL)
        KEDGE_TRY(kedge_batch_put_handout(batch, handout));
    KEDGE_TRY(kedge_batch_provision_device(batch, record.credential.endpoint, record.hardware));
    if (devices->tags == NULL || devices->tags[index] == NULL)
        return KEDGE_OK;
    return kedge_batch_set_tags(batch, record.credential.endpoint, devices->tags[index]);
}

static enum kedge_rc fill(const struct kedge_expulsion *expulsion, struct kedge_reader *reader,
                          const char *who, const struct kedge_backend_factory *devices, char *text)
{
    uint64_t now_ms = kedge_wall_ms();
    for (size_t i = 0; i < devices->count; i++) {
        const struct kedge_credential_record *credential = &devices->records[i].credential;
        struct kedge_bootstrap_record before = {.hardware = ""};
        const struct kedge_change change = {.who = who,
                                            .what = "bootstrap.put",
                                            .subject = credential->endpoint,
                                            .before = before.credential.identity,
                                            .after = credential->identity};
        KEDGE_TRY(kedge_backend_read_before(
            reader, kedge_reader_bootstrap_of(reader, credential->endpoint, &before),
            before.credential.identity, text));
        KEDGE_TRY(add_one(expulsion->batch, devices, i, now_ms));
        KEDGE_TRY(kedge_backend_add_audit(expulsion->batch, &change));
        kedge_expelling_add(expulsion->expelling, credential->endpoint);
    }
    return KEDGE_OK;
}

/* Who is registered without DTLS may be one that now must prove itself. */
static void look_again(void *context)
{
    struct kedge_bridge *bridge = context;
    if (!bridge->ended)
        kedge_fleet_enrolled(bridge->fleet);
}

static enum kedge_rc expel_soon(struct kedge_backend_state *state,
                                struct kedge_expelling *expelling)
{
    kedge_bootstrapping_expel(state->bootstrapping, expelling);
    return kedge_net_post(state->net, look_again, state->bridge);
}

/* What the factory says of a device is what filters ask for, too. */
static void tell_changed(struct kedge_backend_state *state,
                         const struct kedge_backend_factory *devices)
{
    const char **endpoints = malloc(devices->count * sizeof(*endpoints));
    if (endpoints == NULL)
        return;
    for (size_t i = 0; i < devices->count; i++)
        endpoints[i] = devices->records[i].credential.endpoint;
    kedge_backend_devices_changed(state, endpoints, devices->count);
    free(endpoints);
}

enum kedge_rc kedge_backend_bootstraps_put(void *context, const char *who,
                                           const struct kedge_backend_factory *devices, char *text)
{
    struct kedge_backend_state *state = context;
    struct kedge_reader *reader;
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    struct kedge_expulsion expulsion;
    enum kedge_rc rc = kedge_expulsion_begin(&expulsion, devices->count);
    if (rc == KEDGE_OK)
        rc = fill(&expulsion, reader, who, devices, text);
    kedge_reader_close(reader);
    if (rc == KEDGE_OK)
        state->bridge->nobody_enrolled = false;
    rc = kedge_expulsion_commit(state, &expulsion, rc, NULL, expel_soon, text);
    if (rc == KEDGE_OK)
        tell_changed(state, devices);
    return kedge_backend_name_conflict(text, rc);
}

enum kedge_rc kedge_backend_bootstrap_remove(void *context, const char *who, const char *endpoint,
                                             char *text)
{
    struct kedge_backend_state *state = context;
    struct kedge_reader *reader;
    struct kedge_bootstrap_record record;
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    enum kedge_rc rc =
        kedge_backend_read_as(reader, kedge_reader_bootstrap_of(reader, endpoint, &record), text);
    kedge_reader_close(reader);
    if (rc == KEDGE_E_NOT_FOUND)
        return kedge_backend_refuse(text, rc, "the device %s has no credentials for bootstrapping",
                                    endpoint);
    KEDGE_TRY(rc);
    const struct kedge_change change = {.who = who,
                                        .what = "bootstrap.remove",
                                        .subject = endpoint,
                                        .before = record.credential.identity};
    struct kedge_expulsion expulsion;
    rc = kedge_expulsion_begin(&expulsion, 1);
    if (rc == KEDGE_OK) {
        kedge_expelling_add(expulsion.expelling, endpoint);
        rc = kedge_batch_delete_bootstrap(expulsion.batch, endpoint);
    }
    return kedge_expulsion_commit(state, &expulsion, rc, &change, expel_soon, text);
}
