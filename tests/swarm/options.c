/* options.c: one table of options, for the command line and the help. */
#define _GNU_SOURCE
#include "tests/swarm/options.h"
#include "tests/swarm/uri.h"
#include "tools/help.h"

#include <errno.h>
#include <getopt.h>
#include <kedge/lwm2m.h>
#include <kedge/suit.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX 1000000.0

enum kind {
    KIND_URI,
    KIND_TEXT,
    KIND_PATH,
    KIND_COUNT,
    KIND_SECONDS,
    KIND_RATE,
    KIND_RESULTS,
    KIND_VERSION,
    KIND_DELIVERY,
    KIND_BLOCK_SIZE,
    KIND_SEED,
    KIND_FLAG
};

struct row {
    const char *name;
    const char *argument;
    enum kind kind;
    size_t offset;
    uint32_t most; /* of a count */
    const char *help;
};

#define AT(field) offsetof(struct swarm_options, field)

static const struct row rows[] = {
    {"server", "URI", KIND_URI, 0, 0, "coap://127.x.y.z:PORT, coap://[::1]:PORT, or coaps://"},
    {"devices", "N", KIND_COUNT, AT(devices), SWARM_DEVICES_MAX, "how many devices"},
    {"vendor", "DOMAIN", KIND_TEXT, AT(vendor), 0, "what they read at /3/0/0"},
    {"class", "NAME", KIND_TEXT, AT(class_name), 0, "what they read at /3/0/1"},
    {"version", "X.Y.Z", KIND_TEXT, AT(version), 0, "what they run at first (/3/0/3)"},
    {"hardware", "REV", KIND_TEXT, AT(hardware), 0, "what they read at /3/0/18 (default: nothing)"},
    {"prefix", "TEXT", KIND_TEXT, AT(prefix), 0, "of their endpoint names (default \"swarm-\")"},
    {"psk-file", "CSV", KIND_PATH, AT(psk_path), 0,
     "keys for coaps://: endpoint,identity,hexkey, a line each"},
    {"make-psk-file", "CSV", KIND_PATH, AT(make_psk_path), 0,
     "only make such a file, for --devices N"},
    {"lwm2m", "VERSION", KIND_VERSION, 0, 0, "that they speak: 1.0, 1.1 or 1.2 (default 1.1)"},
    {"intermediates", "N", KIND_COUNT, AT(intermediates), SWARM_INTERMEDIATES_MAX,
     "updates that they go through before the last one"},
    {"delivery", "pull|push", KIND_DELIVERY, 0, 0, "how they take packages (default pull)"},
    {"lifetime", "S", KIND_COUNT, AT(lifetime_s), 86400 * 365, "of a registration (default 3600)"},
    {"update-time", "S", KIND_SECONDS, AT(update_ms), 0,
     "between its updates (default: 50 to 80 percent of --lifetime)"},
    {"window", "N", KIND_COUNT, AT(window), SWARM_DEVICES_MAX,
     "registrations under way at once (default 256)"},
    {"reboot-time", "S", KIND_SECONDS, AT(reboot_ms), 0, "how long a restart takes (default 2)"},
    {"fail-rate", "P", KIND_RATE, AT(fail_rate), 0,
     "devices that end with an Update Result of a failure"},
    {"fail-result", "LIST", KIND_RESULTS, 0, 0,
     "which Results, 2 to 10, as 5 or 2,5,8 (default 8)"},
    {"vanish-rate", "P", KIND_RATE, AT(vanish_rate), 0,
     "devices that never come back after Execute"},
    {"wrong-version-rate", "P", KIND_RATE, AT(wrong_version_rate), 0,
     "devices that run the old version after it"},
    {"reboot-rate", "P", KIND_RATE, AT(reboot_rate), 0,
     "devices that restart in mid-transfer, once"},
    {"address-change-rate", "P", KIND_RATE, AT(address_change_rate), 0,
     "devices that change address in mid-transfer, once"},
    {"slow-rate", "P", KIND_RATE, AT(slow_rate), 0, "devices whose answers take --slow-time"},
    {"slow-time", "S", KIND_SECONDS, AT(slow_ms), 0, "how long that is (default 1)"},
    {"sleep-rate", "P", KIND_RATE, AT(sleep_rate), 0, "devices that sleep, in queue mode"},
    {"awake-time", "S", KIND_SECONDS, AT(awake_ms), 0,
     "after the last message, until they sleep (default 93)"},
    {"sleep-time", "S", KIND_SECONDS, AT(sleep_ms), 0,
     "until they wake and send an Update (default 60)"},
    {"small-block-rate", "P", KIND_RATE, AT(small_block_rate), 0,
     "devices that want --block-size in transfers"},
    {"block-size", "N", KIND_BLOCK_SIZE, AT(block_size), 0,
     "16, 32, 64, 128, 256 or 512 (default 128)"},
    {"loss", "P", KIND_RATE, AT(loss), 0, "datagrams lost, either way"},
    {"duplicate", "P", KIND_RATE, AT(duplicate), 0, "datagrams that arrive twice"},
    {"reorder", "P", KIND_RATE, AT(reorder), 0, "datagrams that others overtake"},
    {"ack-timeout", "S", KIND_SECONDS, AT(ack_timeout_ms), 0,
     "first wait for an answer (default 2)"},
    {"seed", "N", KIND_SEED, AT(seed), 0, "of all draws, to repeat a run (default 1)"},
    {"linger", "S", KIND_SECONDS, AT(linger_ms), 0,
     "when all have ended, stay until the server was quiet so long (default 5)"},
    {"time-limit", "S", KIND_SECONDS, AT(time_limit_ms), 0,
     "end after so long in any case (default 3600)"},
    {"keep-registered", NULL, KIND_FLAG, AT(keep_registered), 0, "do not de-register at the end"},
    {"json", NULL, KIND_FLAG, AT(json), 0, "the summary as JSON"},
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

enum { OPTION_HELP = 1000 };

const char options_usage[] =
    "kedge-swarm --server URI --devices N --vendor DOMAIN --class NAME --version X.Y.Z [options]";
const char options_about[] =
    "A fleet of simulated devices that registers with an LwM2M server, takes what it is offered,\n"
    "checks each image's digest, restarts into it, and ends with a summary when the update of\n"
    "every device has ended.";

void options_each(options_tell_fn *tell)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        tell(rows[i].name, rows[i].argument, rows[i].help);
    tell("help", NULL, "say what the options are, and end; --version alone says the program's");
}

