/* model_read.c: what a server reads, observes and discovers, as records in the format it takes. */
#include "agent/client/model_parts.h"

#include <kedge/lwm2m_records.h>

struct gathered {
    struct kedge_lwm2m_record records[KEDGE_MODEL_RECORDS_MAX];
    size_t count;
};

/* `place` counts the instances of a multiple resource; the record has the instance's own id. */
static enum kedge_rc gather_value(const struct kedge_model_hooks *hooks,
                                  const struct model_resource *resource, uint16_t instance,
                                  uint16_t place, struct gathered *gathered)
{
    if (gathered->count == KEDGE_MODEL_RECORDS_MAX)
        return KEDGE_E_LIMIT;
    struct kedge_lwm2m_record *record = &gathered->records[gathered->count];
    *record = (struct kedge_lwm2m_record){
        .path = {.ids = {resource->object, instance, resource->id, place},
                 .depth = kedge_model_is_multiple(resource) ? 4 : 3},
        .encoding = KEDGE_LWM2M_TYPED,
        .value = {.type = kedge_model_type(resource)},
    };
    KEDGE_TRY(hooks->read(hooks->context, &record->path, &record->value));
    gathered->count++;
    return KEDGE_OK;
}

/* One that has no value is left out. */
static enum kedge_rc gather_resource(const struct kedge_model_hooks *hooks,
                                     const struct model_resource *resource, uint16_t instance,
                                     struct gathered *gathered)
{
    enum kedge_rc rc = KEDGE_OK;
    uint16_t place = 0;
    do
        rc = gather_value(hooks, resource, instance, place++, gathered);
    while (rc == KEDGE_OK && kedge_model_is_multiple(resource));
    return rc == KEDGE_E_NOT_FOUND ? KEDGE_OK : rc;
}

/* The one instance of a multiple resource that has the id, if there is one. */
static enum kedge_rc gather_instance(const struct kedge_model_hooks *hooks,
                                     const struct model_resource *resource, uint16_t instance,
                                     uint16_t id, struct gathered *gathered)
{
    const size_t before = gathered->count;
    for (uint16_t place = 0;; place++) {
        enum kedge_rc rc = gather_value(hooks, resource, instance, place, gathered);
        if (rc != KEDGE_OK)
            return rc == KEDGE_E_NOT_FOUND ? KEDGE_OK : rc;
        if (gathered->records[before].path.ids[3] == id)
            return KEDGE_OK;
        gathered->count = before;
    }
}

static bool is_asked(const struct model_resource *resource, uint16_t instance,
                     const struct kedge_lwm2m_path *path)
{
    const struct kedge_lwm2m_path own = {.ids = {resource->object, instance, resource->id},
                                         .depth = 3};
    return kedge_lwm2m_path_shares(path, &own, path->depth < 3 ? path->depth : 3);
}

/* The whole resource, or (UINT16_MAX: none) the one instance of it that is asked for. */
static uint16_t asked_index(const struct model_resource *resource, uint16_t instance,
                            const struct kedge_lwm2m_path *paths, size_t count, bool *whole)
{
    uint16_t index = UINT16_MAX;
    *whole = false;
    for (size_t i = 0; i < count; i++) {
        if (!is_asked(resource, instance, &paths[i]))
            continue;
        /* Several instances of one resource are answered by all that it has. */
        *whole = *whole || paths[i].depth < 4 || (index != UINT16_MAX && index != paths[i].ids[3]);
        index = paths[i].depth == 4 ? paths[i].ids[3] : index;
    }
    return index;
}

static enum kedge_rc gather_asked(const struct kedge_model_hooks *hooks,
                                  const struct model_resource *resource, uint16_t instance,
                                  const struct kedge_model_paths *paths, struct gathered *gathered)
{
    bool whole;
    uint16_t index = asked_index(resource, instance, paths->paths, paths->count, &whole);
    if ((resource->operations & KEDGE_LWM2M_R) == 0)
        return KEDGE_OK;
    if (whole)
        return gather_resource(hooks, resource, instance, gathered);
    if (index == UINT16_MAX || !kedge_model_is_multiple(resource))
        return KEDGE_OK;
    return gather_instance(hooks, resource, instance, index, gathered);
}

static bool is_readable(const struct kedge_model_hooks *hooks, uint16_t object, uint16_t instance)
{
    const struct kedge_lwm2m_path path = {.ids = {object, instance}, .depth = 2};
    return kedge_model_may(hooks, &path, KEDGE_ACCESS_READ);
}

