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

/* ---- what is given ---- */

struct issuing {
    struct kedge_bootstrapping *bootstrapping;
    uint64_t ticket;
    enum kedge_rc rc;
    struct kedge_bootstrap_grant grant;
};

static void issuing_free(struct issuing *issuing)
{
    kedge_wipe(issuing, sizeof(*issuing));
    free(issuing);
}

static void on_network_thread(void *context)
{
    struct issuing *issuing = context;
    struct kedge_bootstrapping *bootstrapping = issuing->bootstrapping;
    if (bootstrapping->server != NULL)
        kedge_bootstrap_granted(bootstrapping->server, issuing->ticket, issuing->rc,
                                issuing->rc == KEDGE_OK ? &issuing->grant : NULL);
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

static void grant_key(struct kedge_bootstrap_grant *grant,
                      const struct kedge_credential_record *record)
{
    grant->mode = KEDGE_SECURITY_PSK;
    grant->identity_size = strlen(record->identity);
    grant->secret_size = record->secret_size;
    memcpy(grant->identity, record->identity, grant->identity_size);
    memcpy(grant->secret, record->secret, grant->secret_size);
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

static enum kedge_rc add_trace(struct kedge_batch *batch, const char *endpoint, const char *what)
{
    struct kedge_audit_entry entry;
    fill_in_entry(&entry, endpoint, "bootstrap.issued", what);
    return kedge_batch_add_audit(batch, &entry);
}

/* A fresh key, which is good for a handshake once the batch is durable. */
static enum kedge_rc issue_key(struct kedge_batch *batch, const char *endpoint,
                               struct kedge_bootstrap_grant *grant)
{
    struct kedge_credential_record record = {.secret_size = 0};
    enum kedge_rc rc = make_key(&record, endpoint);
    if (rc == KEDGE_OK)
        rc = kedge_batch_issue_credential(batch, &record);
    grant_key(grant, &record);
    kedge_wipe(&record.secret, sizeof(record.secret));
    KEDGE_TRY(rc);
    return add_trace(batch, endpoint, record.identity);
}

static enum kedge_rc issue_certificate(struct kedge_bootstrapping *bootstrapping,
                                       struct kedge_batch *batch,
                                       const struct kedge_handout_record *handout,
                                       struct kedge_bootstrap_grant *grant)
{
    if (bootstrapping->server_certificate_size == 0) {
        kedge_log(KEDGE_LOG_ERROR,
                  "device %s cannot be given its certificate: --coaps-cert is "
                  "not given, by which it would know this server",
                  handout->endpoint);
        return KEDGE_E_MISSING;
    }
    grant->mode = KEDGE_SECURITY_CERTIFICATE;
    grant->identity_size = handout->certificate_size;
    grant->secret_size = handout->private_key_size;
    grant->server_key_size = bootstrapping->server_certificate_size;
    memcpy(grant->identity, handout->certificate, grant->identity_size);
    memcpy(grant->secret, handout->private_key, grant->secret_size);
    memcpy(grant->server_key, bootstrapping->server_certificate, grant->server_key_size);
    return add_trace(batch, handout->endpoint, "its certificate");
}

static enum kedge_rc issue(struct kedge_bootstrapping *bootstrapping, struct kedge_batch *batch,
                           const char *endpoint, struct kedge_bootstrap_grant *grant)
{
    struct kedge_handout_record handout;
    if (kedge_store_behind(bootstrapping->store))
        return KEDGE_E_BUSY;
    enum kedge_rc rc = kedge_reader_handout(bootstrapping->reader, endpoint, &handout);
    if (rc == KEDGE_E_NOT_FOUND)
        return issue_key(batch, endpoint, grant);
    if (rc == KEDGE_OK)
        rc = issue_certificate(bootstrapping, batch, &handout, grant);
    kedge_wipe(&handout, sizeof(handout));
    return rc;
}

enum kedge_rc kedge_issuing_grant(void *context, const char *endpoint, uint64_t ticket)
{
    struct kedge_bootstrapping *bootstrapping = context;
    struct issuing *issuing = calloc(1, sizeof(*issuing));
    struct kedge_batch *batch = kedge_batch_create();
    enum kedge_rc rc = issuing != NULL && batch != NULL ? KEDGE_OK : KEDGE_E_MEMORY;
    if (rc == KEDGE_OK)
        rc = issue(bootstrapping, batch, endpoint, &issuing->grant);
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
