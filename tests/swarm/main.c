/* main.c: kedge-swarm, a fleet of simulated devices. */
#define _GNU_SOURCE
#include "tests/swarm/swarm.h"

#include <signal.h>

#define EXIT_USAGE 2

static volatile int stop;

static void on_signal(int number)
{
    stop = number;
}

int main(int argc, char **argv)
{
    static struct swarm_options options;
    struct sigaction action = {.sa_handler = on_signal};
    switch (options_read(argc, argv, &options)) {
    case SWARM_OPTIONS_END:
        return 0;
    case SWARM_OPTIONS_USAGE:
        options_free(&options);
        return EXIT_USAGE;
    case SWARM_OPTIONS_RUN:
        break;
    }
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    int status = swarm_run(&options, &stop);
    options_free(&options);
    return status;
}
