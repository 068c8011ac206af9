/* audit.c: what people did. */
#include "updater/api/internal.h"

static bool list_entry(void *context, const struct kedge_audit_entry *entry)
{
    json_t **items = context;
    json_add(items, audit_json(entry));
    return *items != NULL;
}

void audit_list(struct request *request)
{
    struct kedge_page page;
    char subject[KEDGE_ENDPOINT_MAX + 1];
    bool given;
    if (!query_page(request, &page) ||
        !query_text(request, "subject", subject, sizeof(subject), &given))
        return;
    json_t *items = json_array();
    enum kedge_rc rc =
        kedge_reader_audit(request->reader, given ? subject : NULL, &page, list_entry, &items);
    answer_list(request, reader_ok(request, rc, "entry"), "audit", items, &page);
}
