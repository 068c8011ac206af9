/* rollout.c: kedge rollout ..., but for create (create.c) and watch (watch.c). */
#include <inttypes.h>
#include <stdlib.h>

#include "updater/cli/cli.h"
#include "updater/cli/history.h"
#include "updater/cli/json.h"
#include "updater/cli/steps.h"
#include "updater/cli/table.h"
#include "updater/cli/timing.h"
#include "updater/cli/watch_rollouts.h"

#define ROLLOUTS "/api/v1/rollouts"
#define COUNTS_MAX 256u

static const struct column rollout_columns[] = {
    {"ID", true, false},      {"NAME", false, true},    {"STATE", false, false},
    {"VERSION", false, true}, {"DEVICES", true, false}, {"DEPLOYMENTS", false, true},
};

static const struct column group_columns[] = {
    {"GROUP", false, true},
    {"STATE", false, false},
    {"DEPLOYMENTS", false, true},
    {"WHY", false, true},
};

static const struct column deployment_columns[] = {
    {"ENDPOINT", false, true}, {"STATE", false, false},   {"RESULT", true, false},
    {"FROM", false, true},     {"DOWNLOAD", true, false}, {"WHY", false, true},
};

/* ---- listing ---- */

enum status rollout_list(struct cli *cli, const struct arguments *arguments)
{
    json_t *list = NULL, *rollout;
    size_t index;
    struct table table;
    char counts[COUNTS_MAX];
    if (argument(arguments, "watch") != NULL)
        return rollouts_watch(cli);
    enum status status = ask_list(cli, ROLLOUTS, "rollouts", &list);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(list);
    table_init(&table, rollout_columns, sizeof(rollout_columns) / sizeof(rollout_columns[0]));
    json_array_foreach(json_object_get(list, "rollouts"), index, rollout)
    {
        counts_text(json_object_get(rollout, "counts"), counts, sizeof(counts));
        table_add_number(&table, number_of(rollout, "id"));
        table_add(&table, text_of(rollout, "name"));
        table_add(&table, text_of(rollout, "state"));
        table_add(&table, text_of(rollout, "version"));
        table_add_number(&table, number_of(rollout, "device_count"));
        table_add(&table, counts);
    }
    table_print(&table, stdout, terminal_width(stdout));
    json_decref(list);
    return STATUS_DONE;
}

/* ---- showing ---- */

static void print_summary(const json_t *rollout)
{
    char counts[COUNTS_MAX], time[32];
    counts_text(json_object_get(rollout, "counts"), counts, sizeof(counts));
    time_text(number_of(rollout, "started_at_ms"), time, sizeof(time));
    say("rollout %" PRIu64 " \"%s\": %s", number_of(rollout, "id"), text_of(rollout, "name"),
        text_of(rollout, "state"));
    say("  %s", text_of(rollout, "explanation"));
    say("  version   %s (%s, %s)", text_of(rollout, "version"), text_of(rollout, "vendor"),
        text_of(rollout, "class"));
    say("  package   %s", text_of(rollout, "package_id"));
    if (text_of(rollout, "revert_version")[0] != '\0')
        say("  revert    to version %s, package %s", text_of(rollout, "revert_version"),
            text_of(rollout, "revert_package_id"));
    say("  started   %s", time);
    say("  devices   %" PRIu64 ": %s", number_of(rollout, "device_count"), counts);
    print_timing(rollout);
    if (text_of(rollout, "filter")[0] != '\0')
        say("  filter    %s", text_of(rollout, "filter"));
    if (json_is_true(json_object_get(rollout, "dynamic")))
        say("  dynamic   %s", json_is_integer(json_object_get(rollout, "closed_at_ms"))
                                  ? "closed: no device joins any more"
                                  : "devices that come to match join it");
    if (json_object_get(rollout, "seed") != NULL)
        say("  order     seed %" PRIu64 "%s%s", number_of(rollout, "seed"),
            text_of(rollout, "spread_by")[0] != '\0' ? ", spread by " : "",
            text_of(rollout, "spread_by"));
}

static void print_groups(const json_t *groups)
{
    struct table table;
    size_t index;
    json_t *group;
    char counts[COUNTS_MAX];
    table_init(&table, group_columns, sizeof(group_columns) / sizeof(group_columns[0]));
    json_array_foreach(groups, index, group)
    {
        counts_text(json_object_get(group, "counts"), counts, sizeof(counts));
        table_add(&table, text_of(group, "name"));
        table_add(&table, text_of(group, "state"));
        table_add(&table, counts);
        table_add(&table, text_of(group, "explanation"));
    }
    table_print(&table, stdout, terminal_width(stdout));
    print_rules(groups);
}

static void add_deployment(struct table *table, const json_t *deployment)
{
    uint64_t done = number_of(deployment, "bytes_done"),
             total = number_of(deployment, "bytes_total");
    char download[16] = "", result[32];
    if (total > 0)
        (void)snprintf(download, sizeof(download), "%" PRIu64 " %%",
                       done >= total ? 100 : done * 100 / total);
    table_add(table, text_of(deployment, "endpoint"));
    table_add(table, text_of(deployment, "state"));
    optional_text(deployment, "update_result", result, sizeof(result));
    table_add(table, result);
    table_add(table, text_of(deployment, "version_before"));
    table_add(table, download);
    table_add(table, text_of(deployment, "explanation"));
}

