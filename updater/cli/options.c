/* options.c: the command line, read and explained by the table of commands. */
#define _POSIX_C_SOURCE 200809L
#include "updater/cli/cli.h"
#include "updater/cli/settings.h"
#include "updater/cli/spans.h"

#include <errno.h>
#include <kedge/base.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SERVER_DEFAULT "http://127.0.0.1:8080"

const struct option_row global_options[] = {
    {"server", "URL", OPTION_TEXT, "where kedged is (KEDGE_SERVER; http://127.0.0.1:8080)", NULL},
    {"token-file", "FILE", OPTION_TEXT, "the token to ask with (KEDGE_TOKEN_FILE)", NULL},
    {"ca-file", "FILE", OPTION_TEXT, "certificate of kedged or of its CA, PEM (KEDGE_CA_FILE)",
     NULL},
    {"fingerprint", "sha256//...", OPTION_TEXT,
     "of kedged's key, as it logs it (KEDGE_FINGERPRINT)", NULL},
    {"json", NULL, OPTION_FLAG, "answers as JSON", NULL},
    {"help", NULL, OPTION_FLAG, "this text, or that of a command", NULL},
    {"version", NULL, OPTION_FLAG, "which kedge this is", NULL},
};
#define GLOBAL_COUNT (sizeof(global_options) / sizeof(global_options[0]))
const size_t global_option_count = GLOBAL_COUNT;

/* What is being read; globals have values of their own. */
struct reading {
    int argc;
    char **argv;
    int at;
    const char *globals[GLOBAL_COUNT];
    const char *noun, *verb;
    struct arguments *arguments;
};

/* ---- reading ---- */

static const struct option_row *find_option(const struct option_row *rows, size_t count,
                                            const char *name, size_t name_size, size_t *index)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(rows[i].name) == name_size && strncmp(rows[i].name, name, name_size) == 0) {
            *index = i;
            return &rows[i];
        }
    }
    return NULL;
}

static bool keep_value(struct reading *reading, const struct option_row *row, const char **place,
                       const char *value)
{
    struct arguments *arguments = reading->arguments;
    if (row->kind == OPTION_NUMBER &&
        (value[0] == '\0' || strspn(value, "0123456789") != strlen(value) || strlen(value) > 9)) {
        complain("--%s must be a whole number, not \"%s\"", row->name, value);
        return false;
    }
    uint32_t span_s;
    if (row->kind == OPTION_SPAN && !span_read(value, &span_s)) {
        complain("--%s must be a span of time as 90s, 10m, 2h or 7d, or a number of seconds, not "
                 "\"%s\"",
                 row->name, value);
        return false;
    }
    if (row->kind == OPTION_TEXTS) {
        if (arguments->text_count == CLI_VALUES_MAX) {
            complain("--%s is given more than %u times", row->name, CLI_VALUES_MAX);
            return false;
        }
        arguments->text_rows[arguments->text_count] = row;
        arguments->texts[arguments->text_count++] = value;
    } else if (*place != NULL && row->kind != OPTION_FLAG) {
        complain("--%s is given twice", row->name);
        return false;
    }
    *place = value;
    return true;
}

static bool read_option(struct reading *reading, const char *text)
{
    size_t size = strcspn(text, "="), index = 0;
    const struct command *command = reading->arguments->command;
    const struct option_row *row = NULL;
    const char **place = NULL;
    if (command != NULL)
        row = find_option(command->options, command->option_count, text, size, &index);
    if (row != NULL) {
        place = &reading->arguments->values[index];
    } else {
        row = find_option(global_options, GLOBAL_COUNT, text, size, &index);
        place = &reading->globals[index];
    }
    if (row == NULL) {
        const char *noun = command ? command->noun : "", *verb = command ? command->verb : "";
        const char *gap = command ? " " : "";
        complain("there is no option --%.*s%s%s%s%s; see kedge%s%s%s%s --help", (int)size, text,
                 command ? " of " : "", noun, gap, verb, gap, noun, gap, verb);
        return false;
    }
    if (row->kind == OPTION_FLAG) {
        if (text[size] == '=')
            complain("--%s takes no value", row->name);
        else
            *place = "";
        return text[size] != '=';
    }
    if (text[size] == '=')
        return keep_value(reading, row, place, &text[size + 1]);
    if (reading->at + 1 >= reading->argc) {
        complain("--%s needs a value: %s", row->name, row->placeholder);
        return false;
    }
    return keep_value(reading, row, place, reading->argv[++reading->at]);
}

static bool read_word(struct reading *reading, const char *text)
{
    struct arguments *arguments = reading->arguments;
    if (reading->noun == NULL) {
        reading->noun = text;
        for (size_t i = 0; i < command_count; i++)
            if (strcmp(commands[i].noun, text) == 0)
                return true;
        complain("there is no command \"%s\"; see kedge --help", text);
        return false;
    }
    if (reading->verb == NULL) {
        reading->verb = text;
        arguments->command = command_find(reading->noun, text);
        if (arguments->command == NULL)
            complain("there is no command \"%s %s\"; see kedge %s --help", reading->noun, text,
                     reading->noun);
        return arguments->command != NULL;
    }
    if (arguments->positional_count == CLI_VALUES_MAX) {
        complain("there are more than %u arguments", CLI_VALUES_MAX);
        return false;
    }
    arguments->positional[arguments->positional_count++] = text;
    return true;
}

