/*
 * device_asks.c: operations on devices that somebody wants to see the answer of. The thread of the
 * API waits, never longer than it asked for; the network thread holds what it waits for in a list,
 * so that it can be told when the server ends.
 */
#include "updater/kedged/backend.h"
#include "updater/kedged/call.h"
#include "updater/kedged/log.h"
#include "updater/lwm2m/operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASKS_MAX 8u          /* each holds a thread of the API */
#define SLEEPER_LOOK_MS 100u /* how often is looked whether a sleeper has woken up */

/* On the stack of who asks, like the call; on the network thread from begin() to finish(). */
struct kedge_device_ask {
    struct kedge_device_ask *next;
    struct kedge_call call;
    struct kedge_backend_state *state;
    const char *endpoint;
    struct kedge_backend_question *question;
    struct kedge_net_timer timer;
    uint64_t until_ms;
    uint64_t handle; /* of the operation; 0: none is on its way */
    bool asleep;     /* nothing was sent yet, and it is waited for */
};

static const char *words_for(enum kedge_rc rc)
{
    switch (rc) {
    case KEDGE_E_NOT_FOUND:
        return "no device is registered under this name";
    case KEDGE_E_STATE:
        return "the device is in queue mode and sleeps; it can be asked once it registers or sends "
               "an Update";
    case KEDGE_E_TIMEOUT:
        return "the device has not answered in time";
    case KEDGE_E_REFUSED:
        return "the device answered with a reset: it does not know what it was asked";
    case KEDGE_E_CANCELED:
        return "the device registered anew, or left, before it answered";
    case KEDGE_E_BUFFER:
        return "the request is too large: values make 64 KiB at most, and paths to read 1024 bytes";
    case KEDGE_E_MALFORMED:
        return "what the device answered to blocks, or in blocks, does not go together";
    case KEDGE_E_LIMIT:
        return "the answer is larger than the server takes";
    case KEDGE_E_ARGUMENT:
    case KEDGE_E_TYPE:
        return "operation, path and values do not go together";
    case KEDGE_E_UNSUPPORTED:
        return "the device has refused every data format that could be used";
    case KEDGE_E_CONNECTION:
        return "there is no association with the device; it has to make one";
    case KEDGE_E_BUSY:
        return "too much is being asked at the moment";
    default:
        return "";
    }
}

/* ---- on the network thread ---- */

static void finish(struct kedge_device_ask *ask, enum kedge_rc rc)
{
    struct kedge_backend_state *state = ask->state;
    struct kedge_device_ask **link = &state->asks;
    while (*link != ask)
        link = &(*link)->next;
    *link = ask->next;
    state->ask_count--;
    kedge_net_timer_cancel(state->net, &ask->timer);
    if (ask->handle != 0 && ask->question->by_reset)
        kedge_device_cancel(state->bridge->fleet, ask->handle);
    else if (ask->handle != 0)
        kedge_device_unobserve(state->bridge->fleet, ask->handle);
    kedge_call_answer(&ask->call, rc, words_for(rc)); /* it may be gone now */
}

static enum kedge_rc keep_answer(struct kedge_backend_question *question,
                                 const struct kedge_operation_answer *answer)
{
    struct kedge_backend_answer *kept = &question->answers[question->answer_count];
    *kept = (struct kedge_backend_answer){.code = answer->code,
                                          .content_format = answer->content_format,
                                          .payload_size = answer->payload.size,
                                          .created = answer->created};
    if (answer->payload.size > 0) {
        kept->payload = malloc(answer->payload.size);
        if (kept->payload == NULL)
            return KEDGE_E_MEMORY;
        memcpy(kept->payload, answer->payload.data, answer->payload.size);
    }
    question->answer_count++;
    return KEDGE_OK;
}

static void on_answer(void *context, enum kedge_rc rc, const struct kedge_operation_answer *answer)
{
    struct kedge_device_ask *ask = context;
    struct kedge_backend_question *question = ask->question;
    bool observing = rc == KEDGE_OK && answer->observing;
    if (!observing)
        ask->handle = 0;
    if (rc == KEDGE_OK)
        rc = keep_answer(question, answer);
    else if (question->answer_count > 0)
        rc = KEDGE_OK; /* an observation that has ended */
    if (rc != KEDGE_OK || !observing || question->answer_count == question->answer_max)
        finish(ask, rc);
}

