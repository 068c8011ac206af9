/* webhook_internal.h: a hook and its request, for webhooks.c and webhook_request.c alone. */
#ifndef KEDGE_UPDATER_KEDGED_WEBHOOK_INTERNAL_H
#define KEDGE_UPDATER_KEDGED_WEBHOOK_INTERNAL_H

#include "updater/kedged/webhooks.h"

#include <curl/curl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

struct hook {
    char name[KEDGE_NAME_MAX + 1];
    json_t *settings;  /* its note */
    uint64_t position; /* the entry up to which it has delivered, or put aside */
    unsigned attempts; /* of the event whose turn it is */
    unsigned setbacks; /* attempts that failed since one succeeded */
    uint64_t due_ms;   /* monotonic; NEVER: until it is woken up */
    bool there;        /* while notes are read again */
    /* what is on its way; `easy` is NULL when nothing is */
    CURL *easy;
    struct curl_slist *header;
    char *body;
    uint64_t event_id;
    char number[WEBHOOK_NUMBER_SIZE]; /* of what is delivered again; "" for a new event */
    size_t answered;
    char error[CURL_ERROR_SIZE];
};

struct kedge_webhooks {
    struct kedge_store *store;
    struct kedge_reader *reader;
    CURLM *multi;
    pthread_t thread;
    struct hook hooks[WEBHOOKS_MAX];
    size_t count;
    json_t *again; /* numbers of what is to be delivered again, by hook */
    uint32_t numbered;
    bool unreadable;   /* the store was, when it was tried last */
    uint64_t notes_ms; /* monotonic: when notes that could not be read are tried again */
    atomic_bool ending, woken, changed;
};

/** For spans; in ms. */
uint64_t webhook_monotonic_ms(void);

/** Posts the body, which it takes over (NULL: no memory; it is tried again in a second). */
void webhook_post(struct kedge_webhooks *webhooks, struct hook *hook, char *body);
/** How the request has ended: KEDGE_OK, when it has arrived; else why not, in words. */
enum kedge_rc webhook_outcome(CURL *easy, CURLcode code, const struct hook *hook, char *why,
                              size_t why_size) KEDGE_MUST_USE;
/** How long its receiver asks for a pause; 0: it asks for none. */
uint64_t webhook_asked_pause_ms(CURL *easy);
/** Cuts it off, if it is on its way, and gives back what it has. */
void webhook_let_go(struct kedge_webhooks *webhooks, struct hook *hook);

#endif
