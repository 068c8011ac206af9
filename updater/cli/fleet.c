/* fleet.c: kedge fleet show: how many devices there are, and what they run. */
#include <inttypes.h>
#include <kedge/base.h>

#include "updater/cli/cli.h"
#include "updater/cli/json.h"
#include "updater/cli/table.h"

static const struct column version_columns[] = {
    {"VENDOR", false, true},  {"CLASS", false, true},      {"VERSION", false, true},
    {"DEVICES", true, false}, {"REGISTERED", true, false},
};

static void print_versions(const json_t *versions)
{
    struct table table;
    size_t index;
    json_t *version;
    table_init(&table, version_columns, sizeof(version_columns) / sizeof(version_columns[0]));
    json_array_foreach(versions, index, version)
    {
        table_add(&table, text_of(version, "vendor"));
        table_add(&table, text_of(version, "class"));
        table_add(&table, text_of(version, "version"));
        table_add_number(&table, number_of(version, "devices"));
        table_add_number(&table, number_of(version, "registered"));
    }
    table_print(&table, stdout, terminal_width(stdout));
}

enum status fleet_show(struct cli *cli, const struct arguments *arguments)
{
    (void)arguments;
    json_t *fleet = NULL;
    enum status status = ask(cli, "GET", "/api/v1/fleet", NULL, &fleet);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(fleet);
    const json_t *versions = json_object_get(fleet, "versions");
    uint64_t count = number_of(fleet, "versions_count");
    uint64_t devices = number_of(fleet, "devices");
    say("%" PRIu64 " %s, %" PRIu64 " of them registered", devices,
        kedge_by_count(devices, "device", "devices"), number_of(fleet, "registered"));
    say("%s", "");
    print_versions(versions);
    if (count > json_array_size(versions))
        say("and %" PRIu64 " %s more", count - json_array_size(versions),
            kedge_by_count(count - json_array_size(versions), "version", "versions"));
    json_decref(fleet);
    return STATUS_DONE;
}
