/* table.c: all commands, in the order in which a release uses them. */
#include "signer/commands/commands.h"

const struct kedge_command *const kedge_commands[] = {
    // clang-format off
    &kedge_command_keygen,
    &kedge_command_pubkey,
    &kedge_command_create,
    &kedge_command_lint,
    &kedge_command_sign,
    &kedge_command_unsign,
    &kedge_command_prepare,
    &kedge_command_attach,
    &kedge_command_sever,
    &kedge_command_verify,
    &kedge_command_inspect,
    &kedge_command_diff,
    &kedge_command_extract,
    &kedge_command_ledger_show,
    &kedge_command_ledger_verify,
    // clang-format on
};

const size_t kedge_command_count = sizeof kedge_commands / sizeof kedge_commands[0];
