/* main.c: kedge-agent: finds the command, and runs it. */
#include "agent/client/agent.h"
#include "agent/client/log.h"
#include "agent/main/commands.h"
#include "tools/help.h"

#include <stdio.h>
#include <string.h>

#define OPERANDS_MAX 1

static const struct kedge_cli_command *find_command(int argc, char **argv)
{
    for (size_t i = 0; i < kedge_cli_command_count; i++)
        if (argc > 1 && kedge_cli_commands[i].name != NULL &&
            strcmp(argv[1], kedge_cli_commands[i].name) == 0)
            return &kedge_cli_commands[i];
    return &kedge_cli_commands[0];
}

static void print_help(const struct kedge_cli_command *command)
{
    printf("usage: %s\n", command->usage);
    for (size_t i = 0; i < kedge_cli_command_count && command->name == NULL; i++)
        if (kedge_cli_commands[i].name != NULL)
            printf("       %s\n", kedge_cli_commands[i].usage);
    printf("\n%s\n\n", command->about);
    kedge_options_each(command->bit, help_option_row);
}

int main(int argc, char **argv)
{
    static struct kedge_agent_config config;
    const struct kedge_cli_command *command = find_command(argc, argv);
    int skipped = command->name != NULL ? 1 : 0;
    const char *operands[OPERANDS_MAX] = {NULL};
    switch (kedge_options_read(command->bit, argc - skipped, argv + skipped, &config, operands,
                               command->operand_count)) {
    case KEDGE_OPTIONS_HELP:
        print_help(command);
        return 0;
    case KEDGE_OPTIONS_VERSION:
        puts("kedge-agent " KEDGE_VERSION);
        return 0;
    case KEDGE_OPTIONS_USAGE:
        return KEDGE_AGENT_EXIT_USAGE;
    default:
        break;
    }
    if (config.verbose)
        kedge_log_set_level(KEDGE_LOG_DEBUG);
    return command->run(&config, operands);
}
