/* device_operations.c: an operation on a device, for diagnosis: asked, waited for, and shown. */
#include "updater/api/internal.h"

#include <inttypes.h>
#include <kedge/lwm2m_operation.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_TEXT_MAX 24u
#define VALUE_TEXT_MAX (KEDGE_OPERATION_PAYLOAD_MAX / 3u * 4u + 4u) /* in Base64 */
#define ANSWERS_MAX 64u
#define DEPTH_MAX 3u /* OMA LwM2M Core 1.2, section 6.3.3 */
#define DEPTH_NONE UINT32_MAX
#define TIMEOUT_DEFAULT_S 30u
#define TIMEOUT_MAX_S 60u

/* An operation as the body asks for it, with the memory that its records need. */
struct asked {
    struct kedge_operation_request request;
    struct kedge_lwm2m_record records[KEDGE_OPERATION_RECORDS_MAX];
    char value_text[VALUE_TEXT_MAX + 1]; /* of the one that is being read */
    uint8_t scratch_bytes[KEDGE_OPERATION_PAYLOAD_MAX];
    struct kedge_writer scratch;
    uint32_t timeout_s, count, depth;
    char depth_text[sizeof("depth=") + 10];
    bool by_reset;
    struct kedge_backend_answer answers[ANSWERS_MAX];
};

static bool refuse_value(struct request *request, const char *field, const char *words)
{
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", field, "%s %s", field, words);
    return false;
}

/* The same for what is wrong at a path. */
static bool refuse_at(struct request *request, const char *field,
                      const struct kedge_lwm2m_path *path, const char *words)
{
    char text[25];
    kedge_lwm2m_path_text(path, text);
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", field, "%s: %s %s", field, text, words);
    return false;
}

/* ---- values ---- */

/* "values[1].type". */
struct member {
    char name[40];
};

static struct member member_of(const char *list, size_t index, const char *name)
{
    struct member member;
    (void)snprintf(member.name, sizeof(member.name), "%s[%zu]%s", list, index, name);
    return member;
}

/* The type that is named, or of the resource's definition, or of the JSON. */
static bool choose_type(struct request *request, size_t index, const struct kedge_lwm2m_path *path,
                        const char *name, const json_t *value, enum kedge_lwm2m_type *type)
{
    const struct kedge_lwm2m_definition *definition =
        path->depth >= 3 ? kedge_lwm2m_definition(path->ids[0], path->ids[2]) : NULL;
    if (name != NULL)
        return value_type_named(name, type) ||
               refuse_value(request, member_of("values", index, ".type").name,
                            "must be string, integer, unsigned, boolean, opaque, time, float or "
                            "object_link");
    if (definition != NULL && definition->type != KEDGE_LWM2M_NOTHING)
        *type = definition->type;
    else if (json_is_boolean(value))
        *type = KEDGE_LWM2M_BOOLEAN;
    else if (json_is_integer(value))
        *type = KEDGE_LWM2M_INTEGER;
    else if (json_is_real(value))
        *type = KEDGE_LWM2M_FLOAT;
    else
        *type = KEDGE_LWM2M_STRING;
    return true;
}

/* JSON as LwM2M's plain text, which is then read as the type. */
static bool value_text(const json_t *value, char *out, size_t size)
{
    if (json_is_string(value))
        return snprintf(out, size, "%s", json_string_value(value)) < (int)size &&
               strlen(json_string_value(value)) == json_string_length(value);
    if (json_is_boolean(value))
        return snprintf(out, size, "%d", json_is_true(value)) > 0;
    if (json_is_integer(value))
        return snprintf(out, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value)) > 0;
    return json_is_real(value) && snprintf(out, size, "%.17g", json_real_value(value)) > 0;
}

/* What a value of that type looks like. */
static const char *form_of(enum kedge_lwm2m_type type)
{
    switch (type) {
    case KEDGE_LWM2M_STRING:
        return "takes a string of at most 255 bytes";
    case KEDGE_LWM2M_INTEGER:
        return "takes an integer";
    case KEDGE_LWM2M_UNSIGNED:
        return "takes an unsigned integer";
    case KEDGE_LWM2M_BOOLEAN:
        return "takes a boolean: true or false, or 1 or 0";
    case KEDGE_LWM2M_OPAQUE:
        return "takes opaque bytes, in Base64 with padding, of at most 64 KiB";
    case KEDGE_LWM2M_TIME:
        return "takes a time: seconds since 1970, an integer";
    case KEDGE_LWM2M_FLOAT:
        return "takes a float";
    case KEDGE_LWM2M_OBJECT_LINK:
        return "takes an object link, like 3:0";
    case KEDGE_LWM2M_NOTHING:
        break;
    }
    return "takes no value";
}

