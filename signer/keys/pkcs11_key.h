/*
 * pkcs11_key.h: one key pair on a token on which a session is open.
 */
#ifndef KEDGE_SIGNER_PKCS11_KEY_H
#define KEDGE_SIGNER_PKCS11_KEY_H

#include "signer/keys/pkcs11_module.h"
#include <kedge/crypto.h>

/** How the private key is named towards wolfCrypt: by its id, or by its label when it has none. */
struct kedge_pkcs11_key {
    uint8_t id[ECC_MAX_ID_LEN];
    size_t id_size;
    char label[ECC_MAX_LABEL_LEN + 1];
};

/**
 * kedge_pkcs11_key_find() finds the one private P-256 key that `uri` names, and its public key,
 * which the token must have as an object of its own. Says what is wrong (KEDGE_EXIT_KEY).
 */
enum kedge_exit kedge_pkcs11_key_find(const Pkcs11Dev *module, CK_SESSION_HANDLE session,
                                      const struct kedge_pkcs11_uri *uri,
                                      struct kedge_pkcs11_key *key,
                                      struct kedge_public_key *public_key);

#endif
