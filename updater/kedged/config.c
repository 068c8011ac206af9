/* config.c: one table of options, for the command line, the configuration file and the help. */
#define _GNU_SOURCE
#include "tools/help.h"
#include "updater/kedged/config_check.h"
#include "updater/kedged/log.h"
#include "updater/kedged/retention.h"

#include "updater/lwm2m/bootstrap.h"
#include "updater/pace/pace.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <ini.h>
#include <inttypes.h>
#include <kedge/suit.h>
#include <stdlib.h>
#include <string.h>

#define HTTP_DEFAULT "127.0.0.1:8080"

struct option_row {
    const char *name;
    const char *argument; /* NULL for a switch */
    size_t offset;
    size_t size;
    bool file_too; /* may stand in the configuration file */
    const char *help;
};

#define TEXT(field) offsetof(struct kedge_config, field), sizeof(((struct kedge_config *)0)->field)

static const struct option_row rows[] = {
    {"data", "DIR", TEXT(data), true, "folder of everything that lasts; made when it is not there"},
    {"config", "FILE", TEXT(config), false, "read options from FILE (name = value lines)"},
    {"coap", "ADDR:PORT,...", TEXT(coap), true,
     "serve devices by CoAP without security (asking for it by name is the consent)"},
    {"coaps", "ADDR:PORT,...", TEXT(coaps), true, "serve devices by CoAP over DTLS"},
    {"coaps-key", "FILE", TEXT(coaps_key), true,
     "the server's private key (PEM, ECDSA P-256): devices may show raw public keys"},
    {"coaps-cert", "FILE", TEXT(coaps_cert), true, "its certificate chain (PEM), for X.509"},
    {"coaps-ca", "FILE", TEXT(coaps_ca), true,
     "devices may show a certificate of this CA (PEM); its common name is the endpoint name"},
    {"coaps-crl", "FILE", TEXT(coaps_crl), true,
     "certificates that the CA has revoked (PEM); read again at SIGHUP"},
    {"bootstrap", "ADDR:PORT", TEXT(bootstrap), true,
     "bootstrap devices over DTLS: give them the keys that they register with at --coaps"},
    {"bootstrap-coap", "ADDR:PORT", TEXT(bootstrap_coap), true,
     "the same without security, for devices that were enrolled so by name"},
    {"bootstrap-server-uri", "URI", TEXT(bootstrap_server_uri), true,
     "where bootstrapped devices register, when it is not --coaps as they reach this server"},
    {"unproven-rate", "N", TEXT(unproven_rate), true,
     "requests a second that are answered to those of one network who have proved nothing (500)"},
    {"unproven-max", "N", TEXT(unproven_max), true,
     "devices without DTLS at once that have registered and not answered yet, each for 20 seconds "
     "at least; eight times as many that have answered a ping (16384)"},
    {"unproven-stored", "N", TEXT(unproven_stored), true,
     "how many of them a second are stored before they answer (100)"},
    {"push-rate", "BYTES", TEXT(push_rate), true,
     "bytes a second, at most, to each device that is pushed to (as fast as it takes them)"},
    {"download-rate", "BYTES", TEXT(download_rate), true,
     "bytes a second, at most, of downloads and pushes to all devices together (0: no limit)"},
    {"history-days", "N", TEXT(history_days), true,
     "days after its end for which a rollout is kept device by device (0, for ever)"},
    {"http", "ADDR:PORT", TEXT(http), true,
     "REST API and downloads (127.0.0.1:8080 unless --https is given)"},
    {"https", "ADDR:PORT", TEXT(https), true, "the same over TLS"},
    {"tls-cert", "FILE", TEXT(tls_cert), true,
     "certificate chain of --https (PEM); without, a self-signed one is made in DIR"},
    {"tls-key", "FILE", TEXT(tls_key), true, "its private key (PEM)"},
    {"download-http", "ADDR:PORT", TEXT(download_http), true,
     "downloads alone by HTTP without TLS, for devices: no token is sent there"},
    {"download-base-url", "URL", TEXT(download_base_url), true,
     "devices that have its scheme (http, https) download from URL/fw/ instead, a CDN"},
    {"trusted-proxy", "ADDR,...", TEXT(trusted_proxy), true,
     "addresses and networks of proxies whose X-Forwarded-For is believed"},
    {"insecure-http", NULL, TEXT(insecure_http), true, "let --http bind to more than loopback"},
    {"allow-development-keys", NULL, TEXT(allow_development_keys), true,
     "accept packages that rest on a development key"},
    {"require", "N", TEXT(require), true,
     "how many different trusted keys must have signed a package (default 1)"},
    {"log-level", "LEVEL", TEXT(log_level), true, "error, warning, info or debug (default info)"},
    {"log-format", "FORMAT", TEXT(log_format), true,
     "text, json or journal (default: journal where systemd reads it, else text)"},
    {"check-config", NULL, TEXT(check_config), false, "check the configuration and end"},
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

const char kedge_config_usage[] = "kedged --data DIR --coaps ADDR:PORT [options]";
const char kedge_config_about[] =
    "The Kedge server: registers LwM2M devices and takes them through firmware updates.\n"
    "It stays in the foreground; SIGTERM ends it cleanly, SIGHUP has it read --coaps-crl,\n"
    "--tls-cert and --tls-key again. The first start makes DIR/admin.token, the token for\n"
    "the REST API and the kedge command.";
const char kedge_config_ports[] =
    "A port of 0 takes a free one; the ports taken are said when it is ready.";

void kedge_config_each_option(kedge_config_option_fn *tell)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        tell(rows[i].name, rows[i].argument, rows[i].help);
    tell("help", NULL, "say what the options are, and end");
    tell("version", NULL, "say the version, and end");
}

