/*
 * rig.h: the real HTTP server over the real store in a temporary folder, with a small backend that
 * writes to the store and can be told to refuse, and libcurl to talk to it.
 */
#ifndef KEDGE_TEST_API_RIG_H
#define KEDGE_TEST_API_RIG_H

#include <jansson.h>
#include <pthread.h>

#include "updater/api/api.h"

#define RIG_TOKEN "rig-token"
#define RIG_DOWNLOADS "fw"
#define RIG_WHO "tester"
#define RIG_UPLOAD_MAX (3u << 20)

struct rig {
    char folder[64];
    struct kedge_store *store;
    struct kedge_backend backend;
    struct kedge_api *api;
    char url[64];
    /* what the backend does and has seen */
    enum kedge_rc refuse_with; /* KEDGE_OK: it does what is asked */
    const char *refuse_text;
    char accepted[64]; /* the first bytes of the upload */
    uint64_t accepted_size;
    char who[KEDGE_NAME_MAX + 1];
    struct kedge_rollout created; /* name, package_id, policy, device_count of the last request */
    char created_endpoints[256];  /* joined by spaces */
    char created_groups[256];     /* "name=10 %;=0 rest;" */
    uint64_t rollouts;            /* how many were made */
    const char *sleeper;          /* is registered, in queue mode and asleep */
    const char *tags_meanwhile;   /* what a device gets while it is being shown; once */
    uint64_t live_deployment;     /* is live, with 50 of 200 bytes */
    uint64_t calls;
    pthread_mutex_t told_lock;
    struct kedge_backend_progress told; /* the last one */
    unsigned tellings;
    unsigned caller;      /* asks from 127.0.2.N; 0: from anywhere */
    pthread_mutex_t gate; /* a rollout's change waits for it */
    pthread_mutex_t log_lock;
    char log[16384]; /* its lines, as far as they fit */
};

int rig_setup(void **state);
int rig_teardown(void **state);
/** The same, with what is committed told to those who follow the events. */
int rig_setup_followed(void **state);
int rig_teardown_followed(void **state);

/** A rig whose API has the limits of this config, and its `secure` and `tls` of the first place. */
struct rig *rig_limited(void **state, struct kedge_api_config config);

/** Commits what `fill` puts into a batch. */
void rig_commit(struct rig *rig, void (*fill)(struct kedge_batch *batch, void *context),
                void *context);
void rig_put_device(struct rig *rig, const char *endpoint, const char *vendor,
                    const char *class_name);
void rig_put_package(struct rig *rig, char digit);
/** How many files are in the folder of uploads. */
int rig_upload_files(const struct rig *rig);
/** How often the words stand in the server's log. */
unsigned rig_logged(struct rig *rig, const char *words);

/** An answer: `json` is NULL when the body is none. Free it with reply_free(). */
struct reply {
    long status;
    json_t *json;
    char headers[4096];
    char body[4096]; /* its beginning */
};

/** With the token unless `headers` (NULL-terminated, or NULL) name an Authorization. */
struct reply rig_call(struct rig *rig, const char *method, const char *path, const char *body,
                      const char *const *headers);
struct reply rig_get(struct rig *rig, const char *path);
void reply_free(struct reply *reply);

/** A connection of its own. */
int rig_connect(struct rig *rig);
/** Sends raw bytes and returns what comes back until the end. */
size_t rig_raw(struct rig *rig, const char *bytes, size_t size, char *out, size_t out_size);

const char *reply_text(const struct reply *reply, const char *name);

#endif
