/* import.c: a factory's file, read to its end whatever is wrong with it, so that all is told at
 * once.
 */
#define _POSIX_C_SOURCE 200809L
#include "updater/api/import.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "updater/api/csv.h"
#include "updater/api/names.h"
#include "updater/api/twice.h"

#define MESSAGE_MAX 256u

/* ---- what is wrong ---- */

void import_fault(struct import *import, size_t place, const char *field, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list arguments;
    if (import->fault_count++ >= IMPORT_FAULTS_TOLD)
        return;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    json_t *fault = json_object();
    json_put(&fault, import->is_json ? "device" : "line", json_count(place));
    json_put(&fault, "field", field != NULL ? json_text(field) : json_null());
    json_put(&fault, "message", json_text(message));
    json_add(&import->faults, fault);
}

/* ---- keeping ---- */

static void free_arrays(struct import *import, size_t count)
{
    if (import->records != NULL)
        kedge_wipe(import->records, count * sizeof(*import->records));
    free(import->records);
    free(import->handouts);
    free(import->tags);
    free(import->places);
}

/* A larger copy of an array; NULL when there is no memory for it. */
static void *copy_larger(const void *array, size_t count, size_t capacity, size_t size)
{
    void *larger = calloc(capacity, size);
    if (larger != NULL && count > 0)
        memcpy(larger, array, count * size);
    return larger;
}

static bool make_room(struct import *import)
{
    if (import->count < import->capacity)
        return true;
    size_t count = import->count, capacity = count == 0 ? 256 : 2 * count;
    struct import larger = *import;
    larger.records = copy_larger(import->records, count, capacity, sizeof(*larger.records));
    larger.handouts = copy_larger(import->handouts, count, capacity, sizeof(*larger.handouts));
    larger.tags = copy_larger(import->tags, count, capacity, sizeof(*larger.tags));
    larger.places = copy_larger(import->places, count, capacity, sizeof(*larger.places));
    if (larger.records == NULL || larger.handouts == NULL || larger.tags == NULL ||
        larger.places == NULL) {
        free_arrays(&larger, count);
        import->no_memory = true;
        return false;
    }
    free_arrays(import, count);
    larger.capacity = capacity;
    *import = larger;
    return true;
}

/* Takes `tags` over (NULL: none said). Without an identity of its own a key goes by the endpoint.
 */
