/* bootstrap.c: asking for an account, and what comes of it; see bootstrap.h. */
#include "agent/client/bootstrap.h"

#include "agent/client/account_credentials.h"
#include "agent/client/log.h"
#include "agent/fetch/pull.h"

#include <kedge/coap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCT_TEXT "pct=112" /* SenML CBOR: the shortest that tells paths */

static uint64_t now_ms(const struct kedge_bootstrap *bootstrap)
{
    return bootstrap->clock->monotonic_ms(bootstrap->clock->context);
}

/* ---- the account ---- */

bool kedge_bootstrap_has_account(const struct kedge_bootstrap *bootstrap)
{
    return bootstrap->account.security.present;
}

static void forget_account(struct kedge_bootstrap *bootstrap)
{
    kedge_wipe(&bootstrap->account, sizeof bootstrap->account);
    kedge_wipe(bootstrap->credentials, sizeof *bootstrap->credentials);
}

static void want_account(struct kedge_bootstrap *bootstrap)
{
    uint32_t hold_off_s =
        bootstrap->account.has_hold_off ? bootstrap->account.hold_off_s : bootstrap->hold_off_s;
    kedge_bootstrap_course_want(&bootstrap->course, hold_off_s, now_ms(bootstrap));
}

enum kedge_rc kedge_bootstrap_begin(struct kedge_bootstrap *bootstrap, uint64_t patience_ms)
{
    struct kedge_account *account = &bootstrap->account;
    bool has_own_key = bootstrap->own.private_key.size > 0;
    kedge_bootstrap_course_begin(&bootstrap->course, bootstrap->random, patience_ms);
    enum kedge_rc rc = kedge_account_load(bootstrap->folder, has_own_key, account);
    if (rc == KEDGE_E_SYSTEM)
        return rc;
    if (rc == KEDGE_OK && strcmp(account->endpoint, bootstrap->endpoint) != 0)
        rc = KEDGE_E_CONFLICT;
    if (rc == KEDGE_OK)
        rc = kedge_account_credentials(&account->security, &bootstrap->own, bootstrap->credentials);
    if (rc == KEDGE_OK)
        return KEDGE_OK;
    if (rc != KEDGE_E_NOT_FOUND)
        kedge_log(KEDGE_LOG_WARNING, "%s: %s: asking for another account", KEDGE_ACCOUNT_FILE,
                  rc == KEDGE_E_CONFLICT ? "it is for another endpoint" : kedge_rc_text(rc));
    forget_account(bootstrap);
    want_account(bootstrap);
    return KEDGE_OK;
}

void kedge_bootstrap_trigger(struct kedge_bootstrap *bootstrap)
{
    kedge_log(KEDGE_LOG_INFO, "the server sends this device to be bootstrapped");
    kedge_bootstrap_course_trigger(&bootstrap->course, now_ms(bootstrap));
}

void kedge_bootstrap_look(struct kedge_bootstrap *bootstrap,
                          const struct kedge_registration *registration)
{
    if (!kedge_bootstrap_has_account(bootstrap))
        return;
    if (registration->phase == KEDGE_REGISTERED)
        kedge_bootstrap_course_registered(&bootstrap->course);
    if (!kedge_bootstrap_registration_is_lost(registration, &bootstrap->account.server,
                                              now_ms(bootstrap)))
        return;
    if (bootstrap->course.phase == KEDGE_BOOTSTRAP_IDLE)
        kedge_log(KEDGE_LOG_WARNING,
                  "%s has not taken this device %u times: asking for another "
                  "account",
                  bootstrap->account.security.uri, registration->failures);
    want_account(bootstrap);
}

/* ---- the end of an attempt ---- */

