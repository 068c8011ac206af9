/* asked.c: the body of a new rollout. */
#include "updater/api/asked.h"
#include "updater/api/filters.h"
#include "updater/api/steps.h"
#include "updater/api/timing.h"

#include <stdlib.h>
#include <string.h>

#define SHOW_MAX 100000u /* devices of each group that a plan names */
#define SHOW_DEFAULT 20u

static bool read_policy(struct request *request, json_t *json, struct kedge_rollout_policy *policy)
{
    uint32_t numbers[KEDGE_POLICY_FIELD_COUNT];
    struct field fields[KEDGE_POLICY_FIELD_COUNT + 4];
    const char *action = NULL, *severity = NULL, *approval = NULL;
    for (size_t i = 0; i < KEDGE_POLICY_FIELD_COUNT; i++) {
        const struct kedge_policy_field *field = &kedge_policy_fields[i];
        numbers[i] = kedge_policy_get(policy, field);
        fields[i] = (struct field){.name = field->name,
                                   .kind = FIELD_NUMBER,
                                   .least = field->least,
                                   .most = field->most,
                                   .number = &numbers[i]};
    }
    fields[KEDGE_POLICY_FIELD_COUNT] = (struct field){
        .name = "error_action", .kind = FIELD_TEXT, .least = 1, .most = 16, .text = &action};
    fields[KEDGE_POLICY_FIELD_COUNT + 1] = (struct field){
        .name = "severity", .kind = FIELD_TEXT, .least = 1, .most = 16, .text = &severity};
    fields[KEDGE_POLICY_FIELD_COUNT + 2] = (struct field){.name = "max_defer_s",
                                                          .kind = FIELD_NUMBER,
                                                          .most = KEDGE_SPAN_MAX_S,
                                                          .number = &policy->max_defer_s};
    fields[KEDGE_POLICY_FIELD_COUNT + 3] = (struct field){
        .name = "approval", .kind = FIELD_TEXT, .least = 1, .most = 16, .text = &approval};
    if (!body_read(request, json, "policy.", fields, KEDGE_POLICY_FIELD_COUNT + 4))
        return false;
    for (size_t i = 0; i < KEDGE_POLICY_FIELD_COUNT; i++)
        kedge_policy_set(policy, &kedge_policy_fields[i], numbers[i]);
    if (severity != NULL && !kedge_severity_parse(severity, &policy->severity)) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "policy.severity",
               "policy.severity must be critical, mandatory or optional");
        return false;
    }
    if (approval != NULL && !kedge_approval_parse(approval, &policy->approval)) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "policy.approval",
               "policy.approval must be none, start or groups");
        return false;
    }
    if (action == NULL || kedge_error_action_parse(action, &policy->error_action))
        return true;
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "policy.error_action",
           "policy.error_action must be pause, abort or roll_back");
    return false;
}

static bool list_endpoints(struct request *request, json_t *devices, struct rollout_asked *asked)
{
    size_t count = json_array_size(devices);
    asked->endpoints = calloc(count, sizeof(*asked->endpoints));
    if (asked->endpoints == NULL) {
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        asked->endpoints[i] = json_string_value(json_array_get(devices, i));
    asked->rollout.endpoints = asked->endpoints;
    asked->rollout.endpoint_count = count;
    return true;
}

static bool read_who(struct request *request, json_t *devices, const char *filter,
                     struct rollout_asked *asked)
{
    if (asked->rollout.all_devices + (devices != NULL) + (filter != NULL) != 1) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "devices",
               "either \"all_devices\" is true, or \"filter\" says which ones, or \"devices\" "
               "lists them, one of the three");
        return false;
    }
    if (devices != NULL)
        return list_endpoints(request, devices, asked);
    if (filter == NULL)
        return true;
    asked->filter = filter_read(request, filter);
    asked->rollout.filter = asked->filter;
    asked->rollout.filter_text = filter;
    return asked->filter != NULL;
}

static bool read_intermediates(struct request *request, const json_t *ids,
                               struct rollout_asked *asked)
{
    for (size_t i = 0; i < json_array_size(ids); i++) {
        asked->intermediates[i] = json_string_value(json_array_get(ids, i));
        if (strlen(asked->intermediates[i]) == KEDGE_PACKAGE_ID_SIZE)
            continue;
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "intermediate_package_ids",
               "the id of a package has %u characters", KEDGE_PACKAGE_ID_SIZE);
        return false;
    }
    asked->rollout.intermediate_package_ids = asked->intermediates;
    asked->rollout.intermediate_count = (uint32_t)json_array_size(ids);
    return true;
}

