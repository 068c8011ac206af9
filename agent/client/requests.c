/* requests.c: see requests.h. */
#include "agent/client/requests.h"

#include "agent/client/incoming.h"
#include "agent/client/log.h"
#include "agent/client/server.h"

static uint64_t now_ms(const struct kedge_server *server)
{
    return server->clock->monotonic_ms(server->clock->context);
}

/* ---- the answer ---- */

static void observe(struct kedge_server *server, const struct kedge_incoming *in,
                    coap_pdu_t *response, const struct kedge_model_answer *answer)
{
    struct kedge_slice token = kedge_slice(in->token.s, in->token.length);
    struct kedge_model_paths paths;
    if (!in->has_observe || kedge_model_request_paths(&in->model, &paths) != 0)
        return;
    if (in->observe == 1)
        kedge_observe_cancel(&server->observe, &paths, token);
    if (in->observe != 0 || answer->code != KEDGE_COAP_CONTENT ||
        answer->format == KEDGE_LWM2M_FORMAT_LINK)
        return;
    struct kedge_observed observed = {.mark = answer->mark};
    observed.has_number = kedge_model_number(&server->hooks, &paths, &observed.number);
    const struct kedge_observation *observation = kedge_observe_add(
        &server->observe, &paths, answer->format, token, &observed, now_ms(server));
    if (observation != NULL)
        kedge_channel_add_uint(response, COAP_OPTION_OBSERVE, observation->sequence);
}

static void answer_read(struct kedge_server *server, const coap_pdu_t *request,
                        struct kedge_incoming *in, coap_pdu_t *response)
{
    /* The paths of a composite read may come in blocks, too. */
    uint8_t refused = kedge_incoming_collect(request, in, &server->collect, now_ms(server));
    if (refused != 0) {
        coap_pdu_set_code(response, (coap_pdu_code_t)refused);
        kedge_incoming_add_block(in, refused, response);
        return;
    }
    uint8_t buffer[KEDGE_MODEL_PAYLOAD_MAX];
    struct kedge_writer out = kedge_writer(buffer, sizeof buffer);
    struct kedge_model_answer answer = kedge_model_handle(&server->hooks, &in->model, &out);
    struct kedge_slice payload = kedge_writer_slice(&out);
    coap_pdu_set_code(response, (coap_pdu_code_t)answer.code);
    /* Options in ascending order: ETag, Observe, Content-Format, Block2. */
    if (answer.code == KEDGE_COAP_CONTENT)
        kedge_body_tag(response, &in->body, payload);
    observe(server, in, response, &answer);
    if (answer.code == KEDGE_COAP_CONTENT)
        kedge_channel_add_uint(response, COAP_OPTION_CONTENT_FORMAT, answer.format);
    kedge_incoming_add_block(in, answer.code, response);
    if (answer.code != KEDGE_COAP_CONTENT)
        return;
    if (!kedge_body_add(response, &in->body, payload))
        coap_pdu_set_code(response, COAP_RESPONSE_CODE_BAD_REQUEST);
}

static bool is_package(const struct kedge_lwm2m_path *path)
{
    return path->depth == 3 && path->ids[0] == KEDGE_LWM2M_OBJECT_FIRMWARE && path->ids[1] == 0 &&
           path->ids[2] == KEDGE_FIRMWARE_PACKAGE;
}

static uint8_t take_block(struct kedge_server *server, const coap_pdu_t *request,
                          const struct kedge_incoming *in)
{
    if (!kedge_model_may(&server->hooks, &in->model.path, KEDGE_ACCESS_WRITE))
        return KEDGE_COAP_UNAUTHORIZED;
    if (in->model.format != KEDGE_LWM2M_FORMAT_NONE &&
        in->model.format != KEDGE_LWM2M_FORMAT_OPAQUE)
        return KEDGE_COAP_UNSUPPORTED_FORMAT;
    const struct kedge_intake_block block = kedge_incoming_block(request, in);
    return server->take_block(server->hooks.context, &block);
}

