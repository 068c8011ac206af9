/*
 * main.c: kedged, the server.
 */
#define _GNU_SOURCE
#include "updater/kedged/server.h"

#include <signal.h>

#define EXIT_USAGE 2

/* Threads inherit this mask: one place waits for the signals. */
static void block_signals(void)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
    static struct kedge_config config;
    switch (kedge_config_read(argc, argv, &config)) {
    case KEDGE_CONFIG_END:
        return 0;
    case KEDGE_CONFIG_USAGE:
        return EXIT_USAGE;
    case KEDGE_CONFIG_RUN:
        break;
    }
    block_signals();
    return kedge_server_run(&config);
}
