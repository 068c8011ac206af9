/* sender.c: see sender.h. */
#include "agent/client/sender.h"

#include "agent/client/body.h"
#include "agent/client/log.h"

#include <kedge/lwm2m_records.h>

/* Version, State, Result, and the version of the package. */
static const struct kedge_model_paths told = {
    .paths = {{.ids = {KEDGE_LWM2M_OBJECT_DEVICE, 0, 3}, .depth = 3},
              {.ids = {KEDGE_LWM2M_OBJECT_FIRMWARE, 0, KEDGE_FIRMWARE_STATE}, .depth = 3},
              {.ids = {KEDGE_LWM2M_OBJECT_FIRMWARE, 0, KEDGE_FIRMWARE_RESULT}, .depth = 3},
              {.ids = {KEDGE_LWM2M_OBJECT_FIRMWARE, 0, KEDGE_FIRMWARE_PACKAGE_VERSION},
               .depth = 3}},
    .count = 4,
    .composite = true};

static uint64_t now_ms(const struct kedge_server *server)
{
    return server->clock->monotonic_ms(server->clock->context);
}

static bool add_option(void *context, uint16_t number, struct kedge_slice value)
{
    return coap_add_option(context, number, value.size, value.data) != 0;
}

static bool fill(const struct kedge_server *server, struct kedge_slice payload, coap_pdu_t *pdu)
{
    return kedge_uri_options(&server->uri, add_option, pdu) &&
           coap_add_option(pdu, COAP_OPTION_URI_PATH, 2, (const uint8_t *)"dp") != 0 &&
           kedge_channel_add_uint(pdu, COAP_OPTION_CONTENT_FORMAT, KEDGE_LWM2M_FORMAT_SENML_CBOR) &&
           coap_add_data(pdu, payload.size, payload.data) != 0;
}

static void send_values(struct kedge_server *server, struct kedge_slice payload, uint32_t mark)
{
    kedge_server_stir(server);
    coap_pdu_t *pdu = kedge_channel_request(server->session, server->random, COAP_REQUEST_CODE_POST,
                                            &server->send_token);
    kedge_send_sent(&server->send, mark);
    bool filled = pdu != NULL && fill(server, payload, pdu);
    if (pdu != NULL && !filled)
        coap_delete_pdu(pdu);
    if (!filled || coap_send(server->session, pdu) == COAP_INVALID_MID)
        kedge_send_lost(&server->send, server->random, now_ms(server));
}

void kedge_sender_poll(struct kedge_server *server, uint64_t *wait_ms)
{
    uint8_t payload[KEDGE_BODY_BLOCK];
    struct kedge_writer out = kedge_writer(payload, sizeof payload);
    if (server->send.muted || server->registration.older_version || server->session == NULL ||
        server->registration.phase != KEDGE_REGISTERED)
        return;
    struct kedge_model_answer answer =
        kedge_model_read(&server->hooks, &told, KEDGE_LWM2M_FORMAT_SENML_CBOR, &out);
    if (answer.code == KEDGE_COAP_CONTENT &&
        kedge_send_due(&server->send, answer.mark, now_ms(server), wait_ms))
        send_values(server, kedge_writer_slice(&out), answer.mark);
}

bool kedge_sender_response(struct kedge_server *server, const coap_pdu_t *response)
{
    if (!server->send.waiting || !kedge_channel_is(response, &server->send_token))
        return false;
    uint8_t code = (uint8_t)coap_pdu_get_code(response);
    if (code >> 5 != 2)
        kedge_log(KEDGE_LOG_WARNING, "%s answered a Send with %u.%02u", server->uri.text,
                  (unsigned)code >> 5, code & 0x1Fu);
    if (!kedge_send_answered(&server->send, code, server->random, now_ms(server)))
        kedge_registration_renew(&server->registration, now_ms(server));
    return true;
}

bool kedge_sender_undelivered(struct kedge_server *server, const coap_pdu_t *sent)
{
    if (!server->send.waiting || (sent != NULL && !kedge_channel_is(sent, &server->send_token)))
        return false;
    kedge_send_lost(&server->send, server->random, now_ms(server));
    return sent != NULL;
}
