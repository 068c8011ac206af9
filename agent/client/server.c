/* server.c: registration and notifications over libcoap; the server's requests are in requests.c.
 */
#include "agent/client/server.h"

#include "agent/client/body.h"
#include "agent/client/log.h"
#include "agent/client/requests.h"
#include "agent/client/sender.h"

#include <stdio.h>
#include <string.h>

#define LINKS_SIZE 512u

static uint64_t now_ms(const struct kedge_server *server)
{
    return server->clock->monotonic_ms(server->clock->context);
}

/* ---- queue mode ---- */

const char *kedge_server_binding(const struct kedge_server *server)
{
    return server->queue.on && server->registration.older_version ? "UQ" : "U";
}

void kedge_server_stir(struct kedge_server *server)
{
    if (!kedge_queue_mode_stir(&server->queue, now_ms(server)))
        return;
    kedge_log(KEDGE_LOG_DEBUG, "awake");
    if (server->session != NULL)
        kedge_channel_drain(server->session);
}

bool kedge_server_sleeps(struct kedge_server *server, bool busy, uint64_t *wait_ms)
{
    bool in_use = busy || server->waiting || server->registration.phase != KEDGE_REGISTERED ||
                  coap_can_exit(server->context) == 0;
    if (kedge_queue_mode_poll(&server->queue, in_use, now_ms(server), wait_ms))
        kedge_log(KEDGE_LOG_DEBUG, "asleep");
    return server->queue.asleep;
}

/* ---- registration ---- */

static bool add_option(void *context, uint16_t number, struct kedge_slice value)
{
    return coap_add_option(context, number, value.size, value.data) != 0;
}

static bool add_lifetime(const struct kedge_server *server, coap_pdu_t *pdu)
{
    char text[16];
    snprintf(text, sizeof text, "%u", (unsigned)server->registration.lifetime_s);
    return kedge_channel_add_query(pdu, "lt", text);
}

/* LwM2M 1.0 has it in the binding. */
static bool add_queue_mode(const struct kedge_server *server, coap_pdu_t *pdu)
{
    if (!server->queue.on || server->registration.older_version)
        return true;
    return coap_add_option(pdu, COAP_OPTION_URI_QUERY, 1, (const uint8_t *)"Q") != 0;
}

/* OMA LwM2M Core 1.1, section 6.2.1: POST /rd?ep&lt&lwm2m&b with the objects as links. */
static bool fill_register(const struct kedge_server *server, coap_pdu_t *pdu)
{
    uint8_t links[LINKS_SIZE];
    struct kedge_writer out = kedge_writer(links, sizeof links);
    return kedge_model_links(&out) == KEDGE_OK &&
           kedge_uri_options(&server->uri, add_option, pdu) &&
           coap_add_option(pdu, COAP_OPTION_URI_PATH, 2, (const uint8_t *)"rd") != 0 &&
           kedge_channel_add_uint(pdu, COAP_OPTION_CONTENT_FORMAT, KEDGE_LWM2M_FORMAT_LINK) &&
           kedge_channel_add_query(pdu, "ep", server->endpoint) && add_lifetime(server, pdu) &&
           kedge_channel_add_query(pdu, "lwm2m",
                                   kedge_registration_version(&server->registration)) &&
           kedge_channel_add_query(pdu, "b", kedge_server_binding(server)) &&
           add_queue_mode(server, pdu) && coap_add_data(pdu, out.size, links) != 0;
}

static bool fill_location(const struct kedge_server *server, coap_pdu_t *pdu)
{
    for (size_t i = 0; i < server->location_count; i++)
        if (coap_add_option(pdu, COAP_OPTION_URI_PATH, server->location[i].size,
                            server->location[i].bytes) == 0)
            return false;
    return true;
}

static bool fill(const struct kedge_server *server, enum kedge_registration_action action,
                 coap_pdu_t *pdu)
{
    if (action == KEDGE_REGISTRATION_SEND_REGISTER)
        return fill_register(server, pdu);
    if (!fill_location(server, pdu))
        return false;
    return action != KEDGE_REGISTRATION_SEND_UPDATE ||
           !kedge_registration_tells_lifetime(&server->registration) || add_lifetime(server, pdu);
}

