/* body.c: JSON bodies, read by tables: what is not in the table is refused by name. */
#include "updater/api/internal.h"
#include "updater/api/names.h"

#include <stdio.h>
#include <string.h>

bool body_parse(struct request *request)
{
    if (request->body_size == 0) {
        request->json = json_object();
        if (request->json == NULL)
            answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return request->json != NULL;
    }
    json_error_t error;
    request->json = json_loadb(request->body, request->body_size, JSON_REJECT_DUPLICATES, &error);
    if (request->json == NULL) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "malformed", NULL,
               "the body is not JSON as expected: line %d, column %d: %s", error.line, error.column,
               json_fault(&error));
        return false;
    }
    if (!json_is_object(request->json)) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "type", NULL, "the body must be a JSON object");
        return false;
    }
    return true;
}

/* The full name of a field, for the refusal. */
static bool refuse_field(struct request *request, const char *within, const char *name,
                         const char *words)
{
    char field[160];
    (void)snprintf(field, sizeof(field), "%s%.120s", within, name);
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", field, "%s %s", field, words);
    return false;
}

/* A member of a list: `name` of "groups" and 1 is "groups[1]". */
static bool refuse_member(struct request *request, const char *within, const char *name,
                          size_t index, const char *words)
{
    char member[160];
    (void)snprintf(member, sizeof(member), "%.120s[%zu]", name, index);
    return refuse_field(request, within, member, words);
}

static bool range_fits(struct request *request, const char *within, const struct field *field,
                       json_int_t value, const char *unit)
{
    if (value >= 0 && (uint64_t)value >= field->least && (uint64_t)value <= field->most)
        return true;
    char words[128];
    const char *verb = unit[0] == '\0' ? "be" : "have";
    if (field->least == field->most)
        (void)snprintf(words, sizeof(words), "must %s %llu%s", verb,
                       (unsigned long long)field->most, unit);
    else
        (void)snprintf(words, sizeof(words), "must %s %llu to %llu%s", verb,
                       (unsigned long long)field->least, (unsigned long long)field->most, unit);
    return refuse_field(request, within, field->name, words);
}

static bool read_texts(struct request *request, const char *within, const struct field *field,
                       json_t *value)
{
    size_t index;
    json_t *item;
    if (!json_is_array(value))
        return refuse_field(request, within, field->name, "must be a list of strings");
    json_array_foreach(value, index, item)
    {
        if (!json_is_string(item))
            return refuse_member(request, within, field->name, index, "must be a string");
    }
    *field->json = value;
    return range_fits(request, within, field, (json_int_t)json_array_size(value), " members");
}

static bool read_objects(struct request *request, const char *within, const struct field *field,
                         json_t *value)
{
    size_t index;
    json_t *item;
    if (!json_is_array(value))
        return refuse_field(request, within, field->name, "must be a list of objects");
    json_array_foreach(value, index, item)
    {
        if (!json_is_object(item))
            return refuse_member(request, within, field->name, index, "must be an object");
    }
    *field->json = value;
    return range_fits(request, within, field, (json_int_t)json_array_size(value), " members");
}

static bool read_name(struct request *request, const char *within, const struct field *field,
                      const char *name)
{
    const char *fault = names_fault(name);
    *field->text = name;
    return range_fits(request, within, field, (json_int_t)strlen(name), " bytes") &&
           (fault == NULL || refuse_field(request, within, field->name, fault));
}

static bool read_field(struct request *request, const char *within, const struct field *field,
                       json_t *value)
{
    switch (field->kind) {
    case FIELD_TEXT:
        if (!json_is_string(value))
            return refuse_field(request, within, field->name, "must be a string");
        *field->text = json_string_value(value);
        return range_fits(request, within, field, (json_int_t)json_string_length(value), " bytes");
    case FIELD_NAME:
        return json_is_string(value)
                   ? read_name(request, within, field, json_string_value(value))
                   : refuse_field(request, within, field->name, "must be a string");
    case FIELD_FLAG:
        if (!json_is_boolean(value))
            return refuse_field(request, within, field->name, "must be true or false");
        *field->flag = json_is_true(value);
        return true;
    case FIELD_NUMBER:
        if (!json_is_integer(value))
            return refuse_field(request, within, field->name, "must be a whole number");
        if (!range_fits(request, within, field, json_integer_value(value), ""))
            return false;
        *field->number = (uint32_t)json_integer_value(value);
        return true;
    case FIELD_TEXTS:
        return read_texts(request, within, field, value);
    case FIELD_OBJECT:
        if (!json_is_object(value))
            return refuse_field(request, within, field->name, "must be an object");
        *field->json = value;
        return true;
    case FIELD_OBJECTS:
        return read_objects(request, within, field, value);
    }
    return refuse_field(request, within, field->name, "cannot be read");
}

static const struct field *find_field(const struct field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

bool body_read(struct request *request, json_t *object, const char *within,
               const struct field *fields, size_t count)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        const struct field *field = find_field(fields, count, name);
        if (field == NULL)
            return refuse_field(request, within, name, "is no field of this request");
        if (!read_field(request, within, field, value))
            return false;
    }
    for (size_t i = 0; i < count; i++)
        if (fields[i].required && json_object_get(object, fields[i].name) == NULL)
            return refuse_field(request, within, fields[i].name, "is missing");
    return true;
}