static void print_help(void)
{
    printf("usage: %s\n\n%s\n\n", kedge_config_usage, kedge_config_about);
    kedge_config_each_option(help_option_row);
    printf("\n%s\n", kedge_config_ports);
}

/* Where an option stands twice, one of its values would be lost without a word. */
static const char *judge_again(const struct option_row *row)
{
    const char *list = row->argument == NULL ? NULL : strstr(row->argument, ",...");
    return list != NULL ? "given twice: put all of them into one, with commas between them"
                        : "given twice: leave one of them out";
}

static bool set(struct kedge_config *config, const struct option_row *row, const char *value)
{
    char *field = (char *)config + row->offset;
    if (row->argument == NULL) {
        *(bool *)(void *)field = true;
        return true;
    }
    if (value[0] == '\0' || strlen(value) >= row->size)
        return false;
    strcpy(field, value);
    return true;
}

/* ---- the configuration file ---- */

struct file_reading {
    struct kedge_config *config;
    bool given[ROW_COUNT];
    char message[256];
};

static int refuse_pair(struct file_reading *reading, const char *name, const char *words)
{
    snprintf(reading->message, sizeof reading->message, "%.64s: %s", name, words);
    return 0;
}

static int read_pair(void *user, const char *section, const char *name, const char *value)
{
    struct file_reading *reading = user;
    if (section[0] != '\0')
        return refuse_pair(reading, name, "stands below a [section], and the file has none");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].name, name) != 0 || !rows[i].file_too)
            continue;
        if (reading->given[i])
            return refuse_pair(reading, name, judge_again(&rows[i]));
        reading->given[i] = true;
        if (rows[i].argument == NULL && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            return refuse_pair(reading, name, "takes true or false");
        if (rows[i].argument == NULL && strcmp(value, "false") == 0)
            return 1;
        return set(reading->config, &rows[i], value)
                   ? 1
                   : refuse_pair(reading, name, "empty or too long");
    }
    return refuse_pair(reading, name, "is no option of the file; see kedged --help");
}

static bool read_file(struct kedge_config *config)
{
    struct file_reading reading = {.config = config};
    int line = ini_parse(config->config, read_pair, &reading);
    if (line == 0)
        return true;
    if (line < 0)
        fprintf(stderr, "kedged: %s: cannot be read\n", config->config);
    else
        fprintf(stderr, "kedged: %s:%d: %s\n", config->config, line,
                reading.message[0] ? reading.message : "not a name = value line");
    return false;
}

/* ---- checks across fields ---- */