static void print_help(void)
{
    printf("usage: %s\n\n%s\n\n", options_usage, options_about);
    options_each(help_option_row);
    puts(
        "\nP is a share from 0 to 1. exit status: 0 every device ended as it was meant to, every\n"
        "image had its digest; 1 one did not; 2 usage.");
}

/* ---- values ---- */

static bool complain(const struct row *row, const char *value, const char *wanted)
{
    fprintf(stderr, "kedge-swarm: --%s %s: %s\n", row->name, value, wanted);
    return false;
}

static bool read_server(const struct row *row, const char *value, struct swarm_options *options)
{
    struct swarm_uri uri;
    enum kedge_rc rc = uri_read(kedge_slice_text(value), &uri);
    if (rc == KEDGE_E_PROTOCOL)
        return complain(row, value, "the devices speak coap:// and coaps://");
    if (rc != KEDGE_OK || uri.path.size > 0)
        return complain(row, value,
                        "write it as coap://127.0.0.1:5683; the devices live on loopback");
    options->server = uri.server;
    options->secure = uri.secure;
    return true;
}

static bool read_number(const char *value, double most, double *out)
{
    char *end;
    errno = 0;
    *out = strtod(value, &end);
    return errno == 0 && end != value && *end == '\0' && isfinite(*out) && *out >= 0 &&
           *out <= most;
}

static bool read_whole(const char *value, uint64_t most, uint64_t *out)
{
    struct kedge_cursor cursor = kedge_cursor(kedge_slice_text(value));
    return kedge_cursor_decimal(&cursor, most, out) == KEDGE_OK && kedge_cursor_left(&cursor) == 0;
}

