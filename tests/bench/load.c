/* load.c: see load.h. */
#define _GNU_SOURCE
#include "tests/bench/load.h"

#include "tests/swarm/uri.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define QUIET_MS 1000u
#define GIVE_UP_MS 240000u

uint64_t load_now_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000u + (uint64_t)time.tv_nsec / 1000000u;
}

static bool is_over(const struct load_progress *progress)
{
    return progress->done >= progress->wanted &&
           (!progress->until_quiet || load_now_ms() - progress->asked_ms >= QUIET_MS);
}

bool load_wait(struct swarm_network *network, struct load_progress *progress, uint64_t lost_ms,
               void (*ask_again)(uint64_t now_ms))
{
    uint64_t began = load_now_ms(), looked = began;
    while (!is_over(progress)) {
        network_flush(network);
        network_turn(network, 100);
        uint64_t now = load_now_ms();
        if (now - began > GIVE_UP_MS)
            return false;
        if (now - looked >= lost_ms) {
            looked = now;
            ask_again(now);
        }
    }
    network_flush(network);
    if (progress->failed > 0) {
        fprintf(stderr, "%" PRIu64 " of %" PRIu64 " were refused\n", progress->failed,
                progress->done);
        return false;
    }
    printf("%" PRIu64 " %" PRIu64 " %.3f\n", progress->done, progress->again,
           (double)(load_now_ms() - began) / 1000);
    return fflush(stdout) == 0;
}

uint32_t load_arguments(int argc, char **argv, struct swarm_address *server)
{
    struct swarm_uri uri;
    unsigned long devices = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (devices > 0 && devices <= SWARM_DEVICES_MAX &&
        uri_read(kedge_slice_text(argv[1]), &uri) == KEDGE_OK) {
        *server = uri.server;
        return (uint32_t)devices;
    }
    fprintf(stderr, "usage: %s coap://127.0.0.1:PORT DEVICES\n", argv[0]);
    return 0;
}

int load_obey(const char *program, bool (*obey)(const char *line))
{
    char line[256];
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (obey(line))
            continue;
        fprintf(stderr, "%s: not done: %s", program, line);
        return 1;
    }
    return 0;
}