/* OMA LwM2M Core 1.1, section 6.3.4. */
static uint8_t write_attributes(struct kedge_server *server, const coap_pdu_t *request,
                                const struct kedge_lwm2m_path *path)
{
    bool is_number;
    uint8_t refused = kedge_model_attributes_refusal(&server->hooks, path, &is_number);
    if (refused != 0)
        return refused;
    coap_opt_filter_t filter;
    coap_option_filter_clear(&filter);
    coap_option_filter_set(&filter, COAP_OPTION_URI_QUERY);
    coap_opt_iterator_t each;
    coap_option_iterator_init(request, &each, &filter);
    struct kedge_attribute_change change = {.unset = 0};
    for (coap_opt_t *option; (option = coap_option_next(&each)) != NULL;)
        if (kedge_attributes_parse(
                &change, kedge_slice(coap_opt_value(option), coap_opt_length(option))) != KEDGE_OK)
            return KEDGE_COAP_BAD_REQUEST;
    return kedge_attributes_write(&server->attributes, path, is_number, &change);
}

static uint8_t change(struct kedge_server *server, const coap_pdu_t *request,
                      struct kedge_incoming *in)
{
    if (in->has_block1 && in->model.method == KEDGE_COAP_PUT && is_package(&in->model.path))
        return take_block(server, request, in);
    uint8_t code = kedge_incoming_collect(request, in, &server->collect, now_ms(server));
    if (code != 0)
        return code;
    coap_opt_iterator_t each;
    /* Never a Write of nothing. */
    if (in->model.method == KEDGE_COAP_PUT && in->model.payload.size == 0 &&
        coap_check_option(request, COAP_OPTION_URI_QUERY, &each) != NULL)
        return write_attributes(server, request, &in->model.path);
    struct kedge_writer none = kedge_writer(NULL, 0);
    code = kedge_model_handle(&server->hooks, &in->model, &none).code;
    kedge_incoming_answered(in, &server->collect, code);
    return code;
}

/* A block in mid-push is told from a new one by its place and tag: hundreds of them must not push
 * the few others out. */
static bool is_known_by_its_place(const coap_pdu_t *request, const struct kedge_incoming *in,
                                  uint8_t code)
{
    coap_opt_iterator_t each;
    return code == KEDGE_COAP_CONTINUE && in->block1.num > 0 &&
           coap_check_option(request, COAP_OPTION_RTAG, &each) != NULL;
}

static void answer_change(struct kedge_server *server, const coap_pdu_t *request,
                          struct kedge_incoming *in, coap_pdu_t *response)
{
    uint8_t code = kedge_recent_find(&server->recent, in->key, now_ms(server));
    if (code != 0) {
        kedge_log(KEDGE_LOG_DEBUG, "request %u came again: answered again",
                  (unsigned)in->key.message_id);
    } else {
        code = change(server, request, in);
        if (!is_known_by_its_place(request, in, code))
            kedge_recent_keep(&server->recent, in->key, code, now_ms(server));
    }
    coap_pdu_set_code(response, (coap_pdu_code_t)code);
    kedge_incoming_add_block(in, code, response);
}

static void on_request(coap_resource_t *resource, coap_session_t *session,
                       const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response)
{
    (void)resource;
    (void)query;
    struct kedge_server *server = coap_get_app_data(coap_session_get_context(session));
    struct kedge_incoming in;
    kedge_server_stir(server);
    /* The host of a download has no say here, nor has a server that has sent this device away. */
    if (session != server->session || server->registration.disabled) {
        coap_pdu_set_code(response, COAP_RESPONSE_CODE_UNAUTHORIZED);
        return;
    }
    if (!kedge_incoming_take(request, &in)) {
        coap_pdu_set_code(response, COAP_RESPONSE_CODE_NOT_FOUND);
        return;
    }
    kedge_log(KEDGE_LOG_DEBUG, "request %u.%02u for /%u/%u/%u", in.model.method >> 5,
              in.model.method & 0x1Fu, in.model.path.ids[0], in.model.path.ids[1],
              in.model.path.ids[2]);
    if (in.model.method == KEDGE_COAP_GET || in.model.method == KEDGE_COAP_FETCH)
        answer_read(server, request, &in, response);
    else
        answer_change(server, request, &in, response);
}

enum kedge_rc kedge_requests_register(coap_context_t *context)
{
    return kedge_incoming_register(context, on_request);
}
