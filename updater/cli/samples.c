/* samples.c: kedge fleet samples, kedge rollout samples: how it stood, time by time. */
#include <inttypes.h>

#include "updater/cli/cli.h"
#include "updater/cli/json.h"
#include "updater/cli/table.h"

#define CELL_MAX 512u

static const struct column fleet_columns[] = {
    {"WHEN", false, false},
    {"DEVICES", true, false},
    {"REGISTERED", true, false},
    {"VERSIONS", false, true},
};

static const struct column rollout_columns[] = {
    {"WHEN", false, false},
    {"DEPLOYMENTS", false, true},
};

/* "40 1.1.0, 3 1.0.0" */
static void versions_text(const json_t *versions, char *out, size_t size)
{
    size_t index, used = 0;
    json_t *version;
    out[0] = '\0';
    json_array_foreach(versions, index, version)
    {
        if (used < size)
            used += (size_t)snprintf(&out[used], size - used, "%s%" PRIu64 " %s",
                                     index > 0 ? ", " : "", number_of(version, "devices"),
                                     text_of(version, "version"));
    }
}

static void add_fleet(struct table *table, const json_t *sample)
{
    char versions[CELL_MAX];
    versions_text(json_object_get(sample, "versions"), versions, sizeof(versions));
    table_add_number(table, number_of(sample, "devices"));
    table_add_number(table, number_of(sample, "registered"));
    table_add(table, versions);
}

static void add_rollout(struct table *table, const json_t *sample)
{
    char counts[CELL_MAX];
    counts_text(json_object_get(sample, "counts"), counts, sizeof(counts));
    table_add(table, counts);
}

/* Takes `path` over. Each row is a time, and what `add` tells of it. */
static enum status show(struct cli *cli, char *path, struct table *table,
                        void (*add)(struct table *table, const json_t *sample))
{
    json_t *answer = NULL, *sample;
    size_t index;
    char when[32];
    enum status status = ask_at(cli, "GET", path, NULL, &answer);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(answer);
    json_array_foreach(json_object_get(answer, "samples"), index, sample)
    {
        time_text(number_of(sample, "at_ms"), when, sizeof(when));
        table_add(table, when);
        add(table, sample);
    }
    table_print(table, stdout, terminal_width(stdout));
    json_decref(answer);
    return STATUS_DONE;
}

enum status fleet_samples(struct cli *cli, const struct arguments *arguments)
{
    (void)arguments;
    struct table table;
    table_init(&table, fleet_columns, sizeof(fleet_columns) / sizeof(fleet_columns[0]));
    return show(cli, path_of("/api/v1/fleet/samples", "", ""), &table, add_fleet);
}

enum status rollout_samples(struct cli *cli, const struct arguments *arguments)
{
    struct table table;
    table_init(&table, rollout_columns, sizeof(rollout_columns) / sizeof(rollout_columns[0]));
    return show(cli, path_of("/api/v1/rollouts/", arguments->positional[0], "/samples"), &table,
                add_rollout);
}
