/*
 * origin.c: whether a request comes from the dashboard's own page.
 *
 * A page says where it is from by scheme and authority; ours is the one whose authority the request
 * went to. Over plain HTTP a browser keeps a Secure cookie for its own machine at most, and only
 * there does nobody else read it on its way.
 */
#include "updater/api/origin.h"

#include <string.h>
#include <strings.h>

#define SCHEME_SECURE "https://"
#define SCHEME_PLAIN "http://"

/* Whether the authority is one of this machine: only browsers on it get here by such a name. */
static bool is_loopback(const char *authority)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t size = strlen(names[i]);
        if (strncasecmp(authority, names[i], size) == 0 &&
            (authority[size] == '\0' || authority[size] == ':'))
            return true;
    }
    return false;
}

enum origin_verdict origin_judge(const char *origin, const char *host, bool secure)
{
    if (origin == NULL || host == NULL)
        return ORIGIN_MISSING;
    bool is_secure = strncmp(origin, SCHEME_SECURE, strlen(SCHEME_SECURE)) == 0;
    bool is_plain = !secure && strncmp(origin, SCHEME_PLAIN, strlen(SCHEME_PLAIN)) == 0;
    if (!is_secure && !is_plain)
        return ORIGIN_OTHER;
    const char *authority = &origin[strlen(is_secure ? SCHEME_SECURE : SCHEME_PLAIN)];
    if (authority[0] == '\0' || strcasecmp(authority, host) != 0)
        return ORIGIN_OTHER;
    return is_secure || is_loopback(authority) ? ORIGIN_OWN : ORIGIN_PLAIN;
}
