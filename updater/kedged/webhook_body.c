/* webhook_body.c: an event as it is posted, and by what its receiver knows that it is ours. */
#define _GNU_SOURCE
#include "updater/kedged/webhooks.h"

#include "updater/api/json_text.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *webhook_event_name(const struct kedge_history_entry *entry)
{
    if (entry->deployment_id != 0)
        return "deployment";
    return entry->group_index >= 0 ? "group" : "rollout";
}

char *webhook_body(const char *webhook, const struct kedge_history_entry *entry)
{
    json_t *json = json_pack(
        "{s:I, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", (json_int_t)entry->id,
        "webhook", webhook, "event", webhook_event_name(entry), "at_ms", (json_int_t)entry->at_ms,
        "rollout_id", (json_int_t)entry->rollout_id, "group_index",
        entry->group_index < 0 ? json_null() : json_integer(entry->group_index), "deployment_id",
        entry->deployment_id == 0 ? json_null() : json_integer((json_int_t)entry->deployment_id),
        "endpoint", json_text(entry->endpoint), "who", json_text(entry->who), "from",
        json_text(entry->from), "to", json_text(entry->to), "text", json_text(entry->text));
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

void webhook_sign(const char *secret, uint64_t at_s, const char *body, char out[128])
{
    uint8_t digest[32];
    char seconds[24], hex[2 * sizeof(digest) + 1];
    gnutls_hmac_hd_t hmac;
    out[0] = '\0';
    int size = snprintf(seconds, sizeof(seconds), "%" PRIu64 ".", at_s);
    if (gnutls_hmac_init(&hmac, GNUTLS_MAC_SHA256, secret, strlen(secret)) != 0)
        return;
    (void)gnutls_hmac(hmac, seconds, (size_t)size);
    (void)gnutls_hmac(hmac, body, strlen(body));
    gnutls_hmac_deinit(hmac, digest);
    kedge_hex_encode(kedge_slice(digest, sizeof(digest)), hex);
    (void)snprintf(out, 128, "t=%" PRIu64 ",v1=%s", at_s, hex);
}
