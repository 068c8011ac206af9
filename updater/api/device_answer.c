/*
 * device_answer.c: what a device answered, as JSON: its records with path, type and value, its
 * links, or, when it cannot be read, why not.
 */
#include "updater/api/internal.h"

#include <kedge/coap.h>
#include <kedge/lwm2m_records.h>
#include <stdlib.h>
#include <string.h>

#define DIAGNOSTIC_MAX 1024u

static const struct {
    enum kedge_lwm2m_type type;
    const char *name;
} types[] = {
    {KEDGE_LWM2M_STRING, "string"},     {KEDGE_LWM2M_INTEGER, "integer"},
    {KEDGE_LWM2M_UNSIGNED, "unsigned"}, {KEDGE_LWM2M_BOOLEAN, "boolean"},
    {KEDGE_LWM2M_OPAQUE, "opaque"},     {KEDGE_LWM2M_TIME, "time"},
    {KEDGE_LWM2M_FLOAT, "float"},       {KEDGE_LWM2M_OBJECT_LINK, "object_link"},
    {KEDGE_LWM2M_NOTHING, "none"},
};

bool value_type_named(const char *name, enum kedge_lwm2m_type *type)
{
    for (size_t i = 0; i + 1 < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, name) != 0)
            continue;
        *type = types[i].type;
        return true;
    }
    return false;
}

static const char *type_name(enum kedge_lwm2m_type type)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (types[i].type == type)
            return types[i].name;
    return "none";
}

/* ---- values ---- */

/* Opaque bytes, links and numbers beyond what JSON's readers hold are in LwM2M's plain text. */
static json_t *text_json(const struct kedge_lwm2m_value *value)
{
    size_t size = 64 + (value->bytes.size + 2) / 3 * 4;
    uint8_t *bytes = malloc(size);
    struct kedge_writer text = kedge_writer(bytes, bytes != NULL ? size : 0);
    json_t *json = kedge_lwm2m_text_write(value, &text) == KEDGE_OK
                       ? json_stringn((const char *)bytes, text.size)
                       : NULL;
    free(bytes);
    return json;
}

static json_t *value_json(const struct kedge_lwm2m_value *value)
{
    switch (value->type) {
    case KEDGE_LWM2M_STRING:
        return json_stringn(value->bytes.size > 0 ? (const char *)value->bytes.data : "",
                            value->bytes.size);
    case KEDGE_LWM2M_INTEGER:
    case KEDGE_LWM2M_TIME:
        return json_integer(value->integer);
    case KEDGE_LWM2M_UNSIGNED:
        return value->unsigned_integer <= INT64_MAX
                   ? json_integer((json_int_t)value->unsigned_integer)
                   : text_json(value);
    case KEDGE_LWM2M_BOOLEAN:
        return json_boolean(value->integer != 0);
    case KEDGE_LWM2M_FLOAT:
        return json_real(value->number);
    case KEDGE_LWM2M_OPAQUE:
    case KEDGE_LWM2M_OBJECT_LINK:
        return text_json(value);
    case KEDGE_LWM2M_NOTHING:
        break;
    }
    return json_null();
}

static json_t *record_json(const struct kedge_lwm2m_record *record, struct kedge_writer *scratch)
{
    struct kedge_lwm2m_value value;
    char path[25];
    json_t *object = json_object();
    kedge_lwm2m_path_text(&record->path, path);
    json_put(&object, "path", json_text(path));
    enum kedge_rc rc = kedge_lwm2m_record_best(record, scratch, &value);
    if (rc != KEDGE_OK) {
        json_put(&object, "problem", json_text(kedge_rc_text(rc)));
        return object;
    }
    json_put(&object, "type", json_text(type_name(value.type)));
    json_put(&object, "value", value_json(&value));
    return object;
}

/* ---- payloads ---- */

