/* commands.h: what kedge-agent can be asked to do. Each returns the exit status of the program. */
#ifndef KEDGE_AGENT_COMMANDS_H
#define KEDGE_AGENT_COMMANDS_H

#include "agent/client/config.h"
#include "agent/main/options.h"

/** One command of the program. */
struct kedge_cli_command {
    const char *name; /* NULL: what is done when no command is named */
    const char *usage, *about;
    enum kedge_agent_command bit;
    int operand_count;
    int (*run)(const struct kedge_agent_config *config, const char *const *operands);
};

extern const struct kedge_cli_command kedge_cli_commands[];
extern const size_t kedge_cli_command_count;

/**
 * kedge_command_install_factory() installs the package in the file `package` into the first slot of
 * a device that has no firmware yet. 1 when it is refused, with its Update Result in the message.
 */
int kedge_command_install_factory(const struct kedge_agent_config *config, const char *package);

/**
 * kedge_command_status() prints where the device stands: as the running agent says or, when none
 * answers, by the state folder. 1 when there is no firmware, or the folder cannot be read. With
 * `follow` it goes on with each change until the agent ends; 1 then when none runs.
 */
int kedge_command_status(const struct kedge_agent_config *config);

/**
 * kedge_command_accept() tells the running agent that the update which waits for consent may go on,
 * kedge_command_defer() that it is to be put off. 1 when no agent runs, or nothing waits.
 */
int kedge_command_accept(const struct kedge_agent_config *config);
int kedge_command_defer(const struct kedge_agent_config *config);

#endif