/* Of what a device answers they are shown as JSON's, so they may come back as such. */
static const char *boolean_text(const char *text)
{
    if (strcmp(text, "true") == 0)
        return "1";
    return strcmp(text, "false") == 0 ? "0" : text;
}

static bool keep_value(struct asked *asked, const char *text, enum kedge_lwm2m_type type,
                       struct kedge_lwm2m_value *value)
{
    size_t start = asked->scratch.size;
    if (type == KEDGE_LWM2M_BOOLEAN)
        text = boolean_text(text);
    if (type == KEDGE_LWM2M_OPAQUE)
        return kedge_lwm2m_text_read(kedge_slice_text(text), type, &asked->scratch, value) ==
               KEDGE_OK;
    /* A string is borrowed from the text, so that must be kept. */
    if (kedge_writer_put(&asked->scratch, kedge_slice_text(text)) != KEDGE_OK)
        return false;
    return kedge_lwm2m_text_read(
               kedge_slice(asked->scratch.data + start, asked->scratch.size - start), type, NULL,
               value) == KEDGE_OK;
}

static bool read_path(struct request *request, const char *field, const char *text,
                      struct kedge_lwm2m_path *path)
{
    if (kedge_lwm2m_path_parse(kedge_slice_text(text), path) == KEDGE_OK)
        return true;
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", field,
           "%s: \"%s\" is no path; one is like /3/0/0, of four numbers at most, up to 65534", field,
           text);
    return false;
}

static bool add_record(struct request *request, struct asked *asked, const char *field,
                       const struct kedge_lwm2m_record *record)
{
    size_t at = asked->request.record_count;
    while (at > 0 && kedge_lwm2m_path_compare(&asked->records[at - 1].path, &record->path) > 0)
        at--;
    if (at > 0 && kedge_lwm2m_path_compare(&asked->records[at - 1].path, &record->path) == 0)
        return refuse_at(request, field, &record->path, "is there twice");
    memmove(&asked->records[at + 1], &asked->records[at],
            (asked->request.record_count - at) * sizeof(asked->records[0]));
    asked->records[at] = *record;
    asked->request.record_count++;
    return true;
}

static bool read_value(struct request *request, struct asked *asked, size_t index, json_t *object)
{
    const struct member value_field = member_of("values", index, ".value");
    const char *path = NULL, *type_name = NULL;
    const struct field fields[] = {
        {.name = "path",
         .kind = FIELD_TEXT,
         .required = true,
         .most = PATH_TEXT_MAX,
         .text = &path},
        {.name = "type", .kind = FIELD_TEXT, .most = 16, .text = &type_name},
    };
    char *text = asked->value_text;
    struct kedge_lwm2m_record record = {.encoding = KEDGE_LWM2M_TYPED};
    enum kedge_lwm2m_type type;
    json_t *value = json_incref(json_object_get(object, "value"));
    (void)json_object_del(object, "value");
    bool good = value != NULL || refuse_value(request, value_field.name, "is missing");
    good = good && body_read(request, object, member_of("values", index, ".").name, fields, 2) &&
           read_path(request, member_of("values", index, ".path").name, path, &record.path) &&
           choose_type(request, index, &record.path, type_name, value, &type);
    if (good && (!value_text(value, text, sizeof(asked->value_text)) ||
                 !keep_value(asked, text, type, &record.value)))
        good = refuse_at(request, value_field.name, &record.path, form_of(type));
    json_decref(value);
    return good && add_record(request, asked, "values", &record);
}

static bool read_values(struct request *request, struct asked *asked, json_t *values)
{
    size_t index;
    json_t *item;
    json_array_foreach(values, index, item)
    {
        if (!read_value(request, asked, index, item))
            return false;
    }
    return true;
}

