/*
 * call.c: one question, one answer, and the thread that waits between them.
 */
#define _GNU_SOURCE
#include "updater/kedged/call.h"

#include <stdio.h>
#include <string.h>

static void call_init(struct kedge_call *call)
{
    call->answered_ = false;
    call->text[0] = '\0';
    (void)pthread_mutex_init(&call->lock_, NULL);
    (void)pthread_cond_init(&call->wake_, NULL);
}

static void call_wait(struct kedge_call *call)
{
    (void)pthread_mutex_lock(&call->lock_);
    while (!call->answered_)
        (void)pthread_cond_wait(&call->wake_, &call->lock_);
    (void)pthread_mutex_unlock(&call->lock_);
}

static void call_end(struct kedge_call *call)
{
    (void)pthread_cond_destroy(&call->wake_);
    (void)pthread_mutex_destroy(&call->lock_);
}

void kedge_call_answer(struct kedge_call *call, enum kedge_rc rc, const char *text)
{
    (void)pthread_mutex_lock(&call->lock_);
    call->rc = rc;
    (void)snprintf(call->text, sizeof(call->text), "%s", text);
    call->answered_ = true;
    (void)pthread_cond_signal(&call->wake_);
    (void)pthread_mutex_unlock(&call->lock_);
}

static void on_network_thread(void *context)
{
    struct kedge_call *call = context;
    call->fn(call);
}

enum kedge_rc kedge_call_network(struct kedge_net *net, struct kedge_call *call)
{
    call_init(call);
    enum kedge_rc rc = kedge_net_post(net, on_network_thread, call);
    if (rc == KEDGE_OK) {
        call_wait(call);
        rc = call->rc;
    }
    call_end(call);
    return rc;
}

static void on_durable(void *context, enum kedge_rc rc, const char *error)
{
    kedge_call_answer(context, rc, error);
}

enum kedge_rc kedge_call_commit(struct kedge_store *store, struct kedge_batch *batch, char *text)
{
    struct kedge_call call = {.fn = NULL};
    call_init(&call);
    kedge_store_submit(store, batch, on_durable, &call);
    call_wait(&call);
    call_end(&call);
    memcpy(text, call.text, KEDGE_BACKEND_TEXT_MAX);
    return call.rc;
}
