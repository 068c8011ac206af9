/* help.c: the usage of everything, of one noun, or of one command, by the table of commands. */
#include <string.h>

#include "updater/cli/cli.h"
#include "updater/cli/table.h"

#define HELP_COLUMN 30
#define STATUSES_TEXT_MAX 512u
#define ROOM_LEAST 20u /* what is narrower is not folded further */

const char *const status_words[STATUS_COUNT] = {
    [STATUS_DONE] = "done",
    [STATUS_REFUSED] = "refused by the server; or what was watched or verified did not end well",
    [STATUS_USAGE] = ("the command line is wrong, or a file that it names, or standard output, "
                      "cannot be used"),
    [STATUS_UNREACHABLE] = "no answer from the server, or no token for it",
};

/* How much of `text` stands in a line of `room` columns: to a space, or to a longer word's end. */
static size_t line_size(const char *text, size_t room)
{
    size_t size = text_prefix(text, room);
    if (text[size] == '\0')
        return size;
    while (size > 0 && text[size] != ' ')
        size--;
    return size > 0 ? size : strcspn(text, " ");
}

/* Goes on in `indent`, where there is a terminal whose end it would reach. */
static void print_folded(FILE *out, const char *text, size_t indent)
{
    size_t width = terminal_width(out);
    size_t room = width > indent + ROOM_LEAST ? width - indent : ROOM_LEAST;
    for (size_t size; width > 0 && text[size = line_size(text, room)] != '\0';) {
        (void)fprintf(out, "%.*s\n%*s", (int)size, text, (int)indent, "");
        text += size + 1;
    }
    (void)fprintf(out, "%s\n", text);
}

static void print_row(FILE *out, const char *text, const char *help)
{
    if (strlen(text) < HELP_COLUMN - 2)
        (void)fprintf(out, "  %-*s", HELP_COLUMN - 2, text);
    else
        (void)fprintf(out, "  %s\n%*s", text, HELP_COLUMN, "");
    print_folded(out, help, HELP_COLUMN);
}

static void print_option(FILE *out, const struct option_row *row)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "--%s%s%s", row->name, row->placeholder ? " " : "",
                   row->placeholder ? row->placeholder : "");
    print_row(out, text, row->help);
}

static void print_command(FILE *out, const struct command *command)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "%s %s %s", command->noun, command->verb,
                   command->positional);
    print_row(out, text, command->help);
}

static void print_one(FILE *out, const struct command *command)
{
    (void)fprintf(out, "usage: kedge [--server URL] [--token-file FILE] [--json] %s %s%s%s%s\n\n",
                  command->noun, command->verb, command->option_count > 0 ? " [options]" : "",
                  command->positional[0] != '\0' ? " " : "", command->positional);
    print_folded(out, command->help, 0);
    if (command->option_count > 0)
        (void)fprintf(out, "\n");
    for (size_t i = 0; i < command->option_count; i++)
        print_option(out, &command->options[i]);
}

void usage_print(FILE *out, const char *noun, const char *verb)
{
    const struct command *command = noun != NULL && verb != NULL ? command_find(noun, verb) : NULL;
    if (command != NULL) {
        print_one(out, command);
        return;
    }
    (void)fprintf(out, "usage: kedge [--server URL] [--token-file FILE] [--json] COMMAND ...\n\n");
    for (size_t i = 0; i < command_count; i++)
        if (noun == NULL || strcmp(commands[i].noun, noun) == 0)
            print_command(out, &commands[i]);
    (void)fprintf(out, "\n");
    for (size_t i = 0; i < global_option_count; i++)
        print_option(out, &global_options[i]);
    (void)fprintf(out, "\n");
    char statuses[STATUSES_TEXT_MAX] = "exit status:";
    size_t used = strlen(statuses);
    for (size_t i = 0; i < STATUS_COUNT; i++)
        used += (size_t)snprintf(&statuses[used], sizeof(statuses) - used, "%s %zu %s",
                                 i > 0 ? ";" : "", i, status_words[i]);
    print_folded(out, statuses, 0);
}
