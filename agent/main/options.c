/* options.c: see options.h. */
#define _GNU_SOURCE
#include "agent/main/options.h"

#include "agent/port/uboot.h"

#include <getopt.h>
#include <ini.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

enum kind {
    TEXT,
    NAME, /* a text that devices and servers show: printable UTF-8 */
    LIST, /* of paths: may be given more than once */
    NUMBER,
    SWITCH,
    DELIVERY,
    BOOTLOADER
};

struct row {
    const char *name, *argument;
    enum kind kind;
    size_t offset, size; /* of the field in struct kedge_agent_config */
    uint64_t least, most;
    unsigned commands; /* that take it */
    unsigned needed;   /* by these commands */
    bool file_too;     /* may stand in the configuration file */
    const char *help;
};

#define FIELD(field) \
    offsetof(struct kedge_agent_config, field), sizeof(((struct kedge_agent_config *)0)->field)
#define R KEDGE_COMMAND_RUN
#define F KEDGE_COMMAND_INSTALL_FACTORY
#define S KEDGE_COMMAND_STATUS
#define D KEDGE_COMMAND_DEFER
#define L (S | KEDGE_COMMAND_ACCEPT | D) /* what speaks to a running agent */
#define SLOT_SIZE_MIN 65536u
#define SLOT_SIZE_MAX 0x80000000u

