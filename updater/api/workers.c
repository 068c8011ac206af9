/*
 * workers.c: the threads that handlers run on. A handler reads the store and waits for what it
 * changes to be durable, so it is taken off the connections' threads: its connection is suspended,
 * and resumed when the answer is there.
 */
#include "updater/api/internal.h"

static struct request *take(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    while (STAILQ_EMPTY(&workers->waiting) && !workers->ending)
        pthread_cond_wait(&workers->wanted, &workers->lock);
    struct request *request = STAILQ_FIRST(&workers->waiting);
    if (request != NULL)
        STAILQ_REMOVE_HEAD(&workers->waiting, next);
    pthread_mutex_unlock(&workers->lock);
    return request;
}

static void *work(void *context)
{
    struct workers *workers = context;
    for (struct request *request; (request = take(workers)) != NULL;) {
        struct MHD_Connection *connection = request->connection;
        request_finish(request);
        /* From here on the request is the connection's thread's. */
        MHD_resume_connection(connection);
    }
    return NULL;
}

void workers_init(struct workers *workers)
{
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->wanted, NULL);
    STAILQ_INIT(&workers->waiting);
}

int workers_start(struct workers *workers)
{
    int failed = 0;
    while (workers->count < WORKERS && failed == 0) {
        failed = pthread_create(&workers->threads[workers->count], NULL, work, workers);
        workers->count += failed == 0;
    }
    return failed;
}

bool workers_submit(struct workers *workers, struct request *request)
{
    pthread_mutex_lock(&workers->lock);
    bool taken = !workers->ending;
    if (taken) {
        MHD_suspend_connection(request->connection);
        STAILQ_INSERT_TAIL(&workers->waiting, request, next);
        pthread_cond_signal(&workers->wanted);
    }
    pthread_mutex_unlock(&workers->lock);
    return taken;
}

void workers_stop(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->ending = true;
    pthread_cond_broadcast(&workers->wanted);
    pthread_mutex_unlock(&workers->lock);
    while (workers->count > 0)
        (void)pthread_join(workers->threads[--workers->count], NULL);
    pthread_cond_destroy(&workers->wanted);
    pthread_mutex_destroy(&workers->lock);
}
