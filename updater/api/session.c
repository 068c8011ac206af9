/*
 * session.c: logging in and out with a browser, and requests that prove who asks by a cookie.
 *
 * What changes something must come from our own page, whatever cookie comes along: browsers say
 * where a request is from in its Origin. What only reads needs no such check, for no other page may
 * read the answer, and SameSite=Strict keeps the cookie away from other sites altogether.
 */
#include "updater/api/internal.h"
#include "updater/api/origin.h"

#include <stdio.h>
#include <string.h>

#define COOKIE \
    "__Host-kedge" /* browsers take such a name only with Secure and Path=/, and for no domain */
#define COOKIE_RULES "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age="

static const char *header(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* NULL when there is none that can be one. */
static const char *session_secret(const struct request *request)
{
    const char *value = MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, COOKIE);
    return value != NULL && strlen(value) == SESSION_SECRET_SIZE ? value : NULL;
}

static bool origin_is_own(struct request *request)
{
    switch (origin_judge(header(request, MHD_HTTP_HEADER_ORIGIN),
                         header(request, MHD_HTTP_HEADER_HOST), request->place->secure)) {
    case ORIGIN_OWN:
        return true;
    case ORIGIN_PLAIN:
        refuse(request, MHD_HTTP_FORBIDDEN, "insecure", NULL,
               "the dashboard is used over HTTPS (--https, or behind a proxy that has it): over "
               "plain HTTP others could read who you are on the way, and browsers do not keep it");
        return false;
    case ORIGIN_MISSING:
        refuse(request, MHD_HTTP_FORBIDDEN, "origin", NULL,
               "who is logged in with a browser changes something from the dashboard alone, and "
               "the request does not say where it is from (Origin); programs use "
               "Authorization: Bearer TOKEN");
        return false;
    case ORIGIN_OTHER:
        break;
    }
    refuse(request, MHD_HTTP_FORBIDDEN, "origin", NULL,
           "the request is from a page of another origin; behind a proxy, it must pass the Host "
           "header on as it came");
    return false;
}

bool session_given(const struct request *request)
{
    return session_secret(request) != NULL;
}

bool session_authenticate(struct request *request)
{
    uint8_t hash[KEDGE_SHA256_SIZE];
    bool reads = strcmp(request->route->method, "GET") == 0;
    if (!reads && !origin_is_own(request))
        return false;
    if (!sessions_find(&request->api->sessions, session_secret(request), seconds_now(), hash))
        return refuse_token(request, "this server knows no such session; log in again");
    kedge_sha256(kedge_slice_text(session_secret(request)), request->session_hash);
    request->of_session = true;
    return token_take(request, hash);
}

/* ---- logging in and out ---- */

static void set_cookie(struct request *request, const char *secret, unsigned lifetime_s)
{
    char cookie[sizeof(COOKIE) + SESSION_SECRET_SIZE + sizeof(COOKIE_RULES) + 16];
    (void)snprintf(cookie, sizeof(cookie), COOKIE "=%s" COOKIE_RULES "%u", secret, lifetime_s);
    (void)answer_header(request, MHD_HTTP_HEADER_SET_COOKIE, cookie);
    kedge_wipe(cookie, sizeof(cookie));
}

void session_begin(struct request *request)
{
    const char *token = NULL;
    const struct field fields[] = {{.name = "token",
                                    .kind = FIELD_TEXT,
                                    .required = true,
                                    .least = 1,
                                    .most = TOKEN_MAX,
                                    .text = &token}};
    uint8_t hash[KEDGE_SHA256_SIZE];
    char secret[SESSION_SECRET_SIZE + 1];
    if (!origin_is_own(request) || !body_read(request, request->json, "", fields, 1))
        return;
    kedge_sha256(kedge_slice_text(token), hash);
    if (!token_take(request, hash))
        return;
    enum kedge_rc rc = sessions_begin(&request->api->sessions, hash, seconds_now(), secret);
    if (rc != KEDGE_OK) {
        refuse_rc(request, rc, NULL, "");
        return;
    }
    answer_json(request, MHD_HTTP_CREATED, token_json(&request->token));
    set_cookie(request, secret, SESSION_LIFETIME_S);
    kedge_wipe(secret, sizeof(secret));
}

void session_end(struct request *request)
{
    const char *secret = session_secret(request);
    if (secret == NULL || !sessions_end(&request->api->sessions, secret)) {
        refuse(request, MHD_HTTP_NOT_FOUND, "not_found", NULL, "nobody is logged in here");
        return;
    }
    events_recheck(request->api->events);
    answer_empty(request);
    set_cookie(request, "", 0);
}
