/* access_token.c: a token of the API is made. */
#include "updater/kedged/access_token.h"

#include <kedge/crypto.h>

#include <string.h>
#include <sys/random.h>

#define SECRET_SIZE ((KEDGE_TOKEN_SIZE - (sizeof(KEDGE_TOKEN_PREFIX) - 1)) / 2)

enum kedge_rc kedge_access_token_make(char token[KEDGE_TOKEN_SIZE + 1], uint8_t hash[32])
{
    uint8_t secret[SECRET_SIZE];
    if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
        return KEDGE_E_SYSTEM;
    memcpy(token, KEDGE_TOKEN_PREFIX, sizeof(KEDGE_TOKEN_PREFIX) - 1);
    kedge_hex_encode(kedge_slice(secret, sizeof(secret)), &token[sizeof(KEDGE_TOKEN_PREFIX) - 1]);
    kedge_sha256(kedge_slice_text(token), hash);
    kedge_wipe(secret, sizeof(secret));
    return KEDGE_OK;
}