static void drop_session(struct kedge_server *server)
{
    coap_session_t *session = server->session;
    (void)kedge_sender_undelivered(server, NULL);
    server->session = NULL; /* first: what its queue still holds is handed to on_undelivered() */
    if (session != NULL)
        coap_session_release(session);
    server->session_failed = false;
    kedge_observe_clear(&server->observe);
    kedge_recent_clear(&server->recent);
    kedge_collect_clear(&server->collect);
}

static bool have_session(struct kedge_server *server, enum kedge_registration_action action)
{
    if (server->session_failed &&
        (action == KEDGE_REGISTRATION_SEND_REGISTER || server->uri.secure))
        drop_session(server);
    if (server->session != NULL)
        return true;
    enum kedge_rc rc =
        kedge_channel_open(server->context, &server->uri, server->credentials, &server->session);
    if (rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_WARNING, "%s: %s", server->uri.text, kedge_rc_text(rc));
    return rc == KEDGE_OK;
}

static void send_request(struct kedge_server *server, enum kedge_registration_action action)
{
    kedge_server_stir(server);
    kedge_registration_sent(&server->registration, action);
    /* A Register voids every observation, and the server may observe anew before its 2.01 is here.
     * So does a De-register. */
    if (action != KEDGE_REGISTRATION_SEND_UPDATE)
        kedge_observe_clear(&server->observe);
    coap_pdu_t *pdu = NULL;
    if (have_session(server, action))
        pdu = kedge_channel_request(server->session, server->random,
                                    action == KEDGE_REGISTRATION_SEND_DEREGISTER
                                        ? COAP_REQUEST_CODE_DELETE
                                        : COAP_REQUEST_CODE_POST,
                                    &server->token);
    bool filled = pdu != NULL && fill(server, action, pdu);
    if (pdu != NULL && !filled)
        coap_delete_pdu(pdu);
    server->waiting = filled;
    server->alerted = false;
    if (filled && coap_send(server->session, pdu) != COAP_INVALID_MID)
        return;
    server->session_failed = true;
    /* Unless libcoap has told on_undelivered() already. */
    if (server->waiting || !filled)
        kedge_registration_unanswered(&server->registration, now_ms(server));
    server->waiting = false;
}

bool kedge_server_poll(struct kedge_server *server, uint64_t *wait_ms)
{
    if (server->uri.text[0] == '\0')
        return !server->registration.stopping; /* nobody to register with yet */
    uint64_t own_wait_ms;
    enum kedge_registration_action action =
        kedge_registration_next(&server->registration, now_ms(server), &own_wait_ms);
    if (action == KEDGE_REGISTRATION_OVER)
        return false;
    if (action != KEDGE_REGISTRATION_WAIT) {
        send_request(server, action);
        own_wait_ms = 0;
    }
    if (own_wait_ms < *wait_ms)
        *wait_ms = own_wait_ms;
    return true;
}

/* The Location-Path of a 2.01; false when there is none or it is longer than is kept. */
static bool take_location(struct kedge_server *server, const coap_pdu_t *response)
{
    coap_opt_filter_t filter;
    coap_option_filter_clear(&filter);
    coap_option_filter_set(&filter, COAP_OPTION_LOCATION_PATH);
    coap_opt_iterator_t each;
    coap_option_iterator_init(response, &each, &filter);
    server->location_count = 0;
    for (coap_opt_t *option; (option = coap_option_next(&each)) != NULL;) {
        size_t size = coap_opt_length(option);
        if (server->location_count == KEDGE_LOCATION_MAX || size > KEDGE_LOCATION_SIZE_MAX)
            return false;
        memcpy(server->location[server->location_count].bytes, coap_opt_value(option), size);
        server->location[server->location_count++].size = (uint8_t)size;
    }
    return server->location_count > 0;
}

