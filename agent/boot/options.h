/* options.h: the command line of kedge-boot. */
#ifndef KEDGE_AGENT_BOOT_OPTIONS_H
#define KEDGE_AGENT_BOOT_OPTIONS_H

#include "agent/port/port.h"

struct kedge_boot_options {
    const char *state;
    struct kedge_port_places places;
    const char *trust[KEDGE_PORT_TRUST_MAX];
    size_t trust_count;
    uint64_t required;
    uint64_t trial_limit_s;
    bool allow_development_keys;
    char **command; /* the agent and its arguments, NULL at the end */
};

enum kedge_options_outcome { KEDGE_OPTIONS_RUN, KEDGE_OPTIONS_SHOWN, KEDGE_OPTIONS_WRONG };

/**
 * kedge_boot_options_read() reads the words of main(); what it fills in borrows them. SHOWN when
 * help or version was asked for and printed; WRONG when it has said on standard error what is.
 */
enum kedge_options_outcome kedge_boot_options_read(int count, char **words,
                                                   struct kedge_boot_options *options);

/** What --help and the manual page say, beside the options. */
extern const char kedge_boot_usage[], kedge_boot_about[];

/** An option of the command line; `value` stands for what it takes, NULL where that is nothing. */
typedef void kedge_boot_option_fn(const char *name, const char *value, const char *words);

/** kedge_boot_each_option() tells each option, in the order of --help. */
void kedge_boot_each_option(kedge_boot_option_fn *tell);

#endif
