/* expelling.c: see expelling.h. */
#include "updater/kedged/expelling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "updater/store/store.h"

#define TEXT_SIZE (KEDGE_ENDPOINT_MAX + 1u)

struct kedge_expelling *kedge_expelling_create(size_t room)
{
    struct kedge_expelling *expelling =
        calloc(1, sizeof(*expelling) + room * (sizeof(expelling->endpoints[0]) + TEXT_SIZE));
    if (expelling == NULL)
        return NULL;
    char *texts = (char *)&expelling->endpoints[room];
    for (size_t i = 0; i < room; i++)
        expelling->endpoints[i] = texts + i * TEXT_SIZE;
    return expelling;
}

void kedge_expelling_add(struct kedge_expelling *expelling, const char *endpoint)
{
    char *text = (char *)(uintptr_t)expelling->endpoints[expelling->count++];
    (void)snprintf(text, TEXT_SIZE, "%s", endpoint);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void kedge_expelling_sort(struct kedge_expelling *expelling)
{
    qsort(expelling->endpoints, expelling->count, sizeof(expelling->endpoints[0]), compare);
}

bool kedge_expelling_holds(const struct kedge_expelling *expelling, const char *endpoint)
{
    return bsearch(&endpoint, expelling->endpoints, expelling->count,
                   sizeof(expelling->endpoints[0]), compare) != NULL;
}
