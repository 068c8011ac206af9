/*
 * credential_changes.c: credentials written and taken away. When that is durable, the network
 * thread ends what the devices still have by former ones. No audit entry holds a key.
 */
#define _GNU_SOURCE
#include "updater/kedged/backend.h"

#include "updater/kedged/clock.h"

#include <stdlib.h>
#include <string.h>

/* ---- telling the network thread ---- */

static void expel(void *context)
{
    struct kedge_expelling *expelling = context;
    struct kedge_bridge *bridge = expelling->server;
    if (!bridge->ended)
        kedge_fleet_expel(bridge->fleet, expelling->endpoints, expelling->count);
    free(expelling);
}

static enum kedge_rc expel_soon(struct kedge_backend_state *state,
                                struct kedge_expelling *expelling)
{
    kedge_expelling_sort(expelling);
    expelling->server = state->bridge;
    enum kedge_rc rc = kedge_net_post(state->net, expel, expelling);
    if (rc != KEDGE_OK)
        free(expelling);
    return rc;
}

/* ---- writing ---- */

static enum kedge_rc fill_batch(struct kedge_batch *batch, struct kedge_reader *reader,
                                const char *who, const struct kedge_credential_record *records,
                                size_t count, char *text)
{
    uint64_t now_ms = kedge_wall_ms();
    for (size_t i = 0; i < count; i++) {
        struct kedge_credential_record record = records[i], before = {.identity = ""};
        const struct kedge_change change = {.who = who,
                                            .what = "credentials.put",
                                            .subject = record.endpoint,
                                            .before = before.identity,
                                            .after = record.identity};
        KEDGE_TRY(kedge_backend_read_before(
            reader, kedge_reader_credential_of(reader, record.endpoint, &before),
            before.identity, text));
        record.changed_at_ms = now_ms;
        enum kedge_rc rc = kedge_batch_put_credential(batch, &record);
        kedge_wipe(&record.secret, sizeof(record.secret));
        KEDGE_TRY(rc);
        KEDGE_TRY(kedge_batch_drop_issued(batch, record.endpoint));
        KEDGE_TRY(kedge_backend_add_audit(batch, &change));
    }
    return KEDGE_OK;
}

/* Takes the batch and `expelling` over; `change` is NULL where the batch has its entries. */
static enum kedge_rc commit(struct kedge_backend_state *state, struct kedge_batch *batch,
                            const struct kedge_change *change, struct kedge_expelling *expelling,
                            char *text)
{
    enum kedge_rc rc = kedge_backend_commit(state, batch, KEDGE_OK, change, text);
    if (rc == KEDGE_OK)
        return expel_soon(state, expelling);
    free(expelling);
    return rc;
}

enum kedge_rc kedge_backend_credentials_put(void *context, const char *who,
                                            const struct kedge_credential_record *records,
                                            size_t count, char *text)
{
    struct kedge_backend_state *state = context;
    struct kedge_reader *reader;
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    struct kedge_expelling *expelling = kedge_expelling_create(count);
    struct kedge_batch *batch = kedge_batch_create();
    enum kedge_rc rc = KEDGE_E_MEMORY;
    if (expelling != NULL && batch != NULL)
        rc = fill_batch(batch, reader, who, records, count, text);
    kedge_reader_close(reader);
    if (rc != KEDGE_OK) {
        kedge_batch_destroy(batch);
        free(expelling);
        return rc;
    }
    for (size_t i = 0; i < count; i++)
        kedge_expelling_add(expelling, records[i].endpoint);
    state->bridge->nobody_enrolled = false;
    return kedge_backend_name_conflict(text, commit(state, batch, NULL, expelling, text));
}

/* ---- taking away ---- */

enum kedge_rc kedge_backend_credentials_remove(void *context, const char *who, const char *endpoint,
                                               char *text)
{
    struct kedge_backend_state *state = context;
    struct kedge_reader *reader;
    struct kedge_credential_record record;
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    enum kedge_rc rc =
        kedge_backend_read_as(reader, kedge_reader_credential_of(reader, endpoint, &record), text);
    kedge_reader_close(reader);
    if (rc == KEDGE_E_NOT_FOUND)
        return kedge_backend_refuse(text, rc, "the device %s has no credentials", endpoint);
    KEDGE_TRY(rc);
    const struct kedge_change change = {
        .who = who, .what = "credentials.remove", .subject = endpoint, .before = record.identity};
    struct kedge_expelling *expelling = kedge_expelling_create(1);
    struct kedge_batch *batch = kedge_batch_create();
    rc = KEDGE_E_MEMORY;
    if (expelling != NULL && batch != NULL)
        rc = kedge_batch_delete_credential(batch, endpoint);
    if (rc == KEDGE_OK)
        rc = kedge_batch_drop_issued(batch, endpoint);
    if (rc != KEDGE_OK) {
        kedge_batch_destroy(batch);
        free(expelling);
        return rc;
    }
    kedge_expelling_add(expelling, endpoint);
    return commit(state, batch, &change, expelling, text);
}
