/*
 * options.h: what kedge-swarm is told to do.
 */
#ifndef KEDGE_SWARM_OPTIONS_H
#define KEDGE_SWARM_OPTIONS_H

#include "tests/swarm/network.h"
#include "tests/swarm/psk_file.h"

#define SWARM_TEXT_MAX 64u
#define SWARM_RESULT_MAX 10
#define SWARM_INTERMEDIATES_MAX 4u

/** The values of /5/0/9. */
enum swarm_delivery { SWARM_PULL = 0, SWARM_PUSH = 1 };

struct swarm_options {
    struct swarm_address server;
    bool secure; /* coaps */
    const char *psk_path, *make_psk_path;
    struct psk_file psk; /* of `devices` rows at least when it is secure */
    uint32_t devices;
    char prefix[SWARM_TEXT_MAX]; /* without keys, device 7 is "<prefix>7" */
    char vendor[SWARM_TEXT_MAX];
    char class_name[SWARM_TEXT_MAX];
    char version[SWARM_TEXT_MAX];  /* that the devices run at first */
    char hardware[SWARM_TEXT_MAX]; /* empty: they have no such resource */
    const char *lwm2m;             /* the version */
    uint32_t intermediates;        /* updates before the one with which their part is over */
    uint32_t delivery;             /* enum swarm_delivery */
    uint32_t block_size;           /* what those devices want that want smaller ones */
    uint32_t lifetime_s;
    uint32_t window; /* registrations on their way at once */
    /* what becomes of a device; together at most 1 */
    double fail_rate, vanish_rate, wrong_version_rate;
    int fail_results[SWARM_RESULT_MAX];
    size_t fail_result_count;
    /* what it goes through on its way */
    double reboot_rate, address_change_rate, slow_rate, sleep_rate, small_block_rate;
    /* what happens to each datagram, either way */
    double loss, duplicate, reorder;
    uint32_t update_ms; /* between updates of a registration; 0: as its lifetime asks for */
    uint32_t reboot_ms, slow_ms, awake_ms, sleep_ms, ack_timeout_ms, linger_ms, time_limit_ms;
    uint64_t seed;
    bool keep_registered;
    bool json;
};

enum swarm_options_outcome { SWARM_OPTIONS_RUN, SWARM_OPTIONS_END, SWARM_OPTIONS_USAGE };

/**
 * Reads the command line, and the file of keys; on SWARM_OPTIONS_USAGE the reason has been said. On
 * SWARM_OPTIONS_END what was asked for is done: help, or a file of keys.
 */
enum swarm_options_outcome options_read(int argc, char **argv, struct swarm_options *options);
void options_free(struct swarm_options *options);

/** What --help and the manual page say, beside the options. */
extern const char options_usage[], options_about[];

/** An option of the command line; `argument` stands for its value, NULL where it takes none. */
typedef void options_tell_fn(const char *name, const char *argument, const char *help);

/** Tells each option, in the order of --help. */
void options_each(options_tell_fn *tell);

#endif