static bool read_results(const struct row *row, const char *value, struct swarm_options *options)
{
    struct kedge_cursor cursor = kedge_cursor(kedge_slice_text(value));
    uint64_t result;
    options->fail_result_count = 0;
    do {
        if (kedge_cursor_decimal(&cursor, SWARM_RESULT_MAX, &result) != KEDGE_OK ||
            result < KEDGE_RESULT_NO_FLASH || options->fail_result_count == SWARM_RESULT_MAX)
            return complain(row, value, "Update Results from 2 to 10, with commas between them");
        options->fail_results[options->fail_result_count++] = (int)result;
    } while (kedge_cursor_accept(&cursor, ','));
    return kedge_cursor_left(&cursor) == 0 ||
           complain(row, value, "Update Results from 2 to 10, with commas between them");
}

static bool set(struct swarm_options *options, const struct row *row, const char *value)
{
    void *field = (char *)options + row->offset;
    double number;
    uint64_t whole;
    switch (row->kind) {
    case KIND_URI:
        return read_server(row, value, options);
    case KIND_TEXT:
        if (value[0] == '\0' || strlen(value) >= SWARM_TEXT_MAX ||
            !kedge_utf8_valid(kedge_slice_text(value)))
            return complain(row, value, "UTF-8 text of 1 to 63 bytes");
        strcpy(field, value);
        return true;
    case KIND_PATH:
        *(const char **)field = value;
        return true;
    case KIND_COUNT:
        if (!read_whole(value, row->most, &whole) || whole == 0)
            return complain(row, value, "a whole number above 0 that is not too large");
        *(uint32_t *)field = (uint32_t)whole;
        return true;
    case KIND_SECONDS:
        if (!read_number(value, SECONDS_MAX, &number))
            return complain(row, value, "a number of seconds");
        *(uint32_t *)field = (uint32_t)(number * 1000);
        return true;
    case KIND_RATE:
        if (!read_number(value, 1, &number))
            return complain(row, value, "a share from 0 to 1");
        *(double *)field = number;
        return true;
    case KIND_RESULTS:
        return read_results(row, value, options);
    case KIND_SEED:
        return read_whole(value, UINT64_MAX, field) || complain(row, value, "a whole number");
    case KIND_VERSION:
        options->lwm2m = value;
        return strcmp(value, "1.0") == 0 || strcmp(value, "1.1") == 0 ||
               strcmp(value, "1.2") == 0 || complain(row, value, "1.0, 1.1 or 1.2");
    case KIND_DELIVERY:
        options->delivery = strcmp(value, "push") == 0 ? SWARM_PUSH : SWARM_PULL;
        return options->delivery == SWARM_PUSH || strcmp(value, "pull") == 0 ||
               complain(row, value, "pull or push");
    case KIND_BLOCK_SIZE:
        if (!read_whole(value, 512, &whole) || whole < 16 || (whole & (whole - 1)) != 0)
            return complain(row, value, "16, 32, 64, 128, 256 or 512");
        *(uint32_t *)field = (uint32_t)whole;
        return true;
    case KIND_FLAG:
        *(bool *)field = true;
        return true;
    }
    return false;
}

static bool complain_of(const char *words)
{
    fprintf(stderr, "kedge-swarm: %s; see kedge-swarm --help\n", words);
    return false;
}

static bool is_whole(const struct swarm_options *options)
{
    const char *missing = options->server.any.sa_family == AF_UNSPEC ? "--server URI is missing"
                          : options->devices == 0 && options->psk_path == NULL
                              ? "--devices N is missing"
                          : options->vendor[0] == '\0'     ? "--vendor DOMAIN is missing"
                          : options->class_name[0] == '\0' ? "--class NAME is missing"
                          : options->version[0] == '\0'    ? "--version X.Y.Z is missing"
                          : options->secure && options->psk_path == NULL
                              ? "--psk-file CSV is missing: coaps:// needs a key for each device"
                          : !options->secure && options->psk_path != NULL
                              ? "--psk-file goes with a --server of coaps://"
                              : NULL;
    return missing == NULL || complain_of(missing);
}