static bool read_paths(struct request *request, struct asked *asked, json_t *paths)
{
    size_t index;
    json_t *item;
    json_array_foreach(paths, index, item)
    {
        struct kedge_lwm2m_record record = {.encoding = KEDGE_LWM2M_TYPED,
                                            .value = {.type = KEDGE_LWM2M_NOTHING}};
        if (!read_path(request, member_of("paths", index, "").name, json_string_value(item), &record.path) ||
            !add_record(request, asked, "paths", &record))
            return false;
    }
    return true;
}

/* Whether what goes with the operation is there, and below the path that is asked. */
static bool goes_with_it(struct request *request, const struct asked *asked,
                         const struct kedge_lwm2m_path *path, bool has_values, bool has_paths)
{
    enum kedge_operation_content content = kedge_operation_content(asked->request.kind);
    bool may_be_empty = asked->request.kind == KEDGE_OPERATION_CREATE;
    if (has_values && content != KEDGE_OPERATION_OF_VALUES)
        return refuse_value(request, "values", "do not go with this operation");
    if (has_paths && content != KEDGE_OPERATION_OF_PATHS)
        return refuse_value(request, "paths", "do not go with this operation");
    if (!has_values && content == KEDGE_OPERATION_OF_VALUES && !may_be_empty)
        return refuse_value(request, "values", "are missing: what is to be written");
    if (!has_paths && content == KEDGE_OPERATION_OF_PATHS)
        return refuse_value(request, "paths", "are missing: what is to be read");
    for (size_t i = 0; i < asked->request.record_count; i++) {
        const struct kedge_lwm2m_path *place = &asked->records[i].path;
        if (has_values && place->depth < 3)
            return refuse_at(request, "values", place, "is no resource");
        if (!kedge_lwm2m_path_shares(path, place, path->depth))
            return refuse_at(request, "values", place, "is not below the operation's path");
    }
    return true;
}

/* ---- the body ---- */

static bool observes(const struct asked *asked)
{
    return asked->request.kind == KEDGE_OPERATION_OBSERVE ||
           asked->request.kind == KEDGE_OPERATION_OBSERVE_COMPOSITE;
}

/* What goes as text with the operation. */
static bool read_text(struct request *request, struct asked *asked, const char *arguments,
                      const char *attributes)
{
    enum kedge_operation_kind kind = asked->request.kind;
    bool wants_attributes = kind == KEDGE_OPERATION_WRITE_ATTRIBUTES;
    if (arguments != NULL && kind != KEDGE_OPERATION_EXECUTE)
        return refuse_value(request, "arguments", "belong to execute");
    if (attributes != NULL && !wants_attributes && kind != KEDGE_OPERATION_OBSERVE)
        return refuse_value(request, "attributes", "belong to write_attributes and observe");
    if (attributes == NULL && wants_attributes)
        return refuse_value(request, "attributes", "are missing: what write_attributes writes");
    if (asked->depth != DEPTH_NONE && kind != KEDGE_OPERATION_DISCOVER)
        return refuse_value(request, "depth", "belongs to discover");
    (void)snprintf(asked->depth_text, sizeof(asked->depth_text), "depth=%" PRIu32, asked->depth);
    if (asked->depth != DEPTH_NONE)
        asked->request.text = asked->depth_text;
    else
        asked->request.text = arguments != NULL ? arguments : attributes;
    return true;
}

