/* history.c: kedge rollout history, kedge device history and deployments: what has happened. */
#include "updater/cli/history.h"

#include <inttypes.h>
#include <stdlib.h>

#include "updater/cli/cli.h"
#include "updater/cli/json.h"
#include "updater/cli/progress.h"
#include "updater/cli/table.h"

#define LINE_MAX_BYTES 1024u
#define WHERE_SIZE 40u

/* ---- line by line ---- */

/* Behind its time, and in what it happened. */
static void say_behind(const char *where, const json_t *entry)
{
    char line[LINE_MAX_BYTES], time[32];
    time_text(number_of(entry, "at_ms"), time, sizeof(time));
    history_line(entry, line, sizeof(line));
    say("%s  %s%s", time, where, line);
}

void history_say(const json_t *entry)
{
    say_behind("", entry);
}

static bool say_entry(void *context, json_t *entry)
{
    (void)context;
    history_say(entry);
    return true;
}

/* Of a device, which is in one rollout after the other. */
static bool say_entry_of_device(void *context, json_t *entry)
{
    (void)context;
    char where[WHERE_SIZE];
    (void)snprintf(where, sizeof(where), "rollout %" PRIu64 ": ", number_of(entry, "rollout_id"));
    say_behind(where, entry);
    return true;
}

/* Takes `path` over. */
static char *in_order(char *path, const struct arguments *arguments)
{
    return with_query(path, "order", argument(arguments, "newest") != NULL ? "newest" : NULL);
}

/* Takes `path` over. For people each entry is printed as it comes: there may be very many. */
static enum status show_history(struct cli *cli, const struct arguments *arguments, char *path,
                                item_fn *say_one)
{
    path = in_order(path, arguments);
    if (path == NULL) {
        complain("out of memory");
        return STATUS_UNREACHABLE;
    }
    json_t *list = NULL;
    enum status status = cli->json ? ask_list(cli, path, "history", &list)
                                   : ask_each(cli, path, "history", say_one, NULL);
    free(path);
    return list != NULL ? print_json(list) : status;
}

enum status rollout_history(struct cli *cli, const struct arguments *arguments)
{
    char *path = path_of("/api/v1/rollouts/", arguments->positional[0], "/history");
    path = with_query(path, "endpoint", argument(arguments, "device"));
    return show_history(cli, arguments, path, say_entry);
}

enum status device_history(struct cli *cli, const struct arguments *arguments)
{
    return show_history(cli, arguments,
                        path_of("/api/v1/devices/", arguments->positional[0], "/history"),
                        say_entry_of_device);
}

/* ---- the deployments of a device ---- */

static const struct column deployment_columns[] = {
    {"ROLLOUT", true, false},
    {"STATE", false, false},
    {"RESULT", true, false},
    {"FROM", false, true},
    {"OFFERED", false, false},
    {"ENDED", false, false},
    {"WHY", false, true},
};

static void print_deployments(const json_t *deployments)
{
    struct table table;
    size_t index;
    json_t *deployment;
    char time[32], result[32];
    table_init(&table, deployment_columns,
               sizeof(deployment_columns) / sizeof(deployment_columns[0]));
    json_array_foreach(deployments, index, deployment)
    {
        table_add_number(&table, number_of(deployment, "rollout_id"));
        table_add(&table, text_of(deployment, "state"));
        optional_text(deployment, "update_result", result, sizeof(result));
        table_add(&table, result);
        table_add(&table, text_of(deployment, "version_before"));
        time_text(number_of(deployment, "offered_at_ms"), time, sizeof(time));
        table_add(&table, time);
        time_text(number_of(deployment, "ended_at_ms"), time, sizeof(time));
        table_add(&table, time);
        table_add(&table, text_of(deployment, "explanation"));
    }
    table_print(&table, stdout, terminal_width(stdout));
}

enum status device_deployments(struct cli *cli, const struct arguments *arguments)
{
    json_t *list = NULL;
    char *path = path_of("/api/v1/devices/", arguments->positional[0], "/deployments");
    enum status status = ask_list_at(cli, in_order(path, arguments), "deployments", &list);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(list);
    print_deployments(json_object_get(list, "deployments"));
    json_decref(list);
    return STATUS_DONE;
}