static void print_deployments(const json_t *deployments)
{
    struct table table;
    size_t index;
    json_t *deployment;
    table_init(&table, deployment_columns,
               sizeof(deployment_columns) / sizeof(deployment_columns[0]));
    json_array_foreach(deployments, index, deployment) add_deployment(&table, deployment);
    say("%s", "");
    table_print(&table, stdout, terminal_width(stdout));
}

/* Asks for a listing below the rollout, page by page or in one, and puts its items into it. */
static enum status add_part(struct cli *cli, json_t *rollout, const char *id, const char *name,
                            const char *query, bool paged)
{
    char suffix[CLIENT_PATH_MAX];
    json_t *list = NULL;
    (void)snprintf(suffix, sizeof(suffix), "/%s%s", name, query);
    char *path = path_of(ROLLOUTS "/", id, suffix);
    enum status status =
        paged ? ask_list_at(cli, path, name, &list) : ask_at(cli, "GET", path, NULL, &list);
    if (status == STATUS_DONE)
        (void)json_object_set(rollout, name, json_object_get(list, name));
    json_decref(list);
    return status;
}

/* What became of one device, entry by entry. */
static void print_history(const json_t *history)
{
    size_t index;
    json_t *entry;
    say("%s", "");
    json_array_foreach(history, index, entry) history_say(entry);
}

/* Which deployments are asked for. */
struct narrowing {
    const char *device, *state, *group; /* NULL: any */
};

static bool is_narrowed(const struct narrowing *narrowing)
{
    return narrowing->device != NULL || narrowing->state != NULL || narrowing->group != NULL;
}

/* As the query says it; groups are counted from 0 there. NULL, with a complaint. */
static char *deployments_query(const struct narrowing *narrowing)
{
    char group[24] = "";
    unsigned long number = narrowing->group == NULL ? 1 : strtoul(narrowing->group, NULL, 10);
    if (number == 0) {
        complain("--group must be 1 or more: they are counted from 1");
        return NULL;
    }
    (void)snprintf(group, sizeof(group), "%lu", number - 1);
    char *query = path_of("", "", "");
    query = with_query(query, "endpoint", narrowing->device);
    query = with_query(query, "state", narrowing->state);
    query = with_query(query, "group", narrowing->group == NULL ? NULL : group);
    if (query == NULL)
        complain("what the deployments are narrowed by is too long");
    return query;
}

/* The lists that show more than the rollout, of all devices, of some or of one. */
static enum status add_devices(struct cli *cli, json_t *rollout, const char *id,
                               const struct narrowing *narrowing)
{
    char *query = deployments_query(narrowing);
    if (query == NULL)
        return STATUS_USAGE;
    enum status status = add_part(cli, rollout, id, "deployments", query, true);
    free(query);
    if (status != STATUS_DONE || narrowing->device == NULL)
        return status;
    query = path_of("?endpoint=", narrowing->device, "");
    status = query == NULL ? STATUS_UNREACHABLE
                           : add_part(cli, rollout, id, "history", query, true);
    free(query);
    if (status == STATUS_DONE && json_array_size(json_object_get(rollout, "history")) == 0 &&
        json_array_size(json_object_get(rollout, "deployments")) == 0) {
        complain("the device \"%s\" has no part in rollout %s; see kedge rollout show %s --devices",
                 narrowing->device, id, id);
        return STATUS_REFUSED;
    }
    return status;
}

enum status rollout_show(struct cli *cli, const struct arguments *arguments)
{
    const char *id = arguments->positional[0];
    const struct narrowing narrowing = {.device = argument(arguments, "device"),
                                        .state = argument(arguments, "state"),
                                        .group = argument(arguments, "group")};
    bool with_devices = is_narrowed(&narrowing) || argument(arguments, "devices") != NULL;
    json_t *rollout = NULL;
    enum status status = ask_at(cli, "GET", path_of(ROLLOUTS "/", id, ""), NULL, &rollout);
    if (status == STATUS_DONE)
        status = add_part(cli, rollout, id, "groups", "", false);
    if (status == STATUS_DONE && with_devices)
        status = add_devices(cli, rollout, id, &narrowing);
    if (status == STATUS_DONE && cli->json)
        return print_json(rollout);
    if (status == STATUS_DONE) {
        print_summary(rollout);
        say("%s", "");
        print_groups(json_object_get(rollout, "groups"));
        if (with_devices)
            print_deployments(json_object_get(rollout, "deployments"));
        if (narrowing.device != NULL)
            print_history(json_object_get(rollout, "history"));
    }
    json_decref(rollout);
    return status;
}

/* ---- start, pause, resume, abort ---- */

enum status rollout_change(struct cli *cli, const struct arguments *arguments)
{
    char suffix[32];
    json_t *rollout = NULL;
    (void)snprintf(suffix, sizeof(suffix), "/%s", arguments->command->verb);
    enum status status = ask_at(
        cli, "POST", path_of(ROLLOUTS "/", arguments->positional[0], suffix), NULL, &rollout);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(rollout);
    print_summary(rollout);
    json_decref(rollout);
    return STATUS_DONE;
}
