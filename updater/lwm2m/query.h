/* query.h: the queries of a request ("ep=name", "Q"), by their names. Pure. */
#ifndef KEDGE_UPDATER_QUERY_H
#define KEDGE_UPDATER_QUERY_H

#include <kedge/coap.h>

struct query_value {
    bool there;
    bool has_value; /* "name=value", not "name" */
    struct kedge_slice value;
};

/**
 * Takes the queries of these names, of which each may be there once (false: one is there twice);
 * others are left alone, as later versions may add some. `values` are zeroed by the caller, and
 * borrow the request.
 */
bool query_collect(const struct kedge_coap_message *request, const char *const *names, size_t count,
                   struct query_value *values);

#endif