static void close_session(struct kedge_bootstrap *bootstrap)
{
    coap_context_t *context = bootstrap->context;
    bootstrap->waiting = bootstrap->ended = false;
    bootstrap->close_at_ms = 0;
    bootstrap->context = NULL; /* first: what is still queued is handed to on_undelivered() */
    if (bootstrap->session != NULL)
        coap_session_release(bootstrap->session);
    bootstrap->session = NULL;
    if (context != NULL)
        coap_free_context(context);
    if (bootstrap->work != NULL)
        kedge_wipe(bootstrap->work, sizeof *bootstrap->work);
    free(bootstrap->work);
    bootstrap->work = NULL;
    kedge_recent_clear(&bootstrap->recent);
}

/* The session is closed by the next poll: this may be called from within libcoap. */
__attribute__((format(printf, 2, 3))) static void fail(struct kedge_bootstrap *bootstrap,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(bootstrap->words, sizeof bootstrap->words, format, arguments);
    va_end(arguments);
    kedge_log(KEDGE_LOG_WARNING, "bootstrapping from %s: %s", bootstrap->uri.text,
              bootstrap->words);
    bootstrap->waiting = false;
    bootstrap->ended = true;
    kedge_bootstrap_course_failed(&bootstrap->course, now_ms(bootstrap));
}

/* ---- Bootstrap-Pack ---- */

static enum kedge_rc push_body(void *context, struct kedge_slice bytes)
{
    struct kedge_bootstrap_work *work = context;
    if (bytes.size > sizeof work->body - work->body_size)
        return KEDGE_E_SPACE;
    if (bytes.size > 0)
        memcpy(work->body + work->body_size, bytes.data, bytes.size);
    work->body_size += bytes.size;
    return KEDGE_OK;
}

static enum kedge_rc restart_body(void *context)
{
    struct kedge_bootstrap_work *work = context;
    work->body_size = 0;
    return KEDGE_OK;
}

/* RFC 7252 section 5.10: in ascending order. */
static bool fill_pack_request(const struct kedge_bootstrap *bootstrap, coap_pdu_t *pdu,
                              uint32_t number)
{
    return coap_add_option(pdu, COAP_OPTION_URI_PATH, 6, (const uint8_t *)"bspack") != 0 &&
           kedge_channel_add_query(pdu, "ep", bootstrap->endpoint) &&
           kedge_channel_add_uint(pdu, COAP_OPTION_ACCEPT, KEDGE_LWM2M_FORMAT_SENML_CBOR) &&
           kedge_channel_add_uint(pdu, COAP_OPTION_BLOCK2, number << 4 | bootstrap->work->pack.szx);
}

static bool fill_request(const struct kedge_bootstrap *bootstrap, coap_pdu_t *pdu)
{
    return coap_add_option(pdu, COAP_OPTION_URI_PATH, 2, (const uint8_t *)"bs") != 0 &&
           kedge_channel_add_query(pdu, "ep", bootstrap->endpoint) &&
           coap_add_option(pdu, COAP_OPTION_URI_QUERY, sizeof PCT_TEXT - 1,
                           (const uint8_t *)PCT_TEXT) != 0;
}

/* Sends the request for the pack, or its block `number`; else the Bootstrap-Request. */
static bool send_request(struct kedge_bootstrap *bootstrap, bool for_pack, uint32_t number)
{
    coap_pdu_t *pdu = kedge_channel_request(
        bootstrap->session, bootstrap->random,
        for_pack ? COAP_REQUEST_CODE_GET : COAP_REQUEST_CODE_POST, &bootstrap->token);
    bool filled = pdu != NULL && (for_pack ? fill_pack_request(bootstrap, pdu, number)
                                           : fill_request(bootstrap, pdu));
    if (!filled) {
        if (pdu != NULL)
            coap_delete_pdu(pdu);
        return false;
    }
    bootstrap->waiting = true;
    bootstrap->alerted = false;
    return coap_send(bootstrap->session, pdu) != COAP_INVALID_MID;
}

