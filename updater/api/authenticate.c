/*
 * authenticate.c: who asks, and whether they may.
 *
 * A token that is known is let through however many unknown ones came from the same address: else
 * whoever shares an address with an operator could lock them out. Nobody guesses 256 random bits;
 * what is held down is what failures cost the server and its log.
 */
#define _GNU_SOURCE
#include "updater/api/internal.h"

#include <kedge/crypto.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

uint64_t clock_now_ms(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

uint64_t seconds_now(void)
{
    return clock_now_ms(CLOCK_MONOTONIC) / 1000u;
}

uint64_t wall_now_ms(void)
{
    return clock_now_ms(CLOCK_REALTIME);
}

/* The token of "Authorization: Bearer TOKEN" (RFC 6750 section 2.1); empty when there is none. */
static struct kedge_slice bearer_token(struct request *request)
{
    const char *value = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                                    MHD_HTTP_HEADER_AUTHORIZATION);
    if (value == NULL || strncasecmp(value, "Bearer ", 7) != 0)
        return kedge_slice(NULL, 0);
    value += 7;
    value += strspn(value, " ");
    size_t size = strlen(value);
    while (size > 0 && (value[size - 1] == ' ' || value[size - 1] == '\t'))
        size--; /* what stands there is no part of a field's value (RFC 9110 section 5.5) */
    return kedge_slice(value, size > TOKEN_MAX ? 0 : size);
}

bool refuse_token(struct request *request, const char *why)
{
    struct host client = request_client(request);
    bool first;
    uint32_t wait_s = failures_count(&request->api->failures, &client, seconds_now(), &first);
    if (wait_s == 0) {
        refuse(request, MHD_HTTP_UNAUTHORIZED, "token", NULL, "%s", why);
        return false;
    }
    char text[INET6_ADDRSTRLEN], seconds[16];
    host_text(&client, text);
    if (first)
        api_warn(request->api, "more than %u unknown tokens within %u seconds from %s",
                FAILURES_MAX, FAILURES_WINDOW_S, text);
    refuse(request, MHD_HTTP_TOO_MANY_REQUESTS, "token", NULL,
           "this server knows no such token, and too many such came from this address; try again "
           "in %u %s",
           wait_s, kedge_by_count(wait_s, "second", "seconds"));
    (void)snprintf(seconds, sizeof(seconds), "%u", wait_s);
    (void)answer_header(request, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    return false;
}

bool token_take(struct request *request, const uint8_t hash[KEDGE_SHA256_SIZE])
{
    struct kedge_token_record record;
    enum kedge_rc rc = kedge_reader_token(request->reader, hash, &record);
    if (rc != KEDGE_OK && rc != KEDGE_E_NOT_FOUND)
        return reader_ok(request, rc, "token");
    if (rc != KEDGE_OK || !kedge_equal_constant_time(hash, record.hash, KEDGE_SHA256_SIZE))
        return refuse_token(request, "this server knows no such token");
    if (record.expires_at_ms != 0 && record.expires_at_ms <= wall_now_ms())
        return refuse_token(request, "this token has expired");
    request->token = record;
    return true;
}

bool request_may(struct request *request, unsigned rights)
{
    char roles[96] = "";
    if ((kedge_role_rights(request->token.role) & rights) != 0)
        return true;
    for (unsigned i = 0; i < KEDGE_ROLE_COUNT; i++) {
        size_t used = strlen(roles);
        if ((kedge_role_rights((enum kedge_role)i) & rights) != 0)
            (void)snprintf(&roles[used], sizeof(roles) - used, "%s%s", used > 0 ? " or " : "",
                           kedge_role_name((enum kedge_role)i));
    }
    refuse(request, MHD_HTTP_FORBIDDEN, "role", NULL,
           "the token \"%s\" has the role %s; this takes the role %s", request->token.name,
           kedge_role_name(request->token.role), roles);
    return false;
}

static bool find_who_asks(struct request *request)
{
    uint8_t hash[KEDGE_SHA256_SIZE];
    const struct kedge_slice token = bearer_token(request);
    if (token.size == 0)
        return session_authenticate(request);
    kedge_sha256(token, hash);
    return token_take(request, hash);
}

bool authenticate(struct request *request)
{
    if (request->route->rights == 0)
        return true;
    if (bearer_token(request).size == 0 && !session_given(request))
        return refuse_token(request, "a token is needed: Authorization: Bearer TOKEN");
    if (!request_take_reader(request))
        return false;
    bool known = find_who_asks(request);
    request_give_back_reader(request);
    return known && request_may(request, request->route->rights);
}
