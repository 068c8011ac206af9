/* account_credentials.h: what an account proves this device with. */
#ifndef KEDGE_AGENT_ACCOUNT_CREDENTIALS_H
#define KEDGE_AGENT_ACCOUNT_CREDENTIALS_H

#include "agent/client/account.h"
#include "agent/client/credentials.h"

/**
 * kedge_account_credentials() makes credentials of an account that kedge_account_flaw() finds
 * nothing wrong with. `own` has the device's private key where the account brings none. KEDGE_E_KEY
 * and KEDGE_E_LIMIT for keys and certificates that will not do.
 */
enum kedge_rc kedge_account_credentials(const struct kedge_account_security *security,
                                        const struct kedge_credentials *own,
                                        struct kedge_credentials *credentials) KEDGE_MUST_USE;

#endif