static void answered(struct kedge_server *server, const coap_pdu_t *response)
{
    uint8_t code = (uint8_t)coap_pdu_get_code(response);
    server->waiting = false;
    server->unreachable = false;
    if (server->registration.phase == KEDGE_REGISTERING && code == KEDGE_COAP_CREATED &&
        !take_location(server, response))
        code = KEDGE_COAP_INTERNAL_ERROR; /* without a location nothing can be updated */
    unsigned class_digit = code >> 5, detail = code & 0x1Fu;
    if (kedge_registration_answered(&server->registration, code, now_ms(server))) {
        server->reached = true;
        kedge_log(KEDGE_LOG_INFO, "registered with %s as %s", server->uri.text, server->endpoint);
    } else if (class_digit != 2) {
        kedge_log(KEDGE_LOG_WARNING, "%s answered the registration with %u.%02u", server->uri.text,
                  class_digit, detail);
    }
}

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent,
                                   const coap_pdu_t *received, const coap_mid_t message_id)
{
    (void)sent;
    (void)message_id;
    struct kedge_server *server = coap_get_app_data(coap_session_get_context(session));
    kedge_server_stir(server);
    if (server->uri.secure && session == server->session)
        coap_session_set_max_retransmit(session, KEDGE_DTLS_RETRANSMIT_MAX);
    if (kedge_pull_response(server->pull, session, received, now_ms(server)))
        return COAP_RESPONSE_OK;
    if (session == server->session && kedge_sender_response(server, received))
        return COAP_RESPONSE_OK;
    if (session == server->session && server->waiting && kedge_channel_is(received, &server->token))
        answered(server, received);
    return COAP_RESPONSE_OK; /* a late or repeated answer: acknowledged, and forgotten */
}

/* After an alert it is no matter of time: the credentials of one end are not those of the other. */
static void unanswered(struct kedge_server *server, bool rejected)
{
    server->waiting = false;
    kedge_log(KEDGE_LOG_WARNING, "%s does not %s", server->uri.text,
              rejected ? "take this device's credential, or this device not its" : "answer");
    if (rejected)
        kedge_registration_rejected(&server->registration, now_ms(server));
    else
        kedge_registration_unanswered(&server->registration, now_ms(server));
}

static int on_event(coap_session_t *session, const coap_event_t event)
{
    struct kedge_server *server = coap_get_app_data(coap_session_get_context(session));
    if (session == server->session)
        server->alerted =
            server->alerted || event == COAP_EVENT_DTLS_CLOSED || event == COAP_EVENT_DTLS_ERROR;
    return 0;
}

/*
 * A message of this session is given up. After an ICMP error none is: libcoap goes on repeating it,
 * and a second request beside it could overtake it: an old Register that arrives last would win.
 */
static void on_undelivered(coap_session_t *session, const coap_pdu_t *sent,
                           const coap_nack_reason_t reason, const coap_mid_t message_id)
{
    (void)message_id;
    struct kedge_server *server = coap_get_app_data(coap_session_get_context(session));
    if (reason == COAP_NACK_ICMP_ISSUE) {
        if (!server->unreachable)
            kedge_log(KEDGE_LOG_WARNING, "%s is not reachable now", server->uri.text);
        server->unreachable = true;
        /* libcoap repeats it in a new DTLS session, in which the server expects a Register. */
        if (server->uri.secure && session == server->session)
            kedge_registration_renew(&server->registration, now_ms(server));
        return;
    }
    server->undelivered = true;
    kedge_pull_undelivered(server->pull, session, sent, now_ms(server));
    if (session != server->session)
        return;
    if (reason != COAP_NACK_RST)
        server->session_failed = true;
    /* What is lost on the way may be so because the server has restarted: an Update shows that. */
    if (kedge_sender_undelivered(server, sent) && reason != COAP_NACK_RST)
        kedge_registration_trigger(&server->registration, now_ms(server));
    if (server->waiting && (sent == NULL || kedge_channel_is(sent, &server->token))) {
        unanswered(server, reason == COAP_NACK_TLS_FAILED && server->alerted);
        return;
    }
    if (server->uri.secure && reason != COAP_NACK_RST)
        kedge_registration_trigger(&server->registration, now_ms(server));
    if (sent == NULL)
        return;
    coap_bin_const_t token = coap_pdu_get_token(sent);
    /* A notification that nobody takes ends its observation (RFC 7641 section 4.5). A server that
     * did not ask for that learns it from a Register. */
    if (kedge_observe_reset(&server->observe, kedge_slice(token.s, token.length)) &&
        reason != COAP_NACK_RST)
        kedge_registration_renew(&server->registration, now_ms(server));
}

/* ---- notifications ---- */

static bool send_notification(struct kedge_server *server, struct kedge_observation *observation,
                              uint32_t format, struct kedge_slice payload)
{
    kedge_server_stir(server);
    coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, COAP_RESPONSE_CODE_CONTENT, server->session);
    if (pdu == NULL)
        return false;
    const struct kedge_body first = {.block = {.szx = KEDGE_BODY_SZX}};
    bool has_token = coap_add_token(pdu, observation->token_size, observation->token) != 0;
    kedge_body_tag(pdu, &first, payload);
    if (!has_token || !kedge_channel_add_uint(pdu, COAP_OPTION_OBSERVE, observation->sequence) ||
        !kedge_channel_add_uint(pdu, COAP_OPTION_CONTENT_FORMAT, format) ||
        !kedge_body_add(pdu, &first, payload)) {
        coap_delete_pdu(pdu);
        return false;
    }
    return coap_send(server->session, pdu) != COAP_INVALID_MID;
}

