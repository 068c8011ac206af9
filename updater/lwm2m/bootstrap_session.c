/*
 * bootstrap_session.c: what is asked of a device, one step after the other. Each answer goes to the
 * records. What the device need not have (Discover, Read) it may refuse; what it must do it must
 * do: an account of a former owner that stays would be a way in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "updater/lwm2m/bootstrap_internal.h"
#include "updater/lwm2m/formats.h"

#define MESSAGE_PAYLOAD_MAX 1024u /* more goes in blocks */
/*
 * Where the account goes when the device does not say where it keeps the one with us. Most keep
 * that in /0/0, some in /0/1, and a Write to it would be answered 2.04: so the first place is one
 * where nobody has it. The others are for devices with few places, which refuse the first, and
 * never /0/0: one that has nothing else would lose its way back to us.
 */
static const uint16_t untold_places[] = {BOOTSTRAP_INSTANCE_UNTOLD, 1, 2};
#define UNTOLD_PLACES (sizeof untold_places / sizeof untold_places[0])
#define TOLD_TIMES 2u /* that all is written to a device that says where it has what */

static const struct step {
    const char *name;
    uint8_t method;
    int32_t object; /* -1: none */
    enum kedge_bootstrap_event event;
} steps[STEP_COUNT] = {
    [STEP_DISCOVER] = {"Discover", KEDGE_COAP_GET, -1, KEDGE_BOOTSTRAP_DISCOVERED},
    [STEP_DELETE_SECURITY] = {"Delete", KEDGE_COAP_DELETE, KEDGE_LWM2M_OBJECT_SECURITY,
                              KEDGE_BOOTSTRAP_DELETED},
    [STEP_DELETE_SERVER] = {"Delete", KEDGE_COAP_DELETE, KEDGE_LWM2M_OBJECT_SERVER,
                            KEDGE_BOOTSTRAP_DELETED},
    [STEP_DELETE_ACL] = {"Delete", KEDGE_COAP_DELETE, KEDGE_LWM2M_OBJECT_ACCESS,
                         KEDGE_BOOTSTRAP_DELETED},
    [STEP_DELETE_OSCORE] = {"Delete", KEDGE_COAP_DELETE, KEDGE_LWM2M_OBJECT_OSCORE,
                            KEDGE_BOOTSTRAP_DELETED},
    [STEP_WRITE_SECURITY] = {"Write", KEDGE_COAP_PUT, KEDGE_LWM2M_OBJECT_SECURITY,
                             KEDGE_BOOTSTRAP_WRITTEN},
    [STEP_WRITE_SERVER] = {"Write", KEDGE_COAP_PUT, KEDGE_LWM2M_OBJECT_SERVER,
                           KEDGE_BOOTSTRAP_WRITTEN},
    [STEP_READ] = {"Read", KEDGE_COAP_GET, KEDGE_LWM2M_OBJECT_SERVER, KEDGE_BOOTSTRAP_READ},
    [STEP_FINISH] = {"Finish", KEDGE_COAP_POST, -1, KEDGE_BOOTSTRAP_FINISHED},
};

static void on_result(void *context, enum kedge_rc rc, const struct kedge_coap_message *response);

/* ---- ending ---- */

/* What was sent holds a key. */
static void drop_body(struct bootstrap_session *session)
{
    if (session->body != NULL)
        kedge_wipe(session->body, session->body_size);
    free(session->body);
    session->body = NULL;
    session->body_size = 0;
}

void bootstrap_session_end(struct bootstrap_session *session)
{
    struct kedge_bootstrap *bootstrap = session->bootstrap;
    if (session->handle != 0)
        kedge_net_cancel(bootstrap->net, session->handle);
    kedge_upload_cancel(&session->upload);
    kedge_net_timer_cancel(bootstrap->net, &session->timer);
    kedge_net_deferred_free(session->deferred);
    kedge_index_remove(&bootstrap->by_endpoint, &session->by_endpoint);
    kedge_index_remove(&bootstrap->by_ticket, &session->by_ticket);
    if (kedge_net_peer_owner(bootstrap->net, &session->address) == session)
        kedge_net_peer_forget(bootstrap->net, &session->address);
    if (session->pack != NULL)
        kedge_wipe(session->pack, session->pack_size);
    free(session->pack);
    drop_body(session);
    kedge_wipe(&session->grant, sizeof session->grant);
    free(session);
}

