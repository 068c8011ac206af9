/* filters.c: filters out of bodies and queries. */
#define _POSIX_C_SOURCE 200809L
#include "updater/api/filters.h"

#include <stdlib.h>

/* NULL: refused by the name of the field. */
static struct kedge_filter *read_field(struct request *request, enum kedge_filter_of of,
                                       const char *field, const char *text)
{
    struct kedge_filter_problem problem;
    struct kedge_filter *filter = malloc(sizeof(*filter));
    if (filter == NULL) {
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return NULL;
    }
    if (kedge_filter_parse(of, kedge_slice_text(text), filter, &problem) == KEDGE_OK)
        return filter;
    free(filter);
    refuse(request, MHD_HTTP_BAD_REQUEST, "filter", field, "%s: line %u, column %u: %s", field,
           problem.line, problem.column, problem.text);
    return NULL;
}

struct kedge_filter *filter_read(struct request *request, const char *text)
{
    return read_field(request, KEDGE_FILTER_OF_DEVICE, "filter", text);
}

bool filter_check(struct request *request, const char *field, const char *text)
{
    struct kedge_filter *filter = read_field(request, KEDGE_FILTER_OF_DEVICE, field, text);
    free(filter);
    return filter != NULL;
}

bool query_filter(struct request *request, enum kedge_filter_of of, struct kedge_filter **out)
{
    char text[KEDGE_FILTER_TEXT_MAX + 1];
    bool given;
    *out = NULL;
    if (!query_text(request, "filter", text, sizeof(text), &given))
        return false;
    if (given)
        *out = read_field(request, of, "filter", text);
    return !given || *out != NULL;
}

