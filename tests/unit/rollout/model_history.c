/*
 * model_history.c: a history is run in a process of its own, so that whatever an engine does with
 * it (breaks an invariant, is ended by a signal, does not come back) can be tried again and again.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/rollout/model.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_BROKEN 3

/* In the process that runs a history: where the verdict goes to. */
static int verdict_fd = -1;

static void give_verdict(const struct verdict *verdict)
{
    (void)!write(verdict_fd, verdict, sizeof(*verdict)); /* less than a pipe takes at once */
}

void broken(const char *format, ...)
{
    struct verdict verdict = {
        .broken = true, .step = w->step, .events = w->events, .commits = w->commits};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(verdict.text, sizeof(verdict.text), format, arguments);
    va_end(arguments);
    give_verdict(&verdict);
    (void)fflush(stdout);
    _exit(EXIT_BROKEN);
}

void say(const char *format, ...)
{
    va_list arguments;
    if (!w->trace)
        return;
    (void)printf("  step %zu: ", w->step + 1);
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    (void)putchar('\n');
}

/* ---- the watchdog ---- */

#define WATCHDOG_S 2u /* of processor time; an event of a small fleet takes under a millisecond */
#define WATCHDOG_DEVICES_PER_S 10000u

/* An engine that does not come back from an event. The process is on its way out. */
static void watch(int number)
{
    static uint64_t events = UINT64_MAX;
    static const struct verdict hangs = {.broken = true,
                                         .text = "the engine does not come back from an event"};
    struct verdict verdict = hangs;
    (void)number;
    if (w == NULL || w->events != events) {
        events = w == NULL ? UINT64_MAX : w->events;
        return;
    }
    verdict.step = w->step;
    verdict.events = events;
    give_verdict(&verdict);
    _exit(EXIT_BROKEN);
}

static void start_watchdog(uint32_t devices)
{
    time_t seconds = (time_t)(WATCHDOG_S + devices / WATCHDOG_DEVICES_PER_S);
    struct itimerval every = {.it_interval.tv_sec = seconds, .it_value.tv_sec = seconds};
    struct sigaction action = {.sa_handler = watch, .sa_flags = SA_RESTART};
    (void)sigaction(SIGVTALRM, &action, NULL);
    (void)setitimer(ITIMER_VIRTUAL, &every, NULL);
}

/* ---- running ---- */

static void run(const struct history *history, bool trace)
{
    start_watchdog(history->devices);
    world_make(history);
    w->trace = trace;
    load();
    for (w->step = 0; w->step < history->count; w->step++)
        take_step(&history->steps[w->step]);
    w->random = history->seed * 104729;
    if (history->ends)
        everything_ends();
    else
        make_durable(w->queued);
    struct verdict verdict = {.events = w->events, .commits = w->commits, .step = w->step};
    world_free();
    give_verdict(&verdict);
}

/* What there is to read of its verdict; none: it was ended before it could give one. */
static struct verdict read_verdict(int fd, pid_t child)
{
    struct verdict verdict = {.broken = false};
    int status = 0;
    bool given = read(fd, &verdict, sizeof(verdict)) == (ssize_t)sizeof(verdict);
    (void)close(fd);
    (void)waitpid(child, &status, 0);
    bool ended_well =
        WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == EXIT_BROKEN);
    if (given && ended_well)
        return verdict;
    verdict.broken = true;
    (void)snprintf(verdict.text, sizeof(verdict.text), "the engine ended the process (status %#x)",
                   (unsigned)status);
    return verdict;
}

struct verdict history_run(const struct history *history, bool trace)
{
    int ends[2];
    (void)fflush(NULL);
    if (pipe(ends) != 0)
        abort();
    pid_t child = fork();
    if (child < 0)
        abort();
    if (child == 0) {
        (void)close(ends[0]);
        verdict_fd = ends[1];
        run(history, trace);
        exit(0); /* with what sanitizers have to say of leaks */
    }
    (void)close(ends[1]);
    return read_verdict(ends[0], child);
}

/* ---- making ---- */

#define OPERATION_OFTEN_(name, often, function) often,
static const unsigned often[OPERATION_COUNT] = {OPERATIONS(OPERATION_OFTEN_)};

static uint64_t next_number(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u; /* Knuth's */
    return *random >> 33;
}

void history_make(struct history *history, uint64_t seed, uint32_t devices, size_t count)
{
    uint64_t random = seed;
    *history = (struct history){.seed = seed,
                                .devices = devices,
                                .slice_moves = seed % 3 == 0 ? 1 + (uint32_t)(seed / 3 % 8) : 0,
                                .ends = true,
                                .count = count,
                                .steps = calloc(count + 1, sizeof(struct step))};
    if (history->steps == NULL)
        abort();
    if (devices > EVERY_EVENT_MAX)
        history->slice_moves = 0; /* as kedged has it */
    for (size_t i = 0; i < count; i++) {
        unsigned dice = (unsigned)(next_number(&random) % 1000), operation = 0;
        for (; dice >= often[operation]; operation++)
            dice -= often[operation];
        history->steps[i] = (struct step){.operation = (enum operation)operation,
                                          .seed = (uint32_t)next_number(&random)};
    }
}