static void end_pack(struct kedge_bootstrap *bootstrap, const char *words)
{
    kedge_log(KEDGE_LOG_INFO, "no Bootstrap-Pack of use from %s (%s): step by step",
              bootstrap->uri.text, words);
    kedge_bootstrap_course_no_pack(&bootstrap->course, now_ms(bootstrap));
}

static void take_pack(struct kedge_bootstrap *bootstrap)
{
    struct kedge_bootstrap_work *work = bootstrap->work;
    uint8_t code = kedge_provision_pack(&work->provision, work->pack_format,
                                        kedge_slice(work->body, work->body_size));
    if (code != KEDGE_COAP_CHANGED) {
        snprintf(bootstrap->words, sizeof bootstrap->words, "it makes no sense");
    } else {
        code = kedge_bootstrap_take_over(bootstrap);
    }
    if (code != KEDGE_COAP_CHANGED) {
        end_pack(bootstrap, bootstrap->words);
        return;
    }
    kedge_bootstrap_course_finished(&bootstrap->course);
    bootstrap->ended = true;
}

static void take_pack_block(struct kedge_bootstrap *bootstrap, const coap_pdu_t *response)
{
    struct kedge_bootstrap_work *work = bootstrap->work;
    const struct kedge_download_answer answer = kedge_pull_read_answer(response);
    if (answer.code != KEDGE_COAP_CONTENT) {
        char words[8];
        snprintf(words, sizeof words, "%u.%02u", answer.code >> 5, answer.code & 31u);
        end_pack(bootstrap, words);
        return;
    }
    work->pack_format = KEDGE_LWM2M_FORMAT_NONE;
    kedge_channel_find_uint(response, COAP_OPTION_CONTENT_FORMAT, &work->pack_format);
    kedge_download_answer(&work->pack, &answer, now_ms(bootstrap));
}

/* Asks for the next block, or sees what the pack is. */
static void poll_pack(struct kedge_bootstrap *bootstrap, uint64_t *wait_ms)
{
    uint64_t own_wait_ms;
    uint32_t number;
    struct kedge_download *pack = &bootstrap->work->pack;
    switch (kedge_download_next(pack, now_ms(bootstrap), &own_wait_ms, &number)) {
    case KEDGE_DOWNLOAD_ASK:
        kedge_download_asked(pack, now_ms(bootstrap));
        if (!send_request(bootstrap, true, number) && !bootstrap->ended)
            fail(bootstrap, "nothing can be sent");
        *wait_ms = 0;
        return;
    case KEDGE_DOWNLOAD_DONE:
        take_pack(bootstrap);
        *wait_ms = 0;
        return;
    case KEDGE_DOWNLOAD_FAILED:
        end_pack(bootstrap, pack->transfer.words);
        *wait_ms = 0;
        return;
    default:
        if (own_wait_ms < *wait_ms)
            *wait_ms = own_wait_ms;
    }
}

/* ---- what libcoap tells ---- */

static void answered(struct kedge_bootstrap *bootstrap, const coap_pdu_t *response)
{
    uint8_t code = (uint8_t)coap_pdu_get_code(response);
    bootstrap->waiting = false;
    if (bootstrap->course.phase == KEDGE_BOOTSTRAP_PACKING)
        take_pack_block(bootstrap, response);
    else if (code == KEDGE_COAP_CHANGED)
        kedge_bootstrap_course_accepted(&bootstrap->course);
    else
        fail(bootstrap, "the request was answered %u.%02u%s", code >> 5, code & 31u,
             code == KEDGE_COAP_BAD_REQUEST
                 ? ": is this endpoint enrolled there, and with this credential?"
                 : "");
}

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent,
                                   const coap_pdu_t *received, const coap_mid_t message_id)
{
    (void)sent;
    (void)message_id;
    struct kedge_bootstrap *bootstrap = coap_get_app_data(coap_session_get_context(session));
    if (bootstrap->context != NULL && session == bootstrap->session && bootstrap->waiting &&
        kedge_channel_is(received, &bootstrap->token))
        answered(bootstrap, received);
    return COAP_RESPONSE_OK;
}

