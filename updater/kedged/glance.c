/* glance.c: see glance.h. */
#define _GNU_SOURCE
#include "updater/kedged/glance.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Shared by who asks and who answers; the last of them frees it. */
struct glance {
    kedge_glance_fn *look;
    void *context;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool answered, given_up;
    alignas(max_align_t) uint8_t seen[KEDGE_GLANCE_MAX];
};

static void destroy(struct glance *glance)
{
    (void)pthread_cond_destroy(&glance->wake);
    (void)pthread_mutex_destroy(&glance->lock);
    free(glance);
}

static struct glance *create(kedge_glance_fn *look, void *context)
{
    struct glance *glance = calloc(1, sizeof(*glance));
    pthread_condattr_t attributes;
    if (glance == NULL)
        return NULL;
    glance->look = look;
    glance->context = context;
    (void)pthread_mutex_init(&glance->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&glance->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return glance;
}

static void on_network_thread(void *context)
{
    struct glance *glance = context;
    glance->look(glance->context, glance->seen);
    (void)pthread_mutex_lock(&glance->lock);
    bool given_up = glance->given_up;
    glance->answered = true;
    (void)pthread_cond_signal(&glance->wake);
    (void)pthread_mutex_unlock(&glance->lock);
    if (given_up)
        destroy(glance);
}

bool kedge_glance(struct kedge_net *net, kedge_glance_fn *look, void *context, void *out,
                  size_t size)
{
    struct timespec until;
    struct glance *glance = create(look, context);
    if (glance == NULL)
        return false;
    if (kedge_net_post(net, on_network_thread, glance) != KEDGE_OK) {
        destroy(glance);
        return false;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += KEDGE_GLANCE_WAIT_MS / 1000;
    (void)pthread_mutex_lock(&glance->lock);
    while (!glance->answered && pthread_cond_timedwait(&glance->wake, &glance->lock, &until) == 0)
        continue;
    bool answered = glance->answered;
    if (answered)
        memcpy(out, glance->seen, size);
    glance->given_up = !answered;
    (void)pthread_mutex_unlock(&glance->lock);
    if (answered)
        destroy(glance);
    return answered;
}
