/* options.c: see options.h. */
#define _GNU_SOURCE
#include "signer/cli/options.h"

#include "tools/help.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static size_t option_count(const struct kedge_command *command)
{
    size_t count = 0;
    while (command->options[count].name != NULL)
        count++;
    return count;
}

static bool may_repeat(enum kedge_option_count count)
{
    return count == KEDGE_REPEATED || count == KEDGE_ONE_OR_MORE;
}

static enum kedge_exit usage(const struct kedge_command *command, const char *what,
                             const char *name)
{
    return kedge_complain(KEDGE_EXIT_USAGE, "%s: %s %s; see kedge-sign %s --help", command->name,
                          what, name, command->name);
}

/* What stands behind "=" is not repeated: under a wrong name it may be a secret. */
static enum kedge_exit unknown(const struct kedge_command *command, const char *word)
{
    char name[128];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    return usage(command, "does not know", name);
}

/*
 * getopt_long() takes the beginning of a name for the name. Scripts that rely on that break when an
 * option is added; so the word must be the whole name.
 */
static bool whole_name(const struct kedge_option *option, const char *word)
{
    size_t size = strlen(option->name);
    return strncmp(word + 2, option->name, size) == 0 &&
           (word[size + 2] == '\0' || word[size + 2] == '=');
}

/* The word that the option stood in; `last` is the last word that was consumed. */
static const char *option_word(const struct kedge_option *option, char **last, const char *value)
{
    return option->value != NULL && value == *last ? last[-1] : *last;
}

static enum kedge_exit take_value(const struct kedge_command *command, size_t option,
                                  const char *value, struct kedge_arguments *arguments)
{
    size_t *count = &arguments->counts[option];
    size_t most = may_repeat(command->options[option].count) ? KEDGE_VALUES_MAX : 1;
    if (*count == most)
        return kedge_complain(KEDGE_EXIT_USAGE, "%s: --%s may be given %zu %s, not more",
                              command->name, command->options[option].name, most,
                              kedge_by_count(most, "time", "times"));
    arguments->values[option][(*count)++] = value;
    return KEDGE_EXIT_DONE;
}

static enum kedge_exit take_file(const struct kedge_command *command, int count, char **words,
                                 struct kedge_arguments *arguments)
{
    if (command->file == NULL)
        return count == 0 ? KEDGE_EXIT_DONE : usage(command, "does not take", words[0]);
    if (count == 0)
        return usage(command, "needs", command->file);
    if (count == 1 && command->second != NULL)
        return usage(command, "needs", command->second);
    if (count > 2 || (count == 2 && command->second == NULL))
        return usage(command, "does not also take", words[count - 1]);
    arguments->file = words[0];
    arguments->second = count == 2 ? words[1] : NULL;
    return KEDGE_EXIT_DONE;
}

static enum kedge_exit check_required(const struct kedge_command *command,
                                      const struct kedge_arguments *arguments)
{
    for (size_t i = 0; command->options[i].name != NULL; i++) {
        enum kedge_option_count count = command->options[i].count;
        if ((count == KEDGE_REQUIRED || count == KEDGE_ONE_OR_MORE) && arguments->counts[i] == 0)
            return kedge_complain(KEDGE_EXIT_USAGE, "%s: needs --%s %s; see kedge-sign %s --help",
                                  command->name, command->options[i].name,
                                  command->options[i].value, command->name);
    }
    return KEDGE_EXIT_DONE;
}

static bool json_asked_for(const struct kedge_command *command,
                           const struct kedge_arguments *arguments)
{
    for (size_t i = 0; command->options[i].name != NULL; i++)
        if (strcmp(command->options[i].name, "json") == 0)
            return arguments->counts[i] > 0;
    return false;
}

/* A report in JSON repeats names of files, and JSON is UTF-8. */
static enum kedge_exit check_words(const struct kedge_command *command, int count, char **words,
                                   const struct kedge_arguments *arguments)
{
    if (!json_asked_for(command, arguments))
        return KEDGE_EXIT_DONE;
    for (int i = 1; i < count; i++)
        if (!kedge_utf8_valid(kedge_slice_text(words[i])))
            return kedge_complain(KEDGE_EXIT_USAGE,
                                  "%s: --json can only name what is UTF-8, and %s is not",
                                  command->name, words[i]);
    return KEDGE_EXIT_DONE;
}

enum kedge_exit kedge_arguments_read(const struct kedge_command *command, int count, char **words,
                                     struct kedge_arguments *arguments, bool *help)
{
    struct option long_options[KEDGE_OPTIONS_MAX + 2] = {{0}};
    size_t options = option_count(command);
    for (size_t i = 0; i < options; i++)
        long_options[i] = (struct option){
            command->options[i].name,
            command->options[i].value != NULL ? required_argument : no_argument, NULL, (int)i + 1};
    long_options[options] = (struct option){"help", no_argument, NULL, 'h' + 256};
    memset(arguments, 0, sizeof *arguments);
    opterr = 0;
    optind = 1;
    int option;
    while ((option = getopt_long(count, words, ":h", long_options, NULL)) != -1) {
        if (option == 'h' || option == 'h' + 256) {
            *help = true;
            return KEDGE_EXIT_DONE;
        }
        if (option == '?')
            return unknown(command, words[optind - 1]);
        if (option == ':')
            return usage(command, "a value is missing after", words[optind - 1]);
        const struct kedge_option *found = &command->options[option - 1];
        const char *word = option_word(found, &words[optind - 1], optarg);
        if (!whole_name(found, word))
            return unknown(command, word);
        enum kedge_exit status = take_value(command, (size_t)option - 1, optarg, arguments);
        if (status != KEDGE_EXIT_DONE)
            return status;
    }
    enum kedge_exit status = take_file(command, count - optind, words + optind, arguments);
    if (status == KEDGE_EXIT_DONE)
        status = check_required(command, arguments);
    return status == KEDGE_EXIT_DONE ? check_words(command, count, words, arguments) : status;
}

static void print_usage(const struct kedge_command *command)
{
    printf("usage: kedge-sign %s", command->name);
    for (size_t i = 0; command->options[i].name != NULL; i++) {
        const struct kedge_option *option = &command->options[i];
        bool needed = option->count == KEDGE_REQUIRED || option->count == KEDGE_ONE_OR_MORE;
        printf(" %s--%s%s%s%s%s", needed ? "" : "[", option->name, option->value != NULL ? " " : "",
               option->value != NULL ? option->value : "", needed ? "" : "]",
               may_repeat(option->count) ? "..." : "");
    }
    const char *files[] = {command->file, command->second};
    for (size_t i = 0; i < 2 && files[i] != NULL; i++)
        printf(" %s", files[i]);
    putchar('\n');
}

void kedge_command_help(const struct kedge_command *command)
{
    print_usage(command);
    printf("\n%s\n\n", command->summary);
    for (size_t i = 0; command->options[i].name != NULL; i++) {
        const struct kedge_option *option = &command->options[i];
        help_option_row(option->name, option->value, option->help);
    }
    help_option_row("help", NULL, "this text");
    if (command->more != NULL)
        printf("\n%s", command->more);
    printf("\nexample:\n%s", command->example);
}

bool kedge_number_parse(const char *text, uint64_t most, uint64_t *out)
{
    struct kedge_cursor cursor = kedge_cursor(kedge_slice_text(text));
    return kedge_cursor_decimal(&cursor, most, out) == KEDGE_OK && kedge_cursor_left(&cursor) == 0;
}
