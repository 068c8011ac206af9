/* interrupt.c: see interrupt.h. Signals are the one thing here that is global by its nature. */
#define _GNU_SOURCE
#include "signer/cli/interrupt.h"

#include <errno.h>
#include <stddef.h>
#include <termios.h>
#include <unistd.h>

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static const char *volatile path_to_remove;
static const struct termios *volatile terminal_before;
static volatile sig_atomic_t terminal;

/* Only what signal-safety(7) allows; then the signal takes its usual course. */
static void undo(int signal_number)
{
    const char *path = path_to_remove;
    const struct termios *before = terminal_before;
    if (path != NULL)
        unlink(path);
    if (before != NULL)
        tcsetattr((int)terminal, TCSANOW, before);
    raise(signal_number);
}

void kedge_interrupt_begin(void)
{
    struct sigaction action = {.sa_handler = undo, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++) {
        struct sigaction before;
        /* Whoever started it with a signal ignored (nohup) wants it to go on. */
        if (sigaction(caught[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(caught[i], &action, NULL);
    }
}

void kedge_interrupt_removes(const char *path)
{
    path_to_remove = path;
}

void kedge_interrupt_hold(sigset_t *before)
{
    sigset_t held;
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        sigaddset(&held, caught[i]);
    sigprocmask(SIG_BLOCK, &held, before);
}

void kedge_interrupt_release(const sigset_t *before)
{
    int reason = errno;
    sigprocmask(SIG_SETMASK, before, NULL);
    errno = reason;
}

void kedge_interrupt_restores(int open_terminal, const struct termios *before)
{
    terminal = open_terminal;
    terminal_before = before;
}
