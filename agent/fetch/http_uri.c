/* http_uri.c: see http_uri.h. */
#include "agent/fetch/http_uri.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

/* libcurl sends what it is given: nothing but printable ASCII may stand in a request line. */
static bool characters_fit(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return true;
}

static enum kedge_rc scheme_of(CURLU *parts, bool *secure)
{
    char *scheme = NULL;
    if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return KEDGE_E_URI;
    *secure = strcasecmp(scheme, "https") == 0;
    bool known = *secure || strcasecmp(scheme, "http") == 0;
    curl_free(scheme);
    return known ? KEDGE_OK : KEDGE_E_PROTOCOL;
}

/* RFC 9110 section 4.2.1: a host there must be. libcurl takes the path's first segment for one. */
static bool names_a_host(const char *text)
{
    const char *host = strstr(text, "://");
    return host != NULL && host[3] != '/';
}

static enum kedge_rc port_of(CURLU *parts)
{
    char *port = NULL;
    if (curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
        return KEDGE_E_URI;
    bool none = strcmp(port, "0") == 0;
    curl_free(port);
    return none ? KEDGE_E_URI : KEDGE_OK;
}

#define FLAGS (CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER)

enum kedge_rc kedge_http_uri_check(const char *text, bool *secure)
{
    if (strlen(text) > KEDGE_HTTP_URI_MAX || !characters_fit(text))
        return KEDGE_E_URI;
    CURLU *parts = curl_url();
    if (parts == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = KEDGE_E_URI;
    if (curl_url_set(parts, CURLUPART_URL, text, FLAGS) == CURLUE_OK)
        rc = scheme_of(parts, secure);
    if (rc == KEDGE_OK)
        rc = names_a_host(text) ? port_of(parts) : KEDGE_E_URI;
    curl_url_cleanup(parts);
    return rc;
}

/* `parts` are those of the base. NULL, or the whole URI, to be given to curl_free(). */
static char *move_to(CURLU *parts, const char *location)
{
    char *whole = NULL;
    if (curl_url_set(parts, CURLUPART_URL, location, FLAGS) == CURLUE_OK &&
        curl_url_set(parts, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK)
        curl_url_get(parts, CURLUPART_URL, &whole, 0);
    return whole;
}

enum kedge_rc kedge_http_uri_resolve(const char *base, struct kedge_slice location,
                                     char target[KEDGE_HTTP_URI_MAX + 1], bool *secure)
{
    char text[KEDGE_HTTP_URI_MAX + 1];
    if (location.size == 0 || location.size > KEDGE_HTTP_URI_MAX)
        return KEDGE_E_URI;
    memcpy(text, location.data, location.size);
    text[location.size] = '\0';
    CURLU *parts = curl_url();
    if (parts == NULL)
        return KEDGE_E_MEMORY;
    char *whole = NULL;
    enum kedge_rc rc = KEDGE_E_URI;
    if (characters_fit(text) && curl_url_set(parts, CURLUPART_URL, base, 0) == CURLUE_OK)
        whole = move_to(parts, text);
    if (whole != NULL)
        rc = kedge_http_uri_check(whole, secure);
    if (rc == KEDGE_OK)
        strcpy(target, whole);
    curl_free(whole);
    curl_url_cleanup(parts);
    return rc;
}
