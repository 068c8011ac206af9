/* table.c: the one table of commands, for dispatch, --help and the manual page. */
#include "agent/client/agent.h"
#include "agent/main/commands.h"

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

const struct kedge_cli_command kedge_cli_commands[] = {
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
const size_t kedge_cli_command_count = sizeof kedge_cli_commands / sizeof kedge_cli_commands[0];