enum kedge_rc kedge_config_split_address(const char *text, char *host, size_t host_size,
                                         uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon[1] == '\0')
        return KEDGE_E_MALFORMED;
    char *end;
    unsigned long number = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || number > 65535 || colon[1] == '-' || colon[1] == '+')
        return KEDGE_E_MALFORMED;
    size_t length = (size_t)(colon - text);
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    } else if (memchr(text, ':', length) != NULL) {
        return KEDGE_E_MALFORMED;
    }
    if (length >= host_size)
        return KEDGE_E_LIMIT;
    memcpy(host, text, length);
    host[length] = '\0';
    *port = (uint16_t)number;
    return KEDGE_OK;
}

bool kedge_config_next_address(const char **list, char one[KEDGE_CONFIG_TEXT_MAX])
{
    if (*list == NULL || (*list)[0] == '\0')
        return false;
    const size_t size = strcspn(*list, ",");
    (void)snprintf(one, KEDGE_CONFIG_TEXT_MAX, "%.*s", (int)size, *list);
    *list = (*list)[size] == ',' ? &(*list)[size + 1] : NULL;
    return true;
}

size_t kedge_config_count_addresses(const char *list)
{
    char one[KEDGE_CONFIG_TEXT_MAX];
    size_t count = 0;
    while (kedge_config_next_address(&list, one))
        count++;
    return count;
}

bool config_check_address(const char *name, const char *text)
{
    char host[KEDGE_CONFIG_TEXT_MAX];
    uint16_t port;
    struct in6_addr address;
    if (text[0] == '\0')
        return true;
    if (kedge_config_split_address(text, host, sizeof host, &port) == KEDGE_OK &&
        (host[0] == '\0' || inet_pton(AF_INET, host, &address) == 1 ||
         inet_pton(AF_INET6, host, &address) == 1))
        return true;
    fprintf(stderr, "kedged: --%s %s: write it as ADDR:PORT, as 127.0.0.1:5683 or [::1]:5683\n",
            name, text);
    return false;
}

bool config_check_addresses(const char *name, const char *list)
{
    char one[KEDGE_CONFIG_TEXT_MAX];
    const size_t size = strlen(list);
    if (kedge_config_count_addresses(list) > KEDGE_CONFIG_LISTEN_MAX) {
        fprintf(stderr, "kedged: --%s %s: more than %u addresses\n", name, list,
                KEDGE_CONFIG_LISTEN_MAX);
        return false;
    }
    if (list[0] == ',' || (size > 0 && list[size - 1] == ',') || strstr(list, ",,") != NULL) {
        fprintf(stderr, "kedged: --%s %s: one address between two commas\n", name, list);
        return false;
    }
    while (kedge_config_next_address(&list, one))
        if (!config_check_address(name, one))
            return false;
    return true;
}

/* A whole number from 1 to `max`. */
static bool is_number(const char *text, uint64_t max, uint64_t *out)
{
    struct kedge_cursor cursor = kedge_cursor(kedge_slice_text(text));
    return kedge_cursor_decimal(&cursor, max, out) == KEDGE_OK && kedge_cursor_left(&cursor) == 0 &&
           *out > 0;
}

static bool take_required(struct kedge_config *config)
{
    if (is_number(config->require, KEDGE_SUIT_SIGNATURES_MAX, &config->required))
        return true;
    fprintf(stderr, "kedged: --require %s: a number from 1 to %u, as many as may sign a package\n",
            config->require, KEDGE_SUIT_SIGNATURES_MAX);
    return false;
}

static bool take_number(const char *name, const char *text, uint64_t max, uint64_t *out)
{
    if (is_number(text, max, out))
        return true;
    fprintf(stderr, "kedged: --%s %s: a number from 1 to %" PRIu64 "\n", name, text, max);
    return false;
}

static bool take_unproven(struct kedge_config *config)
{
    return take_number("unproven-rate", config->unproven_rate, KEDGE_CONFIG_RATE_MAX,
                       &config->unproven_per_s) &&
           take_number("unproven-max", config->unproven_max, KEDGE_CONFIG_UNPROVEN_MAX,
                       &config->unproven_devices) &&
           take_number("unproven-stored", config->unproven_stored, KEDGE_CONFIG_RATE_MAX,
                       &config->unproven_stored_per_s);
}