/* No option begins with one: "-5" is a value. */
static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static bool read_all(struct reading *reading)
{
    bool options_ended = false;
    for (reading->at = 1; reading->at < reading->argc; reading->at++) {
        const char *text = reading->argv[reading->at];
        if (!options_ended && strcmp(text, "--") == 0) {
            options_ended = true;
        } else if (!options_ended && strcmp(text, "-h") == 0) {
            (void)read_option(reading, "help");
        } else if (!options_ended && text[0] == '-' && text[1] == '-') {
            if (!read_option(reading, &text[2]))
                return false;
        } else if (!options_ended && text[0] == '-' && text[1] != '\0' && !is_digit(text[1])) {
            complain("there is no option %s; see kedge --help", text);
            return false;
        } else if (!read_word(reading, text)) {
            return false;
        }
    }
    return true;
}

static const char *global(const struct reading *reading, const char *name, const char *environment,
                          const char *fallback)
{
    size_t index = 0;
    (void)find_option(global_options, GLOBAL_COUNT, name, strlen(name), &index);
    const char *value = reading->globals[index];
    if (value == NULL && environment != NULL)
        value = getenv(environment);
    return value != NULL && (value[0] != '\0' || environment == NULL) ? value : fallback;
}

static bool counts_fit(const struct arguments *arguments)
{
    const struct command *command = arguments->command;
    if (arguments->positional_count < command->least) {
        complain("%s %s needs: %s", command->noun, command->verb, command->positional);
        return false;
    }
    if (arguments->positional_count > command->most) {
        complain("%s %s: \"%s\" is one argument too many", command->noun, command->verb,
                 arguments->positional[command->most]);
        return false;
    }
    return true;
}

/* libcurl takes any other text for the name of a file with the key. */
static bool fingerprint_fits(const char *text)
{
    static const char prefix[] = "sha256//";
    uint8_t digest[32];
    struct kedge_writer writer = kedge_writer(digest, sizeof(digest));
    return strncmp(text, prefix, sizeof(prefix) - 1) == 0 &&
           kedge_base64_decode(kedge_slice_text(text + sizeof(prefix) - 1), &writer) == KEDGE_OK &&
           writer.size == sizeof(digest);
}

static bool server_fits(const struct client_server *server)
{
    if (server->ca_file != NULL && access(server->ca_file, R_OK) != 0) {
        complain("%s: %s", server->ca_file, strerror(errno));
        return false;
    }
    if (server->fingerprint == NULL)
        return true;
    if (!fingerprint_fits(server->fingerprint))
        complain("\"%s\" is no fingerprint: it is sha256// and 44 characters, as kedged logs it",
                 server->fingerprint);
    else if (strncasecmp(server->url, "https://", 8) != 0)
        complain("a fingerprint needs an https:// URL as the server, not %s", server->url);
    else
        return true;
    return false;
}

static const char *or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

/* What the file says of its server is nothing to another one, to which its token must not go. */
static bool find_server(const struct reading *reading, struct cli *cli)
{
    static struct settings settings;
    if (!settings_read(&settings))
        return false;
    const char *own = settings.server[0] != '\0' ? settings.server : SERVER_DEFAULT;
    const char *url = global(reading, "server", "KEDGE_SERVER", own);
    if (strcmp(url, own) != 0)
        settings = (struct settings){.server = ""};
    cli->server = (struct client_server){
        .url = url,
        .ca_file = global(reading, "ca-file", "KEDGE_CA_FILE", or_null(settings.ca_file)),
        .fingerprint =
            global(reading, "fingerprint", "KEDGE_FINGERPRINT", or_null(settings.fingerprint))};
    cli->token_file =
        global(reading, "token-file", "KEDGE_TOKEN_FILE", or_null(settings.token_file));
    return true;
}

enum options_outcome options_read(int argc, char **argv, struct cli *cli,
                                  struct arguments *arguments)
{
    struct reading reading = {.argc = argc, .argv = argv, .arguments = arguments};
    *arguments = (struct arguments){.command = NULL};
    if (!read_all(&reading))
        return OPTIONS_USAGE;
    if (global(&reading, "help", NULL, NULL) != NULL) {
        usage_print(stdout, reading.noun, reading.verb);
        return OPTIONS_END;
    }
    if (global(&reading, "version", NULL, NULL) != NULL) {
        (void)printf("kedge " KEDGE_VERSION "\n");
        return OPTIONS_END;
    }
    if (arguments->command == NULL) {
        usage_print(stderr, reading.noun, NULL);
        return OPTIONS_USAGE;
    }
    if (!find_server(&reading, cli))
        return OPTIONS_USAGE;
    cli->json = global(&reading, "json", NULL, NULL) != NULL;
    return counts_fit(arguments) && server_fits(&cli->server) ? OPTIONS_RUN : OPTIONS_USAGE;
}

const char *argument(const struct arguments *arguments, const char *name)
{
    size_t index = 0;
    const struct command *command = arguments->command;
    if (find_option(command->options, command->option_count, name, strlen(name), &index) == NULL)
        return NULL;
    return arguments->values[index];
}

const char *argument_next(const struct arguments *arguments, const char *name, size_t *at)
{
    while (*at < arguments->text_count) {
        size_t index = (*at)++;
        if (strcmp(arguments->text_rows[index]->name, name) == 0)
            return arguments->texts[index];
    }
    return NULL;
}
