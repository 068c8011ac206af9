/*
 * options.h: what kedge-swarm is told to do.
 */
#ifndef KEDGE_SWARM_OPTIONS_H
#define KEDGE_SWARM_OPTIONS_H

#include "tests/swarm/network.h"

#define SWARM_TEXT_MAX 64u
#define SWARM_RESULT_MAX 10

struct swarm_options {
    struct sockaddr_in server;
    uint32_t devices;
    char prefix[SWARM_TEXT_MAX]; /* device 7 is "<prefix>7" */
    char vendor[SWARM_TEXT_MAX];
    char class_name[SWARM_TEXT_MAX];
    char version[SWARM_TEXT_MAX];  /* that the devices run at first */
    char hardware[SWARM_TEXT_MAX]; /* empty: they have no such resource */
    uint32_t lifetime_s;
    uint32_t window; /* registrations on their way at once */
    /* what becomes of a device; together at most 1 */
    double fail_rate, vanish_rate, wrong_version_rate;
    int fail_results[SWARM_RESULT_MAX];
    size_t fail_result_count;
    /* what it goes through on its way */
    double reboot_rate, address_change_rate, slow_rate;
    /* what happens to each datagram, either way */
    double loss, duplicate, reorder;
    uint32_t reboot_ms, slow_ms, ack_timeout_ms, linger_ms, time_limit_ms;
    uint64_t seed;
    bool keep_registered;
    bool json;
};

enum swarm_options_outcome { SWARM_OPTIONS_RUN, SWARM_OPTIONS_END, SWARM_OPTIONS_USAGE };

/** Reads the command line; on SWARM_OPTIONS_USAGE the reason has been said. */
enum swarm_options_outcome options_read(int argc, char **argv, struct swarm_options *options);

#endif
