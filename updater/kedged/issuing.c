/*
 * issuing.c: keys for devices that are bootstrapped, durable before they are told; and the trace
 * that each step leaves in the audit log. No log and no audit entry holds a key.
 */
#define _GNU_SOURCE
#include "updater/kedged/bootstrapping.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "updater/kedged/clock.h"
#include "updater/kedged/log.h"

#define IDENTITY_BYTES 12u /* 96 bits that nobody has twice */

/* ---- the trace ---- */

static void fill_in_entry(struct kedge_audit_entry *entry, const char *endpoint, const char *what,
                          const char *after)
{
    *entry = (struct kedge_audit_entry){.at_ms = kedge_wall_ms(), .who = "device"};
    (void)snprintf(entry->what, sizeof(entry->what), "%s", what);
    (void)snprintf(entry->subject, sizeof(entry->subject), "%s", endpoint);
    (void)snprintf(entry->after, sizeof(entry->after), "%s", after);
}

static void on_traced(void *context, enum kedge_rc rc, const char *error)
{
    struct kedge_bootstrapping *bootstrapping = context;
    if (rc != KEDGE_OK && rc != KEDGE_E_CONFLICT)
        kedge_bridge_store_failed(bootstrapping->bridge, error);
}

static bool may_trace(struct kedge_bootstrapping *bootstrapping, enum kedge_bootstrap_event event)
{
    const struct kedge_token_rate rate = {KEDGE_BOOTSTRAP_REFUSALS_PER_S,
                                          KEDGE_BOOTSTRAP_REFUSALS_BURST};
    return event != KEDGE_BOOTSTRAP_REFUSED ||
           kedge_tokens_take(&bootstrapping->refusals, rate, kedge_net_now_ms(bootstrapping->net));
}

void kedge_issuing_trace(void *context, const char *endpoint, enum kedge_bootstrap_event event,
                         const char *words)
{
    struct kedge_bootstrapping *bootstrapping = context;
    struct kedge_audit_entry entry;
    if (!may_trace(bootstrapping, event))
        return;
    bool bad = event == KEDGE_BOOTSTRAP_FAILED || event == KEDGE_BOOTSTRAP_REFUSED;
    kedge_log(bad ? KEDGE_LOG_WARNING : KEDGE_LOG_INFO, "device %s: %s: %s", endpoint,
              kedge_bootstrap_event_name(event), words);
    fill_in_entry(&entry, endpoint, kedge_bootstrap_event_name(event), words);
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL || kedge_batch_add_audit(batch, &entry) != KEDGE_OK) {
        kedge_batch_destroy(batch);
        kedge_log(KEDGE_LOG_ERROR, "out of memory: this is not in the audit log");
        return;
    }
    kedge_store_submit(bootstrapping->store, batch, on_traced, bootstrapping);
}

/* ---- keys ---- */

struct issuing {
    struct kedge_bootstrapping *bootstrapping;
    uint64_t ticket;
    enum kedge_rc rc;
    struct kedge_credential_record record;
};

static void issuing_free(struct issuing *issuing)
{
    kedge_wipe(issuing, sizeof(*issuing));
    free(issuing);
}

static void on_network_thread(void *context)
{
    struct issuing *issuing = context;
    const struct kedge_credential_record *record = &issuing->record;
    struct kedge_bootstrapping *bootstrapping = issuing->bootstrapping;
    struct kedge_bootstrap_grant grant = {.mode = KEDGE_SECURITY_PSK,
                                          .identity_size = strlen(record->identity),
                                          .secret_size = record->secret_size};
    memcpy(grant.identity, record->identity, grant.identity_size);
    memcpy(grant.secret, record->secret, grant.secret_size);
    if (bootstrapping->server != NULL)
        kedge_bootstrap_granted(bootstrapping->server, issuing->ticket, issuing->rc,
                                issuing->rc == KEDGE_OK ? &grant : NULL);
    kedge_wipe(&grant, sizeof(grant));
    issuing_free(issuing);
}

static void on_durable(void *context, enum kedge_rc rc, const char *error)
{
    struct issuing *issuing = context;
    struct kedge_bootstrapping *bootstrapping = issuing->bootstrapping;
    issuing->rc = rc;
    on_traced(bootstrapping, rc, error);
    if (kedge_net_post(bootstrapping->net, on_network_thread, issuing) != KEDGE_OK)
        issuing_free(issuing); /* the session's limit ends it */
}

static enum kedge_rc make_key(struct kedge_credential_record *record, const char *endpoint)
{
    uint8_t identity[IDENTITY_BYTES];
    record->kind = KEDGE_CREDENTIAL_PSK;
    record->changed_at_ms = kedge_wall_ms();
    record->secret_size = KEDGE_BOOTSTRAP_KEY_SIZE;
    (void)snprintf(record->endpoint, sizeof(record->endpoint), "%s", endpoint);
    if (gnutls_rnd(GNUTLS_RND_KEY, record->secret, record->secret_size) < 0 ||
        gnutls_rnd(GNUTLS_RND_NONCE, identity, sizeof(identity)) < 0)
        return KEDGE_E_SYSTEM;
    kedge_hex_encode(kedge_slice(identity, sizeof(identity)), record->identity);
    return KEDGE_OK;
}

static enum kedge_rc fill_batch(struct kedge_batch *batch,
                                const struct kedge_credential_record *record)
{
    struct kedge_audit_entry entry;
    fill_in_entry(&entry, record->endpoint, "bootstrap.issued", record->identity);
    KEDGE_TRY(kedge_batch_issue_credential(batch, record));
    return kedge_batch_add_audit(batch, &entry);
}

enum kedge_rc kedge_issuing_grant(void *context, const char *endpoint, uint64_t ticket)
{
    struct kedge_bootstrapping *bootstrapping = context;
    struct issuing *issuing = calloc(1, sizeof(*issuing));
    struct kedge_batch *batch = kedge_batch_create();
    enum kedge_rc rc = issuing != NULL && batch != NULL ? KEDGE_OK : KEDGE_E_MEMORY;
    if (kedge_store_behind(bootstrapping->store))
        rc = KEDGE_E_BUSY;
    if (rc == KEDGE_OK)
        rc = make_key(&issuing->record, endpoint);
    if (rc == KEDGE_OK)
        rc = fill_batch(batch, &issuing->record);
    if (rc != KEDGE_OK) {
        kedge_batch_destroy(batch);
        free(issuing);
        return rc;
    }
    issuing->bootstrapping = bootstrapping;
    issuing->ticket = ticket;
    bootstrapping->bridge->nobody_enrolled = false;
    bootstrapping->bridge->somebody_issued = true;
    kedge_store_submit(bootstrapping->store, batch, on_durable, issuing);
    return KEDGE_OK;
}