static bool check(const struct swarm_options *options)
{
    struct kedge_suit_version version;
    if (kedge_suit_version_parse(kedge_slice_text(options->version), &version) != KEDGE_OK) {
        fprintf(stderr, "kedge-swarm: --version %s: a version as 1.2.3 or 1.2.3-rc.1\n",
                options->version);
        return false;
    }
    for (size_t i = 0; options->delivery == SWARM_PUSH && i < options->fail_result_count; i++)
        if (options->fail_results[i] == KEDGE_RESULT_INVALID_URI ||
            options->fail_results[i] == KEDGE_RESULT_UNSUPPORTED_PROTOCOL)
            return complain_of(
                "--fail-result 7 and 9 are of Package URIs: not with --delivery push");
    if (options->fail_rate + options->vanish_rate + options->wrong_version_rate > 1)
        return complain_of(
            "--fail-rate, --vanish-rate and --wrong-version-rate: together at most 1");
    return true;
}

/* The first devices of the file, or all of them. */
static bool read_keys(struct swarm_options *options)
{
    if (!options->secure)
        return true;
    if (!psk_file_read(options->psk_path, &options->psk))
        return false;
    if (options->devices == 0 && options->psk.count <= SWARM_DEVICES_MAX)
        options->devices = (uint32_t)options->psk.count;
    if (options->devices > 0 && options->devices <= options->psk.count)
        return true;
    fprintf(stderr, "kedge-swarm: %s: it is for %zu %s\n", options->psk_path,
            options->psk.count, kedge_by_count(options->psk.count, "device", "devices"));
    return false;
}

static enum swarm_options_outcome make_keys(const struct swarm_options *options)
{
    if (options->devices == 0) {
        complain_of("--devices N is missing: --make-psk-file makes so many keys");
        return SWARM_OPTIONS_USAGE;
    }
    return psk_file_make(options->make_psk_path, options->prefix, options->devices)
               ? SWARM_OPTIONS_END
               : SWARM_OPTIONS_USAGE;
}

void options_free(struct swarm_options *options)
{
    psk_file_free(&options->psk);
}

enum swarm_options_outcome options_read(int argc, char **argv, struct swarm_options *options)
{
    struct option table[ROW_COUNT + 2] = {{0}};
    *options = (struct swarm_options){.prefix = "swarm-",
                                      .lifetime_s = 3600,
                                      .window = 256,
                                      .lwm2m = "1.1",
                                      .block_size = 128,
                                      .awake_ms = 93000,
                                      .sleep_ms = 60000,
                                      .fail_results = {KEDGE_RESULT_FAILED},
                                      .fail_result_count = 1,
                                      .reboot_ms = 2000,
                                      .slow_ms = 1000,
                                      .ack_timeout_ms = 2000,
                                      .linger_ms = 5000,
                                      .time_limit_ms = 3600 * 1000,
                                      .seed = 1};
    for (size_t i = 0; i < ROW_COUNT; i++)
        table[i] = (struct option){.name = rows[i].name,
                                   .has_arg = rows[i].argument ? required_argument : no_argument,
                                   .val = (int)i};
    table[ROW_COUNT] = (struct option){.name = "help", .val = OPTION_HELP};
    /* --version has an argument here: what the devices run. */
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("kedge-swarm " KEDGE_VERSION);
        return SWARM_OPTIONS_END;
    }
    int option;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (option == OPTION_HELP) {
            print_help();
            return SWARM_OPTIONS_END;
        }
        if (option == '?' || !set(options, &rows[option], optarg ? optarg : ""))
            return SWARM_OPTIONS_USAGE;
    }
    if (optind < argc) {
        fprintf(stderr, "kedge-swarm: %s: not an option; see kedge-swarm --help\n", argv[optind]);
        return SWARM_OPTIONS_USAGE;
    }
    if (options->make_psk_path != NULL)
        return make_keys(options);
    return is_whole(options) && check(options) && read_keys(options) ? SWARM_OPTIONS_RUN
                                                                     : SWARM_OPTIONS_USAGE;
}
