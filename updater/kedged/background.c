/* background.c: see background.h. */
#define _GNU_SOURCE
#include "updater/kedged/background.h"

#include <pthread.h>
#include <unistd.h>

struct run {
    void (*start)(void *context);
    void *context;
};

static void *run(void *context)
{
    const struct run *run = context;
    /* Their name where threads are listed, but of those that a library names itself. */
    (void)pthread_setname_np(pthread_self(), "kedged-behind");
    /* To become less urgent is never refused (setpriority(2)). */
    (void)!nice(KEDGE_BACKGROUND_NICENESS);
    run->start(run->context);
    return NULL;
}

int kedge_background_run(void (*start)(void *context), void *context)
{
    struct run one = {.start = start, .context = context};
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, run, &one);
    return failed != 0 ? failed : pthread_join(thread, NULL);
}
