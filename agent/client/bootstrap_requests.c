/*
 * bootstrap_requests.c: what the bootstrap server asks of the device, until Finish; see
 * bootstrap.h. Nobody else is answered here, and nothing before the device has asked.
 */
#include "agent/client/account_credentials.h"
#include "agent/client/bootstrap.h"
#include "agent/client/log.h"

#include <errno.h>
#include <kedge/coap.h>
#include <stdio.h>
#include <string.h>

static uint64_t now_ms(const struct kedge_bootstrap *bootstrap)
{
    return bootstrap->clock->monotonic_ms(bootstrap->clock->context);
}

/* ---- Finish ---- */

static uint8_t refuse(struct kedge_bootstrap *bootstrap, uint8_t code, const char *what,
                      const char *words)
{
    snprintf(bootstrap->words, sizeof bootstrap->words, "%s: %s", what, words);
    return code;
}

static uint8_t take_over(struct kedge_bootstrap *bootstrap, struct kedge_account *account,
                         struct kedge_credentials *credentials)
{
    const struct kedge_folder folder = kedge_folder_of(&bootstrap->folder);
    const char *flaw = kedge_account_flaw(account, bootstrap->own.private_key.size > 0);
    if (flaw != NULL)
        return refuse(bootstrap, KEDGE_COAP_NOT_ACCEPTABLE, "what it gave is no account", flaw);
    if (kedge_account_credentials(&account->security, &bootstrap->own, credentials) != KEDGE_OK)
        return refuse(bootstrap, KEDGE_COAP_NOT_ACCEPTABLE, "what it gave is no account",
                      "its keys or certificates are not usable");
    snprintf(account->endpoint, sizeof account->endpoint, "%s", bootstrap->endpoint);
    enum kedge_rc rc = kedge_account_save(&folder, account);
    if (rc != KEDGE_OK)
        return refuse(bootstrap, KEDGE_COAP_INTERNAL_ERROR, KEDGE_ACCOUNT_FILE,
                      rc == KEDGE_E_SYSTEM ? strerror(errno) : kedge_rc_text(rc));
    bootstrap->account = *account;
    *bootstrap->credentials = *credentials;
    bootstrap->words[0] = '\0';
    bootstrap->renewed = true;
    kedge_log(KEDGE_LOG_INFO, "%s has given an account with %s", bootstrap->uri.text,
              account->security.uri);
    return KEDGE_COAP_CHANGED;
}

uint8_t kedge_bootstrap_take_over(struct kedge_bootstrap *bootstrap)
{
    static struct kedge_credentials credentials; /* too large for a stack */
    uint8_t code = take_over(bootstrap, &bootstrap->work->provision.account, &credentials);
    kedge_wipe(&credentials, sizeof credentials);
    return code;
}

/* After a refusal the server may mend it, and finish again (OMA LwM2M Core 1.2, section 6.1.7.6).
 */
static uint8_t finish(struct kedge_bootstrap *bootstrap)
{
    uint8_t code = kedge_bootstrap_take_over(bootstrap);
    if (code != KEDGE_COAP_CHANGED) {
        kedge_log(KEDGE_LOG_WARNING, "bootstrapping from %s: %s", bootstrap->uri.text,
                  bootstrap->words);
        return code;
    }
    kedge_bootstrap_course_finished(&bootstrap->course);
    bootstrap->close_at_ms = now_ms(bootstrap) + KEDGE_BOOTSTRAP_LINGER_MS;
    return code;
}

/* ---- requests ---- */

static bool is_finish(const coap_pdu_t *request)
{
    coap_string_t *path = coap_get_uri_path(request);
    bool is = path != NULL && path->length == 2 && memcmp(path->s, "bs", 2) == 0 &&
              coap_pdu_get_code(request) == COAP_REQUEST_CODE_POST;
    if (path != NULL)
        coap_delete_string(path);
    return is;
}