static void fail(struct bootstrap_session *session, const char *words)
{
    bootstrap_trace(session->bootstrap, session->endpoint, KEDGE_BOOTSTRAP_FAILED, "%s %s",
                    steps[session->step].name, words);
    bootstrap_session_end(session);
}

/* ---- sending ---- */

/* "" of Discover and "bs" of Finish, else the object, or its instance that is written or read. */
static void set_path(struct bootstrap_session *session)
{
    char *path = session->path;
    const struct step *step = &steps[session->step];
    unsigned instance = step->object == KEDGE_LWM2M_OBJECT_SECURITY ? session->account.security
                                                                    : session->account.server;
    if (step->object < 0)
        (void)snprintf(path, KEDGE_NET_PATH_MAX + 1, "%s",
                       session->step == STEP_FINISH ? "bs" : "");
    else if (step->method == KEDGE_COAP_DELETE)
        (void)snprintf(path, KEDGE_NET_PATH_MAX + 1, "%u", (unsigned)step->object);
    else
        (void)snprintf(path, KEDGE_NET_PATH_MAX + 1, "%u/%u", (unsigned)step->object, instance);
}

enum kedge_rc bootstrap_keep(const struct kedge_writer *written, uint8_t **out, size_t *size)
{
    *out = malloc(written->size);
    if (*out == NULL)
        return KEDGE_E_MEMORY;
    memcpy(*out, written->data, written->size);
    *size = written->size;
    return KEDGE_OK;
}

