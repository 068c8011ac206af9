/*
 * sessions.h: who is logged in with a browser: each has a secret in a cookie that stands for a
 * token.
 *
 * They are kept in memory alone: whoever is logged in when the server restarts logs in again. A
 * session is nothing but another name of its token: the token is looked up at each request, so one
 * that is revoked or has expired ends its sessions.
 */
#ifndef KEDGE_UPDATER_API_SESSIONS_H
#define KEDGE_UPDATER_API_SESSIONS_H

#include <kedge/crypto.h>
#include <pthread.h>

#define SESSIONS_MAX 1024u
#define SESSIONS_OF_TOKEN_MAX                                                                    \
    32u                           /* the one that ends first gives way to another, in both cases \
                                   */
#define SESSION_LIFETIME_S 43200u /* half a day */
#define SESSION_SECRET_SIZE 64u   /* characters */

struct session {
    uint8_t secret_hash[KEDGE_SHA256_SIZE];
    uint8_t token_hash[KEDGE_SHA256_SIZE]; /* as the store has it */
    uint64_t ends_at_s;                    /* 0: nobody's */
};

/** Zeroed but for its lock: nobody is logged in. From any thread. */
struct sessions {
    pthread_mutex_t lock;
    struct session all[SESSIONS_MAX];
};

void sessions_init(struct sessions *sessions);
void sessions_close(struct sessions *sessions);
/**
 * Somebody logs in by the token, at `now_s`, which never goes back; `secret` is theirs from then on
 * and kept nowhere. KEDGE_E_SYSTEM: there are no random numbers.
 */
enum kedge_rc sessions_begin(struct sessions *sessions, const uint8_t token_hash[KEDGE_SHA256_SIZE],
                             uint64_t now_s, char secret[SESSION_SECRET_SIZE + 1]) KEDGE_MUST_USE;
/** The token for which the secret stands; false when it stands for none, or not any more. */
bool sessions_find(struct sessions *sessions, const char *secret, uint64_t now_s,
                   uint8_t token_hash[KEDGE_SHA256_SIZE]);
/** Whether a secret of this hash stands for a token still. */
bool sessions_stands(struct sessions *sessions, const uint8_t secret_hash[KEDGE_SHA256_SIZE],
                     uint64_t now_s);
/** The secret stands for nothing from now on; false when it did so before. */
bool sessions_end(struct sessions *sessions, const char *secret);

#endif
