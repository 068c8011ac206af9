/* create.c: kedge rollout create. */
#include <inttypes.h>
#include <kedge/base.h>
#include <stdlib.h>
#include <string.h>

#include "updater/cli/cli.h"
#include "updater/cli/filter.h"
#include "updater/cli/json.h"
#include "updater/cli/spans.h"
#include "updater/cli/steps.h"
#include "updater/cli/timing.h"

/* --device A B C: what stands without an option after it are devices as well. */
static bool list_devices(const struct arguments *arguments, json_t *devices)
{
    size_t count = 0, at = 0;
    const char *endpoint;
    while ((endpoint = argument_next(arguments, "device", &at)) != NULL) {
        (void)json_array_append_new(devices, json_string(endpoint));
        count++;
    }
    for (size_t i = 0; i < arguments->positional_count; i++)
        (void)json_array_append_new(devices, json_string(arguments->positional[i]));
    return json_array_size(devices) == count + arguments->positional_count;
}

static bool add_filter(const char *filter, json_t *body)
{
    if (!check_filter(KEDGE_FILTER_OF_DEVICE, filter))
        return false;
    if (json_object_set_new(body, "filter", json_string(filter)) == 0)
        return true;
    complain("the filter is not UTF-8");
    return false;
}

static bool add_devices(const struct arguments *arguments, json_t *body)
{
    bool all = argument(arguments, "all") != NULL;
    bool listed = argument(arguments, "device") != NULL;
    const char *filter = argument(arguments, "filter");
    if (all + listed + (filter != NULL) != 1 || (!listed && arguments->positional_count > 0)) {
        complain("say which devices: --all (of the package's vendor and class), or --filter FILTER "
                 "(those of them that it means), or --device ENDPOINT ..., one of the three");
        return false;
    }
    if (filter != NULL)
        return add_filter(filter, body);
    if (all)
        return json_object_set_new(body, "all_devices", json_true()) == 0;
    json_t *devices = json_array();
    if (!list_devices(arguments, devices)) {
        complain("the name of a device is not UTF-8");
        json_decref(devices);
        return false;
    }
    return json_object_set_new(body, "devices", devices) == 0;
}

static bool add_policy(const struct arguments *arguments, json_t *body)
{
    const struct command *command = arguments->command;
    json_t *policy = json_object();
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option_row *row = &command->options[i];
        const char *value = arguments->values[i];
        if (row->field == NULL || value == NULL)
            continue;
        uint32_t span_s = 0;
        json_t *json = row->kind == OPTION_NUMBER ? json_integer(strtoll(value, NULL, 10))
                       : row->kind == OPTION_SPAN && span_read(value, &span_s)
                           ? json_integer((json_int_t)span_s)
                           : json_string(value);
        (void)json_object_set_new(policy, row->field, json);
    }
    bool complete = add_attempts(arguments, policy);
    return json_object_set_new(body, "policy", policy) == 0 && complete;
}

static void add_intermediates(const struct arguments *arguments, json_t *body)
{
    json_t *ids = json_array();
    size_t at = 0;
    const char *id;
    while ((id = argument_next(arguments, "intermediate", &at)) != NULL)
        (void)json_array_append_new(ids, json_string(id));
    (void)json_object_set_new(body, "intermediate_package_ids", ids);
}

json_t *rollout_body(const struct arguments *arguments, bool plan)
{
    const char *name = argument(arguments, "name"), *package = argument(arguments, "package");
    if ((name == NULL && !plan) || package == NULL) {
        complain(plan ? "rollout plan needs --package ID"
                      : "rollout create needs --name NAME and --package ID");
        return NULL;
    }
    json_t *body = json_pack("{s:s*, s:s, s:b}", "name", name, "package_id", package, "start",
                             argument(arguments, "start") != NULL);
    if (body == NULL)
        complain("the name is not UTF-8");
    if (body != NULL && argument(arguments, "dynamic") != NULL)
        (void)json_object_set_new(body, "dynamic", json_true());
    const char *revert = argument(arguments, "revert-package");
    if (body != NULL && revert != NULL)
        (void)json_object_set_new(body, "revert_package_id", json_string(revert));
    if (body != NULL && argument(arguments, "intermediate") != NULL)
        add_intermediates(arguments, body);
    if (body != NULL && add_devices(arguments, body) && add_steps(arguments, body) &&
        add_timing(arguments, body) && add_policy(arguments, body))
        return body;
    json_decref(body);
    return NULL;
}

/* Says what was made, and what comes next. */
static enum status print_made(struct cli *cli, const struct arguments *arguments, json_t *rollout)
{
    if (cli->json)
        return print_json(rollout);
    uint64_t id = number_of(rollout, "id");
    uint64_t devices = number_of(rollout, "device_count");
    say("rollout %" PRIu64 " is %s: version %s for %" PRIu64 " %s", id, text_of(rollout, "state"),
        text_of(rollout, "version"), devices, kedge_by_count(devices, "device", "devices"));
    if (argument(arguments, "start") != NULL)
        say("follow it: kedge rollout watch %" PRIu64, id);
    else if (strcmp(text_of(rollout, "state"), "waiting_for_approval") == 0)
        say("somebody else approves it: kedge rollout approve %" PRIu64, id);
    else if (number_of(rollout, "start_at_ms") != 0)
        say("%s", text_of(rollout, "explanation"));
    else
        say("start it: kedge rollout start %" PRIu64, id);
    json_decref(rollout);
    return STATUS_DONE;
}

enum status rollout_create(struct cli *cli, const struct arguments *arguments)
{
    json_t *body = rollout_body(arguments, false), *rollout = NULL;
    if (body == NULL)
        return STATUS_USAGE;
    enum status status = ask(cli, "POST", "/api/v1/rollouts", body, &rollout);
    if (status != STATUS_DONE)
        return status;
    return print_made(cli, arguments, rollout);
}

enum status rollout_retry(struct cli *cli, const struct arguments *arguments)
{
    json_t *rollout = NULL;
    json_t *body = json_pack("{s:b}", "start", argument(arguments, "start") != NULL);
    enum status status =
        ask_at(cli, "POST", path_of("/api/v1/rollouts/", arguments->positional[0], "/retry"), body,
               &rollout);
    return status != STATUS_DONE ? status : print_made(cli, arguments, rollout);
}
