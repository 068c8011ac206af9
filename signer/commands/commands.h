/*
 * commands.h: the commands of kedge-sign, each with its own table of options.
 */
#ifndef KEDGE_SIGNER_COMMANDS_H
#define KEDGE_SIGNER_COMMANDS_H

#include "signer/cli/options.h"

extern const struct kedge_command kedge_command_keygen;
extern const struct kedge_command kedge_command_pubkey;
extern const struct kedge_command kedge_command_create;
extern const struct kedge_command kedge_command_verify;
extern const struct kedge_command kedge_command_inspect;
extern const struct kedge_command kedge_command_extract;
extern const struct kedge_command kedge_command_lint;
extern const struct kedge_command kedge_command_diff;
extern const struct kedge_command kedge_command_sever;
extern const struct kedge_command kedge_command_sign;
extern const struct kedge_command kedge_command_unsign;
extern const struct kedge_command kedge_command_prepare;
extern const struct kedge_command kedge_command_attach;
extern const struct kedge_command kedge_command_ledger_show;
extern const struct kedge_command kedge_command_ledger_verify;

/** All of them: what is dispatched, what --help lists, and what the manual page is made from. */
extern const struct kedge_command *const kedge_commands[];
extern const size_t kedge_command_count;

#endif
