/*
 * epoll_shim.c: an epoll that misses something, for the process that preloads this: of each
 * descriptor that is watched by edges, the first event is told without the news that there is
 * something to read. The file that KEDGE_TEST_EPOLL names counts them in its first int32_t.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#define WATCHED_MAX 256

static struct {
    _Atomic int32_t missed;
} * count;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t watched[WATCHED_MAX]; /* what their events carry; 0: a free place */

__attribute__((constructor)) static void attach(void)
{
    int file = open(getenv("KEDGE_TEST_EPOLL"), O_RDWR | O_CLOEXEC);
    void *page = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page == MAP_FAILED)
        abort();
    close(file);
    count = page;
}

/* Puts `to` into the first place that holds `from`; 0: there is none. */
static int replace(uint64_t from, uint64_t to)
{
    int done = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < WATCHED_MAX && !done; i++) {
        done = watched[i] == from;
        if (done)
            watched[i] = to;
    }
    pthread_mutex_unlock(&lock);
    return done;
}

int epoll_ctl(int epoll, int what, int file, struct epoll_event *event)
{
    int (*next)(int, int, int, struct epoll_event *) = dlsym(RTLD_NEXT, "epoll_ctl");
    if (what == EPOLL_CTL_ADD && (event->events & EPOLLET) != 0)
        replace(0, event->data.u64);
    return next(epoll, what, file, event);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
    int (*next)(int, struct epoll_event *, int, int) = dlsym(RTLD_NEXT, "epoll_wait");
    int got = next(epoll, events, most, timeout_ms);
    for (int i = 0; i < got; i++)
        if ((events[i].events & EPOLLIN) != 0 && replace(events[i].data.u64, 0)) {
            events[i].events &= ~(uint32_t)EPOLLIN;
            count->missed++;
        }
    return got;
}
