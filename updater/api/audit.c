/* audit.c: what people did. */
#include "updater/api/internal.h"

#include <string.h>

#define WHAT_MAX 32u

static bool list_entry(void *context, const struct kedge_audit_entry *entry)
{
    return json_add_to(context, audit_json(entry));
}

void audit_list(struct request *request)
{
    struct kedge_page page;
    char subject[KEDGE_ENDPOINT_MAX + 1], who[KEDGE_NAME_MAX + 1], what[WHAT_MAX + 1];
    bool of_one, of_somebody, of_something, newest_first;
    if (!query_page(request, &page) ||
        !query_text(request, "subject", subject, sizeof(subject), &of_one) ||
        !query_text(request, "who", who, sizeof(who), &of_somebody) ||
        !query_text(request, "what", what, sizeof(what), &of_something) ||
        !query_order(request, &newest_first))
        return;
    const struct kedge_audit_filter filter = {.subject = of_one ? subject : NULL,
                                              .who = of_somebody ? who : NULL,
                                              .what = of_something ? what : NULL,
                                              .newest_first = newest_first};
    json_t *items = json_array();
    enum kedge_rc rc = kedge_reader_audit(request->reader, &filter, &page, list_entry, &items);
    answer_list(request, reader_ok(request, rc, "entry"), "audit", items, &page);
}