static bool read_asked(struct request *request, struct asked *asked)
{
    const char *operation = NULL, *arguments = NULL, *attributes = NULL, *cancel = NULL;
    json_t *values = NULL, *paths = NULL;
    const struct field fields[] = {
        {.name = "operation", .kind = FIELD_TEXT, .required = true, .most = 32, .text = &operation},
        {.name = "path", .kind = FIELD_TEXT, .most = PATH_TEXT_MAX, .text = &asked->request.path},
        {.name = "values",
         .kind = FIELD_OBJECTS,
         .least = 1,
         .most = KEDGE_OPERATION_RECORDS_MAX,
         .json = &values},
        {.name = "paths",
         .kind = FIELD_TEXTS,
         .least = 1,
         .most = KEDGE_OPERATION_RECORDS_MAX,
         .json = &paths},
        {.name = "arguments",
         .kind = FIELD_TEXT,
         .most = KEDGE_OPERATION_TEXT_MAX,
         .text = &arguments},
        {.name = "attributes",
         .kind = FIELD_TEXT,
         .least = 1,
         .most = KEDGE_OPERATION_TEXT_MAX,
         .text = &attributes},
        {.name = "timeout_s",
         .kind = FIELD_NUMBER,
         .least = 1,
         .most = TIMEOUT_MAX_S,
         .number = &asked->timeout_s},
        {.name = "depth", .kind = FIELD_NUMBER, .most = DEPTH_MAX, .number = &asked->depth},
        {.name = "cancel", .kind = FIELD_TEXT, .most = 16, .text = &cancel},
        {.name = "count",
         .kind = FIELD_NUMBER,
         .least = 1,
         .most = ANSWERS_MAX,
         .number = &asked->count},
    };
    if (!body_read(request, request->json, "", fields, sizeof(fields) / sizeof(fields[0])))
        return false;
    asked->request.kind = kedge_operation_named(operation);
    if (asked->request.kind == KEDGE_OPERATION_COUNT)
        return refuse_value(request, "operation", "is none that is known");
    if (kedge_operation_changes(asked->request.kind) && !request_may(request, KEDGE_RIGHT_ADMIN))
        return false;
    struct kedge_lwm2m_path path;
    if (!read_path(request, "path", asked->request.path, &path))
        return false;
    if (!kedge_operation_reaches(asked->request.kind, path.depth)) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "path", "path: %s takes %s, not %s",
               operation, kedge_operation_place(asked->request.kind), asked->request.path);
        return false;
    }
    if (!read_text(request, asked, arguments, attributes))
        return false;
    asked->by_reset = cancel != NULL && strcmp(cancel, "reset") == 0;
    if (cancel != NULL &&
        (!observes(asked) || (!asked->by_reset && strcmp(cancel, "request") != 0)))
        return refuse_value(request, "cancel", "is request or reset, of an observation");
    return read_values(request, asked, values) && read_paths(request, asked, paths) &&
           goes_with_it(request, asked, &path, values != NULL, paths != NULL);
}

/* ---- the answer ---- */

static void answer_asked(struct request *request, const struct asked *asked,
                         const struct kedge_backend_question *question)
{
    json_t *object = device_answer_json(&asked->answers[0], asked->request.path);
    json_t *more = json_array();
    for (size_t i = 1; i < question->answer_count; i++)
        json_add(&more, device_answer_json(&asked->answers[i], asked->request.path));
    if (observes(asked))
        json_put(&object, "notifications", more);
    else
        json_decref(more);
    answer_json(request, MHD_HTTP_OK, object);
}

static void operate(struct request *request, struct asked *asked)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    struct kedge_backend_question question = {.request = &asked->request,
                                              .timeout_s = asked->timeout_s,
                                              .by_reset = asked->by_reset,
                                              .answers = asked->answers,
                                              .answer_max = asked->count};
    enum kedge_rc rc =
        backend->device_ask(backend->context, request->who, request->parameter, &question, text);
    if (rc == KEDGE_OK && question.answer_count > 0)
        answer_asked(request, asked, &question);
    else if (rc == KEDGE_E_TIMEOUT)
        refuse(request, MHD_HTTP_GATEWAY_TIMEOUT, "timeout", NULL, "%s", text);
    else if (rc == KEDGE_E_BUFFER)
        refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "buffer", NULL, "%s", text);
    else
        refuse_rc(request, rc == KEDGE_E_TYPE ? KEDGE_E_ARGUMENT : rc, NULL, text);
    for (size_t i = 0; i < question.answer_count; i++)
        free(asked->answers[i].payload);
}

void device_operate(struct request *request)
{
    struct asked *asked = calloc(1, sizeof(*asked));
    if (asked == NULL) {
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return;
    }
    asked->scratch = kedge_writer(asked->scratch_bytes, sizeof(asked->scratch_bytes));
    asked->request.path = "/";
    asked->request.records = asked->records;
    asked->timeout_s = TIMEOUT_DEFAULT_S;
    asked->count = 1;
    asked->depth = DEPTH_NONE;
    if (read_asked(request, asked))
        operate(request, asked);
    free(asked);
}