/* OMA LwM2M Core 1.1, section 8.2.4: of an object, the instances that the server may read. */
static uint8_t right_refusal(const struct kedge_model_hooks *hooks,
                             const struct kedge_lwm2m_path *path)
{
    uint16_t first = path->depth > 1 ? path->ids[1] : 0;
    uint16_t end = path->depth > 1 ? (uint16_t)(first + 1) : kedge_model_instances(path->ids[0]);
    for (uint16_t instance = first; instance < end; instance++)
        if (is_readable(hooks, path->ids[0], instance))
            return 0;
    return KEDGE_COAP_UNAUTHORIZED;
}

/* Object by object, and of an object instance by instance, as the formats want them. */
static enum kedge_rc gather(const struct kedge_model_hooks *hooks,
                            const struct kedge_model_paths *paths, struct gathered *gathered)
{
    size_t count, next;
    const struct model_resource *resources = kedge_model_resources(&count);
    for (size_t first = 0; first < count; first = next) {
        uint16_t object = resources[first].object;
        for (next = first; next < count && resources[next].object == object;)
            next++;
        uint16_t instances = kedge_model_instances(object);
        for (uint16_t instance = 0; instance < instances; instance++)
            for (size_t i = first; i < next && is_readable(hooks, object, instance); i++)
                KEDGE_TRY(gather_asked(hooks, &resources[i], instance, paths, gathered));
    }
    return KEDGE_OK;
}

/* ---- the answer ---- */

static uint32_t mark_bytes(uint32_t mark, const void *bytes, size_t size)
{
    return kedge_crc32(mark, kedge_slice(bytes, size));
}

static uint32_t mark_record(uint32_t mark, const struct kedge_lwm2m_record *record)
{
    const struct kedge_lwm2m_value *value = &record->value;
    mark = mark_bytes(mark, record->path.ids, sizeof record->path.ids);
    switch (value->type) {
    case KEDGE_LWM2M_STRING:
    case KEDGE_LWM2M_OPAQUE:
        return kedge_crc32(mark, value->bytes);
    case KEDGE_LWM2M_UNSIGNED:
        return mark_bytes(mark, &value->unsigned_integer, sizeof value->unsigned_integer);
    case KEDGE_LWM2M_FLOAT:
        return mark_bytes(mark, &value->number, sizeof value->number);
    case KEDGE_LWM2M_OBJECT_LINK:
        return mark_bytes(mark, &value->link, sizeof value->link);
    default:
        return mark_bytes(mark, &value->integer, sizeof value->integer);
    }
}

static uint32_t mark_of(const struct gathered *gathered)
{
    uint32_t mark = 0;
    for (size_t i = 0; i < gathered->count; i++) {
        const struct kedge_lwm2m_record *record = &gathered->records[i];
        if (gathered->count == 1 ||
            !kedge_model_moves(kedge_model_find(record->path.ids[0], record->path.ids[2])))
            mark = mark_record(mark, record);
    }
    return mark;
}

static bool is_one_value(const struct kedge_lwm2m_path *path)
{
    if (path->depth < 3)
        return false;
    const struct model_resource *resource = kedge_model_find(path->ids[0], path->ids[2]);
    return path->depth == 4 || (resource != NULL && !kedge_model_is_multiple(resource));
}

static bool takes_many_paths(uint32_t format)
{
    return format == KEDGE_LWM2M_FORMAT_SENML_CBOR || format == KEDGE_LWM2M_FORMAT_SENML_JSON ||
           format == KEDGE_LWM2M_FORMAT_LWM2M_CBOR;
}

static struct kedge_model_answer answer(const struct gathered *gathered,
                                        const struct kedge_lwm2m_path *path, uint32_t format,
                                        struct kedge_writer *out)
{
    enum kedge_rc rc =
        kedge_lwm2m_records_write(format, path, gathered->records, gathered->count, out);
    if (rc == KEDGE_E_UNSUPPORTED || rc == KEDGE_E_TYPE)
        return kedge_model_code(KEDGE_COAP_NOT_ACCEPTABLE);
    if (rc != KEDGE_OK)
        return kedge_model_code(KEDGE_COAP_INTERNAL_ERROR);
    return (struct kedge_model_answer){
        .code = KEDGE_COAP_CONTENT, .format = format, .mark = mark_of(gathered)};
}