bool rollout_asked_read(struct request *request, bool plan, struct rollout_asked *asked)
{
    json_t *policy = NULL, *groups = NULL, *devices = NULL, *windows = NULL, *gate_windows = NULL;
    json_t *intermediates = NULL;
    const char *filter = NULL, *start_at = NULL;
    const struct field fields[] = {
        {.name = "name",
         .kind = FIELD_NAME,
         .required = !plan,
         .least = 1,
         .most = KEDGE_NAME_MAX,
         .text = &asked->rollout.name},
        {.name = "package_id",
         .kind = FIELD_TEXT,
         .required = true,
         .least = KEDGE_PACKAGE_ID_SIZE,
         .most = KEDGE_PACKAGE_ID_SIZE,
         .text = &asked->rollout.package_id},
        {.name = "revert_package_id",
         .kind = FIELD_TEXT,
         .least = KEDGE_PACKAGE_ID_SIZE,
         .most = KEDGE_PACKAGE_ID_SIZE,
         .text = &asked->rollout.revert_package_id},
        {.name = "intermediate_package_ids",
         .kind = FIELD_TEXTS,
         .least = 1,
         .most = KEDGE_INTERMEDIATES_MAX,
         .json = &intermediates},
        {.name = "all_devices", .kind = FIELD_FLAG, .flag = &asked->rollout.all_devices},
        {.name = "dynamic", .kind = FIELD_FLAG, .flag = &asked->rollout.dynamic},
        {.name = "devices",
         .kind = FIELD_TEXTS,
         .least = 1,
         .most = KEDGE_ROLLOUT_TARGETS_MAX,
         .json = &devices},
        {.name = "filter",
         .kind = FIELD_TEXT,
         .least = 1,
         .most = KEDGE_FILTER_TEXT_MAX,
         .text = &filter},
        {.name = "groups",
         .kind = FIELD_OBJECTS,
         .least = 1,
         .most = KEDGE_ROLLOUT_GROUPS_MAX,
         .json = &groups},
        {.name = "spread_by",
         .kind = FIELD_NAME,
         .least = 1,
         .most = KEDGE_NAME_MAX,
         .text = &asked->rollout.spread_by},
        {.name = "seed",
         .kind = FIELD_NUMBER,
         .most = KEDGE_SEED_MAX,
         .number = &asked->rollout.seed},
        {.name = "start_at", .kind = FIELD_TEXT, .least = 1, .most = 32, .text = &start_at},
        {.name = "windows",
         .kind = FIELD_TEXTS,
         .least = 1,
         .most = KEDGE_WINDOWS_MAX,
         .json = &windows},
        {.name = "gate_windows",
         .kind = FIELD_TEXTS,
         .least = 1,
         .most = KEDGE_WINDOWS_MAX,
         .json = &gate_windows},
        {.name = "download_in_window",
         .kind = FIELD_FLAG,
         .flag = &asked->rollout.download_in_window},
        {.name = "policy", .kind = FIELD_OBJECT, .json = &policy},
        {.name = "start", .kind = FIELD_FLAG, .flag = &asked->start},
        {.name = "show", .kind = FIELD_NUMBER, .most = SHOW_MAX, .number = &asked->show},
    };
    kedge_rollout_policy_default(&asked->rollout.policy);
    size_t count = sizeof(fields) / sizeof(fields[0]) - !plan; /* "show" is a plan's */
    asked->show = SHOW_DEFAULT;
    if (!body_read(request, request->json, "", fields, count) ||
        (policy != NULL && !read_policy(request, policy, &asked->rollout.policy)) ||
        (groups != NULL &&
         !steps_read(request, groups, asked->plans, asked->gates, &asked->rollout.group_count)))
        return false;
    if (!timing_read_start(request, start_at, asked->start, &asked->rollout.start_at_ms) ||
        !timing_read_windows(request, "windows", windows, asked->windows,
                             &asked->rollout.windows) ||
        !timing_read_windows(request, "gate_windows", gate_windows, asked->gate_windows,
                             &asked->rollout.gate_windows))
        return false;
    if (!read_intermediates(request, intermediates, asked))
        return false;
    asked->rollout.groups = asked->plans;
    asked->rollout.seed_given = json_object_get(request->json, "seed") != NULL;
    if (!rollout_may_start(request, &asked->rollout.policy, asked->start))
        return false;
    return read_who(request, devices, filter, asked);
}

void rollout_asked_clear(struct rollout_asked *asked)
{
    free(asked->filter);
    free(asked->endpoints);
}

/* A refusal to create: what is not there was named by the body, not by the path. */
void refuse_create(struct request *request, enum kedge_rc rc, const char *field, const char *text)
{
    if (rc == KEDGE_E_NOT_FOUND)
        refuse(request, MHD_HTTP_UNPROCESSABLE_CONTENT, "not_found", field, "%s",
               text[0] != '\0' ? text : "the package or a device is not there");
    else
        refuse_rc(request, rc, field, text);
}