static bool take_push_rate(struct kedge_config *config)
{
    return config->push_rate[0] == '\0' ||
           take_number("push-rate", config->push_rate, KEDGE_CONFIG_PUSH_RATE_MAX,
                       &config->push_bytes_per_s);
}

static bool take_download_rate(struct kedge_config *config)
{
    const char *text = config->download_rate;
    if (text[0] == '\0' || strcmp(text, "0") == 0)
        return true;
    if (is_number(text, KEDGE_PACE_RATE_MAX, &config->download_bytes_per_s) &&
        config->download_bytes_per_s >= KEDGE_PACE_RATE_MIN)
        return true;
    fprintf(stderr,
            "kedged: --download-rate %s: a number from %u to %u, or 0: at less, devices give up "
            "what they ask for\n",
            text, KEDGE_PACE_RATE_MIN, KEDGE_PACE_RATE_MAX);
    return false;
}

static bool take_history_days(struct kedge_config *config)
{
    return config->history_days[0] == '\0' || strcmp(config->history_days, "0") == 0 ||
           take_number("history-days", config->history_days, KEDGE_RETENTION_DAYS_MAX,
                       &config->history_kept_days);
}

static bool check_bootstrap(const struct kedge_config *config)
{
    bool asked = config->bootstrap[0] != '\0' || config->bootstrap_coap[0] != '\0';
    const char *wrong = NULL;
    if (asked && config->coaps[0] == '\0' && config->bootstrap_server_uri[0] == '\0')
        wrong = "--bootstrap needs --coaps ADDR:PORT or --bootstrap-server-uri URI";
    else if (!asked && config->bootstrap_server_uri[0] != '\0')
        wrong = "--bootstrap-server-uri needs --bootstrap ADDR:PORT";
    else if (config->bootstrap_server_uri[0] != '\0' &&
             (strncmp(config->bootstrap_server_uri, "coaps://", 8) != 0 ||
              strlen(config->bootstrap_server_uri) > KEDGE_BOOTSTRAP_URI_MAX))
        wrong = "--bootstrap-server-uri is coaps://HOST:PORT, of 255 bytes at most";
    if (wrong != NULL)
        fprintf(stderr, "kedged: %s\n", wrong);
    return wrong == NULL && config_check_address("bootstrap", config->bootstrap) &&
           config_check_address("bootstrap-coap", config->bootstrap_coap);
}

/* Each of these needs those before it. */
static bool check_coaps_files(const struct kedge_config *config)
{
    bool x509 = config->coaps_cert[0] != '\0' && config->coaps_ca[0] != '\0';
    const char *wrong = NULL;
    if (config->coaps_key[0] != '\0' && config->coaps[0] == '\0')
        wrong = "--coaps-key needs --coaps ADDR:PORT";
    else if ((config->coaps_cert[0] != '\0') != (config->coaps_ca[0] != '\0'))
        wrong = "--coaps-cert and --coaps-ca go together";
    else if (x509 && config->coaps_key[0] == '\0')
        wrong = "--coaps-cert needs --coaps-key FILE";
    else if (config->coaps_crl[0] != '\0' && !x509)
        wrong = "--coaps-crl needs --coaps-ca FILE";
    if (wrong != NULL)
        fprintf(stderr, "kedged: %s\n", wrong);
    return wrong == NULL;
}

/* From here on there is a log. */
static bool begin_log(const struct kedge_config *config)
{
    enum kedge_log_level level;
    enum kedge_log_format format = kedge_log_is_journal() ? KEDGE_LOG_JOURNAL : KEDGE_LOG_TEXT;
    if (!kedge_log_level_read(config->log_level, &level)) {
        fprintf(stderr, "kedged: --log-level %s: one of error, warning, info, debug\n",
                config->log_level);
        return false;
    }
    if (config->log_format[0] != '\0' && !kedge_log_format_read(config->log_format, &format)) {
        fprintf(stderr, "kedged: --log-format %s: one of text, json, journal\n",
                config->log_format);
        return false;
    }
    kedge_log_set_level(level);
    kedge_log_set_format(format);
    return true;
}

