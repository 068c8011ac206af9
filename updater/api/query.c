/* query.c: what stands behind the question mark. */
#include "updater/api/internal.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_DEFAULT 100u
#define QUERY_NAMES_MAX 16u

struct names_seen {
    struct request *request;
    const char *names[QUERY_NAMES_MAX];
    size_t count;
};

static bool name_known(const char *known, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = known; size > 0 && *at != '\0'; at += strcspn(at, " ") + 1)
        if (strncmp(at, name, size) == 0 && at[size] == ' ')
            return true;
    return false;
}

static enum MHD_Result check_name(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    struct names_seen *seen = context;
    struct request *request = seen->request;
    if (!name_known(request->route->query, name)) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", name,
               "this resource has no query parameter \"%.64s\"", name);
        return MHD_NO;
    }
    /* Taken for absent, "?dry_run" would do what it is to try, and "?filter" mean everything. */
    if (value == NULL) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", name,
               "the query parameter \"%s\" has no value: %s=...", name, name);
        return MHD_NO;
    }
    for (size_t i = 0; i < seen->count; i++) {
        if (strcmp(seen->names[i], name) == 0) {
            refuse(request, MHD_HTTP_BAD_REQUEST, "argument", name,
                   "the query parameter \"%s\" stands there twice", name);
            return MHD_NO;
        }
    }
    /* Only known names come here, each once, and no route has so many. */
    seen->names[seen->count++] = name;
    return MHD_YES;
}

bool query_check(struct request *request)
{
    struct names_seen seen = {.request = request};
    (void)MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, check_name, &seen);
    return request->answer == NULL;
}

bool query_text(struct request *request, const char *name, char *out, size_t out_size, bool *given)
{
    const char *value =
        MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
    out[0] = '\0';
    if (given != NULL)
        *given = value != NULL;
    if (value == NULL || percent_decode(kedge_slice_text(value), out, out_size))
        return true;
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", name,
           "the query parameter \"%s\" is too long or wrongly escaped", name);
    return false;
}

bool query_page(struct request *request, struct kedge_page *page)
{
    char limit[16];
    bool given;
    memset(page, 0, sizeof(*page));
    page->limit = PAGE_DEFAULT;
    if (!query_text(request, "cursor", page->cursor, sizeof(page->cursor), NULL) ||
        !query_text(request, "limit", limit, sizeof(limit), &given))
        return false;
    if (!given)
        return true;
    unsigned long value =
        strspn(limit, "0123456789") == strlen(limit) ? strtoul(limit, NULL, 10) : 0;
    if (value < 1 || value > KEDGE_STORE_PAGE_MAX) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "limit", "limit must be 1 to %u",
               KEDGE_STORE_PAGE_MAX);
        return false;
    }
    page->limit = (uint32_t)value;
    return true;
}

bool query_order(struct request *request, bool *newest_first)
{
    char order[8];
    bool given;
    if (!query_text(request, "order", order, sizeof(order), &given))
        return false;
    *newest_first = strcmp(order, "newest") == 0;
    if (!given || *newest_first || strcmp(order, "oldest") == 0)
        return true;
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "order", "order is oldest or newest");
    return false;
}

bool parameter_number(const struct request *request, uint64_t *id)
{
    const char *text = request->parameter;
    size_t digits = strlen(text);
    *id = 0;
    /* 18 digits are below 2^63, which is what the store can hold */
    if (digits <= 18 && strspn(text, "0123456789") == digits)
        *id = strtoull(text, NULL, 10);
    return *id != 0;
}

bool parameter_id(struct request *request, uint64_t *id)
{
    if (parameter_number(request, id))
        return true;
    refuse(request, MHD_HTTP_NOT_FOUND, "not_found", NULL, "there is no rollout \"%s\"",
           request->parameter);
    return false;
}