/* What holds for all of the paths together: told no sooner than any of them wants, and no later. */
static struct kedge_attribute_values attributes_of(const struct kedge_server *server,
                                                   const struct kedge_model_paths *paths)
{
    struct kedge_attribute_values all = kedge_attributes_for(&server->attributes, &paths->paths[0]);
    for (size_t i = 1; i < paths->count; i++) {
        const struct kedge_attribute_values more =
            kedge_attributes_for(&server->attributes, &paths->paths[i]);
        kedge_attributes_combine(&all, &more);
    }
    const struct kedge_attribute_values defaults = {
        .set = (uint8_t)((server->default_pmin_s > 0) << KEDGE_ATTRIBUTE_PMIN |
                         (server->default_pmax_s > 0) << KEDGE_ATTRIBUTE_PMAX),
        .values = {[KEDGE_ATTRIBUTE_PMIN] = server->default_pmin_s,
                   [KEDGE_ATTRIBUTE_PMAX] = server->default_pmax_s}};
    kedge_attributes_inherit(&all, &defaults);
    return all;
}

static void notify(struct kedge_server *server, struct kedge_observation *observation,
                   uint64_t *wait_ms)
{
    uint8_t payload[KEDGE_MODEL_PAYLOAD_MAX];
    struct kedge_writer out = kedge_writer(payload, sizeof payload);
    struct kedge_model_answer answer =
        kedge_model_read(&server->hooks, &observation->paths, observation->format, &out);
    if (answer.code != KEDGE_COAP_CONTENT)
        return;
    struct kedge_observed observed = {.mark = answer.mark};
    observed.has_number = kedge_model_number(&server->hooks, &observation->paths, &observed.number);
    const struct kedge_attribute_values attributes = attributes_of(server, &observation->paths);
    uint64_t own_wait_ms;
    if (!kedge_observe_due(observation, &observed, &attributes, now_ms(server), &own_wait_ms)) {
        if (own_wait_ms < *wait_ms)
            *wait_ms = own_wait_ms;
        return;
    }
    *wait_ms = 0; /* the next one is worked out anew */
    if (send_notification(server, observation, answer.format, kedge_writer_slice(&out)))
        return;
    observation->used = false;
    kedge_registration_renew(&server->registration, now_ms(server));
}

void kedge_server_notify(struct kedge_server *server, uint64_t *wait_ms)
{
    for (size_t i = 0; server->session != NULL && i < KEDGE_OBSERVE_COUNT; i++)
        if (server->observe.entries[i].used)
            notify(server, &server->observe.entries[i], wait_ms);
}

/* ---- life ---- */

enum kedge_rc kedge_server_begin(struct kedge_server *server, uint32_t lifetime_s)
{
    server->context = coap_new_context(NULL);
    if (server->context == NULL)
        return KEDGE_E_MEMORY;
    /* Blocks are asked for by number here; libcoap's own reassembly stays off. */
    coap_context_set_block_mode(server->context, 0);
    coap_set_app_data(server->context, server);
    coap_register_response_handler(server->context, on_response);
    coap_register_nack_handler(server->context, on_undelivered);
    coap_register_event_handler(server->context, on_event);
    kedge_registration_begin(&server->registration, server->random, lifetime_s, now_ms(server));
    server->waiting = false;
    server->location_count = 0;
    server->collect =
        (struct kedge_collect){.bytes = server->body, .capacity = sizeof server->body};
    return kedge_requests_register(server->context);
}

void kedge_server_process(struct kedge_server *server)
{
    coap_io_process(server->context, COAP_IO_NO_WAIT);
}

bool kedge_server_arm(struct kedge_server *server)
{
    coap_tick_t now;
    coap_ticks(&now);
    server->undelivered = false;
    coap_io_prepare_epoll(server->context, now);
    return server->undelivered;
}

void kedge_server_end(struct kedge_server *server)
{
    if (server->context == NULL)
        return;
    drop_session(server);
    coap_free_context(server->context);
    server->context = NULL;
}
