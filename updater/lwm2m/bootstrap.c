/* bootstrap.c: who may be bootstrapped, as whom, and which sessions there are. */
#include "updater/lwm2m/bootstrap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "updater/lwm2m/bootstrap_internal.h"
#include "updater/lwm2m/formats.h"

const char *kedge_bootstrap_event_name(enum kedge_bootstrap_event event)
{
    static const char *const names[KEDGE_BOOTSTRAP_EVENT_COUNT] = {
        [KEDGE_BOOTSTRAP_REQUESTED] = "bootstrap.requested",
        [KEDGE_BOOTSTRAP_PACKED] = "bootstrap.packed",
        [KEDGE_BOOTSTRAP_DISCOVERED] = "bootstrap.discovered",
        [KEDGE_BOOTSTRAP_DELETED] = "bootstrap.deleted",
        [KEDGE_BOOTSTRAP_WRITTEN] = "bootstrap.written",
        [KEDGE_BOOTSTRAP_READ] = "bootstrap.read",
        [KEDGE_BOOTSTRAP_FINISHED] = "bootstrap.finished",
        [KEDGE_BOOTSTRAP_FAILED] = "bootstrap.failed",
        [KEDGE_BOOTSTRAP_REFUSED] = "bootstrap.refused",
    };
    return (unsigned)event < KEDGE_BOOTSTRAP_EVENT_COUNT ? names[event] : "unknown";
}

