/* sessions.c: who is logged in with a browser. */
#include "updater/api/sessions.h"

#include <string.h>
#include <sys/random.h>

void sessions_init(struct sessions *sessions)
{
    memset(sessions, 0, sizeof(*sessions));
    pthread_mutex_init(&sessions->lock, NULL);
}

void sessions_close(struct sessions *sessions)
{
    pthread_mutex_destroy(&sessions->lock);
}

/* Where another one of the token goes: a free place, or that of the one that ends first. */
static struct session *place_for(struct sessions *sessions, const uint8_t *token_hash)
{
    struct session *first = &sessions->all[0], *first_of_token = NULL;
    size_t of_token = 0;
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *session = &sessions->all[i];
        if (session->ends_at_s < first->ends_at_s)
            first = session;
        if (session->ends_at_s == 0 ||
            memcmp(session->token_hash, token_hash, KEDGE_SHA256_SIZE) != 0)
            continue;
        of_token++;
        if (first_of_token == NULL || session->ends_at_s < first_of_token->ends_at_s)
            first_of_token = session;
    }
    return of_token >= SESSIONS_OF_TOKEN_MAX ? first_of_token : first;
}

static struct session *find_hash(struct sessions *sessions, const uint8_t hash[KEDGE_SHA256_SIZE])
{
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *session = &sessions->all[i];
        if (session->ends_at_s != 0 &&
            kedge_equal_constant_time(session->secret_hash, hash, KEDGE_SHA256_SIZE))
            return session;
    }
    return NULL;
}

static struct session *find(struct sessions *sessions, const char *secret)
{
    uint8_t hash[KEDGE_SHA256_SIZE];
    kedge_sha256(kedge_slice_text(secret), hash);
    return find_hash(sessions, hash);
}

enum kedge_rc sessions_begin(struct sessions *sessions, const uint8_t token_hash[KEDGE_SHA256_SIZE],
                             uint64_t now_s, char secret[SESSION_SECRET_SIZE + 1])
{
    uint8_t random[SESSION_SECRET_SIZE / 2];
    struct session session = {.ends_at_s = now_s + SESSION_LIFETIME_S};
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return KEDGE_E_SYSTEM;
    kedge_hex_encode(kedge_slice(random, sizeof(random)), secret);
    kedge_wipe(random, sizeof(random));
    kedge_sha256(kedge_slice_text(secret), session.secret_hash);
    memcpy(session.token_hash, token_hash, sizeof(session.token_hash));
    pthread_mutex_lock(&sessions->lock);
    *place_for(sessions, token_hash) = session;
    pthread_mutex_unlock(&sessions->lock);
    return KEDGE_OK;
}

bool sessions_find(struct sessions *sessions, const char *secret, uint64_t now_s,
                   uint8_t token_hash[KEDGE_SHA256_SIZE])
{
    pthread_mutex_lock(&sessions->lock);
    const struct session *session = find(sessions, secret);
    bool stands = session != NULL && session->ends_at_s > now_s;
    if (stands)
        memcpy(token_hash, session->token_hash, KEDGE_SHA256_SIZE);
    pthread_mutex_unlock(&sessions->lock);
    return stands;
}

bool sessions_stands(struct sessions *sessions, const uint8_t secret_hash[KEDGE_SHA256_SIZE],
                     uint64_t now_s)
{
    pthread_mutex_lock(&sessions->lock);
    const struct session *session = find_hash(sessions, secret_hash);
    bool stands = session != NULL && session->ends_at_s > now_s;
    pthread_mutex_unlock(&sessions->lock);
    return stands;
}

bool sessions_end(struct sessions *sessions, const char *secret)
{
    pthread_mutex_lock(&sessions->lock);
    struct session *session = find(sessions, secret);
    if (session != NULL)
        memset(session, 0, sizeof(*session));
    pthread_mutex_unlock(&sessions->lock);
    return session != NULL;
}
