/* account.c: see account.h. */
#include "agent/client/account.h"

#include "agent/client/registration.h"
#include "agent/fetch/channel.h"

#include <string.h>

void kedge_account_init(struct kedge_account *account)
{
    memset(account, 0, sizeof *account);
}

void kedge_account_security_init(struct kedge_account_security *security, uint16_t instance)
{
    memset(security, 0, sizeof *security);
    security->present = true;
    security->instance = instance;
    security->mode = UINT64_MAX;
    security->certificate_usage = KEDGE_ACCOUNT_DOMAIN_ISSUED;
}

void kedge_account_server_init(struct kedge_account_server *server, uint16_t instance)
{
    memset(server, 0, sizeof *server);
    server->present = true;
    server->instance = instance;
    server->bootstrap_on_failure = true;
    server->retry_count = KEDGE_ACCOUNT_RETRY_COUNT_DEFAULT;
    server->retry_timer_s = KEDGE_ACCOUNT_RETRY_TIMER_DEFAULT_S;
}

static const char *pre_shared_key_flaw(const struct kedge_account_security *security)
{
    if (security->identity_size == 0 || security->identity_size > KEDGE_PSK_IDENTITY_MAX ||
        memchr(security->identity, '\0', security->identity_size) != NULL)
        return "its identity does not have 1 to 128 bytes without NUL";
    if (security->secret_size == 0 || security->secret_size > KEDGE_PSK_KEY_MAX)
        return "its pre-shared key does not have 1 to 64 bytes";
    return NULL;
}

static const char *key_pair_flaw(const struct kedge_account_security *security, bool has_own_key)
{
    if (security->secret_size == 0 && !has_own_key)
        return "it has no private key, and this device has none of its own";
    if (security->server_key_size == 0)
        return "it does not say by what the server is known";
    return NULL;
}

static const char *certificate_flaw(const struct kedge_account_security *security, bool has_own_key)
{
    if (security->identity_size == 0)
        return "it has no certificate";
    if (security->certificate_usage != KEDGE_ACCOUNT_TRUST_ANCHOR &&
        security->certificate_usage != KEDGE_ACCOUNT_DOMAIN_ISSUED)
        return "it asks for a Certificate Usage other than 2 and 3";
    return key_pair_flaw(security, has_own_key);
}

static const char *proof_flaw(const struct kedge_account_security *security, bool has_own_key)
{
    switch (security->mode) {
    case KEDGE_ACCOUNT_PRE_SHARED_KEY:
        return pre_shared_key_flaw(security);
    case KEDGE_ACCOUNT_RAW_PUBLIC_KEY:
        return key_pair_flaw(security, has_own_key);
    case KEDGE_ACCOUNT_CERTIFICATE:
        return certificate_flaw(security, has_own_key);
    case KEDGE_ACCOUNT_NO_SECURITY:
        return NULL;
    default:
        return "its Security Mode is none of 0 to 3";
    }
}

static const char *security_flaw(const struct kedge_account_security *security, bool has_own_key)
{
    struct kedge_uri uri;
    if (!security->present)
        return "there is no Security instance for a server";
    if (security->unfamiliar)
        return "it asks for a protection that this device does not have";
    if (kedge_uri_parse(kedge_slice_text(security->uri), &uri) != KEDGE_OK || uri.query.size > 0)
        return "its server URI is none of coap and coaps";
    if (uri.secure == (security->mode == KEDGE_ACCOUNT_NO_SECURITY))
        return "its server URI does not go with its Security Mode";
    return proof_flaw(security, has_own_key);
}

static const char *server_flaw(const struct kedge_account_server *server)
{
    if (!server->present)
        return "there is no Server instance";
    if (server->lifetime_s < KEDGE_LIFETIME_MIN_S || server->lifetime_s > KEDGE_LIFETIME_MAX_S)
        return "its lifetime is missing or out of range";
    if (strchr(server->binding, 'U') == NULL)
        return "its binding is not by UDP";
    return NULL;
}

const char *kedge_account_flaw(const struct kedge_account *account, bool has_own_key)
{
    const char *flaw = security_flaw(&account->security, has_own_key);
    if (flaw == NULL)
        flaw = server_flaw(&account->server);
    if (flaw == NULL && (account->security.server_id == 0 ||
                         account->security.server_id != account->server.server_id))
        flaw = "the Short Server IDs of its two instances are not the same";
    if (flaw == NULL)
        flaw = kedge_access_flaw(&account->access);
    return flaw;
}
