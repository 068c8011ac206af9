/* failures.c: unknown tokens, by the address that they come from. */
#include "updater/api/failures.h"

#include <errno.h>
#include <string.h>

void failures_init(struct failures *failures)
{
    pthread_mutex_init(&failures->lock, NULL);
}

int failures_start(struct failures *failures)
{
    return crowd_init(&failures->crowd) == KEDGE_OK ? 0 : errno;
}

void failures_close(struct failures *failures)
{
    pthread_mutex_destroy(&failures->lock);
}

uint32_t failures_count(struct failures *failures, const struct host *host, uint64_t now_s,
                        bool *first)
{
    pthread_mutex_lock(&failures->lock);
    uint64_t window = now_s / FAILURES_WINDOW_S;
    if (window != failures->window)
        memset(failures->crowd.counts, 0, sizeof(failures->crowd.counts));
    failures->window = window;
    uint32_t count = ++*crowd_counter(&failures->crowd, host);
    pthread_mutex_unlock(&failures->lock);
    *first = count == FAILURES_MAX + 1;
    return count <= FAILURES_MAX ? 0 : FAILURES_WINDOW_S - (uint32_t)(now_s % FAILURES_WINDOW_S);
}
