/* background.c: see background.h. */
#define _GNU_SOURCE
#include "updater/kedged/background.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
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

/* The first edition of the kernel's struct sched_attr, which every kernel takes.
 * <linux/sched/types.h>, which has it, does not go together with <sched.h>, and glibc has it from
 * 2.41 on. */
struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

void kedge_foreground_enter(void)
{
    struct scheduling scheduling = {.size = sizeof(scheduling)};
    _Static_assert(sizeof(scheduling) == 48, "SCHED_ATTR_SIZE_VER0");
    if (syscall(SYS_sched_getattr, 0, &scheduling, sizeof(scheduling), 0) != 0 ||
        scheduling.policy != SCHED_OTHER)
        return;
    scheduling.runtime_ns = KEDGE_FOREGROUND_SLICE_NS;
    (void)syscall(SYS_sched_setattr, 0, &scheduling, 0);
}
