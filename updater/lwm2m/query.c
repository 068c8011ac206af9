/* query.c: the queries of a request. */
#include "updater/lwm2m/query.h"

#include <string.h>

static void split(struct kedge_slice query, struct kedge_slice *name, struct query_value *value)
{
    const uint8_t *sign = query.size > 0 ? memchr(query.data, '=', query.size) : NULL;
    size_t size = sign != NULL ? (size_t)(sign - query.data) : query.size;
    *name = kedge_slice(query.data, size);
    *value = (struct query_value){.there = true, .has_value = sign != NULL};
    if (sign != NULL)
        value->value = kedge_slice(sign + 1, query.size - size - 1);
}

static bool take(const char *const *names, size_t count, struct query_value *values,
                 struct kedge_slice query)
{
    struct kedge_slice name;
    struct query_value value;
    split(query, &name, &value);
    for (size_t i = 0; i < count; i++) {
        if (!kedge_slice_equal(name, kedge_slice_text(names[i])))
            continue;
        if (values[i].there)
            return false;
        values[i] = value;
    }
    return true;
}

bool query_collect(const struct kedge_coap_message *request, const char *const *names, size_t count,
                   struct query_value *values)
{
    struct kedge_coap_options walk = kedge_coap_options(request);
    struct kedge_coap_option option;
    while (kedge_coap_option_next(&walk, &option))
        if (option.number == KEDGE_COAP_URI_QUERY && !take(names, count, values, option.value))
            return false;
    return true;
}
