/* operate.c: kedge device read, write, create and so on: operations for diagnosis. */
#include <stdlib.h>
#include <string.h>

#include "updater/cli/cli.h"
#include "updater/cli/json.h"
#include "updater/cli/table.h"

static const struct column value_columns[] = {
    {"PATH", false, false},
    {"TYPE", false, true},
    {"VALUE", false, true},
};

/* A value as it stands in a cell: a string without its quotes, anything else as JSON. */
static void add_value(struct table *table, const json_t *record)
{
    const json_t *value = json_object_get(record, "value");
    char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    table_add(table, text_of(record, "path"));
    table_add(table, text_of(record, "type"));
    if (json_is_string(value))
        table_add(table, json_string_value(value));
    else
        table_add(table, text != NULL ? text : text_of(record, "problem"));
    free(text);
}

static void print_values(const json_t *values)
{
    struct table table;
    size_t index;
    json_t *record;
    table_init(&table, value_columns, sizeof(value_columns) / sizeof(value_columns[0]));
    json_array_foreach(values, index, record)
    {
        add_value(&table, record);
    }
    table_print(&table, stdout, terminal_width(stdout));
}

static void print_links(const json_t *links)
{
    size_t index;
    json_t *link;
    json_array_foreach(links, index, link)
    {
        const char *attributes = text_of(link, "attributes");
        say("%s%s%s", text_of(link, "target"), attributes[0] != '\0' ? "  " : "", attributes);
    }
}

/* What a device means by it (OMA LwM2M Core 1.2, section 6.6). */
static const struct {
    const char *code, *words;
} refusals[] = {
    {"4.00", "it cannot do anything with the request"},
    {"4.01", "this server may not do that there"},
    {"4.04", "it has no such object, instance or resource"},
    {"4.05", "that cannot be done there, or not now"},
    {"4.06", "it cannot answer in any of the data formats"},
    {"4.08", "it has not got all of the request"},
    {"4.13", "the request is too large for it"},
    {"4.15", "it takes the value in none of the data formats"},
    {"5.00", "a fault of its own"},
    {"5.01", "it does not know this operation"},
    {"5.03", "it is busy; try again later"},
};

static void complain_of(const char *code, const char *diagnostic)
{
    const char *words = "";
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        if (strcmp(refusals[i].code, code) == 0)
            words = refusals[i].words;
    complain("the device answered %s%s%s%s%s%s", code, diagnostic[0] != '\0' ? ": " : "",
             diagnostic, words[0] != '\0' ? " (" : "", words, words[0] != '\0' ? ")" : "");
}

/* One answer, or notification; false when the device refused. */
static bool print_answer(const json_t *answer)
{
    const char *code = text_of(answer, "code");
    if (code[0] != '2') {
        complain_of(code, text_of(answer, "diagnostic"));
        return false;
    }
    if (json_object_get(answer, "values") != NULL)
        print_values(json_object_get(answer, "values"));
    else if (json_object_get(answer, "links") != NULL)
        print_links(json_object_get(answer, "links"));
    else
        say("%s%s%s", code, json_object_get(answer, "created") != NULL ? " " : "",
            text_of(answer, "created"));
    if (json_object_get(answer, "problem") != NULL) {
        complain("the answer cannot be read: %s", text_of(answer, "problem"));
        return false;
    }
    return true;
}

/* Takes `body` over. */
static enum status operate(struct cli *cli, const struct arguments *arguments, json_t *body)
{
    json_t *answer = NULL, *notification;
    size_t index;
    const char *timeout = argument(arguments, "timeout");
    if (timeout != NULL)
        (void)json_object_set_new(body, "timeout_s", json_integer(atoll(timeout)));
    enum status status =
        ask_at(cli, "POST", path_of("/api/v1/devices/", arguments->positional[0], "/operations"),
               body, &answer);
    if (status != STATUS_DONE)
        return status;
    bool good = text_of(answer, "code")[0] == '2';
    if (cli->json) {
        (void)print_json(answer);
        return good ? STATUS_DONE : STATUS_REFUSED;
    }
    good = print_answer(answer);
    json_array_foreach(json_object_get(answer, "notifications"), index, notification)
    {
        good = print_answer(notification) && good;
    }
    json_decref(answer);
    return good ? STATUS_DONE : STATUS_REFUSED;
}

static json_t *operation_at(const char *operation, const struct arguments *arguments)
{
    return json_pack("{s:s,s:s}", "operation", operation, "path", arguments->positional[1]);
}

/* Of one path, or of several in one request. */
static json_t *operation_at_each(const char *of_one, const char *of_several,
                                 const struct arguments *arguments)
{
    if (arguments->positional_count == 2)
        return operation_at(of_one, arguments);
    json_t *paths = json_array();
    for (size_t i = 1; i < arguments->positional_count; i++)
        (void)json_array_append_new(paths, json_string(arguments->positional[i]));
    return json_pack("{s:s,s:o}", "operation", of_several, "paths", paths);
}

