/* main.c: kedge-agent, one table of commands. */
#include "agent/client/agent.h"
#include "agent/client/log.h"
#include "agent/main/commands.h"
#include "agent/main/options.h"

#include <string.h>

#define OPERANDS_MAX 1

struct command {
    const char *name; /* NULL: what is done when no command is named */
    const char *usage, *about;
    enum kedge_agent_command bit;
    int operand_count;
    int (*run)(const struct kedge_agent_config *config, const char *const *operands);
};

static int run_agent(const struct kedge_agent_config *config, const char *const *operands)
{
    (void)operands;
    return kedge_agent_run(config);
}

static int run_install_factory(const struct kedge_agent_config *config, const char *const *operands)
{
    return kedge_command_install_factory(config, operands[0]);
}

static int run_status(const struct kedge_agent_config *config, const char *const *operands)
{
    (void)operands;
    return kedge_command_status(config);
}

static int run_accept(const struct kedge_agent_config *config, const char *const *operands)
{
    (void)operands;
    return kedge_command_accept(config);
}

static int run_defer(const struct kedge_agent_config *config, const char *const *operands)
{
    (void)operands;
    return kedge_command_defer(config);
}

static const struct command commands[] = {
    {NULL,
     "kedge-agent --config FILE | --server URI --endpoint NAME --state DIR --trust PUB.pem\n"
     "                   --vendor DOMAIN --class NAME [options]",
     "The LwM2M client of a device: registers, downloads signed packages into the spare slot,\n"
     "and has kedge-boot try them. It stays in the foreground; SIGTERM ends it cleanly; exit\n"
     "status 75 asks for a reboot.",
     KEDGE_COMMAND_RUN, 0, run_agent},
    {"install-factory",
     "kedge-agent install-factory --state DIR --trust PUB.pem --vendor DOMAIN --class NAME\n"
     "                   [options] FILE.suit",
     "Puts the first firmware into the first slot of a device that has none.",
     KEDGE_COMMAND_INSTALL_FACTORY, 1, run_install_factory},
    {"status", "kedge-agent status [--json] [--follow] --state DIR",
     "Says where the device stands: by the running agent's word, or without one by its folder.",
     KEDGE_COMMAND_STATUS, 0, run_status},
    {"accept", "kedge-agent accept --state DIR",
     "Lets an update go on that waits for consent (kedge-agent --consent).", KEDGE_COMMAND_ACCEPT,
     0, run_accept},
    {"defer", "kedge-agent defer [--seconds N] --state DIR",
     "Puts an update off that waits for consent, within what the server allows.",
     KEDGE_COMMAND_DEFER, 0, run_defer},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static const struct command *find_command(int argc, char **argv)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (argc > 1 && commands[i].name != NULL && strcmp(argv[1], commands[i].name) == 0)
            return &commands[i];
    return &commands[0];
}

static void print_help(const struct command *command)
{
    printf("usage: %s\n", command->usage);
    for (size_t i = 0; i < COMMAND_COUNT && command->name == NULL; i++)
        if (commands[i].name != NULL)
            printf("       %s\n", commands[i].usage);
    printf("\n%s\n\n", command->about);
    kedge_options_help(command->bit, stdout);
}

int main(int argc, char **argv)
{
    static struct kedge_agent_config config;
    const struct command *command = find_command(argc, argv);
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
