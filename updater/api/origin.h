/*
 * origin.h: whether a request comes from the dashboard's own page (RFC 6454, and what browsers call
 * cross-site requests).
 *
 * Pure: two values of the request's header go in, a verdict comes out.
 */
#ifndef KEDGE_UPDATER_API_ORIGIN_H
#define KEDGE_UPDATER_API_ORIGIN_H

#include <kedge/base.h>

enum origin_verdict {
    ORIGIN_OWN,
    ORIGIN_MISSING,
    ORIGIN_OTHER,
    ORIGIN_PLAIN /* our own, over plain HTTP from elsewhere than this machine */
};

/**
 * `origin` and `host` are the values of Origin and Host, NULL where there is none. `secure`: the
 * request came over TLS to us; where it did not, a proxy may have taken it so.
 */
enum origin_verdict origin_judge(const char *origin, const char *host, bool secure);

#endif
