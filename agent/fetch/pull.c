/* pull.c: see pull.h. */
#include "agent/fetch/pull.h"

#include <string.h>

/* For a session of the server's: whoever makes it hears of its end, and polls again at once. */
#define LOOK_AGAIN_MS 1000u

enum kedge_rc kedge_pull_begin(struct kedge_pull *pull, coap_context_t *context,
                               const struct kedge_random *random,
                               const struct kedge_credentials *credentials, struct kedge_slice uri,
                               const struct kedge_download_sink *sink,
                               const struct kedge_download_point *from, uint64_t patience_ms,
                               uint64_t now_ms)
{
    *pull = (struct kedge_pull){.context = context, .random = random, .credentials = credentials};
    KEDGE_TRY(kedge_uri_parse(uri, &pull->uri));
    kedge_download_begin(&pull->download, sink, from, patience_ms, now_ms);
    pull->running = true;
    return KEDGE_OK;
}

static void drop_session(struct kedge_pull *pull)
{
    if (pull->session != NULL)
        coap_session_release(pull->session);
    pull->session = NULL;
}

static bool awaits_session(const struct kedge_pull *pull, const struct kedge_pull_server *server)
{
    return server->awaited && (pull->session == NULL || pull->shared || pull->stale) &&
           kedge_uri_same_server(&pull->uri, server->uri);
}

static bool have_session(struct kedge_pull *pull, const struct kedge_pull_server *server)
{
    bool shared = server->session != NULL && kedge_uri_same_server(&pull->uri, server->uri);
    if (pull->session != NULL && (pull->shared ? pull->session == server->session : !pull->stale))
        return true;
    drop_session(pull);
    pull->stale = false;
    pull->shared = shared;
    if (shared)
        pull->session = coap_session_reference(server->session);
    else if (kedge_channel_open(pull->context, &pull->uri, pull->credentials, &pull->session) !=
             KEDGE_OK)
        pull->session = NULL;
    return pull->session != NULL;
}

static bool add_option(void *context, uint16_t number, struct kedge_slice value)
{
    return coap_add_option(context, number, value.size, value.data) != 0;
}

/* Options in ascending order: Uri-Host is left out (RFC 7252 5.10.1: the server's own address),
 * Uri-Path 11, Uri-Query 15, Block2 23. */
static bool send_request(struct kedge_pull *pull, uint32_t number)
{
    coap_pdu_t *pdu =
        kedge_channel_request(pull->session, pull->random, COAP_REQUEST_CODE_GET, &pull->token);
    if (pdu == NULL)
        return false;
    if (!kedge_uri_options(&pull->uri, add_option, pdu) ||
        !kedge_channel_add_uint(pdu, COAP_OPTION_BLOCK2, number << 4 | pull->download.szx)) {
        coap_delete_pdu(pdu);
        return false;
    }
    return coap_send(pull->session, pdu) != COAP_INVALID_MID;
}

enum kedge_download_step kedge_pull_poll(struct kedge_pull *pull,
                                         const struct kedge_pull_server *server, uint64_t now_ms,
                                         uint64_t *wait_ms)
{
    uint32_t number;
    enum kedge_download_step step = kedge_download_next(&pull->download, now_ms, wait_ms, &number);
    if (step != KEDGE_DOWNLOAD_ASK)
        return step;
    if (awaits_session(pull, server)) {
        *wait_ms = LOOK_AGAIN_MS;
        return KEDGE_DOWNLOAD_WAIT;
    }
    if (have_session(pull, server) && send_request(pull, number)) {
        kedge_download_asked(&pull->download, now_ms);
    } else {
        drop_session(pull);
        kedge_download_lost(&pull->download, now_ms);
    }
    return kedge_download_next(&pull->download, now_ms, wait_ms, &number);
}

struct kedge_download_answer kedge_pull_read_answer(const coap_pdu_t *response)
{
    struct kedge_download_answer answer = {.code = (uint8_t)coap_pdu_get_code(response)};
    uint32_t block;
    if (kedge_channel_find_uint(response, COAP_OPTION_BLOCK2, &block)) {
        answer.has_block = true;
        answer.number = block >> 4;
        answer.more = (block & 8u) != 0;
        answer.szx = block & 7u;
    }
    coap_opt_iterator_t each;
    coap_opt_t *etag = coap_check_option(response, COAP_OPTION_ETAG, &each);
    if (etag != NULL)
        answer.etag = kedge_slice(coap_opt_value(etag), coap_opt_length(etag));
    kedge_channel_find_uint(response, COAP_OPTION_SIZE2, &answer.size);
    kedge_channel_find_uint(response, COAP_OPTION_MAXAGE, &answer.max_age_s);
    const uint8_t *payload = NULL;
    size_t size = 0;
    if (coap_get_data(response, &size, &payload) != 0)
        answer.payload = kedge_slice(payload, size);
    return answer;
}

bool kedge_pull_response(struct kedge_pull *pull, const coap_session_t *session,
                         const coap_pdu_t *response, uint64_t now_ms)
{
    if (!pull->running || session != pull->session || !pull->download.transfer.asked ||
        !kedge_channel_is(response, &pull->token))
        return false;
    const struct kedge_download_answer answer = kedge_pull_read_answer(response);
    kedge_download_answer(&pull->download, &answer, now_ms);
    return true;
}

bool kedge_pull_undelivered(struct kedge_pull *pull, const coap_session_t *session,
                            const coap_pdu_t *sent, uint64_t now_ms)
{
    if (!pull->running || pull->session == NULL || session != pull->session ||
        !pull->download.transfer.asked || (sent != NULL && !kedge_channel_is(sent, &pull->token)))
        return false;
    /* libcoap still holds the session while it reports this: it is dropped with the next request.
     */
    pull->stale = true;
    kedge_download_lost(&pull->download, now_ms);
    return true;
}

void kedge_pull_attach(struct kedge_pull *pull, coap_context_t *context, uint64_t now_ms)
{
    drop_session(pull);
    pull->context = context;
    if (pull->running && pull->download.transfer.asked)
        kedge_download_lost(&pull->download, now_ms);
}

void kedge_pull_end(struct kedge_pull *pull)
{
    drop_session(pull);
    pull->running = false;
}