static void tell_unreachable(struct kedge_bootstrap *bootstrap)
{
    static const char words[] = "it is not reachable now";
    if (strcmp(bootstrap->words, words) == 0)
        return;
    memcpy(bootstrap->words, words, sizeof words);
    kedge_log(KEDGE_LOG_WARNING, "bootstrapping from %s: %s", bootstrap->uri.text, words);
}

static void on_undelivered(coap_session_t *session, const coap_pdu_t *sent,
                           const coap_nack_reason_t reason, const coap_mid_t message_id)
{
    (void)sent;
    (void)message_id;
    struct kedge_bootstrap *bootstrap = coap_get_app_data(coap_session_get_context(session));
    if (bootstrap->context == NULL || !bootstrap->waiting)
        return;
    if (reason == COAP_NACK_ICMP_ISSUE)
        tell_unreachable(bootstrap); /* libcoap goes on repeating it */
    else if (reason == COAP_NACK_TLS_FAILED && bootstrap->alerted)
        fail(bootstrap, "it does not take this device's credential, or this device not its");
    else
        fail(bootstrap, "it does not answer");
}

static int on_event(coap_session_t *session, const coap_event_t event)
{
    struct kedge_bootstrap *bootstrap = coap_get_app_data(coap_session_get_context(session));
    bool is_end = event == COAP_EVENT_DTLS_CLOSED || event == COAP_EVENT_DTLS_ERROR;
    bootstrap->alerted = bootstrap->alerted || is_end;
    if (is_end && bootstrap->context != NULL && bootstrap->course.phase == KEDGE_BOOTSTRAP_SERVED)
        fail(bootstrap, "it has ended the association before Finish");
    return 0;
}

/* ---- an attempt ---- */

static enum kedge_account_mode own_mode(const struct kedge_bootstrap *bootstrap)
{
    if (!bootstrap->uri.secure)
        return KEDGE_ACCOUNT_NO_SECURITY;
    switch (bootstrap->own.proof) {
    case KEDGE_PROOF_CERTIFICATE:
        return KEDGE_ACCOUNT_CERTIFICATE;
    case KEDGE_PROOF_RAW_PUBLIC_KEY:
        return KEDGE_ACCOUNT_RAW_PUBLIC_KEY;
    default:
        return KEDGE_ACCOUNT_PRE_SHARED_KEY;
    }
}

static enum kedge_rc open_session(struct kedge_bootstrap *bootstrap)
{
    coap_context_t *context = coap_new_context(NULL);
    if (context == NULL)
        return KEDGE_E_MEMORY;
    bootstrap->context = context;
    coap_context_set_block_mode(context, 0);
    coap_set_app_data(context, bootstrap);
    coap_register_response_handler(context, on_response);
    coap_register_nack_handler(context, on_undelivered);
    coap_register_event_handler(context, on_event);
    KEDGE_TRY(kedge_bootstrap_requests_register(context));
    return kedge_channel_open(context, &bootstrap->uri, &bootstrap->own, &bootstrap->session);
}

static enum kedge_rc have_session(struct kedge_bootstrap *bootstrap)
{
    if (bootstrap->session != NULL)
        return KEDGE_OK;
    bootstrap->work = calloc(1, sizeof *bootstrap->work);
    if (bootstrap->work == NULL)
        return KEDGE_E_MEMORY;
    struct kedge_bootstrap_work *work = bootstrap->work;
    const struct kedge_download_sink sink = {
        .context = work, .push = push_body, .restart = restart_body};
    work->collect = (struct kedge_collect){.bytes = work->body, .capacity = sizeof work->body};
    kedge_download_begin(&work->pack, &sink, NULL, bootstrap->course.patience_ms,
                         now_ms(bootstrap));
    kedge_provision_begin(&work->provision, &bootstrap->account, &bootstrap->uri,
                          own_mode(bootstrap));
    return open_session(bootstrap);
}

