/* classes.c: how devices of a class do what others do otherwise. */
#include "updater/api/internal.h"

#include <string.h>

static bool list_class(void *context, const struct kedge_class_record *record)
{
    return json_add_to(context, class_json(record));
}

void classes_list(struct request *request)
{
    const struct kedge_page whole = {.next = ""};
    json_t *items = json_array();
    enum kedge_rc rc = kedge_reader_classes(request->reader, list_class, &items);
    answer_list(request, reader_ok(request, rc, "class"), "classes", items, &whole);
}

/* What the backend refuses of a setting begins with its name; NULL: it is no one setting. */
static const char *setting_at_fault(const struct field *fields, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(fields[i].name);
        if (strncmp(text, fields[i].name, size) == 0 && text[size] == ' ')
            return fields[i].name;
    }
    return NULL;
}

void class_set(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    struct kedge_backend_class settings = {.vendor = NULL};
    const struct field fields[] = {
        {.name = "class",
         .kind = FIELD_NAME,
         .required = true,
         .least = 1,
         .most = KEDGE_CLASS_MAX,
         .text = &settings.class_name},
        {.name = "vendor",
         .kind = FIELD_NAME,
         .least = 1,
         .most = KEDGE_VENDOR_MAX,
         .text = &settings.vendor},
        {.name = "version_path",
         .kind = FIELD_TEXT,
         .least = 1,
         .most = KEDGE_CLASS_PATH_MAX,
         .text = &settings.version_path},
        {.name = "success", .kind = FIELD_TEXT, .least = 1, .most = 16, .text = &settings.success},
    };
    const size_t count = sizeof(fields) / sizeof(fields[0]);
    if (!body_read(request, request->json, "", fields, count))
        return;
    if (settings.vendor == NULL)
        settings.vendor = "";
    struct kedge_class_record record;
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    enum kedge_rc rc = backend->class_put(backend->context, request->who, &settings, &record, text);
    if (rc == KEDGE_OK)
        answer_json(request, MHD_HTTP_OK, class_json(&record));
    else
        refuse_rc(request, rc, setting_at_fault(fields, count, text), text);
}

void class_remove(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char vendor[KEDGE_VENDOR_MAX + 1], text[KEDGE_BACKEND_TEXT_MAX] = "";
    if (!query_text(request, "vendor", vendor, sizeof(vendor), NULL))
        return;
    enum kedge_rc rc =
        backend->class_remove(backend->context, request->who, vendor, request->parameter, text);
    if (rc == KEDGE_OK)
        answer_empty(request);
    else
        refuse_rc(request, rc, NULL, text);
}
