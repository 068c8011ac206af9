/* options.h: one table of options, for the command line, the configuration file and the help. */
#ifndef KEDGE_AGENT_OPTIONS_H
#define KEDGE_AGENT_OPTIONS_H

#include "agent/client/config.h"

/** The commands, as bits: each option says for which of them it is. */
enum kedge_agent_command {
    KEDGE_COMMAND_RUN = 1,
    KEDGE_COMMAND_INSTALL_FACTORY = 2,
    KEDGE_COMMAND_STATUS = 4,
    KEDGE_COMMAND_ACCEPT = 8,
    KEDGE_COMMAND_DEFER = 16
};

enum kedge_options_outcome {
    KEDGE_OPTIONS_GO,   /* do it */
    KEDGE_OPTIONS_HELP, /* --help was given */
    KEDGE_OPTIONS_VERSION,
    KEDGE_OPTIONS_USAGE /* something is wrong, and has been said on standard error */
};

/**
 * kedge_options_read() reads `argv` (argv[0] is not looked at) and the file that --config names;
 * the command line wins. `operands` gets the arguments that are no options; they must be as many as
 * it has room for.
 */
enum kedge_options_outcome kedge_options_read(enum kedge_agent_command command, int argc,
                                              char **argv, struct kedge_agent_config *config,
                                              const char **operands, int operand_count);

/** An option of a command; `argument` stands for its value, NULL where it takes none. */
typedef void kedge_options_fn(const char *name, const char *argument, const char *help);

/** kedge_options_each() tells each option of `command`, in the order of --help. */
void kedge_options_each(enum kedge_agent_command command, kedge_options_fn *tell);

#endif