static void ask(struct kedge_bootstrap *bootstrap, enum kedge_bootstrap_action action)
{
    bool for_pack = action == KEDGE_BOOTSTRAP_ASK_FOR_PACK;
    kedge_bootstrap_course_asked(&bootstrap->course, action, now_ms(bootstrap));
    enum kedge_rc rc = have_session(bootstrap);
    if (rc != KEDGE_OK) {
        fail(bootstrap, "%s", kedge_rc_text(rc));
        return;
    }
    if (for_pack) /* its blocks are asked for by poll_pack() */
        kedge_log(KEDGE_LOG_INFO, "asking %s for an account", bootstrap->uri.text);
    else if (!send_request(bootstrap, false, 0) && !bootstrap->ended)
        fail(bootstrap, "nothing can be sent");
}

static void poll_course(struct kedge_bootstrap *bootstrap, uint64_t *wait_ms)
{
    uint64_t own_wait_ms;
    enum kedge_bootstrap_action action =
        kedge_bootstrap_course_next(&bootstrap->course, now_ms(bootstrap), &own_wait_ms);
    if (action == KEDGE_BOOTSTRAP_GIVE_UP)
        fail(bootstrap, "it has not finished within %u s",
             (unsigned)(bootstrap->course.patience_ms / 1000));
    else if (action != KEDGE_BOOTSTRAP_WAIT)
        ask(bootstrap, action);
    if (action != KEDGE_BOOTSTRAP_WAIT)
        own_wait_ms = 0;
    if (own_wait_ms < *wait_ms)
        *wait_ms = own_wait_ms;
}

static void poll_linger(struct kedge_bootstrap *bootstrap, uint64_t *wait_ms)
{
    uint64_t now = now_ms(bootstrap);
    if (now >= bootstrap->close_at_ms)
        close_session(bootstrap);
    else if (bootstrap->close_at_ms - now < *wait_ms)
        *wait_ms = bootstrap->close_at_ms - now;
}

void kedge_bootstrap_poll(struct kedge_bootstrap *bootstrap, uint64_t *wait_ms)
{
    if (bootstrap->context != NULL)
        coap_io_process(bootstrap->context, COAP_IO_NO_WAIT);
    /* A new attempt begins with a new session, also while the last one lingers. */
    bool lingers_on =
        bootstrap->close_at_ms != 0 && bootstrap->course.phase == KEDGE_BOOTSTRAP_IDLE;
    if (bootstrap->ended || (bootstrap->close_at_ms != 0 && !lingers_on))
        close_session(bootstrap);
    if (lingers_on)
        poll_linger(bootstrap, wait_ms);
    poll_course(bootstrap, wait_ms);
    if (bootstrap->course.phase == KEDGE_BOOTSTRAP_PACKING && !bootstrap->ended)
        poll_pack(bootstrap, wait_ms);
    if (bootstrap->ended || bootstrap->renewed)
        *wait_ms = 0;
}

int kedge_bootstrap_file(const struct kedge_bootstrap *bootstrap)
{
    return bootstrap->context != NULL ? coap_context_get_coap_fd(bootstrap->context) : -1;
}

bool kedge_bootstrap_arm(struct kedge_bootstrap *bootstrap)
{
    coap_tick_t now;
    coap_ticks(&now);
    if (bootstrap->context != NULL)
        coap_io_prepare_epoll(bootstrap->context, now);
    return bootstrap->ended;
}

void kedge_bootstrap_end(struct kedge_bootstrap *bootstrap)
{
    close_session(bootstrap);
    kedge_wipe(&bootstrap->own, sizeof bootstrap->own);
    kedge_wipe(&bootstrap->account, sizeof bootstrap->account);
}
