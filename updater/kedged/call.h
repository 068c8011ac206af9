/*
 * call.h: a thread of the API asks the network thread, or the store, and waits for the answer.
 */
#ifndef KEDGE_UPDATER_CALL_H
#define KEDGE_UPDATER_CALL_H

#include "updater/api/backend.h"
#include "updater/net/net.h"

#include <pthread.h>

/** One question. It stands on the stack of who asks, who waits until it is answered. */
struct kedge_call {
    void (*fn)(struct kedge_call *call); /* on the network thread: answers now or later */
    void *context;                       /* for fn */
    enum kedge_rc rc;                    /* the answer */
    uint64_t rollout_id;
    char text[KEDGE_BACKEND_TEXT_MAX];
    const char *field; /* of a new rollout, which is at fault for the refusal; NULL: none */
    pthread_mutex_t lock_;
    pthread_cond_t wake_;
    bool answered_;
};

/**
 * Has call->fn called on the network thread and waits for kedge_call_answer(); returns its rc.
 * KEDGE_E_MEMORY when the network thread could not be asked.
 */
enum kedge_rc kedge_call_network(struct kedge_net *net, struct kedge_call *call) KEDGE_MUST_USE;
/** Once for a call, from any thread; the call may be gone when this returns. */
void kedge_call_answer(struct kedge_call *call, enum kedge_rc rc, const char *text);

/**
 * Submits the batch, which is taken over, and waits until it is durable or lost. `text` (of
 * KEDGE_BACKEND_TEXT_MAX bytes) then says why.
 */
enum kedge_rc kedge_call_commit(struct kedge_store *store, struct kedge_batch *batch,
                                char *text) KEDGE_MUST_USE;

#endif
