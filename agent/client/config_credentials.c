/* config_credentials.c: see config_credentials.h. */
#include "agent/client/config_credentials.h"

#include "agent/client/log.h"

#include <errno.h>
#include <string.h>

static bool load_shared_key(const struct kedge_agent_config *config,
                            struct kedge_credentials *credentials)
{
    enum kedge_rc rc = kedge_credentials_load(credentials, config->psk_identity, config->psk_file);
    if (rc == KEDGE_OK)
        return true;
    kedge_log(KEDGE_LOG_ERROR, "--psk-identity '%s' with --psk-file '%s': %s", config->psk_identity,
              config->psk_file,
              rc == KEDGE_E_SYSTEM ? strerror(errno)
                                   : "wants an identity and one line of 2 to 128 hex digits");
    return false;
}

static bool load_key_pair(const struct kedge_agent_config *config,
                          struct kedge_credentials *credentials)
{
    const struct kedge_key_pair_files files = {
        .private_key = config->private_key,
        .certificate = config->certificate,
        .server_ca = config->server_ca,
        .server_key = config->server_public_key,
    };
    const char *wrong;
    enum kedge_rc rc = kedge_credentials_load_key_pair(credentials, &files, &wrong);
    if (rc == KEDGE_OK)
        return true;
    kedge_log(KEDGE_LOG_ERROR, "%s: %s", wrong,
              rc == KEDGE_E_SYSTEM  ? strerror(errno)
              : rc == KEDGE_E_LIMIT ? "is too long"
              : wrong == config->certificate
                  ? "is no certificate in PEM, or not that of --private-key"
                  : "is not what it should be, in PEM and not encrypted");
    return false;
}

bool kedge_config_credentials(const struct kedge_agent_config *config,
                              struct kedge_credentials *credentials)
{
    bool shared = config->psk_file[0] != '\0' || config->psk_identity[0] != '\0';
    bool certified = config->certificate[0] != '\0' || config->server_ca[0] != '\0';
    bool raw = config->server_public_key[0] != '\0';
    bool pair = config->private_key[0] != '\0';
    bool whole = certified ? pair && config->certificate[0] != '\0' && config->server_ca[0] != '\0'
                           : pair == raw;
    if ((shared && (certified || raw || pair)) || (certified && raw) || !whole) {
        kedge_log(KEDGE_LOG_ERROR,
                  "a device proves itself in one way: --psk-identity and --psk-file; or "
                  "--private-key, --certificate and --server-ca; or --private-key and "
                  "--server-public-key");
        return false;
    }
    if (shared)
        return load_shared_key(config, credentials);
    return !pair || load_key_pair(config, credentials);
}