struct kedge_model_answer kedge_model_read(const struct kedge_model_hooks *hooks,
                                           const struct kedge_model_paths *paths, uint32_t accept,
                                           struct kedge_writer *out)
{
    struct gathered gathered = {.count = 0};
    uint8_t refused = paths->composite ? 0 : right_refusal(hooks, &paths->paths[0]);
    if (refused != 0)
        return kedge_model_code(refused);
    if (gather(hooks, paths, &gathered) != KEDGE_OK)
        return kedge_model_code(KEDGE_COAP_INTERNAL_ERROR);
    if (paths->composite) {
        static const struct kedge_lwm2m_path root = {.depth = 0};
        if (!takes_many_paths(accept))
            return kedge_model_code(KEDGE_COAP_NOT_ACCEPTABLE);
        return answer(&gathered, &root, accept, out);
    }
    const struct kedge_lwm2m_path *path = &paths->paths[0];
    if (path->depth > 2 && gathered.count == 0)
        return kedge_model_code(KEDGE_COAP_NOT_FOUND);
    uint32_t format = accept;
    if (format == KEDGE_LWM2M_FORMAT_NONE)
        format = is_one_value(path) ? KEDGE_LWM2M_FORMAT_TEXT : KEDGE_LWM2M_FORMAT_TLV;
    return answer(&gathered, path, format, out);
}

/* ---- numbers ---- */

static bool is_number(enum kedge_lwm2m_type type)
{
    return type == KEDGE_LWM2M_INTEGER || type == KEDGE_LWM2M_UNSIGNED || type == KEDGE_LWM2M_FLOAT;
}

bool kedge_model_number(const struct kedge_model_hooks *hooks,
                        const struct kedge_model_paths *paths, double *number)
{
    const struct kedge_lwm2m_path *path = &paths->paths[0];
    if (paths->composite || !is_one_value(path))
        return false;
    const struct model_resource *resource = kedge_model_find(path->ids[0], path->ids[2]);
    if (resource == NULL || !is_number(kedge_model_type(resource)))
        return false;
    struct kedge_lwm2m_value value = {.type = kedge_model_type(resource)};
    struct kedge_lwm2m_path whole = *path;
    whole.depth = 4;
    for (uint16_t place = 0;; place++) {
        whole.ids[3] = place;
        if (hooks->read(hooks->context, &whole, &value) != KEDGE_OK)
            return false;
        if (path->depth == 3 || whole.ids[3] == path->ids[3])
            break;
    }
    *number = value.type == KEDGE_LWM2M_FLOAT      ? value.number
              : value.type == KEDGE_LWM2M_UNSIGNED ? (double)value.unsigned_integer
                                                   : (double)value.integer;
    return true;
}

uint8_t kedge_model_attributes_refusal(const struct kedge_model_hooks *hooks,
                                       const struct kedge_lwm2m_path *path, bool *is_numeric)
{
    *is_numeric = false;
    if (path->depth == 0)
        return KEDGE_COAP_METHOD_NOT_ALLOWED;
    uint8_t refused = kedge_model_path_refusal(path);
    if (refused == 0 && path->depth > 1)
        refused = right_refusal(hooks, path);
    if (refused == 0 && path->depth > 2)
        *is_numeric = is_number(kedge_model_type(kedge_model_find(path->ids[0], path->ids[2])));
    return refused;
}

/* ---- which paths a request is about ---- */

static uint8_t read_paths(const struct kedge_model_request *request,
                          struct kedge_model_paths *paths)
{
    uint8_t decoded[KEDGE_LWM2M_BASE_NAME_MAX];
    struct kedge_writer scratch = kedge_writer(decoded, sizeof decoded);
    struct kedge_lwm2m_reader reader;
    struct kedge_lwm2m_record record;
    enum kedge_rc rc = kedge_lwm2m_reader_open(&reader, request->format, request->payload,
                                               &request->path, &scratch);
    while (rc == KEDGE_OK && (rc = kedge_lwm2m_reader_next(&reader, &record)) == KEDGE_OK) {
        if (record.value.type != KEDGE_LWM2M_NOTHING)
            return KEDGE_COAP_BAD_REQUEST;
        if (paths->count == KEDGE_MODEL_PATHS_MAX)
            return KEDGE_COAP_TOO_LARGE;
        paths->paths[paths->count++] = record.path;
    }
    if (rc != KEDGE_E_NOT_FOUND || paths->count == 0)
        return KEDGE_COAP_BAD_REQUEST;
    return 0;
}

uint8_t kedge_model_request_paths(const struct kedge_model_request *request,
                                  struct kedge_model_paths *paths)
{
    *paths = (struct kedge_model_paths){.composite = request->method == KEDGE_COAP_FETCH};
    if (!paths->composite) {
        paths->paths[paths->count++] = request->path;
        return 0;
    }
    if (request->path.depth != 0)
        return KEDGE_COAP_METHOD_NOT_ALLOWED;
    if (request->format != KEDGE_LWM2M_FORMAT_SENML_CBOR &&
        request->format != KEDGE_LWM2M_FORMAT_SENML_JSON)
        return KEDGE_COAP_UNSUPPORTED_FORMAT;
    return read_paths(request, paths);
}

/* ---- Discover ---- */

