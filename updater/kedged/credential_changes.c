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

static enum kedge_rc fill(const struct kedge_expulsion *expulsion, struct kedge_reader *reader,
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
        enum kedge_rc rc = kedge_batch_put_credential(expulsion->batch, &record);
        kedge_wipe(&record.secret, sizeof(record.secret));
        KEDGE_TRY(rc);
        KEDGE_TRY(kedge_batch_drop_issued(expulsion->batch, record.endpoint));
        KEDGE_TRY(kedge_backend_add_audit(expulsion->batch, &change));
        kedge_expelling_add(expulsion->expelling, record.endpoint);
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_backend_credentials_put(void *context, const char *who,
                                            const struct kedge_credential_record *records,
                                            size_t count, char *text)
{
    struct kedge_backend_state *state = context;
    struct kedge_reader *reader;
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    struct kedge_expulsion expulsion;
    enum kedge_rc rc = kedge_expulsion_begin(&expulsion, count);
    if (rc == KEDGE_OK)
        rc = fill(&expulsion, reader, who, records, count, text);
    kedge_reader_close(reader);
    if (rc == KEDGE_OK)
        state->bridge->nobody_enrolled = false;
    rc = kedge_expulsion_commit(state, &expulsion, rc, NULL, expel_soon, text);
    return kedge_backend_name_conflict(text, rc);
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
    struct kedge_expulsion expulsion;
    rc = kedge_expulsion_begin(&expulsion, 1);
    if (rc == KEDGE_OK) {
        kedge_expelling_add(expulsion.expelling, endpoint);
        rc = kedge_batch_delete_credential(expulsion.batch, endpoint);
    }
    if (rc == KEDGE_OK)
        rc = kedge_batch_drop_issued(expulsion.batch, endpoint);
    return kedge_expulsion_commit(state, &expulsion, rc, &change, expel_soon, text);
}