/* The instance that is written, in the best format that is left. */
static enum kedge_rc make_body(struct bootstrap_session *session)
{
    const struct step *step = &steps[session->step];
    session->content_format = format_to_write(FORMAT_USE_RECORDS, session->said, session->refused);
    if (session->content_format == FORMAT_NONE_LEFT)
        return KEDGE_E_UNSUPPORTED;
    uint8_t bytes[BOOTSTRAP_PAYLOAD_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    enum kedge_rc rc = bootstrap_write_instance(&session->account, (uint16_t)step->object,
                                                (uint32_t)session->content_format, &out);
    if (rc == KEDGE_OK)
        rc = bootstrap_keep(&out, &session->body, &session->body_size);
    kedge_wipe(bytes, sizeof bytes);
    return rc;
}

static enum kedge_rc find_body(void *context, struct kedge_slice *body)
{
    const struct bootstrap_session *session = context;
    *body = kedge_slice(session->body, session->body_size);
    return KEDGE_OK;
}

static void on_progress(void *context, uint64_t reach, uint8_t code)
{
    (void)context;
    (void)reach;
    (void)code;
}

/* How the device has answered the last block, or the one that it did not take. */
static void on_stopped(void *context, const struct kedge_upload_stop *stop)
{
    struct kedge_coap_message response = {.code = stop->code};
    bool answered = stop->rc == KEDGE_OK || stop->rc == KEDGE_E_REFUSED;
    if (stop->rc == KEDGE_OK)
        response.code = KEDGE_COAP_CHANGED;
    on_result(context, answered ? KEDGE_OK : stop->rc, answered ? &response : NULL);
}

static const struct kedge_upload_owner upload_owner = {
    .body = find_body, .progress = on_progress, .stopped = on_stopped};

static enum kedge_rc send_in_blocks(struct bootstrap_session *session)
{
    const struct kedge_upload_request request = {.method = KEDGE_COAP_PUT,
                                                 .path = session->path,
                                                 .content_format =
                                                     (uint16_t)session->content_format};
    return kedge_upload_begin(&session->upload, session->bootstrap->net, &session->address,
                              &request, &upload_owner, session);
}

static void choose_accept(struct bootstrap_session *session)
{
    session->accept = FORMAT_NONE_LEFT;
    if (session->step == STEP_DISCOVER)
        session->accept = (int32_t)KEDGE_LWM2M_FORMAT_LINK;
    else if (session->step == STEP_READ && !session->accept_refused)
        session->accept = format_to_read(FORMAT_USE_RECORDS, session->said, 0);
}

static enum kedge_rc transmit(struct bootstrap_session *session)
{
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    drop_body(session);
    set_path(session);
    choose_accept(session);
    session->content_format = FORMAT_NONE_LEFT;
    if (steps[session->step].method == KEDGE_COAP_PUT)
        KEDGE_TRY(make_body(session));
    if (session->body_size > MESSAGE_PAYLOAD_MAX)
        return send_in_blocks(session);
    request.method = steps[session->step].method;
    request.path = session->path;
    request.accept = session->accept;
    request.content_format = session->content_format;
    request.payload = kedge_slice(session->body, session->body_size);
    return kedge_net_send(session->bootstrap->net, &session->address, &request, on_result, session,
                          &session->handle);
}

static void send_step(struct bootstrap_session *session)
{
    enum kedge_rc rc = transmit(session);
    if (rc != KEDGE_OK)
        fail(session, rc == KEDGE_E_UNSUPPORTED ? "in no format that it takes" : kedge_rc_text(rc));
}

/* ---- one step after the other ---- */

static bool is_wanted(const struct bootstrap_session *session, enum bootstrap_step step)
{
    switch (step) {
    case STEP_DELETE_ACL:
        return session->has.has_acl;
    case STEP_DELETE_OSCORE:
        return session->has.has_oscore;
    case STEP_READ:
        return session->has.reads;
    default:
        return true;
    }
}

static void go_on(struct bootstrap_session *session)
{
    do
        session->step++;
    while (!is_wanted(session, session->step));
    send_step(session);
}

/* ---- answers ---- */

static void trace_answer(const struct bootstrap_session *session, uint8_t code, const char *words)
{
    bootstrap_trace(session->bootstrap, session->endpoint, steps[session->step].event,
                    "%s /%s%s%s: %u.%02u%s%s", steps[session->step].name, session->path,
                    session->content_format >= 0 ? " in " : "",
                    session->content_format >= 0 ? format_name((uint32_t)session->content_format)
                                                 : "",
                    code >> 5, code & 31u, words[0] != '\0' ? ", " : "", words);
}

/* The account with us stays; the new one stands beside it. */
static void take_discovery(struct bootstrap_session *session,
                           const struct kedge_coap_message *response)
{
    if (response->code >> 5 != 2 || !bootstrap_read_discovery(response->payload, &session->has)) {
        session->has = (struct bootstrap_discovery){.own_instance = -1};
        trace_answer(session, response->code, "it does not say what it has");
    } else {
        trace_answer(session, response->code,
                     session->has.reads ? "LwM2M 1.1 or later" : "LwM2M 1.0");
    }
    if (session->has.own_instance >= 0)
        session->account.security = session->has.own_instance > 0 ? 0 : 1;
    go_on(session);
}

static bool has_tried_another_format(struct bootstrap_session *session, uint8_t code)
{
    if (code == KEDGE_COAP_UNSUPPORTED_FORMAT && session->content_format >= 0)
        session->refused |= format_bit((uint32_t)session->content_format);
    else if (code == KEDGE_COAP_NOT_ACCEPTABLE && session->step == STEP_READ &&
             !session->accept_refused)
        session->accept_refused = true;
    else
        return false;
    trace_answer(session, code, "another format is tried");
    send_step(session);
    return true;
}

static void take_read(struct bootstrap_session *session, const struct kedge_coap_message *response)
{
    uint32_t format = KEDGE_LWM2M_FORMAT_NONE;
    if (response->code >> 5 != 2) {
        trace_answer(session, response->code, "it is not read from");
        go_on(session);
        return;
    }
    (void)kedge_coap_option_uint(response, KEDGE_COAP_CONTENT_FORMAT, &format);
    if (bootstrap_check_server(&session->account, format, response->payload) != KEDGE_OK) {
        trace_answer(session, response->code, "not what was written");
        fail(session, "shows that it does not have what was written");
        return;
    }
    trace_answer(session, response->code, "as written");
    go_on(session);
}

/* It is given all once more; elsewhere, when that may have been what was wrong. */
static bool has_begun_once_more(struct bootstrap_session *session, uint8_t code)
{
    bool told = session->has.own_instance >= 0;
    if (++session->times >= (told ? TOLD_TIMES : UNTOLD_PLACES))
        return false;
    if (!told)
        session->account.security = untold_places[session->times];
    bootstrap_trace(session->bootstrap, session->endpoint, KEDGE_BOOTSTRAP_WRITTEN,
                    "%s /%s: %u.%02u, all is written once more, the account to /0/%u",
                    steps[session->step].name, session->path, code >> 5, code & 31u,
                    (unsigned)session->account.security);
    session->step = STEP_DELETE_SECURITY;
    send_step(session);
    return true;
}

/* 4.06: what it has is not consistent (OMA LwM2M Core 1.2, section 6.1.7.6). */
static void take_finish(struct bootstrap_session *session,
                        const struct kedge_coap_message *response)
{
    char words[32];
    if (response->code == KEDGE_COAP_NOT_ACCEPTABLE && has_begun_once_more(session, response->code))
        return;
    if (response->code >> 5 != 2) {
        (void)snprintf(words, sizeof words, "was answered %u.%02u", response->code >> 5,
                       response->code & 31u);
        fail(session, words);
        return;
    }
    trace_answer(session, response->code, "");
    bootstrap_session_end(session);
}

static void take_other(struct bootstrap_session *session, const struct kedge_coap_message *response)
{
    bool done = response->code >> 5 == 2;
    bool has_no_place =
        !done && session->step == STEP_WRITE_SECURITY && session->has.own_instance < 0;
    if (steps[session->step].method == KEDGE_COAP_DELETE)
        done = done || response->code == KEDGE_COAP_NOT_FOUND; /* nothing was there */
    if (has_no_place && has_begun_once_more(session, response->code))
        return;
    trace_answer(session, response->code, done ? "" : "that ends it");
    if (done)
        go_on(session);
    else
        fail(session, has_no_place
                          ? "was refused wherever the account may go: Discover does not say "
                            "where it keeps the one with the bootstrap server"
                          : "was refused");
}

/* More than there is room for, or blocks of which nothing comes: it may as well say nothing. */
static bool has_done_without(struct bootstrap_session *session, enum kedge_rc rc)
{
    if (session->step != STEP_DISCOVER || (rc != KEDGE_E_LIMIT && rc != KEDGE_E_MALFORMED))
        return false;
    session->has = (struct bootstrap_discovery){.own_instance = -1};
    bootstrap_trace(session->bootstrap, session->endpoint, KEDGE_BOOTSTRAP_DISCOVERED,
                    "Discover /: %s, it does not say what it has", kedge_rc_text(rc));
    go_on(session);
    return true;
}

static void on_result(void *context, enum kedge_rc rc, const struct kedge_coap_message *response)
{
    struct bootstrap_session *session = context;
    session->handle = 0;
    if (has_done_without(session, rc))
        return;
    if (rc != KEDGE_OK) {
        fail(session, rc == KEDGE_E_TIMEOUT    ? "was not answered"
                      : rc == KEDGE_E_CANCELED ? "ended with its association"
                                               : kedge_rc_text(rc));
        return;
    }
    kedge_net_peer_trust(session->bootstrap->net, &session->address);
    if (has_tried_another_format(session, response->code))
        return;
    switch (session->step) {
    case STEP_DISCOVER:
        take_discovery(session, response);
        break;
    case STEP_READ:
        take_read(session, response);
        break;
    case STEP_FINISH:
        take_finish(session, response);
        break;
    default:
        take_other(session, response);
    }
}

/* ---- beginning ---- */

static void on_limit(void *context)
{
    fail(context, "was waited for when the time was over");
}

static void on_begin(void *context)
{
    struct bootstrap_session *session = context;
    kedge_net_timer_arm(session->bootstrap->net, &session->timer, session->limit_at_ms, on_limit,
                        session);
    session->step = STEP_DISCOVER;
    send_step(session);
}

void bootstrap_session_begin(struct bootstrap_session *session)
{
    struct kedge_net *net = session->bootstrap->net;
    session->begun = true;
    session->limit_at_ms = kedge_net_now_ms(net) + session->bootstrap->limit_ms;
    kedge_net_timer_arm(net, &session->timer, kedge_net_now_ms(net), on_begin, session);
}
