/*
 * options.h: the command line. One table for each command drives parsing, checks and --help, so
 * that what the help says is what the program takes.
 */
#ifndef KEDGE_SIGNER_OPTIONS_H
#define KEDGE_SIGNER_OPTIONS_H

#include "signer/cli/complain.h"
#include <stdbool.h>
#include <stddef.h>

#define KEDGE_OPTIONS_MAX 32u /* in one command */
#define KEDGE_VALUES_MAX 32u  /* of one option that may be repeated */

/** How often an option stands on the command line. */
enum kedge_option_count { KEDGE_OPTIONAL, KEDGE_REQUIRED, KEDGE_REPEATED, KEDGE_ONE_OR_MORE };

/** One long option. */
struct kedge_option {
    const char *name;  /* without the dashes */
    const char *value; /* what stands for its value in the help; NULL when it takes none */
    enum kedge_option_count count;
    const char *help;
};

/** What a command line says: values by the index of the option in its table. */
struct kedge_arguments {
    const char *values[KEDGE_OPTIONS_MAX][KEDGE_VALUES_MAX];
    size_t counts[KEDGE_OPTIONS_MAX];
    const char *file;   /* the argument that is no option; NULL when the command takes none */
    const char *second; /* the other one, of a command that takes two */
};

/** One command of the program. */
struct kedge_command {
    const char *name;
    const char *summary;
    const char *file; /* what stands for its argument in the help, "FILE.suit"; NULL: takes none */
    const char *second; /* likewise for a second one; NULL: takes one at most */
    const struct kedge_option
        *options;     /* indexed by the command's own enum; name NULL at the end */
    const char *more; /* what the help says below the options; NULL: nothing */
    const char
        *example; /* lines for a shell; those of all commands, in their order, are one story */
    enum kedge_exit (*run)(const struct kedge_arguments *arguments);
};

/**
 * kedge_arguments_read() reads `count` words after the command's name. KEDGE_EXIT_USAGE, after
 * saying what is wrong; `help` is set when --help was asked for, and then nothing else is checked.
 */
enum kedge_exit kedge_arguments_read(const struct kedge_command *command, int count, char **words,
                                     struct kedge_arguments *arguments, bool *help);

/** kedge_command_help() prints usage and options of a command to standard output. */
void kedge_command_help(const struct kedge_command *command);

/** kedge_argument() is the value of an option that stands at most once; NULL when it is absent. */
static inline const char *kedge_argument(const struct kedge_arguments *arguments, size_t option)
{
    return arguments->counts[option] > 0 ? arguments->values[option][0] : NULL;
}

/** kedge_argument_given() says whether an option stands there at all. */
static inline bool kedge_argument_given(const struct kedge_arguments *arguments, size_t option)
{
    return arguments->counts[option] > 0;
}

/** kedge_number_parse() reads decimal digits only; false when it is none or over `most`. */
bool kedge_number_parse(const char *text, uint64_t most, uint64_t *out);

#endif
