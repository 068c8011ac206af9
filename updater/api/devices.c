/* devices.c: devices as they are committed, and their tags. */
#define _POSIX_C_SOURCE 200809L
#include "updater/api/filters.h"
#include "updater/api/names.h"

#include <stdlib.h>
#include <string.h>

static bool list_device(void *context, const struct kedge_device_record *record)
{
    return json_add_to(context, device_json(record));
}

void devices_list(struct request *request)
{
    struct kedge_page page;
    char vendor[KEDGE_VENDOR_MAX + 1], class_name[KEDGE_CLASS_MAX + 1];
    bool by_vendor, by_class;
    struct kedge_filter *filter;
    if (!query_page(request, &page) ||
        !query_text(request, "vendor", vendor, sizeof(vendor), &by_vendor) ||
        !query_text(request, "class", class_name, sizeof(class_name), &by_class) ||
        !query_filter(request, KEDGE_FILTER_OF_DEVICE, &filter))
        return;
    const struct kedge_matching which = {.filter = filter,
                                         .vendor = by_vendor ? vendor : NULL,
                                         .class_name = by_class ? class_name : NULL,
                                         .now_ms = wall_now_ms()};
    json_t *items = json_array();
    enum kedge_rc rc =
        filter != NULL ? kedge_reader_matching(request->reader, &which, &page, list_device, &items)
                       : kedge_reader_devices(request->reader, which.vendor, which.class_name,
                                              &page, list_device, &items);
    free(filter);
    answer_list(request, reader_ok(request, rc, "device"), "devices", items, &page);
}

/* What the factory says of it, as far as it was enrolled for bootstrapping. */
static json_t *factory_json(struct request *request, enum kedge_rc *rc)
{
    struct kedge_bootstrap_record record;
    *rc = kedge_reader_bootstrap_of(request->reader, request->parameter, &record);
    if (*rc != KEDGE_OK)
        return json_null();
    json_t *json = bootstrap_json(&record);
    if (json != NULL)
        (void)json_object_del(json, "endpoint");
    return json;
}

/* What is known only while it is registered; else null. */
static void put_reach(struct request *request, json_t **json)
{
    const struct kedge_backend *backend = request->api->config.backend;
    struct kedge_backend_reach reach;
    bool is_known = backend->device_reach(backend->context, request->parameter, &reach) == KEDGE_OK;
    bool is_expected = is_known && reach.asleep && reach.expected_at_ms != 0;
    json_put(json, "queue_mode", is_known ? json_boolean(reach.queue_mode) : json_null());
    json_put(json, "asleep", is_known ? json_boolean(reach.asleep) : json_null());
    json_put(json, "expected_at_ms",
             is_expected ? json_integer((json_int_t)reach.expected_at_ms) : json_null());
}

void device_show(struct request *request)
{
    struct kedge_device_record record;
    if (!reader_ok(request, kedge_reader_device(request->reader, request->parameter, &record),
                   "device"))
        return;
    enum kedge_rc rc;
    json_t *json = device_json(&record);
    json_put(&json, "factory", factory_json(request, &rc));
    put_reach(request, &json);
    if (rc == KEDGE_OK || rc == KEDGE_E_NOT_FOUND) {
        answer_json(request, MHD_HTTP_OK, json);
        return;
    }
    json_decref(json);
    (void)reader_ok(request, rc, "device");
}

/* ---- tags ---- */

static bool refuse_tags(struct request *request, const char *words)
{
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "tags", "%s", words);
    return false;
}

static bool refuse_tag(struct request *request, const char *name, const char *words)
{
    char field[KEDGE_NAME_MAX + sizeof("tags.")];
    (void)snprintf(field, sizeof(field), "tags.%s", name);
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", field, "%s %s", field, words);
    return false;
}

/* Not with the name in it, which would not look like what it is. */
static bool refuse_tag_name(struct request *request, const char *words)
{
    char text[160];
    (void)snprintf(text, sizeof(text), "the name of a tag %s", words);
    return refuse_tags(request, text);
}

/* RFC 7396: a member that is null is taken away, any other is set. */
static bool merge_tags(struct request *request, json_t *tags, json_t *changes)
{
    const char *name;
    json_t *value;
    json_object_foreach(changes, name, value)
    {
        if (name[0] == '\0' || strlen(name) > KEDGE_NAME_MAX)
            return refuse_tags(request, "the name of a tag has 1 to 64 bytes");
        if (json_is_null(value)) {
            (void)json_object_del(tags, name);
            continue;
        }
        if (!json_is_string(value))
            return refuse_tag(request, name, "must be a string, or null to remove the tag");
        const char *fault = names_fault(name);
        if (fault != NULL)
            return refuse_tag_name(request, fault);
        if ((fault = names_text_fault(json_string_value(value))) != NULL)
            return refuse_tag(request, name, fault);
        if (json_object_set(tags, name, value) != 0) {
            answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
            return false;
        }
    }
    return true;
}

static bool store_tags(struct request *request, json_t *tags)
{
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    char *packed = json_dumps(tags, JSON_COMPACT | JSON_SORT_KEYS);
    if (packed == NULL) {
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return false;
    }
    const struct kedge_backend *backend = request->api->config.backend;
    enum kedge_rc rc = KEDGE_OK;
    if (strlen(packed) > KEDGE_TAGS_MAX)
        (void)refuse_tags(request, "the tags of a device have at most 1023 bytes as JSON");
    else if ((rc = backend->device_set_tags(backend->context, request->who, request->parameter,
                                            packed, text)) != KEDGE_OK)
        refuse_rc(request, rc, NULL, text);
    free(packed);
    return request->answer == NULL;
}

/* One change at a time, so that none is lost between reading and setting. */
static bool change_tags(struct request *request, json_t *changes)
{
    struct kedge_device_record record;
    if (!reader_ok(request, kedge_reader_device(request->reader, request->parameter, &record),
                   "device"))
        return false;
    json_t *tags = json_loads(record.tags, JSON_REJECT_DUPLICATES, NULL);
    if (tags == NULL)
        tags = json_object();
    bool changed = tags != NULL && merge_tags(request, tags, changes) && store_tags(request, tags);
    json_decref(tags);
    return changed;
}

void device_change(struct request *request)
{
    json_t *changes = NULL;
    const struct field fields[] = {
        {.name = "tags", .kind = FIELD_OBJECT, .required = true, .json = &changes},
    };
    if (!body_read(request, request->json, "", fields, 1))
        return;
    pthread_mutex_lock(&request->api->tags_lock);
    bool changed = change_tags(request, changes);
    pthread_mutex_unlock(&request->api->tags_lock);
    if (changed)
        device_show(request);
}
