/*
 * account_file.h: the account that the bootstrap server gave, on disk: the record "KAC1" of
 * record.h in the file agent.account, mode 0600, replaced as a whole.
 */
#ifndef KEDGE_AGENT_ACCOUNT_FILE_H
#define KEDGE_AGENT_ACCOUNT_FILE_H

#include "agent/client/account.h"
#include "agent/client/record_file.h"

#define KEDGE_ACCOUNT_FILE "agent.account"
#define KEDGE_ACCOUNT_FILE_SIZE_MAX 10240u

enum kedge_rc kedge_account_encode(const struct kedge_account *account,
                                   struct kedge_writer *out) KEDGE_MUST_USE;
/**
 * kedge_account_decode() fails unless every byte is right and the account is one to register with,
 * as far as kedge_account_flaw() knows (KEDGE_E_STATE); it is then as by kedge_account_init().
 */
enum kedge_rc kedge_account_decode(struct kedge_slice bytes, bool has_own_key,
                                   struct kedge_account *account) KEDGE_MUST_USE;

/** KEDGE_E_NOT_FOUND when there is no file, KEDGE_E_SYSTEM with errno, a result of decoding. */
enum kedge_rc kedge_account_load(int folder, bool has_own_key,
                                 struct kedge_account *account) KEDGE_MUST_USE;
/** Replaces the file, durably; see kedge_record_file_replace(). */
enum kedge_rc kedge_account_save(const struct kedge_folder *folder,
                                 const struct kedge_account *account) KEDGE_MUST_USE;

#endif