enum status device_read(struct cli *cli, const struct arguments *arguments)
{
    return operate(cli, arguments, operation_at_each("read", "read_composite", arguments));
}

static json_t *value_of(const struct arguments *arguments, size_t at)
{
    return json_pack("{s:s,s:s,s:s*}", "path", arguments->positional[at], "value",
                     arguments->positional[at + 1], "type", argument(arguments, "type"));
}

/* The pairs of path and value from the argument `first` on; NULL, said, when one has no value. */
static json_t *values_from(const struct arguments *arguments, size_t first)
{
    if ((arguments->positional_count - first) % 2 != 0) {
        complain("to each path belongs a value");
        return NULL;
    }
    json_t *values = json_array();
    for (size_t i = first; i < arguments->positional_count; i += 2)
        (void)json_array_append_new(values, value_of(arguments, i));
    return values;
}

/* One value replaces what is at its path; several are a composite write, or of one instance. */
static json_t *write_body(const struct arguments *arguments)
{
    const char *instance = argument(arguments, "replace"), *partly = argument(arguments, "update");
    if (instance != NULL || partly != NULL)
        return json_pack("{s:s,s:s}", "operation", instance != NULL ? "write" : "write_partial",
                         "path", instance != NULL ? instance : partly);
    return arguments->positional_count > 3 ? json_pack("{s:s}", "operation", "write_composite")
                                           : operation_at("write", arguments);
}

enum status device_write(struct cli *cli, const struct arguments *arguments)
{
    if (argument(arguments, "replace") != NULL && argument(arguments, "update") != NULL) {
        complain("--replace and --update exclude each other");
        return STATUS_USAGE;
    }
    json_t *values = values_from(arguments, 1);
    if (values == NULL)
        return STATUS_USAGE;
    json_t *body = write_body(arguments);
    (void)json_object_set_new(body, "values", values);
    return operate(cli, arguments, body);
}

enum status device_create(struct cli *cli, const struct arguments *arguments)
{
    json_t *values = values_from(arguments, 2);
    if (values == NULL)
        return STATUS_USAGE;
    json_t *body = operation_at("create", arguments);
    if (json_array_size(values) > 0)
        (void)json_object_set(body, "values", values);
    json_decref(values);
    return operate(cli, arguments, body);
}

enum status device_delete(struct cli *cli, const struct arguments *arguments)
{
    return operate(cli, arguments, operation_at("delete", arguments));
}

/* "pmin=2" "pmax=10" are one query. */
enum status device_attributes(struct cli *cli, const struct arguments *arguments)
{
    char attributes[1024] = "";
    size_t size = 0;
    for (size_t i = 2; i < arguments->positional_count && size < sizeof(attributes); i++) {
        int more = snprintf(attributes + size, sizeof(attributes) - size, "%s%s", i > 2 ? "&" : "",
                            arguments->positional[i]);
        size += more > 0 ? (size_t)more : 0;
    }
    json_t *body = operation_at("write_attributes", arguments);
    (void)json_object_set_new(body, "attributes", json_string(attributes));
    return operate(cli, arguments, body);
}

/* "pmin=2,pmax=10" likewise. */
static void put_attributes(json_t *body, const char *text)
{
    char attributes[1024];
    (void)snprintf(attributes, sizeof(attributes), "%s", text);
    for (char *at = attributes; *at != '\0'; at++)
        if (*at == ',')
            *at = '&';
    (void)json_object_set_new(body, "attributes", json_string(attributes));
}

enum status device_execute(struct cli *cli, const struct arguments *arguments)
{
    json_t *body = operation_at("execute", arguments);
    if (arguments->positional_count > 2)
        (void)json_object_set_new(body, "arguments", json_string(arguments->positional[2]));
    return operate(cli, arguments, body);
}

/* Bootstrap-Request Trigger of the instance that the bootstrap server gives out. */
enum status device_bootstrap(struct cli *cli, const struct arguments *arguments)
{
    return operate(cli, arguments,
                   json_pack("{s:s, s:s}", "operation", "execute", "path", "/1/0/9"));
}

enum status device_discover(struct cli *cli, const struct arguments *arguments)
{
    json_t *body = operation_at("discover", arguments);
    const char *depth = argument(arguments, "depth");
    if (depth != NULL)
        (void)json_object_set_new(body, "depth", json_integer(atoll(depth)));
    return operate(cli, arguments, body);
}

enum status device_observe(struct cli *cli, const struct arguments *arguments)
{
    json_t *body = operation_at_each("observe", "observe_composite", arguments);
    const char *count = argument(arguments, "count"), *cancel = argument(arguments, "cancel");
    if (argument(arguments, "attributes") != NULL)
        put_attributes(body, argument(arguments, "attributes"));
    if (cancel != NULL)
        (void)json_object_set_new(body, "cancel", json_string(cancel));
    (void)json_object_set_new(body, "count", json_integer(count != NULL ? atoll(count) : 64));
    return operate(cli, arguments, body);
}
