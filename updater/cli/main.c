/* main.c: kedge: the operator's command line. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <unistd.h>

#include "updater/cli/cli.h"

/* Where a standard stream is closed, the next file or connection would be taken for it; this one
 * refuses what is written to it. */
static void hold_standard_streams(void)
{
    int file = open("/dev/null", O_RDONLY);
    while (file >= 0 && file <= STDERR_FILENO)
        file = open("/dev/null", O_RDONLY);
    if (file > STDERR_FILENO)
        (void)close(file);
}

static bool connect_client(struct cli *cli)
{
    char token[CLIENT_TOKEN_MAX + 1], error[CLIENT_ERROR_MAX];
    if (cli->token_file == NULL) {
        complain("no token: name its file with --token-file, KEDGE_TOKEN_FILE or in kedge.conf; "
                 "kedged makes one, "
                 "admin.token, in its data folder");
        return false;
    }
    if (!token_read(cli->token_file, token, error)) {
        complain("%s", error);
        return false;
    }
    cli->client = client_create(&cli->server, token);
    if (cli->client == NULL)
        complain("out of memory");
    return cli->client != NULL;
}

int main(int argc, char **argv)
{
    static struct arguments arguments;
    struct cli cli = {.client = NULL};
    hold_standard_streams();
    switch (options_read(argc, argv, &cli, &arguments)) {
    case OPTIONS_RUN:
        break;
    case OPTIONS_END:
        return (int)output_end(STATUS_DONE);
    case OPTIONS_USAGE:
        return STATUS_USAGE;
    }
    if (!connect_client(&cli))
        return STATUS_UNREACHABLE;
    enum status status = conditions_add(&cli, &arguments);
    if (status == STATUS_DONE)
        status = output_end(arguments.command->run(&cli, &arguments));
    client_destroy(cli.client);
    return (int)status;
}