static const struct row rows[] = {
    {"config", "FILE", TEXT, FIELD(config_file), 0, 0, R | F | L, 0, false,
     "read options from FILE (name = value lines); the command line wins"},
    {"state", "DIR", TEXT, FIELD(state), 0, 0, R | F | L, R | F | L, true,
     "folder of slots, boot record and everything that lasts"},
    {"trust", "PUB.pem", LIST, FIELD(trust), 0, 0, R | F, R | F, true,
     "public key whose packages are believed; may be repeated"},
    {"require", "N", NUMBER, FIELD(required), 1, KEDGE_PORT_TRUST_MAX, R | F, 0, true,
     "how many of these keys must have signed a package (default 1)"},
    {"allow-development-keys", NULL, SWITCH, FIELD(allow_development_keys), 0, 0, R | F, 0, true,
     "accept packages that rest on a development key"},
    {"vendor", "DOMAIN", NAME, FIELD(vendor), 0, 0, R | F, R | F, true,
     "the vendor's domain, as packages name it; resource /3/0/0"},
    {"class", "NAME", NAME, FIELD(class_name), 0, 0, R | F, R | F, true,
     "the device's class, as packages name it; resource /3/0/1"},
    {"slot-size", "BYTES", NUMBER, FIELD(slot_size), SLOT_SIZE_MIN, SLOT_SIZE_MAX, F, 0, true,
     "size of each slot when it is made (default 67108864)"},
    {"slot0", "DEVICE", TEXT, FIELD(slots[0]), 0, 0, R | F | S, 0, true,
     "the first slot: a partition, or NOR flash (/dev/mtdN); default a file in the state folder"},
    {"slot1", "DEVICE", TEXT, FIELD(slots[1]), 0, 0, R | F | S, 0, true, "the second slot"},
    {"boot-record", "DEVICE", TEXT, FIELD(boot_record), 0, 0, R | F | S, 0, true,
     "the boot record, likewise"},
    {"server", "URI", TEXT, FIELD(server), 0, 0, R, 0, true,
     "the LwM2M server: coaps://HOST[:PORT], or coap:// to go without security"},
    {"bootstrap-server", "URI", TEXT, FIELD(bootstrap_server), 0, 0, R, 0, true,
     "or the bootstrap server, which says where to register, and with which key"},
    {"bootstrap-hold-off", "S", NUMBER, FIELD(bootstrap_hold_off_s), 0, UINT32_MAX, R, 0, true,
     "how long to wait before asking to be bootstrapped (default 0); resource /0/x/11"},
    {"bootstrap-patience", "S", NUMBER, FIELD(bootstrap_patience_s), 1, 86400, R, 0, true,
     "a bootstrapping that has not finished after so many seconds has failed (default 247)"},
    {"endpoint", "NAME", NAME, FIELD(endpoint), 0, 0, R, R, true,
     "this device's name towards the server; resource /3/0/2"},
    {"hardware", "REVISION", NAME, FIELD(hardware), 0, 0, R | F, 0, true,
     "hardware revision, as packages may name it; resource /3/0/18"},
    {"device-type", "TYPE", NAME, FIELD(device_type), 0, 0, R, 0, true,
     "what kind of device this is, in the vendor's words; resource /3/0/17"},
    {"software-version", "VERSION", NAME, FIELD(software_version), 0, 0, R, 0, true,
     "version of the software beside the firmware; resource /3/0/19"},
    {"psk-identity", "ID", NAME, FIELD(psk_identity), 0, 0, R, 0, true,
     "identity of the pre-shared key"},
    {"psk-file", "FILE", TEXT, FIELD(psk_file), 0, 0, R, 0, true,
     "the pre-shared key: one line of hex"},
    {"private-key", "FILE", TEXT, FIELD(private_key), 0, 0, R, 0, true,
     "this device's key in PEM, for a certificate or as a raw public key"},
    {"certificate", "FILE", TEXT, FIELD(certificate), 0, 0, R, 0, true,
     "its certificate in PEM, with those between it and the CA"},
    {"server-ca", "FILE", TEXT, FIELD(server_ca), 0, 0, R, 0, true,
     "CA of the server's certificate, in PEM; goes with --certificate"},
    {"server-public-key", "FILE", TEXT, FIELD(server_public_key), 0, 0, R, 0, true,
     "the server's raw public key in PEM; then --private-key is one too"},
    {"lifetime", "S", NUMBER, FIELD(lifetime_s), KEDGE_LIFETIME_MIN_S, KEDGE_LIFETIME_MAX_S, R, 0,
     true, "lifetime of the registration in seconds (default 86400)"},
    {"send", NULL, SWITCH, FIELD(send), 0, 0, R, 0, true,
     "tell changes of State, Result and version by Send; resource /1/0/23 mutes it"},
    {"queue-mode", NULL, SWITCH, FIELD(queue_mode), 0, 0, R, 0, true,
     "sleep between exchanges with the server, which keeps what it has until then"},
    {"awake-time", "S", NUMBER, FIELD(awake_s), 1, 86400, R, 0, true,
     "how long it listens after each of them in seconds (default 93)"},
    {"health-command", "CMD", TEXT, FIELD(health_command), 0, 0, R, 0, true,
     "shell command that must succeed before new firmware is confirmed"},
    {"health-timeout", "S", NUMBER, FIELD(health_timeout_s), 1, 86400, R, 0, true,
     "how long that command may take in seconds (default 60)"},
    {"health-soak", "S", NUMBER, FIELD(health_soak_s), 0, 86400, R, 0, true,
     "seconds that all must stay well before new firmware is confirmed (default 0)"},
    {"health-without-server", NULL, SWITCH, FIELD(health_without_server), 0, 0, R, 0, true,
     "confirm new firmware without having reached the server"},
    {"hook-pre-install", "CMD", TEXT, FIELD(hooks[KEDGE_HOOK_PRE_INSTALL]), 0, 0, R, 0, true,
     "shell command before an update is installed; when it fails, so does the update"},
    {"hook-post-install", "CMD", TEXT, FIELD(hooks[KEDGE_HOOK_POST_INSTALL]), 0, 0, R, 0, true,
     "shell command after an update has ended, well or badly"},
    {"hook-pre-reboot", "CMD", TEXT, FIELD(hooks[KEDGE_HOOK_PRE_REBOOT]), 0, 0, R, 0, true,
     "shell command before each reboot that the agent asks for"},
    {"hook-timeout", "S", NUMBER, FIELD(hook_timeout_s), 1, 86400, R, 0, true,
     "how long each of these may take in seconds (default 60)"},
    {"consent", NULL, SWITCH, FIELD(consent), 0, 0, R, 0, true,
     "ask the device's own software before an update is installed"},
    {"download-patience", "S", NUMBER, FIELD(download_patience_s), 1, 86400, R, 0, true,
     "a download without a new block for so many seconds has failed (default 180)"},
    {"download-budget", "BYTES", NUMBER, FIELD(download_budget), 1, INT64_MAX, R, 0, true,
     "bytes that may be received for an update in all (default: 4 times its size)"},
    {"download-ca", "FILE", TEXT, FIELD(download_ca), 0, 0, R, 0, true,
     "CAs of servers that packages are downloaded from by HTTPS (default: the system's)"},
    {"delivery", "HOW", DELIVERY, FIELD(delivery), 0, 0, R, 0, true,
     "how packages may come: pull, push or both (default); resource /5/0/9"},
    {"bootloader", "NAME", BOOTLOADER, FIELD(bootloader), 0, 0, R | F, 0, true,
     "what picks the slot to boot: kedge (default) or uboot"},
    {"uboot-env-config", "FILE", TEXT, FIELD(uboot_env_config), 0, 0, R | F, 0, true,
     "where U-Boot's environment is (default /etc/fw_env.config)"},
    {"uboot-initial-env", "FILE", TEXT, FIELD(uboot_initial_env), 0, 0, R | F, 0, true,
     "what a lost environment begins with (default /etc/u-boot-initial-env)"},
    {"trial-limit", "S", NUMBER, FIELD(trial_limit_s), 1, KEDGE_AGENT_TRIAL_LIMIT_MAX_S, R, 0, true,
     "under U-Boot: seconds that new firmware has to be confirmed (default 1800)"},
    {"socket", "PATH", TEXT, FIELD(socket), 0, 0, R | L, 0, true,
     "the agent's local socket (default agent.sock in the state folder)"},
    {"socket-group", "GROUP", NAME, FIELD(socket_group), 0, 0, R, 0, true,
     "let this group use the socket too, not the agent's user alone"},
    {"verbose", NULL, SWITCH, FIELD(verbose), 0, 0, R | F, 0, true, "log each request too"},
    {"seconds", "N", NUMBER, FIELD(defer_for_s), 1, KEDGE_CONSENT_S_MAX, D, 0, false,
     "install it in so many seconds (default: when the server's limit is over)"},
    {"json", NULL, SWITCH, FIELD(json), 0, 0, S, 0, false, "for machines"},
    {"follow", NULL, SWITCH, FIELD(follow), 0, 0, S, 0, false,
     "a line at each change, for as long as the agent runs"},
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

/* What getopt_long() returns for these, beyond the rows' own indexes. */
enum { HELP = (int)ROW_COUNT, VERSION };

/* ---- one value ---- */

static const char *set_text(const struct row *row, char *field, size_t capacity, const char *value)
{
    if (value[0] == '\0')
        return "is empty";
    if (strlen(value) >= capacity)
        return "is too long";
    if (row->kind == NAME && !kedge_utf8_printable(kedge_slice_text(value)))
        return "must be printable UTF-8";
    strcpy(field, value);
    return NULL;
}

static const char *set_number(const struct row *row, uint64_t *field, const char *value)
{
    static char words[96];
    struct kedge_cursor cursor = kedge_cursor(kedge_slice_text(value));
    if (kedge_cursor_decimal(&cursor, row->most, field) == KEDGE_OK &&
        kedge_cursor_left(&cursor) == 0 && *field >= row->least)
        return NULL;
    snprintf(words, sizeof words, "must be a number from %" PRIu64 " to %" PRIu64, row->least,
             row->most);
    return words;
}

static const char *set_delivery(enum kedge_firmware_delivery *field, const char *value)
{
    static const char *const names[] = {[KEDGE_DELIVERY_PULL] = "pull",
                                        [KEDGE_DELIVERY_PUSH] = "push",
                                        [KEDGE_DELIVERY_BOTH] = "both"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(value, names[i]) == 0) {
            *field = (enum kedge_firmware_delivery)i;
            return NULL;
        }
    return "must be pull, push or both";
}

static const char *set_bootloader(enum kedge_bootloader *field, const char *value)
{
    bool uboot = strcmp(value, "uboot") == 0;
    if (!uboot && strcmp(value, "kedge") != 0)
        return "must be kedge or uboot";
    *field = uboot ? KEDGE_BOOTLOADER_UBOOT : KEDGE_BOOTLOADER_KEDGE;
    return NULL;
}

/* NULL, or what is wrong with it. */
static const char *set(struct kedge_agent_config *config, const struct row *row, const char *value)
{
    char *field = (char *)config + row->offset;
    switch (row->kind) {
    case SWITCH:
        if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            return "must be true or false";
        *(bool *)(void *)field = value[0] == 't';
        return NULL;
    case DELIVERY:
        return set_delivery((enum kedge_firmware_delivery *)(void *)field, value);
    case BOOTLOADER:
        return set_bootloader((enum kedge_bootloader *)(void *)field, value);
    case NUMBER:
        return set_number(row, (uint64_t *)(void *)field, value);
    case LIST:
        if (config->trust_count == KEDGE_PORT_TRUST_MAX)
            return "is given too often";
        const char *wrong =
            set_text(row, config->trust[config->trust_count], sizeof config->trust[0], value);
        config->trust_count += wrong == NULL;
        return wrong;
    default:
        return set_text(row, field, row->size, value);
    }
}

static bool is_given(const struct kedge_agent_config *config, const struct row *row)
{
    return *((const char *)config + row->offset) != '\0';
}

/* ---- the configuration file ---- */

struct file_reading {
    struct kedge_agent_config *config;
    char words[192];
};

static int read_pair(void *user, const char *section, const char *name, const char *value)
{
    struct file_reading *reading = user;
    const char *wrong = "is no option of the configuration file";
    for (size_t i = 0; i < ROW_COUNT && section[0] == '\0'; i++)
        if (strcmp(rows[i].name, name) == 0 && rows[i].file_too) {
            wrong = set(reading->config, &rows[i], value);
            break;
        }
    if (wrong != NULL && reading->words[0] == '\0')
        snprintf(reading->words, sizeof reading->words, "%.64s %s", name, wrong);
    return wrong == NULL;
}

static bool read_file(struct kedge_agent_config *config)
{
    struct file_reading reading = {.config = config};
    int line = ini_parse(config->config_file, read_pair, &reading);
    if (line == 0)
        return true;
    if (line < 0)
        fprintf(stderr, "kedge-agent: --config %s: cannot be read\n", config->config_file);
    else
        fprintf(stderr, "kedge-agent: %s:%d: %s\n", config->config_file, line,
                reading.words[0] != '\0' ? reading.words : "is not a name = value line");
    return false;
}

/* ---- the command line ---- */

static void set_defaults(struct kedge_agent_config *config)
{
    memset(config, 0, sizeof *config);
    config->required = 1;
    config->lifetime_s = KEDGE_LIFETIME_DEFAULT_S;
    config->awake_s = KEDGE_AWAKE_DEFAULT_S;
    config->hook_timeout_s = KEDGE_HOOK_TIMEOUT_DEFAULT_S;
    config->defer_for_s = KEDGE_CONSENT_NO_LIMIT;
    config->health_timeout_s = KEDGE_HEALTH_TIMEOUT_DEFAULT_S;
    config->bootstrap_patience_s = KEDGE_BOOTSTRAP_PATIENCE_DEFAULT_S;
    config->download_patience_s = KEDGE_DOWNLOAD_PATIENCE_DEFAULT_S;
    config->delivery = KEDGE_DELIVERY_BOTH;
    config->trial_limit_s = KEDGE_AGENT_TRIAL_LIMIT_DEFAULT_S;
    strcpy(config->uboot_env_config, KEDGE_UBOOT_CONFIG_FILE);
    strcpy(config->uboot_initial_env, KEDGE_UBOOT_DEFAULTS_FILE);
    config->slot_size = KEDGE_PORT_SLOT_SIZE_DEFAULT;
}

static enum kedge_options_outcome say_usage(const char *what, const char *wrong)
{
    fprintf(stderr, "kedge-agent: %s %s; see kedge-agent --help\n", what, wrong);
    return KEDGE_OPTIONS_USAGE;
}

static size_t make_table(enum kedge_agent_command command, struct option *table)
{
    size_t count = 0;
    for (size_t i = 0; i < ROW_COUNT; i++)
        if ((rows[i].commands & (unsigned)command) != 0)
            table[count++] = (struct option){
                rows[i].name, rows[i].argument != NULL ? required_argument : no_argument, NULL,
                (int)i};
    table[count++] = (struct option){"help", no_argument, NULL, HELP};
    table[count++] = (struct option){"version", no_argument, NULL, VERSION};
    return count;
}

/* With `only_file`, nothing but --config (and --help) is taken in. */
static enum kedge_options_outcome read_line(enum kedge_agent_command command, int argc, char **argv,
                                            struct kedge_agent_config *config, bool only_file)
{
    struct option table[ROW_COUNT + 3] = {0};
    make_table(command, table);
    optind = 0;
    for (int found; (found = getopt_long(argc, argv, ":", table, NULL)) != -1;) {
        if (found == HELP)
            return KEDGE_OPTIONS_HELP;
        if (found == VERSION)
            return KEDGE_OPTIONS_VERSION;
        if (found == ':')
            return say_usage(argv[optind - 1], "needs a value");
        if (found == '?')
            return say_usage(argv[optind - 1], "is not an option here");
        const struct row *row = &rows[found];
        if (only_file && row->offset != offsetof(struct kedge_agent_config, config_file))
            continue;
        const char *wrong = set(config, row, row->kind == SWITCH ? "true" : optarg);
        if (wrong != NULL) {
            fprintf(stderr, "kedge-agent: --%s %s\n", row->name, wrong);
            return KEDGE_OPTIONS_USAGE;
        }
    }
    return KEDGE_OPTIONS_GO;
}

static enum kedge_options_outcome check_needed(enum kedge_agent_command command,
                                               const struct kedge_agent_config *config)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if ((rows[i].needed & (unsigned)command) != 0 && !is_given(config, &rows[i])) {
            fprintf(stderr, "kedge-agent: --%s %s is missing; see kedge-agent --help\n",
                    rows[i].name, rows[i].argument);
            return KEDGE_OPTIONS_USAGE;
        }
    if (command != KEDGE_COMMAND_RUN ||
        (config->server[0] == '\0') != (config->bootstrap_server[0] == '\0'))
        return KEDGE_OPTIONS_GO;
    fprintf(stderr,
            "kedge-agent: one of --server URI and --bootstrap-server URI is %s; "
            "see kedge-agent --help\n",
            config->server[0] == '\0' ? "missing" : "enough");
    return KEDGE_OPTIONS_USAGE;
}

