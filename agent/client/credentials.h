/* credentials.h: the pre-shared key from its file. */
#ifndef KEDGE_AGENT_CREDENTIALS_H
#define KEDGE_AGENT_CREDENTIALS_H

#include "agent/fetch/channel.h"

/**
 * kedge_credentials_load() reads the key, one line of hex digits, from `path`. KEDGE_E_SYSTEM with
 * errno, KEDGE_E_KEY when it is not 1 to KEDGE_PSK_KEY_MAX bytes of hex or the identity too long.
 */
enum kedge_rc kedge_credentials_load(struct kedge_credentials *credentials, const char *identity,
                                     const char *path) KEDGE_MUST_USE;

#endif
