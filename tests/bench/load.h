/*
 * load.h: what the load generators have in common: what they are told, one command a line, and the
 * loop that waits until all of it is answered.
 */
#ifndef KEDGE_BENCH_LOAD_H
#define KEDGE_BENCH_LOAD_H

#include "tests/swarm/network.h"

/** How far a command has come. */
struct load_progress {
    uint64_t wanted, done, again, failed;
    bool until_quiet;  /* it is over when the server has not asked anything for a second, too */
    uint64_t asked_ms; /* when it did last */
};

uint64_t load_now_ms(void);
/**
 * Lets `network` work until the progress is complete, calling `ask_again` each `lost_ms`, and
 * prints the answer to the command: done, again, seconds. False when something failed or took too
 * long.
 */
bool load_wait(struct swarm_network *network, struct load_progress *progress, uint64_t lost_ms,
               void (*ask_again)(uint64_t now_ms));
/** "PROGRAM SERVER DEVICES"; returns 0 for a usage that is none, which it has said. */
uint32_t load_arguments(int argc, char **argv, struct swarm_address *server);
/** Does what is said on standard input; the exit status. */
int load_obey(const char *program, bool (*obey)(const char *line));

#endif
