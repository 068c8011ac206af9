/* plan.c: what a rollout would be. */
#include "updater/api/asked.h"

#include <stdio.h>

/* The groups, as the devices come in their order. */
struct drawing {
    const struct rollout_asked *asked;
    json_t *groups;
    uint64_t counts[KEDGE_ROLLOUT_GROUPS_MAX];
};

static json_t *group_of(const struct rollout_asked *asked, uint32_t index)
{
    char name[KEDGE_NAME_MAX + 1];
    json_t *group = json_object();
    bool named = index < asked->rollout.group_count && asked->rollout.groups[index].name != NULL;
    if (named)
        (void)snprintf(name, sizeof(name), "%s", asked->rollout.groups[index].name);
    else
        (void)snprintf(name, sizeof(name), "group %u", index + 1);
    json_put(&group, "name", json_text(name));
    if (index < asked->rollout.group_count)
        gate_put(&group, &asked->gates[index],
                 asked->plans[index].filter == NULL ? "" : asked->plans[index].filter);
    json_put(&group, "devices", json_array());
    return group;
}

static void draw_target(void *context, const struct kedge_rollout_target *target)
{
    struct drawing *drawing = context;
    uint32_t index = target->group_index;
    if (index >= KEDGE_ROLLOUT_GROUPS_MAX)
        return;
    while (drawing->groups != NULL && json_array_size(drawing->groups) <= index)
        json_add(&drawing->groups,
                 group_of(drawing->asked, (uint32_t)json_array_size(drawing->groups)));
    if (drawing->counts[index]++ >= drawing->asked->show || drawing->groups == NULL)
        return;
    json_t *devices = json_object_get(json_array_get(drawing->groups, index), "devices");
    (void)json_array_append_new(devices, json_text(target->endpoint));
}

static json_t *left_out_json(const struct kedge_backend_plan *plan)
{
    json_t *list = json_array();
    for (unsigned i = KEDGE_FIT_OK + 1; i < KEDGE_FIT_COUNT; i++) {
        if (plan->left_out[i] == 0)
            continue;
        json_t *reason = json_object();
        json_put(&reason, "reason", json_text(kedge_fit_code((enum kedge_fit)i)));
        json_put(&reason, "text", json_text(plan->words[i]));
        json_put(&reason, "device_count", json_count(plan->left_out[i]));
        json_put(&reason, "example", json_text(plan->example[i]));
        json_add(&list, reason);
    }
    return list;
}

/* Whether those devices wait for the other rollout, or are taken over from it, if this one started
 * now. */
static json_t *overlaps_json(const struct kedge_backend_plan *plan, uint32_t priority)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < plan->overlap_count; i++) {
        const struct kedge_backend_overlap *overlap = &plan->overlaps[i];
        json_t *item = json_object();
        json_put(&item, "rollout_id", json_count(overlap->rollout_id));
        json_put(&item, "name", json_text(overlap->name));
        json_put(&item, "state", json_text(kedge_rollout_state_name(overlap->state)));
        json_put(&item, "priority", json_count(overlap->priority));
        json_put(&item, "goes_first", json_boolean(overlap->priority > priority));
        json_put(&item, "device_count", json_count(overlap->device_count));
        json_put(&item, "example", json_text(overlap->example));
        json_add(&list, item);
    }
    return list;
}

static json_t *steps_json(const struct kedge_backend_plan *plan)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < plan->intermediate_count; i++) {
        json_t *step = intermediate_json(&plan->intermediates[i]);
        json_put(&step, "device_count", json_count(plan->through[i]));
        const char *example = plan->through_example[i];
        json_put(&step, "example", example[0] == '\0' ? json_null() : json_text(example));
        json_add(&list, step);
    }
    return list;
}

/* Nobody is in it yet. */
static void add_joined(const struct rollout_asked *asked, json_t **groups)
{
    json_t *group = json_object();
    json_put(&group, "name", json_text(KEDGE_GROUP_JOINED));
    json_put(&group, "device_count", json_count(0));
    json_put(&group, "devices", json_array());
    if (asked->rollout.dynamic && *groups != NULL)
        json_add(groups, group);
    else
        json_decref(group);
}

static json_t *plan_json(struct drawing *drawing, const struct kedge_backend_plan *plan)
{
    json_t *json = json_object();
    for (size_t i = 0; i < json_array_size(drawing->groups); i++)
        (void)json_object_set_new(json_array_get(drawing->groups, i), "device_count",
                                  json_count(drawing->counts[i]));
    add_joined(drawing->asked, &drawing->groups);
    json_put(&json, "vendor", json_text(plan->vendor));
    json_put(&json, "class", json_text(plan->class_name));
    json_put(&json, "version", json_text(plan->version));
    json_put(&json, "seed", json_count(plan->seed));
    json_put(&json, "device_count", json_count(plan->device_count));
    json_put(&json, "already", json_count(plan->already));
    json_put(&json, "unmatched", json_count(plan->unmatched));
    json_put(&json, "left_out", left_out_json(plan));
    uint64_t start_at_ms = drawing->asked->rollout.start_at_ms;
    bool changes = plan->standing.changes_at_ms != KEDGE_WINDOW_NEVER;
    json_put(&json, "start_at_ms", start_at_ms == 0 ? json_null() : json_count(start_at_ms));
    json_put(&json, "windows", windows_json(plan->windows));
    json_put(&json, "gate_windows", windows_json(plan->gate_windows));
    json_put(&json, "window_open", json_boolean(plan->standing.open));
    json_put(&json, "window_changes_at_ms",
             changes ? json_count(plan->standing.changes_at_ms) : json_null());
    json_put(&json, "intermediates", steps_json(plan));
    json_put(&json, "overlaps", overlaps_json(plan, drawing->asked->rollout.policy.priority));
    json_put(&json, "overlaps_left_out", json_count(plan->overlaps_left_out));
    json_put(&json, "groups", json_incref(drawing->groups));
    return json;
}

static void plan_and_show(struct request *request, const struct rollout_asked *asked)
{
    const struct kedge_backend *backend = request->api->config.backend;
    struct kedge_backend_plan plan = {.seed = 0};
    struct drawing drawing = {.asked = asked, .groups = json_array()};
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    const char *field = NULL;
    enum kedge_rc rc = backend->rollout_plan(backend->context, &asked->rollout, &plan, draw_target,
                                             &drawing, text, &field);
    if (rc != KEDGE_OK)
        refuse_create(request, rc, field, text);
    else
        answer_json(request, MHD_HTTP_OK,
                    drawing.groups == NULL ? NULL : plan_json(&drawing, &plan));
    json_decref(drawing.groups);
}

void rollout_plan(struct request *request)
{
    struct rollout_asked asked = {.start = false};
    if (rollout_asked_read(request, true, &asked))
        plan_and_show(request, &asked);
    rollout_asked_clear(&asked);
}