static enum kedge_rc add_records(json_t **records, const struct kedge_backend_answer *answer,
                                 const struct kedge_lwm2m_path *path, struct kedge_writer *scratch)
{
    struct kedge_lwm2m_reader reader;
    struct kedge_lwm2m_record record;
    enum kedge_rc rc =
        kedge_lwm2m_reader_open(&reader, answer->content_format,
                                kedge_slice(answer->payload, answer->payload_size), path, scratch);
    while (rc == KEDGE_OK) {
        scratch->size = 0; /* the last record has been copied */
        rc = kedge_lwm2m_reader_next(&reader, &record);
        if (rc == KEDGE_OK)
            json_add(records, record_json(&record, scratch));
    }
    return rc == KEDGE_E_NOT_FOUND ? KEDGE_OK : rc;
}

static json_t *bytes_json(struct kedge_slice bytes)
{
    const struct kedge_lwm2m_value value = {.type = KEDGE_LWM2M_OPAQUE, .bytes = bytes};
    return text_json(&value);
}

static void put_records(json_t **object, const struct kedge_backend_answer *answer,
                        const struct kedge_lwm2m_path *path)
{
    size_t size = 2 * answer->payload_size + 1;
    uint8_t *bytes = malloc(size);
    struct kedge_writer scratch = kedge_writer(bytes, bytes != NULL ? size : 0);
    json_t *records = json_array();
    enum kedge_rc rc =
        bytes != NULL ? add_records(&records, answer, path, &scratch) : KEDGE_E_MEMORY;
    free(bytes);
    json_put(object, "values", records);
    if (rc == KEDGE_OK)
        return;
    /* What was read before the fault stands in `values`; the whole is for who looks into it. */
    json_put(object, "problem", json_text(kedge_rc_text(rc)));
    json_put(object, "payload", bytes_json(kedge_slice(answer->payload, answer->payload_size)));
}

static void put_links(json_t **object, const struct kedge_backend_answer *answer)
{
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(answer->payload, answer->payload_size));
    struct kedge_link link;
    json_t *links = json_array();
    enum kedge_rc rc;
    while ((rc = kedge_link_next(&cursor, &link)) == KEDGE_OK) {
        size_t skip = link.attributes.size > 0 ? 1 : 0; /* the semicolon */
        json_add(&links, json_pack("{s:s%,s:s%}", "target", link.target.data, link.target.size,
                                   "attributes", (const char *)link.attributes.data + skip,
                                   link.attributes.size - skip));
    }
    json_put(object, "links", links);
    if (rc != KEDGE_E_NOT_FOUND)
        json_put(object, "problem", json_text(kedge_rc_text(rc)));
}

/* RFC 7252 section 5.5.2: the payload of a refusal is for people. */
static void put_diagnostic(json_t **object, const struct kedge_backend_answer *answer)
{
    char text[DIAGNOSTIC_MAX];
    if (answer->payload_size == 0)
        return;
    kedge_printable(kedge_slice(answer->payload, answer->payload_size), text, sizeof(text));
    json_put(object, "diagnostic", json_text(text));
}

static void put_created(json_t **object, const struct kedge_backend_answer *answer)
{
    char text[25];
    if (answer->created.depth == 0)
        return;
    kedge_lwm2m_path_text(&answer->created, text);
    json_put(object, "created", json_text(text));
}

json_t *device_answer_json(const struct kedge_backend_answer *answer, const char *path)
{
    struct kedge_lwm2m_path parsed = {.depth = 0};
    char code[5];
    json_t *object = json_object();
    kedge_coap_code_text(answer->code, code);
    json_put(&object, "code", json_text(code));
    if (answer->content_format != KEDGE_LWM2M_FORMAT_NONE)
        json_put(&object, "content_format", json_integer(answer->content_format));
    put_created(&object, answer);
    if (kedge_lwm2m_path_parse(kedge_slice_text(path), &parsed) != KEDGE_OK)
        return object;
    if (answer->code != KEDGE_COAP_CONTENT)
        put_diagnostic(&object, answer);
    else if (answer->content_format == KEDGE_LWM2M_FORMAT_LINK)
        put_links(&object, answer);
    else
        put_records(&object, answer, &parsed);
    return object;
}
