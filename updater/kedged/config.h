/*
 * config.h: what kedged is told by its command line and its configuration file.
 *
 * Both use the same names: --coap ADDR:PORT is `coap = ADDR:PORT` in the file. The command line
 * wins over the file; within one of them, nothing may stand twice. One table (config.c) drives both
 * and the help.
 */
#ifndef KEDGE_UPDATER_CONFIG_H
#define KEDGE_UPDATER_CONFIG_H

#include <kedge/base.h>
#include <stdio.h>

#define KEDGE_CONFIG_TEXT_MAX 512u
#define KEDGE_CONFIG_LISTEN_MAX 4u         /* addresses of --coap, and as many of --coaps */
#define KEDGE_CONFIG_RATE_MAX 1000000u     /* of --unproven-rate and --unproven-stored */
#define KEDGE_CONFIG_UNPROVEN_MAX 1000000u /* of --unproven-max: some 1 GiB of memory */
#define KEDGE_CONFIG_PUSH_RATE_MAX 1000000000u
#define KEDGE_CONFIG_BURST_SECONDS 10u /* of a rate that may come at once */

struct kedge_config {
    char data[KEDGE_CONFIG_TEXT_MAX]; /* folder of everything that lasts */
    char config[KEDGE_CONFIG_TEXT_MAX];
    char coap[KEDGE_CONFIG_TEXT_MAX];  /* ADDR:PORT,... for CoAP without security; empty: none */
    char coaps[KEDGE_CONFIG_TEXT_MAX]; /* ADDR:PORT,... for CoAP over DTLS; empty: none */
    char coaps_key[KEDGE_CONFIG_TEXT_MAX]; /* PEM files; empty: none */
    char coaps_cert[KEDGE_CONFIG_TEXT_MAX];
    char coaps_ca[KEDGE_CONFIG_TEXT_MAX];
    char coaps_crl[KEDGE_CONFIG_TEXT_MAX];
    char bootstrap[KEDGE_CONFIG_TEXT_MAX];            /* ADDR:PORT, by DTLS; empty: none */
    char bootstrap_coap[KEDGE_CONFIG_TEXT_MAX];       /* ADDR:PORT, without security; empty: none */
    char bootstrap_server_uri[KEDGE_CONFIG_TEXT_MAX]; /* "coaps://..."; empty: --coaps */
    char http[KEDGE_CONFIG_TEXT_MAX];     /* ADDR:PORT for API and downloads; empty: none */
    char https[KEDGE_CONFIG_TEXT_MAX];    /* likewise, over TLS */
    char tls_cert[KEDGE_CONFIG_TEXT_MAX]; /* PEM files; empty: a self-signed one of our own */
    char tls_key[KEDGE_CONFIG_TEXT_MAX];
    char trusted_proxy[KEDGE_CONFIG_TEXT_MAX]; /* addresses and networks; empty: none */
    char download_http[KEDGE_CONFIG_TEXT_MAX]; /* ADDR:PORT for downloads alone; empty: none */
    /* Where devices find /fw/ instead of here, without a slash at its end; empty: nowhere */
    char download_base_url[KEDGE_CONFIG_TEXT_MAX];
    char log_level[16];
    char log_format[16]; /* "": as fits where the log goes */
    bool insecure_http;  /* plain HTTP beyond loopback, only when asked for by name */
    bool allow_development_keys;
    /* As they were given, and read. */
    char unproven_rate[16], unproven_max[16], unproven_stored[16];
    uint64_t unproven_per_s, unproven_devices, unproven_stored_per_s;
    char push_rate[16];        /* as it was given; empty: no limit */
    uint64_t push_bytes_per_s; /* 0: no limit */
    char download_rate[16];    /* as it was given; "0", empty: no limit */
    uint64_t download_bytes_per_s; /* 0: no limit */
    char history_days[16];      /* as it was given; "0", empty: for ever */
    uint64_t history_kept_days; /* 0: for ever */
    char require[8];           /* as it was given */
    uint64_t required; /* how many different trusted keys must have signed a package: 1 to 8 */
    bool check_config; /* say what is wrong with the configuration, and end */
};

/** What main() does next. */
enum kedge_config_outcome { KEDGE_CONFIG_RUN, KEDGE_CONFIG_END, KEDGE_CONFIG_USAGE };

/**
 * kedge_config_read() reads the command line and the configuration file that it names. Help and
 * version go to standard output (KEDGE_CONFIG_END); what is wrong goes to standard error, with the
 * option or the file and line (KEDGE_CONFIG_USAGE). The log begins as the configuration has it, before
 * the first warning.
 */
enum kedge_config_outcome kedge_config_read(int argc, char **argv, struct kedge_config *config);

/** What --help and the manual page say, beside the options. */
extern const char kedge_config_usage[], kedge_config_about[], kedge_config_ports[];

/** An option of the command line; `argument` stands for its value, NULL where it takes none. */
typedef void kedge_config_option_fn(const char *name, const char *argument, const char *help);

/** kedge_config_each_option() tells each option, in the order of --help. */
void kedge_config_each_option(kedge_config_option_fn *tell);

/**
 * Takes the first address off a list with commas between them, into `one`; `*list` is then the
 * rest, and NULL after the last one. False when there is none. A list is a KEDGE_CONFIG_TEXT_MAX at
 * most.
 */
bool kedge_config_next_address(const char **list, char one[KEDGE_CONFIG_TEXT_MAX]);
/** How many addresses are in such a list. */
size_t kedge_config_count_addresses(const char *list);
/** Splits "127.0.0.1:5683", "[::1]:5683" or ":5683" (all addresses) into host and port text. */
enum kedge_rc kedge_config_split_address(const char *text, char *host, size_t host_size,
                                         uint16_t *port) KEDGE_MUST_USE;

#endif