static enum kedge_rc write_link(const struct kedge_model_hooks *hooks, struct kedge_writer *out,
                                struct kedge_lwm2m_path path, bool inherited)
{
    char target[25], attributes[KEDGE_MODEL_LINK_ATTRIBUTES_MAX + 1];
    struct kedge_writer said = kedge_writer(attributes, KEDGE_MODEL_LINK_ATTRIBUTES_MAX);
    kedge_lwm2m_path_text(&path, target);
    if (path.depth == 1 && path.ids[0] == KEDGE_LWM2M_OBJECT_FIRMWARE)
        KEDGE_TRY(kedge_writer_put(&said, kedge_slice_text(KEDGE_MODEL_OBJECT_5_ATTRIBUTE)));
    KEDGE_TRY(hooks->attributes(hooks->context, &path, inherited, &said));
    attributes[said.size] = '\0';
    return kedge_link_write(out, target, attributes);
}

/* What can be read is there only when it has a value (a hardware revision, for one). */
static bool is_there(const struct kedge_model_hooks *hooks, const struct model_resource *resource,
                     uint16_t instance)
{
    struct kedge_lwm2m_path path = {.ids = {resource->object, instance, resource->id}, .depth = 4};
    struct kedge_lwm2m_value value = {.type = kedge_model_type(resource)};
    if (resource->object == KEDGE_LWM2M_OBJECT_SERVER && resource->id == 9)
        return hooks->has_bootstrap_trigger;
    return (resource->operations & KEDGE_LWM2M_R) == 0 ||
           hooks->read(hooks->context, &path, &value) == KEDGE_OK;
}

/* The resources of one instance, and before them the instance itself where the object was asked
 * for. */
static enum kedge_rc discover_instance(const struct kedge_model_hooks *hooks, uint16_t object,
                                       uint16_t instance, bool itself, struct kedge_writer *out)
{
    size_t count;
    const struct model_resource *resources = kedge_model_resources(&count);
    struct kedge_lwm2m_path path = {.ids = {object, instance}, .depth = 2};
    if (itself)
        KEDGE_TRY(write_link(hooks, out, path, false));
    path.depth = 3;
    for (size_t i = 0; i < count; i++) {
        if (resources[i].object != object || !is_there(hooks, &resources[i], instance))
            continue;
        path.ids[2] = resources[i].id;
        KEDGE_TRY(write_link(hooks, out, path, false));
    }
    return KEDGE_OK;
}

struct kedge_model_answer kedge_model_discover(const struct kedge_model_hooks *hooks,
                                               const struct kedge_lwm2m_path *path,
                                               struct kedge_writer *out)
{
    uint16_t object = path->ids[0];
    enum kedge_rc rc = write_link(hooks, out, *path, true);
    if (rc == KEDGE_OK && path->depth == 2)
        rc = discover_instance(hooks, object, path->ids[1], false, out);
    uint16_t instances = path->depth == 1 ? kedge_model_instances(object) : 0;
    for (uint16_t i = 0; rc == KEDGE_OK && i < instances; i++)
        rc = discover_instance(hooks, object, i, true, out);
    if (rc != KEDGE_OK)
        return kedge_model_code(KEDGE_COAP_INTERNAL_ERROR);
    return (struct kedge_model_answer){.code = KEDGE_COAP_CONTENT,
                                       .format = KEDGE_LWM2M_FORMAT_LINK};
}

static enum kedge_rc write_bare_link(struct kedge_writer *out, struct kedge_lwm2m_path path,
                                     const char *attributes)
{
    char target[25];
    kedge_lwm2m_path_text(&path, target);
    return kedge_link_write(out, target, attributes);
}

enum kedge_rc kedge_model_links(struct kedge_writer *out)
{
    size_t count;
    const struct model_resource *resources = kedge_model_resources(&count);
    KEDGE_TRY(kedge_link_write(out, "/", KEDGE_MODEL_FORMATS));
    for (size_t i = 0; i < count; i++) {
        uint16_t object = resources[i].object;
        if (i > 0 && resources[i - 1].object == object)
            continue;
        if (object == KEDGE_LWM2M_OBJECT_FIRMWARE)
            KEDGE_TRY(write_bare_link(out, (struct kedge_lwm2m_path){.ids = {object}, .depth = 1},
                                      KEDGE_MODEL_OBJECT_5_ATTRIBUTE));
        uint16_t instances = kedge_model_instances(object);
        for (uint16_t instance = 0; instance < instances; instance++)
            KEDGE_TRY(write_bare_link(
                out, (struct kedge_lwm2m_path){.ids = {object, instance}, .depth = 2}, ""));
    }
    return KEDGE_OK;
}
