/*
 * clock_shim.c: a wall clock that a test can set, and time that passes in no time, for the process
 * that preloads this and nobody else.
 *
 * The file that KEDGE_TEST_CLOCK names holds three int64_t, in nanoseconds; what is written there
 * counts at once. The first is by how much the wall clock is ahead. By the second the monotonic
 * clock is, for the threads that wait with epoll: they ask it how late it is, and never sleep until
 * a time of it. By the third the clock is that counts since the boot. Every other clock stays what
 * it is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead_ns;
static _Thread_local bool polls;

__attribute__((constructor)) static void attach(void)
{
    int file = open(getenv("KEDGE_TEST_CLOCK"), O_RDONLY | O_CLOEXEC);
    void *page = mmap(NULL, 3 * sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (page == MAP_FAILED)
        abort();
    close(file);
    ahead_ns = page;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, out);
    bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    bool boot = clock == CLOCK_BOOTTIME;
    if (result != 0 || ahead_ns == NULL || (!wall && !boot && !(clock == CLOCK_MONOTONIC && polls)))
        return result;
    int64_t now_ns = (int64_t)out->tv_sec * 1000000000 + out->tv_nsec +
                     ahead_ns[wall   ? 0
                              : boot ? 2
                                     : 1];
    out->tv_sec = (time_t)(now_ns / 1000000000);
    out->tv_nsec = (long)(now_ns % 1000000000);
    return 0;
}

int epoll_wait(int poll, struct epoll_event *events, int most, int timeout_ms)
{
    static int (*real)(int, struct epoll_event *, int, int);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "epoll_wait");
    polls = true;
    return real(poll, events, most, timeout_ms);
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
