/* access_token.h: the secret by which somebody proves to the API who they are. */
#ifndef KEDGE_UPDATER_ACCESS_TOKEN_H
#define KEDGE_UPDATER_ACCESS_TOKEN_H

#include "updater/api/backend.h"

/**
 * Makes one: KEDGE_TOKEN_PREFIX, by which it is found where it should not be, and 32 random bytes
 * in hex. `hash` is what is kept of it. KEDGE_E_SYSTEM, with errno, without random numbers. Wipe
 * `token`.
 */
enum kedge_rc kedge_access_token_make(char token[KEDGE_TOKEN_SIZE + 1],
                                      uint8_t hash[32]) KEDGE_MUST_USE;

#endif
