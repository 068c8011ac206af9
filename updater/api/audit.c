/* audit.c: what people did. */
#include "updater/api/internal.h"

#include <string.h>

#define WHAT_MAX 32u

static bool list_entry(void *context, const struct kedge_audit_entry *entry)
{
    json_t **items = context;
    json_add(items, audit_json(entry));
    return *items != NULL;
}

void audit_list(struct request *request)
{
    struct kedge_page page;
    char subject[KEDGE_ENDPOINT_MAX + 1], who[KEDGE_NAME_MAX + 1], what[WHAT_MAX + 1], order[8];
    bool of_one, of_somebody, of_something, ordered;
    if (!query_page(request, &page) ||
        !query_text(request, "subject", subject, sizeof(subject), &of_one) ||
        !query_text(request, "who", who, sizeof(who), &of_somebody) ||
        !query_text(request, "what", what, sizeof(what), &of_something) ||
        !query_text(request, "order", order, sizeof(order), &ordered))
        return;
    if (ordered && strcmp(order, "newest") != 0 && strcmp(order, "oldest") != 0) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "order", "order is oldest or newest");
        return;
    }
    const struct kedge_audit_filter filter = {.subject = of_one ? subject : NULL,
                                              .who = of_somebody ? who : NULL,
                                              .what = of_something ? what : NULL,
                                              .newest_first = strcmp(order, "newest") == 0};
    json_t *items = json_array();
    enum kedge_rc rc = kedge_reader_audit(request->reader, &filter, &page, list_entry, &items);
    answer_list(request, reader_ok(request, rc, "entry"), "audit", items, &page);
}