static bool check(struct kedge_config *config)
{
    if (config->data[0] == '\0') {
        fputs("kedged: --data DIR is missing; see kedged --help\n", stderr);
        return false;
    }
    if (!begin_log(config))
        return false;
    if (config->coap[0] == '\0' && config->coaps[0] == '\0')
        kedge_log(KEDGE_LOG_WARNING,
                  "neither --coaps nor --coap ADDR:PORT: no device can reach this server");
    return take_required(config) && take_unproven(config) && take_push_rate(config) &&
           take_download_rate(config) && take_history_days(config) &&
           config_check_addresses("coap", config->coap) &&
           config_check_addresses("coaps", config->coaps) && check_coaps_files(config) &&
           check_bootstrap(config) && config_check_web(config);
}

/* ---- the command line ---- */

enum { OPTION_HELP = 1000, OPTION_VERSION };

static void make_getopt_table(struct option table[ROW_COUNT + 3])
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        table[i] = (struct option){.name = rows[i].name,
                                   .has_arg = rows[i].argument ? required_argument : no_argument,
                                   .val = (int)i};
    table[ROW_COUNT] = (struct option){.name = "help", .val = OPTION_HELP};
    table[ROW_COUNT + 1] = (struct option){.name = "version", .val = OPTION_VERSION};
    table[ROW_COUNT + 2] = (struct option){0};
}

/* Runs over the command line; with `only_config` it takes nothing but --config. */
static enum kedge_config_outcome read_line(int argc, char **argv, struct kedge_config *config,
                                           bool only_config)
{
    struct option table[ROW_COUNT + 3];
    bool given[ROW_COUNT] = {false};
    make_getopt_table(table);
    optind = 1;
    int option;
    while ((option = getopt_long(argc, argv, ":", table, NULL)) != -1) {
        if (option == OPTION_HELP) {
            print_help();
            return KEDGE_CONFIG_END;
        }
        if (option == OPTION_VERSION) {
            puts("kedged " KEDGE_VERSION);
            return KEDGE_CONFIG_END;
        }
        if (option == '?' || option == ':') {
            fprintf(stderr, "kedged: %s %s; see kedged --help\n", argv[optind - 1],
                    option == ':' ? "needs a value" : "is not an option");
            return KEDGE_CONFIG_USAGE;
        }
        const struct option_row *row = &rows[option];
        if (only_config && strcmp(row->name, "config") != 0)
            continue;
        if (given[option]) {
            fprintf(stderr, "kedged: --%s is %s\n", row->name, judge_again(row));
            return KEDGE_CONFIG_USAGE;
        }
        given[option] = true;
        if (!set(config, row, optarg ? optarg : "")) {
            fprintf(stderr, "kedged: --%s: empty or too long\n", row->name);
            return KEDGE_CONFIG_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "kedged: %s is not an option; see kedged --help\n", argv[optind]);
        return KEDGE_CONFIG_USAGE;
    }
    return KEDGE_CONFIG_RUN;
}

enum kedge_config_outcome kedge_config_read(int argc, char **argv, struct kedge_config *config)
{
    *config = (struct kedge_config){.log_level = "info",
                                    .require = "1",
                                    .unproven_rate = "500",
                                    .unproven_max = "16384",
                                    .unproven_stored = "100"};
    /* Twice: once to find the file, and after the file once more, so that the command line wins. */
    enum kedge_config_outcome outcome = read_line(argc, argv, config, true);
    if (outcome != KEDGE_CONFIG_RUN)
        return outcome;
    if (config->config[0] != '\0' && !read_file(config))
        return KEDGE_CONFIG_USAGE;
    outcome = read_line(argc, argv, config, false);
    if (outcome != KEDGE_CONFIG_RUN)
        return outcome;
    if (config->http[0] == '\0' && config->https[0] == '\0')
        strcpy(config->http, HTTP_DEFAULT);
    if (!check(config))
        return KEDGE_CONFIG_USAGE;
    if (!config->check_config)
        return KEDGE_CONFIG_RUN;
    puts("kedged: the configuration is good");
    return KEDGE_CONFIG_END;
}
