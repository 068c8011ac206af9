/* key.c: private keys, and the choice of the algorithm by the key's own record. */
#include "core/crypto/algorithms.h"

#include <string.h>

const char *kedge_algorithm_name(enum kedge_algorithm algorithm)
{
    switch (algorithm) {
    case KEDGE_ED25519:
        return "ed25519";
    case KEDGE_ESP256:
        return "esp256";
    }
    return "unknown";
}

enum kedge_rc kedge_private_key_from_secret(enum kedge_algorithm algorithm,
                                            const uint8_t secret[KEDGE_PRIVATE_KEY_SIZE],
                                            struct kedge_private_key *key)
{
    struct kedge_private_key made = {.public_key = {.algorithm = algorithm}};
    memcpy(made.secret, secret, sizeof made.secret);
    enum kedge_rc rc = KEDGE_E_ARGUMENT;
    if (algorithm == KEDGE_ED25519)
        rc = kedge_ed25519_public(secret, made.public_key.bytes);
    else if (algorithm == KEDGE_ESP256)
        rc = kedge_ecdsa_public(secret, made.public_key.bytes);
    if (rc == KEDGE_OK)
        rc = kedge_public_key_identify(&made.public_key);
    if (rc == KEDGE_OK)
        *key = made;
    kedge_wipe(&made, sizeof made);
    return rc;
}

enum kedge_rc kedge_private_key_generate(enum kedge_algorithm algorithm,
                                         const struct kedge_random *random,
                                         struct kedge_private_key *key)
{
    uint8_t secret[KEDGE_PRIVATE_KEY_SIZE];
    enum kedge_rc rc = KEDGE_E_KEY;
    /* A P-256 secret is out of range once in 2^32 draws: draw again, but not for ever. */
    for (int attempt = 0; attempt < 8 && rc == KEDGE_E_KEY; attempt++) {
        rc = random->fill(random->context, secret, sizeof secret);
        if (rc == KEDGE_OK)
            rc = kedge_private_key_from_secret(algorithm, secret, key);
    }
    kedge_wipe(secret, sizeof secret);
    return rc;
}

enum kedge_rc kedge_sign(const struct kedge_private_key *key, struct kedge_slice message,
                         uint8_t signature[KEDGE_SIGNATURE_SIZE])
{
    switch (key->public_key.algorithm) {
    case KEDGE_ED25519:
        return kedge_ed25519_sign(key, message, signature);
    case KEDGE_ESP256:
        return kedge_ecdsa_sign(key, message, signature);
    }
    return KEDGE_E_ARGUMENT;
}

enum kedge_rc kedge_verify(const struct kedge_public_key *key, struct kedge_slice message,
                           struct kedge_slice signature)
{
    if (signature.size != KEDGE_SIGNATURE_SIZE)
        return KEDGE_E_SIGNATURE;
    switch (key->algorithm) {
    case KEDGE_ED25519:
        return kedge_ed25519_verify(key->bytes, message, signature.data);
    case KEDGE_ESP256:
        return kedge_ecdsa_verify(key->bytes, message, signature.data);
    }
    return KEDGE_E_ARGUMENT;
}