void bootstrap_trace(struct kedge_bootstrap *bootstrap, const char *endpoint,
                     enum kedge_bootstrap_event event, const char *format, ...)
{
    char words[KEDGE_BOOTSTRAP_WORDS_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    bootstrap->desk.trace(bootstrap->desk.context, endpoint, event, words);
}

/* ---- sessions ---- */

static uint64_t hash_of(const struct kedge_bootstrap *bootstrap, const char *endpoint)
{
    return kedge_siphash(&bootstrap->key, (const uint8_t *)endpoint, strlen(endpoint));
}

static struct bootstrap_session *session_of(const struct kedge_bootstrap *bootstrap,
                                            const char *endpoint)
{
    struct kedge_index_link *link =
        kedge_index_find(&bootstrap->by_endpoint, hash_of(bootstrap, endpoint));
    for (; link != NULL; link = kedge_index_find_next(link)) {
        struct bootstrap_session *session =
            KEDGE_INDEX_THING(link, struct bootstrap_session, by_endpoint);
        if (strcmp(session->endpoint, endpoint) == 0)
            return session;
    }
    return NULL;
}

static struct bootstrap_session *session_create(struct kedge_bootstrap *bootstrap,
                                                const struct kedge_address *from,
                                                const struct bootstrap_request *asked)
{
    size_t size = strlen(asked->endpoint) + 1;
    struct bootstrap_session *session = calloc(1, sizeof *session + size);
    if (session == NULL)
        return NULL;
    session->bootstrap = bootstrap;
    session->address = *from;
    session->said = asked->formats;
    session->wants_pack = asked->wants_pack;
    session->pack_format = asked->pack_format;
    session->ticket = ++bootstrap->last_ticket;
    memcpy(session->endpoint, asked->endpoint, size);
    kedge_index_insert(&bootstrap->by_endpoint, &session->by_endpoint,
                       hash_of(bootstrap, asked->endpoint));
    kedge_index_insert(&bootstrap->by_ticket, &session->by_ticket, session->ticket);
    return session;
}

/* Where the device is to register. */
static enum kedge_rc choose_uri(struct bootstrap_session *session)
{
    const struct kedge_bootstrap *bootstrap = session->bootstrap;
    struct kedge_address local;
    const char *uri = bootstrap->server_uri;
    char text[KEDGE_ADDRESS_TEXT_MAX];
    char place[KEDGE_ADDRESS_TEXT_MAX + 16];
    if (uri == NULL) {
        KEDGE_TRY(kedge_net_peer_local(bootstrap->net, &session->address, &local));
        local.secure = true;
        kedge_address_set_port(&local, bootstrap->server_port);
        kedge_address_text(&local, text);
        (void)snprintf(place, sizeof place, "%s", text);
        uri = place;
    }
    (void)snprintf(session->uri, sizeof session->uri, "%s", uri);
    session->account = (struct bootstrap_account){.uri = session->uri,
                                                  .grant = &session->grant,
                                                  .server_id = KEDGE_BOOTSTRAP_SERVER_DEFAULT,
                                                  .lifetime_s = bootstrap->lifetime_s,
                                                  .security = BOOTSTRAP_INSTANCE_UNTOLD,
                                                  .server = 0};
    return KEDGE_OK;
}

/* ---- answers ---- */

static void refuse(struct kedge_net_reply *reply, uint8_t code, const char *words)
{
    kedge_coap_add_payload(kedge_net_reply(reply, code), kedge_slice_text(words));
}

/* Whoever else is at this address is no more. */
static enum kedge_rc keep_peer(struct bootstrap_session *session)
{
    struct kedge_bootstrap *bootstrap = session->bootstrap;
    struct bootstrap_session *other = kedge_net_peer_owner(bootstrap->net, &session->address);
    if (other != NULL && other != session) {
        bootstrap_trace(bootstrap, other->endpoint, KEDGE_BOOTSTRAP_FAILED,
                        "another endpoint began at its address");
        bootstrap_session_end(other);
    }
    KEDGE_TRY(kedge_net_peer_keep(bootstrap->net, &session->address, session));
    kedge_net_peer_doubt(bootstrap->net, &session->address);
    return choose_uri(session);
}

static void refuse_for_now(struct bootstrap_session *session, struct kedge_net_reply *reply)
{
    bootstrap_trace(session->bootstrap, session->endpoint, KEDGE_BOOTSTRAP_FAILED,
                    "nothing could be made for it");
    bootstrap_session_end(session);
    refuse(reply, KEDGE_COAP_UNAVAILABLE, "try again later");
}

/* What it is given is durable: now it may be told. */
static void answer(struct bootstrap_session *session, const struct kedge_coap_message *request,
                   struct kedge_net_reply *reply)
{
    if (session->failed || keep_peer(session) != KEDGE_OK ||
        (session->wants_pack && bootstrap_pack_make(session) != KEDGE_OK)) {
        refuse_for_now(session, reply);
        return;
    }
    if (session->wants_pack) {
        bootstrap_pack_serve(session, request, reply);
        return;
    }
    kedge_net_reply(reply, KEDGE_COAP_CHANGED);
    bootstrap_session_begin(session);
}

/* ---- requests ---- */

static bool may_be(struct kedge_bootstrap *bootstrap, const struct kedge_address *from,
                   const struct bootstrap_request *asked)
{
    char identity[KEDGE_NET_IDENTITY_MAX + 1], address[KEDGE_ADDRESS_TEXT_MAX];
    const struct kedge_bootstrap_claim claim = {
        .endpoint = asked->endpoint,
        .proof = kedge_net_peer_proof(bootstrap->net, from, identity),
        .name = kedge_net_peer_name(bootstrap->net, from)};
    enum kedge_rc rc = bootstrap->desk.admit(bootstrap->desk.context, &claim);
    if (rc == KEDGE_OK)
        return true;
    kedge_address_text(from, address);
    bootstrap_trace(
        bootstrap, asked->endpoint, KEDGE_BOOTSTRAP_REFUSED, "%s, who has proved %s%.64s", address,
        claim.name != NULL ? "to be " : "nothing", claim.name != NULL ? claim.name : "");
    return false;
}

/* Each beginning is a key, and entries in the audit log: a device that is mad must not fill these.
 */
static bool may_begin(struct kedge_bootstrap *bootstrap, const char *endpoint)
{
    const struct kedge_token_rate rate = {.per_s = 1, .burst = KEDGE_BOOTSTRAP_BURST};
    return kedge_tokens_take(
        &bootstrap->attempts[hash_of(bootstrap, endpoint) % BOOTSTRAP_ATTEMPTS], rate,
        kedge_net_now_ms(bootstrap->net) / KEDGE_BOOTSTRAP_PAUSE_S);
}

/* Has made durable what the device will be given; the request is answered when that is so. */
static void begin(struct kedge_bootstrap *bootstrap, const struct kedge_address *from,
                  const struct bootstrap_request *asked, struct kedge_net_reply *reply)
{
    char address[KEDGE_ADDRESS_TEXT_MAX];
    if (!may_begin(bootstrap, asked->endpoint)) {
        bootstrap->held_off++;
        refuse(reply, KEDGE_COAP_UNAVAILABLE, "you begin too often");
        return;
    }
    struct bootstrap_session *former = session_of(bootstrap, asked->endpoint);
    if (former != NULL && former->pack == NULL)
        bootstrap_trace(bootstrap, former->endpoint, KEDGE_BOOTSTRAP_FAILED, "it began anew");
    if (former != NULL)
        bootstrap_session_end(former);
    struct bootstrap_session *session = bootstrap->by_ticket.count < KEDGE_BOOTSTRAP_SESSIONS_MAX
                                            ? session_create(bootstrap, from, asked)
                                            : NULL;
    if (session == NULL) {
        bootstrap->crowded_out++;
        refuse(reply, KEDGE_COAP_UNAVAILABLE, "too many are being bootstrapped");
        return;
    }
    kedge_address_text(from, address);
    bootstrap_trace(bootstrap, asked->endpoint, KEDGE_BOOTSTRAP_REQUESTED, "from %s", address);
    if (bootstrap->desk.grant(bootstrap->desk.context, asked->endpoint, session->ticket) !=
        KEDGE_OK) {
        refuse_for_now(session, reply);
        return;
    }
    session->deferred = kedge_net_defer(reply);
    if (session->deferred == NULL)
        bootstrap_session_end(session); /* it asks again */
}

/* A request that has come before, or the next block of an answer. */
static bool goes_on(const struct bootstrap_session *session, const struct kedge_address *from,
                    const struct bootstrap_request *asked)
{
    return session != NULL && kedge_address_equal(&session->address, from) &&
           session->wants_pack == asked->wants_pack && session->pack_format == asked->pack_format;
}

static void handle_request(struct kedge_bootstrap *bootstrap, const struct kedge_address *from,
                           const struct kedge_coap_message *request,
                           const struct bootstrap_request *asked, struct kedge_net_reply *reply)
{
    if (!may_be(bootstrap, from, asked)) {
        refuse(reply, KEDGE_COAP_BAD_REQUEST, "this endpoint is not yours");
        return;
    }
    struct bootstrap_session *session = session_of(bootstrap, asked->endpoint);
    if (session != NULL && session == bootstrap->resuming)
        answer(session, request, reply);
    else if (goes_on(session, from, asked) && session->deferred != NULL)
        kedge_net_reply_nothing(reply); /* the one before is answered soon */
    else if (goes_on(session, from, asked) && session->pack != NULL)
        bootstrap_pack_serve(session, request, reply);
    else
        begin(bootstrap, from, asked, reply);
}

static void read_request(struct kedge_bootstrap *bootstrap, const struct kedge_address *from,
                         const struct kedge_coap_message *request, bool wants_pack,
                         struct kedge_net_reply *reply)
{
    struct bootstrap_request asked;
    const char *wrong = bootstrap_request_read(request, &asked);
    asked.wants_pack = wants_pack;
    if (wrong != NULL)
        refuse(reply, KEDGE_COAP_BAD_REQUEST, wrong);
    else if (wants_pack && !bootstrap_pack_format(request, &asked.pack_format))
        kedge_net_reply(reply, KEDGE_COAP_NOT_ACCEPTABLE);
    else
        handle_request(bootstrap, from, request, &asked, reply);
}

static void on_request(void *context, const struct kedge_address *from,
                       const struct kedge_coap_message *request, struct kedge_net_reply *reply)
{
    struct kedge_bootstrap *bootstrap = context;
    bool wants_pack = kedge_coap_path_is(request, "bspack");
    if (!from->secure && bootstrap->resuming == NULL &&
        !kedge_net_admit(bootstrap->net, from, KEDGE_CLAIM_NONE))
        kedge_net_reply_nothing(reply);
    else if (!wants_pack && !kedge_coap_path_is(request, "bs"))
        kedge_net_reply(reply, KEDGE_COAP_NOT_FOUND);
    else if (request->code != (wants_pack ? KEDGE_COAP_GET : KEDGE_COAP_POST))
        kedge_net_reply(reply, KEDGE_COAP_METHOD_NOT_ALLOWED);
    else if (wants_pack && !from->secure) /* too large for an address that is not proved */
        kedge_net_reply(reply, KEDGE_COAP_NOT_IMPLEMENTED);
    else
        read_request(bootstrap, from, request, wants_pack, reply);
}

/* ---- for those above ---- */

void kedge_bootstrap_granted(struct kedge_bootstrap *bootstrap, uint64_t ticket, enum kedge_rc rc,
                             const struct kedge_bootstrap_grant *grant)
{
    struct kedge_index_link *link = kedge_index_find(&bootstrap->by_ticket, ticket);
    if (link == NULL)
        return;
    struct bootstrap_session *session =
        KEDGE_INDEX_THING(link, struct bootstrap_session, by_ticket);
    session->failed = rc != KEDGE_OK;
    if (rc == KEDGE_OK)
        session->grant = *grant;
    struct kedge_net_deferred *deferred = session->deferred;
    session->deferred = NULL;
    bootstrap->resuming = session;
    kedge_net_resume(bootstrap->net, deferred);
    bootstrap->resuming = NULL;
    /* Its association may have ended meanwhile: then it was not answered. */
    if (kedge_index_find(&bootstrap->by_ticket, ticket) != NULL && !session->begun)
        bootstrap_session_end(session);
}

void kedge_bootstrap_expel(struct kedge_bootstrap *bootstrap, const char *endpoint)
{
    struct bootstrap_session *session = session_of(bootstrap, endpoint);
    if (session == NULL)
        return;
    bootstrap_trace(bootstrap, endpoint, KEDGE_BOOTSTRAP_FAILED, "its credentials have changed");
    bootstrap_session_end(session);
}

struct kedge_bootstrap_counters kedge_bootstrap_counters(const struct kedge_bootstrap *bootstrap)
{
    return (struct kedge_bootstrap_counters){.sessions = bootstrap->by_ticket.count,
                                             .crowded_out = bootstrap->crowded_out,
                                             .held_off = bootstrap->held_off};
}

/* ---- making and ending ---- */

static enum kedge_rc init(struct kedge_bootstrap *bootstrap)
{
    if (getrandom(&bootstrap->key, sizeof bootstrap->key, 0) != (ssize_t)sizeof bootstrap->key)
        return KEDGE_E_SYSTEM;
    KEDGE_TRY(kedge_index_init(&bootstrap->by_endpoint));
    return kedge_index_init(&bootstrap->by_ticket);
}

enum kedge_rc kedge_bootstrap_create(const struct kedge_bootstrap_config *config,
                                     struct kedge_bootstrap **out)
{
    struct kedge_bootstrap *bootstrap = calloc(1, sizeof *bootstrap);
    if (bootstrap == NULL)
        return KEDGE_E_MEMORY;
    bootstrap->net = config->net;
    bootstrap->desk = config->desk;
    bootstrap->server_uri = config->server_uri;
    bootstrap->server_port = config->server_port;
    bootstrap->lifetime_s =
        config->lifetime_s != 0 ? config->lifetime_s : KEDGE_BOOTSTRAP_LIFETIME_DEFAULT_S;
    bootstrap->limit_ms = config->limit_ms != 0 ? config->limit_ms : KEDGE_NET_EXCHANGE_LIFETIME_MS;
    enum kedge_rc rc = init(bootstrap);
    if (rc != KEDGE_OK) {
        kedge_bootstrap_destroy(bootstrap);
        return rc;
    }
    kedge_net_set_handler(bootstrap->net, on_request, bootstrap);
    *out = bootstrap;
    return KEDGE_OK;
}

void kedge_bootstrap_destroy(struct kedge_bootstrap *bootstrap)
{
    if (bootstrap == NULL)
        return;
    struct kedge_index_link *link;
    while (bootstrap->by_ticket.buckets != NULL &&
           (link = kedge_index_walk(&bootstrap->by_ticket, NULL)) != NULL)
        bootstrap_session_end(KEDGE_INDEX_THING(link, struct bootstrap_session, by_ticket));
    kedge_index_free(&bootstrap->by_endpoint);
    kedge_index_free(&bootstrap->by_ticket);
    free(bootstrap);
}