static void on_timer(void *context);

/* Sends it, or goes on waiting for a device that sleeps. */
static enum kedge_rc send_or_wait(struct kedge_device_ask *ask)
{
    struct kedge_backend_state *state = ask->state;
    enum kedge_rc rc = kedge_device_ask(state->bridge->fleet, ask->endpoint, ask->question->request,
                                        on_answer, ask, &ask->handle);
    ask->asleep = rc == KEDGE_E_STATE;
    if (rc != KEDGE_OK && !ask->asleep)
        return rc;
    uint64_t look_ms = kedge_net_now_ms(state->net) + SLEEPER_LOOK_MS;
    bool looks_again = ask->asleep && look_ms < ask->until_ms;
    kedge_net_timer_arm(state->net, &ask->timer, looks_again ? look_ms : ask->until_ms, on_timer,
                        ask);
    return KEDGE_OK;
}

static void on_timer(void *context)
{
    struct kedge_device_ask *ask = context;
    enum kedge_rc rc = ask->asleep ? KEDGE_E_STATE : KEDGE_E_TIMEOUT;
    if (ask->asleep && kedge_net_now_ms(ask->state->net) < ask->until_ms) {
        rc = send_or_wait(ask);
        if (rc == KEDGE_OK)
            return;
    }
    finish(ask, ask->question->answer_count > 0 ? KEDGE_OK : rc);
}

static void begin(struct kedge_call *call)
{
    struct kedge_device_ask *ask = call->context;
    struct kedge_backend_state *state = ask->state;
    enum kedge_rc rc = KEDGE_E_BUSY;
    ask->until_ms = kedge_net_now_ms(state->net) + (uint64_t)ask->question->timeout_s * 1000u;
    if (!state->asks_ended && state->ask_count < ASKS_MAX)
        rc = send_or_wait(ask);
    if (rc != KEDGE_OK) {
        kedge_call_answer(call, rc, words_for(rc));
        return;
    }
    ask->next = state->asks;
    state->asks = ask;
    state->ask_count++;
}

static void end_all(void *context)
{
    struct kedge_backend_state *state = context;
    state->asks_ended = true;
    while (state->asks != NULL)
        finish(state->asks, KEDGE_E_BUSY);
}

void kedge_backend_end_asks(struct kedge_backend_state *state)
{
    if (kedge_net_post(state->net, end_all, state) != KEDGE_OK)
        kedge_log(KEDGE_LOG_WARNING, "out of memory: devices that are asked are waited for");
}

/* ---- on a thread of the API ---- */

/* What changes a device is written down before it is sent. */
static enum kedge_rc audit(struct kedge_backend_state *state, const char *who, const char *endpoint,
                           const struct kedge_operation_request *request, char *text)
{
    char what[48], after[KEDGE_OPERATION_TEXT_MAX + 64];
    if (!kedge_operation_changes(request->kind))
        return KEDGE_OK;
    (void)snprintf(what, sizeof(what), "device.%s", kedge_operation_name(request->kind));
    (void)snprintf(after, sizeof(after), "%s%s%s", request->path,
                   request->text != NULL && request->text[0] != '\0' ? " " : "",
                   request->text != NULL ? request->text : "");
    const struct kedge_change change = {
        .who = who, .what = what, .subject = endpoint, .after = after};
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    return kedge_backend_commit(state, batch, KEDGE_OK, &change, text);
}

enum kedge_rc kedge_backend_device_ask(void *context, const char *who, const char *endpoint,
                                       struct kedge_backend_question *question, char *text)
{
    struct kedge_device_ask ask = {.state = context, .endpoint = endpoint, .question = question};
    question->answer_count = 0;
    KEDGE_TRY(audit(ask.state, who, endpoint, question->request, text));
    ask.call.fn = begin;
    ask.call.context = &ask;
    enum kedge_rc rc = kedge_call_network(ask.state->net, &ask.call);
    memcpy(text, ask.call.text, KEDGE_BACKEND_TEXT_MAX);
    return rc;
}
