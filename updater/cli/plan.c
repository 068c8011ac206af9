/* plan.c: kedge rollout plan. */
#include <inttypes.h>
#include <kedge/base.h>

#include "updater/cli/cli.h"
#include "updater/cli/json.h"
#include "updater/cli/steps.h"
#include "updater/cli/table.h"
#include "updater/cli/timing.h"

#define NAMED_ALL 100000 /* of each group, for machines: as many as the server names */
#define NAMED_SOME 10

static const struct column group_columns[] = {
    {"GROUP", false, true},
    {"DEVICES", true, false},
    {"FIRST OF THEM", false, true},
};

/* "edge-1, edge-2, ..." */
static void name_devices(const json_t *group, char *out, size_t size)
{
    const json_t *devices = json_object_get(group, "devices"), *device;
    size_t index, used = 0;
    out[0] = '\0';
    json_array_foreach(devices, index, device)
    {
        if (used < size)
            used += (size_t)snprintf(&out[used], size - used, "%s%s", index > 0 ? ", " : "",
                                     json_string_value(device));
    }
    if (used < size && json_array_size(devices) < number_of(group, "device_count"))
        (void)snprintf(&out[used], size - used, ", ...");
}

static void print_groups(const json_t *groups)
{
    struct table table;
    size_t index;
    json_t *group;
    char devices[1024];
    table_init(&table, group_columns, sizeof(group_columns) / sizeof(group_columns[0]));
    json_array_foreach(groups, index, group)
    {
        name_devices(group, devices, sizeof(devices));
        table_add(&table, text_of(group, "name"));
        table_add_number(&table, number_of(group, "device_count"));
        table_add(&table, devices);
    }
    table_print(&table, stdout, terminal_width(stdout));
    print_rules(groups);
}

static void print_left_out(const json_t *plan)
{
    size_t index;
    json_t *reason;
    uint64_t unmatched = number_of(plan, "unmatched");
    if (unmatched > 0)
        say("  not meant %" PRIu64 " that the filter does not match", unmatched);
    json_array_foreach(json_object_get(plan, "left_out"), index, reason)
    {
        say("  left out  %" PRIu64 ", as %s: %s", number_of(reason, "device_count"),
            text_of(reason, "example"), text_of(reason, "text"));
    }
}

static void print_steps(const json_t *plan)
{
    size_t index;
    json_t *step;
    json_array_foreach(json_object_get(plan, "intermediates"), index, step)
    {
        uint64_t count = number_of(step, "device_count");
        say("  first     version %s (package %.8s) for %" PRIu64 " of them%s%s",
            text_of(step, "version"), text_of(step, "package_id"), count, count > 0 ? ", as " : "",
            count > 0 ? text_of(step, "example") : "");
    }
}

static void print_overlaps(const json_t *plan)
{
    size_t index;
    json_t *overlap;
    json_array_foreach(json_object_get(plan, "overlaps"), index, overlap)
    {
        bool first = json_is_true(json_object_get(overlap, "goes_first"));
        say("  overlaps  %" PRIu64 ", as %s: rollout %" PRIu64 " (%s, %s, priority %" PRIu64 ") %s",
            number_of(overlap, "device_count"), text_of(overlap, "example"),
            number_of(overlap, "rollout_id"), text_of(overlap, "name"), text_of(overlap, "state"),
            number_of(overlap, "priority"),
            first ? "goes first with them, and this one waits"
                  : "loses them where it has not begun with them, and this one waits for the rest");
    }
    uint64_t left_out = number_of(plan, "overlaps_left_out");
    if (left_out > 0)
        say("            and parts of %" PRIu64 " %s in further rollouts", left_out,
            kedge_by_count(left_out, "device", "devices"));
}

static void print_plan(const json_t *plan, bool dynamic)
{
    uint64_t already = number_of(plan, "already");
    uint64_t devices = number_of(plan, "device_count");
    say("version %s (%s, %s) for %" PRIu64 " %s; nothing was made", text_of(plan, "version"),
        text_of(plan, "vendor"), text_of(plan, "class"), devices,
        kedge_by_count(devices, "device", "devices"));
    if (already > 0)
        say("  already   %" PRIu64 " of them run it and will be offered nothing", already);
    print_steps(plan);
    print_left_out(plan);
    print_overlaps(plan);
    print_timing(plan);
    say("  order     seed %" PRIu64 ": create it with --seed to have it so",
        number_of(plan, "seed"));
    print_groups(json_object_get(plan, "groups"));
    if (dynamic)
        say("  devices that come to match later join the last group, until somebody closes it");
}

enum status rollout_plan(struct cli *cli, const struct arguments *arguments)
{
    json_t *body = rollout_body(arguments, true), *plan = NULL;
    if (body == NULL)
        return STATUS_USAGE;
    (void)json_object_set_new(body, "show", json_integer(cli->json ? NAMED_ALL : NAMED_SOME));
    enum status status = ask(cli, "POST", "/api/v1/rollouts/plan", body, &plan);
    if (status != STATUS_DONE)
        return status;
    if (cli->json)
        return print_json(plan);
    print_plan(plan, argument(arguments, "dynamic") != NULL);
    json_decref(plan);
    return STATUS_DONE;
}
