/* account_credentials.c: see account_credentials.h. */
#include "agent/client/account_credentials.h"

#include <string.h>

static void take_shared_key(const struct kedge_account_security *security,
                            struct kedge_credentials *credentials)
{
    memcpy(credentials->identity, security->identity, security->identity_size);
    memcpy(credentials->key, security->secret, security->secret_size);
    credentials->key_size = security->secret_size;
    credentials->proof = KEDGE_PROOF_PRE_SHARED_KEY;
}

enum kedge_rc kedge_account_credentials(const struct kedge_account_security *security,
                                        const struct kedge_credentials *own,
                                        struct kedge_credentials *credentials)
{
    const struct kedge_slice server_key =
        kedge_slice(security->server_key, security->server_key_size);
    struct kedge_key_pair_der parts = {.private_key =
                                           kedge_slice(security->secret, security->secret_size)};
    memset(credentials, 0, sizeof *credentials);
    switch (security->mode) {
    case KEDGE_ACCOUNT_PRE_SHARED_KEY:
        take_shared_key(security, credentials);
        return KEDGE_OK;
    case KEDGE_ACCOUNT_RAW_PUBLIC_KEY:
        parts.server_key = server_key;
        return kedge_credentials_from_der(credentials, &parts, own);
    case KEDGE_ACCOUNT_CERTIFICATE:
        parts.certificate = kedge_slice(security->identity, security->identity_size);
        parts.server_certificate = server_key;
        parts.server_is_of_it = security->certificate_usage == KEDGE_ACCOUNT_TRUST_ANCHOR;
        return kedge_credentials_from_der(credentials, &parts, own);
    default:
        return KEDGE_OK; /* without security: nothing to prove */
    }
}
