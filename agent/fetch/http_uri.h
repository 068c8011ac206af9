/*
 * http_uri.h: an http:// or https:// URI as a device is given it, or is redirected to. The cutting
 * is libcurl's own, so that what is judged here is what it then connects to.
 */
#ifndef KEDGE_AGENT_HTTP_URI_H
#define KEDGE_AGENT_HTTP_URI_H

#include <kedge/base.h>

#define KEDGE_HTTP_URI_MAX 2048u /* of a redirect: those that sign what they point to are long */

/**
 * kedge_http_uri_check() says whether `text` can be fetched, and by HTTPS (`secure`) or HTTP.
 * KEDGE_E_PROTOCOL for any other scheme; KEDGE_E_URI when it is longer than KEDGE_HTTP_URI_MAX,
 * names no host or no port that can be, or has user information in it (RFC 9110 section 4.2.4).
 */
enum kedge_rc kedge_http_uri_check(const char *text, bool *secure) KEDGE_MUST_USE;

/**
 * kedge_http_uri_resolve() is where a redirect (RFC 9110 section 10.2.2) from `base` to `location`
 * leads, without a fragment. Fails as kedge_http_uri_check() does; `base` must be one that it
 * takes.
 */
enum kedge_rc kedge_http_uri_resolve(const char *base, struct kedge_slice location,
                                     char target[KEDGE_HTTP_URI_MAX + 1],
                                     bool *secure) KEDGE_MUST_USE;

#endif
