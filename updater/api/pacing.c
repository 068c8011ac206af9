/* pacing.c: see pacing.h. */
#define _GNU_SOURCE
#include "updater/api/pacing.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "updater/api/service.h"

#define NS_PER_S 1000000000u

/** One download. */
struct paced {
    STAILQ_ENTRY(paced) next; /* while it waits */
    struct pacing *pacing;
    struct MHD_Connection *connection;
    int file;
    uint64_t first, size;
    uint64_t granted; /* bytes whose turn has come, and that were not read yet */
    uint64_t due_ns;
};

void pacing_init(struct pacing *pacing, struct kedge_pace *pace)
{
    *pacing = (struct pacing){.pace = pace};
    pthread_mutex_init(&pacing->lock, NULL);
    condition_init(&pacing->wake);
    STAILQ_INIT(&pacing->waiting);
}

bool pacing_is_on(const struct pacing *pacing)
{
    return pacing->pace != NULL && pacing->pace->bytes_per_s > 0;
}

static uint64_t piece_size(const struct pacing *pacing)
{
    uint64_t size = pacing->pace->bytes_per_s / 100u;
    size = size > PACING_PIECE_MIN ? size : PACING_PIECE_MIN;
    return size < PACING_PIECE_MAX ? size : PACING_PIECE_MAX;
}

bool pacing_is_full(const struct pacing *pacing)
{
    return pacing_is_on(pacing) &&
           kedge_pace_wait_ns(pacing->pace, piece_size(pacing), kedge_pace_now_ns()) >
               (uint64_t)PACING_BEGIN_WAIT_MAX_S * NS_PER_S;
}

/* ---- the thread ---- */

static void wait_until(struct pacing *pacing, uint64_t at_ns)
{
    const struct timespec until = {.tv_sec = (time_t)(at_ns / NS_PER_S),
                                   .tv_nsec = (long)(at_ns % NS_PER_S)};
    (void)pthread_cond_timedwait(&pacing->wake, &pacing->lock, &until);
}

static void resume_first(struct pacing *pacing)
{
    struct paced *paced = STAILQ_FIRST(&pacing->waiting);
    STAILQ_REMOVE_HEAD(&pacing->waiting, next);
    MHD_resume_connection(paced->connection);
}

static void *run(void *context)
{
    struct pacing *pacing = context;
    pthread_mutex_lock(&pacing->lock);
    while (!pacing->ending) {
        const struct paced *first = STAILQ_FIRST(&pacing->waiting);
        if (first == NULL)
            pthread_cond_wait(&pacing->wake, &pacing->lock);
        else if (first->due_ns > kedge_pace_now_ns())
            wait_until(pacing, first->due_ns);
        else
            resume_first(pacing);
    }
    while (!STAILQ_EMPTY(&pacing->waiting))
        resume_first(pacing);
    pthread_mutex_unlock(&pacing->lock);
    return NULL;
}

int pacing_start(struct pacing *pacing)
{
    if (!pacing_is_on(pacing))
        return 0;
    int failed = pthread_create(&pacing->thread, NULL, run, pacing);
    pacing->started = failed == 0;
    return failed;
}

void pacing_end(struct pacing *pacing)
{
    pthread_mutex_lock(&pacing->lock);
    pacing->ending = true;
    pthread_cond_signal(&pacing->wake);
    pthread_mutex_unlock(&pacing->lock);
    if (pacing->started)
        (void)pthread_join(pacing->thread, NULL);
}

void pacing_close(struct pacing *pacing)
{
    pthread_cond_destroy(&pacing->wake);
    pthread_mutex_destroy(&pacing->lock);
}

/* ---- libmicrohttpd's side of a download ---- */

/* Turns are taken and lined up under one lock, so that the line is in their order. */
static bool wait_for_turn(struct paced *paced, uint64_t size)
{
    struct pacing *pacing = paced->pacing;
    struct connection *connection = connection_of(paced->connection);
    pthread_mutex_lock(&pacing->lock);
    const uint64_t now_ns = kedge_pace_now_ns();
    paced->due_ns = kedge_pace_take(pacing->pace, size, now_ns);
    paced->granted = size;
    bool waits = paced->due_ns > now_ns && !pacing->ending;
    if (waits) {
        MHD_suspend_connection(paced->connection);
        STAILQ_INSERT_TAIL(&pacing->waiting, paced, next);
        if (connection != NULL)
            connection->held_until_ns = paced->due_ns;
        if (STAILQ_FIRST(&pacing->waiting) == paced)
            pthread_cond_signal(&pacing->wake);
    }
    pthread_mutex_unlock(&pacing->lock);
    return waits;
}

static bool is_ending(struct pacing *pacing)
{
    pthread_mutex_lock(&pacing->lock);
    bool ending = pacing->ending;
    pthread_mutex_unlock(&pacing->lock);
    return ending;
}

static ssize_t on_read(void *context, uint64_t offset, char *buffer, size_t room)
{
    struct paced *paced = context;
    const uint64_t piece = piece_size(paced->pacing), left = paced->size - offset;
    uint64_t size = room < left ? room : left;
    size = size < piece ? size : piece;
    if (is_ending(paced->pacing))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (paced->granted == 0 && wait_for_turn(paced, size))
        return 0;
    size = size < paced->granted ? size : paced->granted;
    ssize_t got = pread(paced->file, buffer, (size_t)size, (off_t)(paced->first + offset));
    if (got <= 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    paced->granted -= (uint64_t)got;
    return got;
}

static void on_gone(void *context)
{
    struct paced *paced = context;
    (void)close(paced->file);
    free(paced);
}

struct MHD_Response *pacing_response(struct pacing *pacing, struct MHD_Connection *connection,
                                     int file, uint64_t first, uint64_t size)
{
    struct paced *paced = calloc(1, sizeof(*paced));
    if (paced == NULL)
        return NULL;
    *paced = (struct paced){
        .pacing = pacing, .connection = connection, .file = file, .first = first, .size = size};
    struct MHD_Response *response = MHD_create_response_from_callback(
        size, (size_t)piece_size(pacing), on_read, paced, on_gone);
    if (response == NULL)
        free(paced);
    return response;
}
