/* webhook_request.c: one event on its way to its receiver (libcurl). */
#define _GNU_SOURCE
#include "updater/kedged/clock.h"
#include "updater/kedged/webhook_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANSWER_MAX 65536u /* bytes of an answer, which nobody reads */

uint64_t webhook_monotonic_ms(void)
{
    return kedge_clock_ms(CLOCK_MONOTONIC);
}

static const char *text_setting(const struct hook *hook, const char *name)
{
    const char *text = json_string_value(json_object_get(hook->settings, name));
    return text == NULL ? "" : text;
}

void webhook_let_go(struct kedge_webhooks *webhooks, struct hook *hook)
{
    if (hook->easy != NULL) {
        (void)curl_multi_remove_handle(webhooks->multi, hook->easy);
        curl_easy_cleanup(hook->easy);
    }
    curl_slist_free_all(hook->header);
    free(hook->body);
    hook->easy = NULL;
    hook->header = NULL;
    hook->body = NULL;
}

static size_t skip_answer(char *bytes, size_t one, size_t count, void *context)
{
    struct hook *hook = context;
    (void)bytes;
    hook->answered += one * count;
    return hook->answered > ANSWER_MAX ? 0 : one * count;
}

static void add_header(struct hook *hook, const char *name, const char *value)
{
    char line[256];
    (void)snprintf(line, sizeof(line), "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(hook->header, line);
    if (longer != NULL)
        hook->header = longer;
}

void webhook_post(struct kedge_webhooks *webhooks, struct hook *hook, char *body)
{
    char signature[128], id[24];
    hook->body = body;
    hook->answered = 0;
    hook->error[0] = '\0';
    hook->easy = body == NULL ? NULL : curl_easy_init();
    if (hook->easy == NULL) {
        webhook_let_go(webhooks, hook);
        hook->due_ms = webhook_monotonic_ms() + 1000;
        return;
    }
    webhook_sign(text_setting(hook, "secret"), kedge_wall_ms() / 1000, body, signature);
    (void)snprintf(id, sizeof(id), "%" PRIu64, hook->event_id);
    add_header(hook, "Content-Type", "application/json");
    add_header(hook, "Kedge-Webhook", hook->name);
    add_header(hook, "Kedge-Event-Id", id);
    add_header(hook, "Kedge-Signature", signature);
    add_header(hook, "Expect", "");
    CURL *easy = hook->easy;
    (void)curl_easy_setopt(easy, CURLOPT_URL, text_setting(hook, "url"));
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "kedged/" KEDGE_VERSION);
    /* A name that nobody answers for is not waited for: not at the end, nor by the other hooks. */
    (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)WEBHOOK_LIMIT_S);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, hook->header);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, skip_answer);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, hook);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, hook->error);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, hook);
    (void)curl_multi_add_handle(webhooks->multi, easy);
}

enum kedge_rc webhook_outcome(CURL *easy, CURLcode code, const struct hook *hook, char *why,
                              size_t why_size)
{
    long status = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    why[0] = '\0';
    if (status / 100 == 2) /* it is the receiver's word; what comes behind it, nobody reads */
        return KEDGE_OK;
    if (code != CURLE_OK)
        (void)snprintf(why, why_size, "%s",
                       hook->error[0] != '\0' ? hook->error : curl_easy_strerror(code));
    else
        (void)snprintf(why, why_size, "the answer was %ld", status);
    return KEDGE_E_SYSTEM;
}

uint64_t webhook_asked_pause_ms(CURL *easy)
{
    curl_off_t seconds = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds <= 0)
        return 0;
    return seconds < WEBHOOK_RETRY_AFTER_MAX_S ? (uint64_t)seconds * 1000u
                                               : WEBHOOK_RETRY_AFTER_MAX_S * 1000u;
}
