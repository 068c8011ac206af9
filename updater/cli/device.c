/* device.c: kedge device ... */
#include <stdlib.h>
#include <string.h>

#include "updater/cli/cli.h"
#include "updater/cli/filter.h"
#include "updater/cli/json.h"
#include "updater/cli/table.h"

#define DEVICES "/api/v1/devices/"

static const struct column device_columns[] = {
    {"ENDPOINT", false, true},    {"CLASS", false, true},   {"VERSION", false, false},
    {"REGISTERED", false, false}, {"ADDRESS", false, true}, {"LAST SEEN", false, false},
};

static void print_devices(const json_t *devices)
{
    struct table table;
    size_t index;
    json_t *device;
    char seen[32];
    table_init(&table, device_columns, sizeof(device_columns) / sizeof(device_columns[0]));
    json_array_foreach(devices, index, device)
    {
        time_text(number_of(device, "last_seen_ms"), seen, sizeof(seen));
        table_add(&table, text_of(device, "endpoint"));
        table_add(&table, text_of(device, "class"));
        table_add(&table, text_of(device, "version"));
        table_add(&table, json_is_true(json_object_get(device, "registered")) ? "yes" : "no");
        table_add(&table, text_of(device, "address"));
        table_add(&table, seen);
    }
    table_print(&table, stdout, terminal_width(stdout));
}

/* "/api/v1/devices" narrowed as the options say. */
static char *list_path(const struct arguments *arguments)
{
    char *path = path_of("/api/v1/devices", "", "");
    path = with_query(path, "vendor", argument(arguments, "vendor"));
    return with_query(path, "class", argument(arguments, "class"));
}

enum status device_list(struct cli *cli, const struct arguments *arguments)
{
    json_t *list = NULL;
    enum status status = ask_matching(cli, KEDGE_FILTER_OF_DEVICE, arguments, list_path(arguments),
                                      "devices", &list);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(list);
    print_devices(json_object_get(list, "devices"));
    json_decref(list);
    return STATUS_DONE;
}

/* Asks for or about one device and prints it. */
static enum status device_answer(struct cli *cli, const char *method, const char *endpoint,
                                 json_t *body)
{
    json_t *device = NULL;
    enum status status = ask_at(cli, method, path_of(DEVICES, endpoint, ""), body, &device);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(device);
    print_details(device);
    json_decref(device);
    return STATUS_DONE;
}

enum status device_show(struct cli *cli, const struct arguments *arguments)
{
    return device_answer(cli, "GET", arguments->positional[0], NULL);
}

/* "place=harbour" sets, "place-" removes. */
static bool read_tag(const char *text, json_t *tags)
{
    const char *equals = strchr(text, '=');
    size_t size = strlen(text);
    char name[128];
    if (equals == NULL && (size < 2 || text[size - 1] != '-')) {
        complain("\"%s\" is neither NAME=VALUE nor NAME-", text);
        return false;
    }
    size_t name_size = equals != NULL ? (size_t)(equals - text) : size - 1;
    if (name_size == 0 || name_size >= sizeof(name)) {
        complain("the tag's name in \"%s\" is empty or too long", text);
        return false;
    }
    memcpy(name, text, name_size);
    name[name_size] = '\0';
    json_t *value = equals != NULL ? json_string(equals + 1) : json_null();
    if (value == NULL || json_object_set_new(tags, name, value) != 0) {
        complain("the tag \"%s\" is not UTF-8", text);
        return false;
    }
    return true;
}

enum status device_tag(struct cli *cli, const struct arguments *arguments)
{
    json_t *tags = json_object();
    for (size_t i = 1; i < arguments->positional_count; i++) {
        if (!read_tag(arguments->positional[i], tags)) {
            json_decref(tags);
            return STATUS_USAGE;
        }
    }
    return device_answer(cli, "PATCH", arguments->positional[0], json_pack("{s:o}", "tags", tags));
}
