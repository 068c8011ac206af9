/* options.c: see options.h. One table drives parsing and the help text. */
#define _GNU_SOURCE
#include "agent/boot/options.h"

#include "agent/boot/policy.h"
#include "agent/boot/say.h"
#include "tools/help.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_id {
    OPTION_STATE = 1,
    OPTION_SLOT0,
    OPTION_SLOT1,
    OPTION_RECORD,
    OPTION_TRUST,
    OPTION_REQUIRE,
    OPTION_LIMIT,
    OPTION_DEVELOPMENT,
    OPTION_HELP,
    OPTION_VERSION
};

/* X(id, name, value's name or NULL, what it is) */
#define OPTION_LIST(X)                                                                            \
    X(OPTION_STATE, "state", "DIR", "the device's state folder: boot record and slots")           \
    X(OPTION_SLOT0, "slot0", "DEVICE", "the first slot: a partition, or NOR flash (/dev/mtdN)")   \
    X(OPTION_SLOT1, "slot1", "DEVICE", "the second slot; by default they are files")              \
    X(OPTION_RECORD, "boot-record", "DEVICE", "the boot record, likewise")                        \
    X(OPTION_TRUST, "trust", "PUB.pem", "a key that may sign firmware; may be given again")       \
    X(OPTION_REQUIRE, "require", "N", "how many of these keys must have signed (1)")              \
    X(OPTION_LIMIT, "trial-limit", "S", "seconds that new firmware has to confirm itself (1800)") \
    X(OPTION_DEVELOPMENT, "allow-development-keys", NULL, "run firmware signed by one of these")  \
    X(OPTION_HELP, "help", NULL, "say what the options are, and end")                             \
    X(OPTION_VERSION, "version", NULL, "say the version, and end")

const char kedge_boot_usage[] =
    "kedge-boot --state DIR --trust PUB.pem [OPTION]... -- kedge-agent ...";
const char kedge_boot_about[] =
    "The reference bootloader as a host program. Picks and checks a slot, starts the agent\n"
    "as that slot's firmware, and is the power button: it boots again when the agent asks\n"
    "for it or crashes, and goes back to the old slot when a trial is not confirmed in three\n"
    "boots or within the trial limit. SIGTERM and SIGINT are passed on to the agent and end\n"
    "both.";

void kedge_boot_each_option(kedge_boot_option_fn *tell)
{
#define TELL_OPTION(id, name, value, words) tell(name, value, words);
    OPTION_LIST(TELL_OPTION)
#undef TELL_OPTION
}

static void show_help(void)
{
    printf("usage: %s\n\n%s\n\n", kedge_boot_usage, kedge_boot_about);
    kedge_boot_each_option(help_option_row);
    puts("\nExit status: 0 ended as told; 1 nothing may be run, or the system refused; 2 usage.");
}

static bool read_number(const char *name, const char *text, uint64_t most, uint64_t *out)
{
    char *end;
    bool digits = text[0] >= '0' && text[0] <= '9';
    unsigned long long value = digits ? strtoull(text, &end, 10) : 0;
    if (digits && *end == '\0' && value >= 1 && value <= most) {
        *out = value;
        return true;
    }
    kedge_boot_say("--%s %s: not a number from 1 to %" PRIu64, name, text, most);
    return false;
}

static bool take_option(int id, const char *value, struct kedge_boot_options *options)
{
    switch (id) {
    case OPTION_STATE:
        options->state = value;
        return true;
    case OPTION_SLOT0:
        options->places.slots[0] = value;
        return true;
    case OPTION_SLOT1:
        options->places.slots[1] = value;
        return true;
    case OPTION_RECORD:
        options->places.record = value;
        return true;
    case OPTION_TRUST:
        if (options->trust_count == KEDGE_PORT_TRUST_MAX) {
            kedge_boot_say("--trust: more than %u keys", KEDGE_PORT_TRUST_MAX);
            return false;
        }
        options->trust[options->trust_count++] = value;
        return true;
    case OPTION_REQUIRE:
        return read_number("require", value, KEDGE_SUIT_SIGNATURES_MAX, &options->required);
    case OPTION_LIMIT:
        return read_number("trial-limit", value, KEDGE_TRIAL_LIMIT_MAX_S, &options->trial_limit_s);
    case OPTION_DEVELOPMENT:
        options->allow_development_keys = true;
        return true;
    default:
        return false;
    }
}

static bool complete(const struct kedge_boot_options *options)
{
    if (options->state == NULL)
        kedge_boot_say("--state DIR is missing; see kedge-boot --help");
    else if (options->trust_count == 0)
        kedge_boot_say("--trust PUB.pem is missing; see kedge-boot --help");
    else if (options->command[0] == NULL)
        kedge_boot_say("the agent's command is missing behind --; see kedge-boot --help");
    else
        return true;
    return false;
}

enum kedge_options_outcome kedge_boot_options_read(int count, char **words,
                                                   struct kedge_boot_options *options)
{
    static const struct option table[] = {
#define OPTION_ROW(id, name, value, words) \
    {name, (value) != NULL ? required_argument : no_argument, NULL, id},
        OPTION_LIST(OPTION_ROW)
#undef OPTION_ROW
            {NULL, 0, NULL, 0}};
    *options =
        (struct kedge_boot_options){.required = 1, .trial_limit_s = KEDGE_TRIAL_LIMIT_DEFAULT_S};
    int id;
    while ((id = getopt_long(count, words, "+:", table, NULL)) != -1) {
        if (id == '?' || id == ':') {
            kedge_boot_say("%s %s; see kedge-boot --help", words[optind - 1],
                           id == ':' ? "needs a value" : "is not an option");
            return KEDGE_OPTIONS_WRONG;
        }
        if (id == OPTION_HELP) {
            show_help();
            return KEDGE_OPTIONS_SHOWN;
        }
        if (id == OPTION_VERSION) {
            puts("kedge-boot " KEDGE_VERSION);
            return KEDGE_OPTIONS_SHOWN;
        }
        if (!take_option(id, optarg, options))
            return KEDGE_OPTIONS_WRONG;
    }
    options->command = words + optind;
    return complete(options) ? KEDGE_OPTIONS_RUN : KEDGE_OPTIONS_WRONG;
}