enum kedge_options_outcome kedge_options_read(enum kedge_agent_command command, int argc,
                                              char **argv, struct kedge_agent_config *config,
                                              const char **operands, int operand_count)
{
    set_defaults(config);
    /* Twice: once to find the file, and after the file once more, so that the command line wins. */
    enum kedge_options_outcome outcome = read_line(command, argc, argv, config, true);
    if (outcome != KEDGE_OPTIONS_GO)
        return outcome;
    if (config->config_file[0] != '\0' && !read_file(config))
        return KEDGE_OPTIONS_USAGE;
    outcome = read_line(command, argc, argv, config, false);
    if (outcome != KEDGE_OPTIONS_GO)
        return outcome;
    if (argc - optind > operand_count)
        return say_usage(argv[optind + operand_count], "is one argument too many");
    if (argc - optind < operand_count)
        return say_usage("FILE.suit", "is missing");
    for (int i = 0; i < operand_count; i++)
        operands[i] = argv[optind + i];
    return check_needed(command, config);
}

void kedge_options_each(enum kedge_agent_command command, kedge_options_fn *tell)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if ((rows[i].commands & (unsigned)command) != 0)
            tell(rows[i].name, rows[i].argument, rows[i].help);
    tell("help", NULL, "say what the options are, and end");
    tell("version", NULL, "say the version, and end");
}
