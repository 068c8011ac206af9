/* twice.c: devices that stand in one list twice. */
#include "updater/api/twice.h"

#include <stdlib.h>
#include <string.h>

static int compare_places(const struct twice_place *one, const struct twice_place *two)
{
    return (one->place > two->place) - (one->place < two->place);
}

static int compare_endpoints(const void *a, const void *b)
{
    const struct twice_place *one = a, *two = b;
    int order = strcmp(one->credential->endpoint, two->credential->endpoint);
    return order != 0 ? order : compare_places(one, two);
}

static int compare_identities(const void *a, const void *b)
{
    const struct twice_place *one = a, *two = b;
    int order = (one->credential->kind > two->credential->kind) -
                (one->credential->kind < two->credential->kind);
    if (order == 0)
        order = strcmp(one->credential->identity, two->credential->identity);
    return order != 0 ? order : compare_places(one, two);
}

static bool same_endpoint(const struct twice_place *one, const struct twice_place *two)
{
    return strcmp(one->credential->endpoint, two->credential->endpoint) == 0;
}

/* Who proves nothing has its endpoint as identity. */
static bool same_identity(const struct twice_place *one, const struct twice_place *two)
{
    return one->credential->kind == two->credential->kind &&
           one->credential->kind != KEDGE_CREDENTIAL_NONE &&
           strcmp(one->credential->identity, two->credential->identity) == 0;
}

static const char *member_of(enum kedge_credential_kind kind)
{
    return kind == KEDGE_CREDENTIAL_RAW_KEY       ? "public_key"
           : kind == KEDGE_CREDENTIAL_CERTIFICATE ? "certificate_name"
                                                  : "identity";
}

void twice_find(struct twice_place *places, size_t count, twice_fn *twice, void *context)
{
    qsort(places, count, sizeof(*places), compare_endpoints);
    for (size_t i = 1; i < count; i++)
        if (same_endpoint(&places[i - 1], &places[i]))
            twice(context, places[i].place, "endpoint", places[i - 1].place);
    qsort(places, count, sizeof(*places), compare_identities);
    for (size_t i = 1; i < count; i++)
        if (same_identity(&places[i - 1], &places[i]))
            twice(context, places[i].place, member_of(places[i].credential->kind),
                  places[i - 1].place);
}