static void take_device(struct import *import, size_t place, struct factory_texts *texts,
                        json_t *tags)
{
    struct factory_fault fault;
    if (texts->key != NULL && texts->key[0] != '\0' &&
        (texts->identity == NULL || texts->identity[0] == '\0'))
        texts->identity = texts->endpoint;
    if (import->count == KEDGE_BACKEND_IMPORT_MAX) {
        import_fault(import, place, NULL, "is beyond the %u devices that one file may hold",
                     KEDGE_BACKEND_IMPORT_MAX);
    } else if (make_room(import)) {
        struct kedge_bootstrap_record *record = &import->records[import->count];
        char *packed = tags != NULL ? json_dumps(tags, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        import->no_memory = import->no_memory || (tags != NULL && packed == NULL);
        if (!factory_read(texts, record, &fault) ||
            !handout_read(texts, &import->handouts[import->count], &fault))
            import_fault(import, place, fault.member, "%s", fault.words);
        else if (packed != NULL && strlen(packed) > KEDGE_TAGS_MAX)
            import_fault(import, place, "tags", "have more than %u bytes as JSON", KEDGE_TAGS_MAX);
        import->tags[import->count] = packed;
        import->places[import->count++] = place;
    }
    json_decref(tags);
}

/* ---- tags ---- */

/* What is wrong with a tag; NULL: nothing. */
static const char *tag_fault(const char *name, const json_t *value)
{
    if (name[0] == '\0' || strlen(name) > KEDGE_NAME_MAX || !json_is_string(value))
        return "must be strings, with names of 1 to 64 bytes";
    const char *fault = names_fault(name);
    return fault != NULL ? fault : names_text_fault(json_string_value(value));
}

/* "place=harbour;owner=x"; NULL, with a fault, when it is none. */
static json_t *tags_of_text(struct import *import, size_t place, char *text)
{
    json_t *tags = json_object();
    char *rest = NULL;
    for (char *one = strtok_r(text, ";", &rest); one != NULL; one = strtok_r(NULL, ";", &rest)) {
        char *equals = strchr(one, '=');
        json_t *value = equals != NULL ? json_string(equals + 1) : NULL;
        if (equals != NULL)
            *equals = '\0';
        const char *fault =
            value == NULL ? "are NAME=VALUE;NAME=VALUE, in UTF-8" : tag_fault(one, value);
        if (fault == NULL && json_object_set(tags, one, value) != 0)
            fault = "could not be taken";
        if (fault != NULL) {
            import_fault(import, place, "tags", "%s", fault);
            json_decref(value);
            json_decref(tags);
            return NULL;
        }
        json_decref(value);
    }
    return tags;
}

static json_t *tags_of_object(struct import *import, size_t place, json_t *object)
{
    const char *name;
    json_t *value;
    if (!json_is_object(object)) {
        import_fault(import, place, "tags", "must be an object of strings");
        return NULL;
    }
    json_object_foreach(object, name, value)
    {
        const char *fault = tag_fault(name, value);
        if (fault == NULL)
            continue;
        import_fault(import, place, "tags", "%s", fault);
        return NULL;
    }
    return json_incref(object);
}

/* ---- what a device may have ---- */

enum column { COLUMN_TAGS = 10, COLUMN_COUNT };

static const struct column_row {
    const char *name;
    size_t offset; /* in factory_texts; of tags nothing */
} columns[COLUMN_COUNT] = {
    {"endpoint", offsetof(struct factory_texts, endpoint)},
    {"serial", offsetof(struct factory_texts, serial)},
    {"hardware", offsetof(struct factory_texts, hardware)},
    {"batch", offsetof(struct factory_texts, batch)},
    {"identity", offsetof(struct factory_texts, identity)},
    {"key", offsetof(struct factory_texts, key)},
    {"public_key", offsetof(struct factory_texts, public_key)},
    {"certificate_name", offsetof(struct factory_texts, certificate_name)},
    {"certificate", offsetof(struct factory_texts, certificate)},
    {"private_key", offsetof(struct factory_texts, private_key)},
    [COLUMN_TAGS] = {"tags", 0},
};

/* COLUMN_COUNT for a name that there is not. */
static size_t column_named(const char *name)
{
    size_t column = 0;
    while (column < COLUMN_COUNT && strcmp(columns[column].name, name) != 0)
        column++;
    return column;
}

static void set_text(struct factory_texts *texts, size_t column, const char *text)
{
    memcpy((char *)texts + columns[column].offset, &text, sizeof(text));
}

/* ---- CSV ---- */

struct header {
    size_t columns[CSV_FIELDS_MAX];
    size_t count;
};

static bool read_header(struct import *import, const struct csv_row *row, struct header *header)
{
    bool seen[COLUMN_COUNT] = {false};
    header->count = row->count;
    for (size_t i = 0; i < row->count; i++) {
        size_t column = column_named(row->fields[i]);
        header->columns[i] = column;
        if (column == COLUMN_COUNT)
            import_fault(import, row->line, NULL, "there is no column \"%.64s\"", row->fields[i]);
        else if (seen[column])
            import_fault(import, row->line, row->fields[i], "is there twice");
        else
            seen[column] = true;
    }
    if (!seen[0])
        import_fault(import, row->line, "endpoint", "is missing: the first line names the columns");
    return import->fault_count == 0;
}

static void read_csv_row(struct import *import, const struct header *header,
                         const struct csv_row *row)
{
    struct factory_texts texts = {0};
    json_t *tags = NULL;
    if (row->count != header->count) {
        import_fault(import, row->line, NULL,
                     "has %zu %s where the first line names %zu %s", row->count,
                     kedge_by_count(row->count, "value", "values"), header->count,
                     kedge_by_count(header->count, "column", "columns"));
        return;
    }
    for (size_t i = 0; i < row->count; i++) {
        if (header->columns[i] != COLUMN_TAGS)
            set_text(&texts, header->columns[i], row->fields[i]);
        else if (row->fields[i][0] != '\0')
            tags = tags_of_text(import, row->line, (char *)(uintptr_t)row->fields[i]);
    }
    take_device(import, row->line, &texts, tags);
}

static void read_csv(struct import *import, struct kedge_slice file)
{
    uint8_t bytes[CSV_ROW_MAX];
    struct kedge_writer scratch = kedge_writer(bytes, sizeof(bytes));
    struct csv walk = csv(file);
    struct csv_row row;
    struct header header = {.count = 0};
    enum kedge_rc rc = csv_next(&walk, &scratch, &row);
    if (rc == KEDGE_E_NOT_FOUND)
        import_fault(import, 1, NULL, "there is nothing in the file");
    else if (rc != KEDGE_OK)
        import_fault(import, row.line, NULL, "%s", row.wrong);
    if (rc != KEDGE_OK || !read_header(import, &row, &header))
        return;
    while (!import->no_memory && (rc = csv_next(&walk, &scratch, &row)) != KEDGE_E_NOT_FOUND) {
        if (rc == KEDGE_OK)
            read_csv_row(import, &header, &row);
        else
            import_fault(import, row.line, NULL, "%s", row.wrong);
    }
    kedge_wipe(bytes, sizeof(bytes));
}

/* ---- JSON ---- */

static void read_object(struct import *import, size_t place, json_t *object)
{
    struct factory_texts texts = {0};
    json_t *tags = NULL, *value;
    const char *name;
    size_t before = import->fault_count;
    if (!json_is_object(object)) {
        import_fault(import, place, NULL, "must be an object");
        return;
    }
    json_object_foreach(object, name, value)
    {
        size_t column = column_named(name);
        if (column == COLUMN_COUNT)
            import_fault(import, place, name, "is nothing that a device has");
        else if (column == COLUMN_TAGS)
            tags = tags_of_object(import, place, value);
        else if (json_is_string(value))
            set_text(&texts, column, json_string_value(value));
        else if (!json_is_null(value))
            import_fault(import, place, name, "must be a string");
    }
    if (import->fault_count == before)
        take_device(import, place, &texts, tags);
    else
        json_decref(tags);
}

static void read_json(struct import *import, struct kedge_slice file)
{
    json_error_t error;
    size_t index;
    json_t *object;
    json_t *whole = json_loadb((const char *)file.data, file.size, JSON_REJECT_DUPLICATES, &error);
    json_t *list = json_is_object(whole) ? json_object_get(whole, "devices") : whole;
    if (whole == NULL) {
        import->is_json = false; /* what is told is a line */
        import_fault(import, error.line > 0 ? (size_t)error.line : 1, NULL,
                     "this is not JSON as expected: column %d: %s", error.column,
                     json_fault(&error));
    } else if (!json_is_array(list) || (list != whole && json_object_size(whole) > 1)) {
        import->is_json = false;
        import_fault(import, 1, NULL, "a list of objects is expected, or {\"devices\": [...]}");
    } else if (json_array_size(list) == 0) {
        import_fault(import, 1, NULL, "there is nothing in the file");
    }
    if (json_is_array(list))
        json_array_foreach(list, index, object) read_object(import, index + 1, object);
    json_decref(whole);
}

/* ---- what is there twice ---- */

static void told_twice(void *context, size_t place, const char *member, size_t first)
{
    struct import *import = context;
    import_fault(import, place, member, "is that of %s %zu too",
                 import->is_json ? "device" : "line", first);
}

static void find_twice(struct import *import)
{
    struct twice_place *places = calloc(import->count, sizeof(*places));
    if (places == NULL) {
        import->no_memory = true;
        return;
    }
    for (size_t i = 0; i < import->count; i++)
        places[i] = (struct twice_place){&import->records[i].credential, import->places[i]};
    twice_find(places, import->count, told_twice, import);
    free(places);
}

/* ---- the file ---- */

static bool begins_as_json(struct kedge_slice file)
{
    size_t at = 0;
    while (at < file.size && file.data[at] != '\0' && strchr(" \t\r\n", file.data[at]) != NULL)
        at++;
    return at < file.size && (file.data[at] == '[' || file.data[at] == '{');
}

void import_read(struct import *import, struct kedge_slice file)
{
    *import = (struct import){.faults = json_array(), .is_json = begins_as_json(file)};
    if (import->is_json)
        read_json(import, file);
    else
        read_csv(import, file);
    if (import->fault_count == 0 && import->count == 0 && !import->no_memory)
        import_fault(import, 1, NULL, "there is no device in the file");
    if (import->fault_count == 0 && !import->no_memory)
        find_twice(import);
}

void import_clear(struct import *import)
{
    for (size_t i = 0; i < import->count; i++) {
        handout_free(import->handouts[i]);
        free(import->tags[i]);
    }
    free_arrays(import, import->count);
    json_decref(import->faults);
}
