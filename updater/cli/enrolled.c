/* enrolled.c: kedge device enrolled: by what devices prove who they are; never with a key. */
#include "updater/cli/cli.h"
#include "updater/cli/json.h"
#include "updater/cli/table.h"

static const struct column credential_columns[] = {
    {"ENDPOINT", false, true},
    {"BY", false, false},
    {"IDENTITY", false, true},
    {"WRITTEN", false, false},
};

static const struct column bootstrap_columns[] = {
    {"ENDPOINT", false, true}, {"BY", false, false},      {"IDENTITY", false, true},
    {"SERIAL", false, true},   {"HARDWARE", false, true}, {"BATCH", false, true},
    {"WRITTEN", false, false},
};

static void add_row(struct table *table, const json_t *record, bool bootstrap)
{
    char written[32];
    time_text(number_of(record, "changed_at_ms"), written, sizeof(written));
    table_add(table, text_of(record, "endpoint"));
    table_add(table, text_of(record, "kind"));
    table_add(table, text_of(record, "identity"));
    if (bootstrap) {
        table_add(table, text_of(record, "serial"));
        table_add(table, text_of(record, "hardware"));
        table_add(table, text_of(record, "batch"));
    }
    table_add(table, written);
}

static void print_records(const json_t *records, bool bootstrap)
{
    struct table table;
    size_t index;
    json_t *record;
    if (bootstrap)
        table_init(&table, bootstrap_columns,
                   sizeof(bootstrap_columns) / sizeof(bootstrap_columns[0]));
    else
        table_init(&table, credential_columns,
                   sizeof(credential_columns) / sizeof(credential_columns[0]));
    json_array_foreach(records, index, record) add_row(&table, record, bootstrap);
    table_print(&table, stdout, terminal_width(stdout));
}

enum status device_enrolled(struct cli *cli, const struct arguments *arguments)
{
    bool bootstrap = argument(arguments, "bootstrap") != NULL;
    const char *name = bootstrap ? "devices" : "credentials";
    json_t *list = NULL;
    enum status status =
        ask_list(cli, bootstrap ? "/api/v1/bootstrap" : "/api/v1/credentials", name, &list);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(list);
    print_records(json_object_get(list, name), bootstrap);
    json_decref(list);
    return STATUS_DONE;
}
