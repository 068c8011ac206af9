/*
 * credential_changes.c: credentials written and taken away. When that is durable, the network
 * thread ends what the devices still have by former ones. No audit entry holds a key.
 */
#define _GNU_SOURCE
#include "updater/kedged/backend.h"

#include "updater/kedged/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- telling the network thread ---- */

struct expelling {
    struct kedge_bridge *bridge;
    char endpoint[KEDGE_ENDPOINT_MAX + 1];
};

static void expel(void *context)
{
    struct expelling *expelling = context;
    if (!expelling->bridge->ended)
        kedge_fleet_expel(expelling->bridge->fleet, expelling->endpoint);
    free(expelling);
}

/* Without memory, the association goes on until it ends by itself; it cannot be made again. */
static void expel_soon(struct kedge_backend_state *state, const char *endpoint)
{
    struct expelling *expelling = calloc(1, sizeof(*expelling));
    if (expelling == NULL)
        return;
    expelling->bridge = state->bridge;
    (void)snprintf(expelling->endpoint, sizeof(expelling->endpoint), "%s", endpoint);
    if (kedge_net_post(state->net, expel, expelling) != KEDGE_OK)
        free(expelling);
}

/* ---- writing ---- */

static enum kedge_rc fill_batch(struct kedge_batch *batch, const char *who,
                                const struct kedge_credential_record *records, size_t count)
{
    uint64_t now_ms = kedge_wall_ms();
    for (size_t i = 0; i < count; i++) {
        struct kedge_credential_record record = records[i];
        const struct kedge_change change = {.who = who,
                                            .what = "credentials.put",
                                            .subject = record.endpoint,
                                            .after = record.identity};
        record.changed_at_ms = now_ms;
        enum kedge_rc rc = kedge_batch_put_credential(batch, &record);
        kedge_wipe(&record.secret, sizeof(record.secret));
        KEDGE_TRY(rc);
        /* The last one's entry is added by who commits. */
        if (i + 1 < count)
            KEDGE_TRY(kedge_backend_add_audit(batch, &change));
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_backend_credentials_put(void *context, const char *who,
                                            const struct kedge_credential_record *records,
                                            size_t count, char *text)
{
    struct kedge_backend_state *state = context;
    const struct kedge_credential_record *last = &records[count - 1];
    const struct kedge_change change = {
        .who = who, .what = "credentials.put", .subject = last->endpoint, .after = last->identity};
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = fill_batch(batch, who, records, count);
    if (rc != KEDGE_OK) {
        kedge_batch_destroy(batch);
        return rc;
    }
    rc = kedge_backend_commit(state, batch, &change, text);
    if (rc == KEDGE_E_CONFLICT)
        return kedge_backend_refuse(text, rc,
                                    "an identity belongs to another endpoint already, or two "
                                    "endpoints here have the same");
    for (size_t i = 0; rc == KEDGE_OK && i < count; i++)
        expel_soon(state, records[i].endpoint);
    return rc;
}

/* ---- taking away ---- */

enum kedge_rc kedge_backend_credentials_remove(void *context, const char *who, const char *endpoint,
                                               char *text)
{
    struct kedge_backend_state *state = context;
    struct kedge_reader *reader;
    struct kedge_credential_record record;
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    enum kedge_rc rc = kedge_reader_credential_of(reader, endpoint, &record);
    kedge_reader_close(reader);
    if (rc != KEDGE_OK)
        return kedge_backend_refuse(text, rc, "the device %s has no credentials", endpoint);
    const struct kedge_change change = {
        .who = who, .what = "credentials.remove", .subject = endpoint, .before = record.identity};
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    rc = kedge_batch_delete_credential(batch, endpoint);
    if (rc != KEDGE_OK) {
        kedge_batch_destroy(batch);
        return rc;
    }
    rc = kedge_backend_commit(state, batch, &change, text);
    if (rc == KEDGE_OK)
        expel_soon(state, endpoint);
    return rc;
}