static void answer_read(struct kedge_bootstrap *bootstrap, struct kedge_incoming *in,
                        coap_pdu_t *response)
{
    uint8_t buffer[KEDGE_MODEL_PAYLOAD_MAX];
    struct kedge_writer out = kedge_writer(buffer, sizeof buffer);
    struct kedge_model_answer answer =
        kedge_provision_handle(&bootstrap->work->provision, &in->model, &out);
    struct kedge_slice payload = kedge_writer_slice(&out);
    coap_pdu_set_code(response, (coap_pdu_code_t)answer.code);
    if (answer.code != KEDGE_COAP_CONTENT)
        return;
    kedge_body_tag(response, &in->body, payload);
    kedge_channel_add_uint(response, COAP_OPTION_CONTENT_FORMAT, answer.format);
    if (!kedge_body_add(response, &in->body, payload))
        coap_pdu_set_code(response, COAP_RESPONSE_CODE_BAD_REQUEST);
}

static uint8_t change(struct kedge_bootstrap *bootstrap, const coap_pdu_t *request,
                      struct kedge_incoming *in, bool is_path)
{
    struct kedge_writer none = kedge_writer(NULL, 0);
    if (is_finish(request))
        return finish(bootstrap);
    if (!is_path)
        return KEDGE_COAP_NOT_FOUND;
    struct kedge_collect *collect = &bootstrap->work->collect;
    uint8_t code = kedge_incoming_collect(request, in, collect, now_ms(bootstrap));
    if (code != 0)
        return code;
    code = kedge_provision_handle(&bootstrap->work->provision, &in->model, &none).code;
    kedge_incoming_answered(in, collect, code);
    return code;
}

static void answer_change(struct kedge_bootstrap *bootstrap, const coap_pdu_t *request,
                          struct kedge_incoming *in, bool is_path, coap_pdu_t *response)
{
    uint64_t now = now_ms(bootstrap);
    uint8_t code = kedge_recent_find(&bootstrap->recent, in->key, now);
    if (code == 0) {
        code = bootstrap->close_at_ms == 0 ? change(bootstrap, request, in, is_path)
                                           : KEDGE_COAP_UNAUTHORIZED;
        kedge_recent_keep(&bootstrap->recent, in->key, code, now);
    }
    coap_pdu_set_code(response, (coap_pdu_code_t)code);
    kedge_incoming_add_block(in, code, response);
}

static bool is_being_bootstrapped(const struct kedge_bootstrap *bootstrap,
                                  const coap_session_t *session)
{
    enum kedge_bootstrap_phase phase = bootstrap->course.phase;
    /* Its first request may overtake its answer to ours. */
    bool served = phase == KEDGE_BOOTSTRAP_REQUESTING || phase == KEDGE_BOOTSTRAP_SERVED;
    return bootstrap->context != NULL && session == bootstrap->session && !bootstrap->ended &&
           (served || bootstrap->close_at_ms != 0);
}

static void on_request(coap_resource_t *resource, coap_session_t *session,
                       const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
    (void)resource;
    (void)query;
    struct kedge_bootstrap *bootstrap = coap_get_app_data(coap_session_get_context(session));
    struct kedge_incoming in;
    if (!is_being_bootstrapped(bootstrap, session)) {
        coap_pdu_set_code(response, COAP_RESPONSE_CODE_UNAUTHORIZED);
        return;
    }
    bool is_path = kedge_incoming_take(request, &in);
    kedge_log(KEDGE_LOG_DEBUG, "bootstrap request %u.%02u for /%u/%u", in.model.method >> 5,
              in.model.method & 0x1Fu, in.model.path.ids[0], in.model.path.ids[1]);
    if (in.model.method == KEDGE_COAP_GET && is_path && bootstrap->close_at_ms == 0)
        answer_read(bootstrap, &in, response);
    else
        answer_change(bootstrap, request, &in, is_path, response);
}

enum kedge_rc kedge_bootstrap_requests_register(coap_context_t *context)
{
    return kedge_incoming_register(context, on_request);
}
