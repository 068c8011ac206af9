/*
 * create.c: a new rollout: everything is checked first, and only then made.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kedge_rc engine_set_text(char **text, const char *value)
{
    char *copy = NULL;
    if (value != NULL && value[0] != '\0') {
        size_t size = strlen(value) + 1;
        copy = malloc(size);
        if (copy == NULL)
            return KEDGE_E_MEMORY;
        memcpy(copy, value, size);
    }
    free(*text);
    *text = copy;
    return KEDGE_OK;
}

/* ---- the nodes ---- */

enum kedge_rc engine_add_rollout(struct kedge_engine *engine, const struct kedge_rollout *record,
                                 struct rollout_node **out)
{
    struct rollout_node *rollout = calloc(1, sizeof(*rollout));
    if (rollout == NULL)
        return KEDGE_E_MEMORY;
    rollout->record = *record;
    rollout->groups = calloc(record->group_count, sizeof(*rollout->groups));
    enum kedge_rc rc = rollout->groups == NULL ? KEDGE_E_MEMORY : KEDGE_OK;
    if (rc == KEDGE_OK)
        rc = kedge_map_insert(&engine->rollouts, &rollout->link,
                              kedge_map_hash_number(&engine->rollouts, record->id));
    if (rc != KEDGE_OK) {
        free(rollout->groups);
        free(rollout);
        return rc;
    }
    rollout->deadline_timer.kind = KEDGE_TIMER_DEADLINE;
    rollout->deadline_timer.owner = rollout;
    rollout->offer_timer.kind = KEDGE_TIMER_OFFER;
    rollout->offer_timer.owner = rollout;
    rollout->slice_timer.kind = KEDGE_TIMER_SLICE;
    rollout->slice_timer.owner = rollout;
    for (uint32_t i = 0; i < record->group_count; i++) {
        struct group_node *group = &rollout->groups[i];
        group->rollout = rollout;
        group->record.rollout_id = record->id;
        group->record.index = i;
        kedge_group_gate_unset(&group->record.gate);
        group->soak_timer.kind = KEDGE_TIMER_SOAK;
        group->soak_timer.owner = group;
    }
    engine_know_steps(engine, rollout);
    rollout->next = engine->first_rollout;
    engine->first_rollout = rollout;
    if (record->dynamic) {
        rollout->next_dynamic = engine->first_dynamic;
        engine->first_dynamic = rollout;
    }
    if (record->id > engine->last.rollout_id)
        engine->last.rollout_id = record->id;
    *out = rollout;
    return kedge_rollout_state_ended(record->state) ? KEDGE_OK : engine_add_timing(rollout);
}

static enum kedge_rc take_device(struct kedge_engine *engine, const char *endpoint,
                                 struct device_node **out)
{
    struct device_node *device = engine_device(engine, endpoint);
    if (device == NULL) {
        size_t size = strlen(endpoint) + 1;
        device = calloc(1, sizeof(*device) + size);
        if (device == NULL)
            return KEDGE_E_MEMORY;
        memcpy(device->endpoint, endpoint, size);
        enum kedge_rc rc = kedge_map_insert(&engine->devices, &device->link,
                                            kedge_map_hash_text(&engine->devices, endpoint));
        if (rc != KEDGE_OK) {
            free(device);
            return rc;
        }
    }
    device->references++;
    *out = device;
    return KEDGE_OK;
}

static void release_device(struct kedge_engine *engine, struct device_node *device)
{
    if (--device->references > 0)
        return;
    kedge_map_remove(&engine->devices, &device->link);
    free(device->vendor);
    free(device->class_name);
    free(device->version);
    free(device->hardware);
    free(device->zone);
    free(device);
}

enum kedge_rc engine_add_deployment(struct kedge_engine *engine, struct group_node *group,
                                    uint64_t id, const char *endpoint,
                                    enum kedge_deployment_state state, struct deployment_node **out)
{
    struct deployment_node *node = calloc(1, sizeof(*node));
    if (node == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = take_device(engine, endpoint, &node->device);
    if (rc == KEDGE_OK) {
        rc = kedge_map_insert(&engine->deployments, &node->link,
                              kedge_map_hash_number(&engine->deployments, id));
        if (rc != KEDGE_OK)
            release_device(engine, node->device);
    }
    if (rc != KEDGE_OK) {
        free(node);
        return rc;
    }
    node->id = id;
    node->state = state;
    node->update_result = KEDGE_UPDATE_RESULT_NONE;
    node->wait_timer.kind = KEDGE_TIMER_RETURN;
    node->wait_timer.owner = node;
    node->group = group;
    if (group->last != NULL)
        group->last->next_in_group = node;
    else
        group->deployments = node;
    group->last = node;
    group->size++;
    node->next_of_device = node->device->all;
    node->device->all = node;
    if (!kedge_deployment_state_ended(state)) {
        group->open++;
        node->next_in_device = node->device->open;
        if (node->device->open != NULL)
            node->device->open->previous_in_device = node;
        node->device->open = node;
    }
    if (id > engine->last.deployment_id)
        engine->last.deployment_id = id;
    *out = node;
    return KEDGE_OK;
}

static void forget_deployment(struct deployment_node *node)
{
    struct deployment_node **link = &node->device->all;
    while (*link != node)
        link = &(*link)->next_of_device;
    *link = node->next_of_device;
}

static void free_deployment(struct kedge_engine *engine, struct deployment_node *node)
{
    kedge_map_remove(&engine->deployments, &node->link);
    kedge_timer_cancel(&engine->timers, &node->wait_timer);
    engine_forget_kept(node);
    forget_deployment(node);
    release_device(engine, node->device);
    free(node->reason);
    free(node->version_before);
    free(node);
}

bool engine_drop_deployment(struct kedge_engine *engine, struct rollout_node *rollout)
{
    for (uint32_t i = 0; i < rollout->record.group_count; i++) {
        struct group_node *group = &rollout->groups[i];
        struct deployment_node *node = group->deployments;
        if (node == NULL)
            continue;
        group->deployments = node->next_in_group;
        if (group->last == node)
            group->last = NULL;
        free_deployment(engine, node);
        return true;
    }
    return false;
}

/* ---- the checks ---- */

static bool text_fits(const char *text, size_t most)
{
    return text != NULL && text[0] != '\0' && strlen(text) <= most;
}

static bool package_id_valid(const char *id)
{
    return text_fits(id, KEDGE_PACKAGE_ID_SIZE) && strspn(id, "0123456789abcdef") == 64;
}

static enum kedge_rc check_texts(struct kedge_engine *engine, const struct kedge_rollout_spec *spec)
{
    if (!text_fits(spec->name, KEDGE_NAME_MAX))
        return engine_refuse(engine, KEDGE_E_ARGUMENT, "the name must have 1 to %u bytes",
                             KEDGE_NAME_MAX);
    if (!package_id_valid(spec->package_id))
        return engine_refuse(engine, KEDGE_E_ARGUMENT,
                             "a package id is 64 lower-case hexadecimal digits");
    if (!text_fits(spec->vendor, KEDGE_VENDOR_MAX) ||
        !text_fits(spec->class_name, KEDGE_CLASS_MAX) ||
        !text_fits(spec->version, KEDGE_VERSION_MAX))
        return engine_refuse(engine, KEDGE_E_ARGUMENT,
                             "the package does not name its vendor, class and version, or one of "
                             "them is too long");
    if (spec->filter != NULL && !text_fits(spec->filter, KEDGE_FILTER_TEXT_MAX))
        return engine_refuse(engine, KEDGE_E_ARGUMENT, "a filter has 1 to %u bytes",
                             KEDGE_FILTER_TEXT_MAX);
    if (spec->spread_by != NULL && !text_fits(spec->spread_by, KEDGE_NAME_MAX))
        return engine_refuse(engine, KEDGE_E_ARGUMENT,
                             "the tag to spread devices by has 1 to %u bytes", KEDGE_NAME_MAX);
    return KEDGE_OK;
}

/* A refusal is the fault of the field of this name, if of none within it. */
static enum kedge_rc in_field(struct kedge_engine *engine, const char *name, enum kedge_rc rc)
{
    if (rc != KEDGE_OK && engine->output->refusal_field == NULL)
        engine->output->refusal_field = name;
    return rc;
}

static enum kedge_rc check_policy(struct kedge_engine *engine,
                                  const struct kedge_rollout_policy *policy)
{
    for (size_t i = 0; i < KEDGE_POLICY_FIELD_COUNT; i++) {
        const struct kedge_policy_field *field = &kedge_policy_fields[i];
        uint32_t value = kedge_policy_get(policy, field);
        if (value < field->least || value > field->most)
            return engine_refuse(engine, KEDGE_E_ARGUMENT,
                                 "%s is %" PRIu32 ", it must be %" PRIu32 " to %" PRIu32,
                                 field->name, value, field->least, field->most);
    }
    if ((unsigned)policy->severity >= KEDGE_SEVERITY_COUNT)
        return engine_refuse(engine, KEDGE_E_ARGUMENT,
                             "the severity must be critical, mandatory or optional");
    if (policy->max_defer_s != KEDGE_DEFER_UNSET && policy->max_defer_s > KEDGE_SPAN_MAX_S)
        return engine_refuse(engine, KEDGE_E_ARGUMENT,
                             "max_defer_s is %" PRIu32 ", it must be 0 to %u", policy->max_defer_s,
                             KEDGE_SPAN_MAX_S);
    if (policy->offers_per_minute_max != 0 &&
        (policy->offers_per_minute == 0 ||
         policy->offers_per_minute_max < policy->offers_per_minute))
        return in_field(engine, "policy.offers_per_minute_max",
                        engine_refuse(engine, KEDGE_E_ARGUMENT,
                                      "offers_per_minute_max is %" PRIu32
                                      ", it must be at least offers_per_minute, from which it grows",
                                      policy->offers_per_minute_max));
    if ((unsigned)policy->approval >= KEDGE_APPROVAL_COUNT)
        return engine_refuse(engine, KEDGE_E_ARGUMENT,
                             "the approval must be none, start or groups");
    if ((unsigned)policy->error_action > KEDGE_ERROR_ROLL_BACK)
        return engine_refuse(engine, KEDGE_E_ARGUMENT,
                             "the error action must be pause, abort or roll_back");
    return KEDGE_OK;
}

/* Devices only go forward in sequence, and by the version it is told whether they are back. */
static enum kedge_rc check_revert(struct kedge_engine *engine,
                                  const struct kedge_rollout_spec *spec)
{
    if (spec->revert_package_id == NULL)
        return spec->policy.error_action != KEDGE_ERROR_ROLL_BACK
                   ? KEDGE_OK
                   : engine_refuse(engine, KEDGE_E_ARGUMENT,
                                   "the error action roll_back needs a revert package: the older "
                                   "image, signed again with a sequence number above %" PRIu64,
                                   spec->sequence);
    if (!package_id_valid(spec->revert_package_id) ||
        !text_fits(spec->revert_version, KEDGE_VERSION_MAX))
        return engine_refuse(engine, KEDGE_E_ARGUMENT, "the revert package has no id or version");
    if (spec->revert_sequence <= spec->sequence)
        return engine_refuse(engine, KEDGE_E_ARGUMENT,
                             "the revert package has the sequence number %" PRIu64
                             ": it must be above that of the package, %" PRIu64
                             ", or devices refuse it",
                             spec->revert_sequence, spec->sequence);
    if (strcmp(spec->revert_version, spec->version) == 0)
        return engine_refuse(engine, KEDGE_E_ARGUMENT,
                             "the revert package has the version of the package, %s",
                             spec->version);
    return KEDGE_OK;
}

static enum kedge_rc check_rules(struct kedge_engine *engine, const struct kedge_group_plan *plan,
                                 uint32_t number)
{
    if (plan->share == KEDGE_GROUP_FILTER && !text_fits(plan->filter, KEDGE_GROUP_FILTER_MAX))
        return engine_refuse(engine, KEDGE_E_ARGUMENT,
                             "the filter of group %" PRIu32 " must have 1 to %u bytes", number,
                             KEDGE_GROUP_FILTER_MAX);
    if (plan->gate == NULL)
        return KEDGE_OK;
    for (size_t i = 0; i < KEDGE_GATE_FIELD_COUNT; i++) {
        const struct kedge_policy_field *field = &kedge_gate_fields[i];
        uint32_t value = kedge_gate_get(plan->gate, field);
        if (value != KEDGE_GATE_UNSET && (value < field->least || value > field->most))
            return engine_refuse(engine, KEDGE_E_ARGUMENT,
                                 "%s of group %" PRIu32 " is %" PRIu32 ", it must be %" PRIu32
                                 " to %" PRIu32,
                                 field->name, number, value, field->least, field->most);
    }
    return plan->gate->approval <= 1 || plan->gate->approval == KEDGE_GATE_UNSET
               ? KEDGE_OK
               : engine_refuse(engine, KEDGE_E_ARGUMENT,
                               "the approval of group %" PRIu32 " must be 0 or 1", number);
}

static enum kedge_rc check_groups(struct kedge_engine *engine,
                                  const struct kedge_rollout_spec *spec)
{
    uint32_t most = KEDGE_ROLLOUT_GROUPS_MAX - spec->dynamic;
    if (spec->group_count == 0 || spec->group_count > most)
        return engine_refuse(engine, KEDGE_E_ARGUMENT, "a %srollout has 1 to %" PRIu32 " groups%s",
                             spec->dynamic ? "dynamic " : "", most,
                             spec->dynamic ? ", beside that of the devices that join it" : "");
    if (spec->dynamic && !spec->all_devices && spec->filter == NULL)
        return in_field(engine, "dynamic",
                        engine_refuse(engine, KEDGE_E_ARGUMENT,
                                      "devices can join a rollout for all of a class or for those "
                                      "that a filter means, not one for a list of them"));
    for (uint32_t i = 0; i < spec->group_count; i++) {
        const char *name = spec->groups == NULL ? NULL : spec->groups[i].name;
        if (name != NULL && !text_fits(name, KEDGE_NAME_MAX))
            return engine_refuse(engine, KEDGE_E_ARGUMENT,
                                 "the name of group %" PRIu32 " must have 1 to %u bytes", i + 1,
                                 KEDGE_NAME_MAX);
        if (spec->groups != NULL)
            KEDGE_TRY(check_rules(engine, &spec->groups[i], i + 1));
    }
    return KEDGE_OK;
}

static bool is_in_parts(const struct kedge_rollout_spec *spec)
{
    return spec->target_total > spec->target_count;
}

static enum kedge_rc check_spec(struct kedge_engine *engine, const struct kedge_rollout_spec *spec)
{
    KEDGE_TRY(check_texts(engine, spec));
    KEDGE_TRY(check_policy(engine, &spec->policy));
    KEDGE_TRY(in_field(engine, "revert_package_id", check_revert(engine, spec)));
    KEDGE_TRY(in_field(engine, "intermediate_package_ids", engine_check_steps(engine, spec)));
    KEDGE_TRY(in_field(engine, "groups", check_groups(engine, spec)));
    if (is_in_parts(spec) && spec->target_total > KEDGE_ROLLOUT_TARGETS_MAX)
        return engine_refuse(engine, KEDGE_E_LIMIT, "a rollout has at most %u devices",
                             KEDGE_ROLLOUT_TARGETS_MAX);
    bool listed = !spec->all_devices && spec->filter == NULL;
    return in_field(engine, listed ? "devices" : NULL,
                    is_in_parts(spec)
                        ? engine_check_part(engine, spec)
                        : kedge_rollout_targets_check(spec, engine->output->refusal));
}

enum kedge_rc kedge_rollout_spec_check(const struct kedge_rollout_spec *spec,
                                       struct kedge_engine_output *output)
{
    struct kedge_engine engine = {.output = output};
    return check_spec(&engine, spec);
}

/* ---- making it ---- */

enum kedge_rc engine_add_pending(struct kedge_engine *engine, struct group_node *group,
                                 const char *endpoint)
{
    struct deployment_node *node;
    KEDGE_TRY(engine_add_deployment(engine, group, engine->last.deployment_id + 1, endpoint,
                                    KEDGE_DEPLOYMENT_PENDING, &node));
    node->changed_at_ms = engine->now_ms;
    engine_count_deployment(node, true);
    engine_deployment_changed(engine, node);
    return KEDGE_OK;
}

enum kedge_rc engine_add_target(struct kedge_engine *engine, struct group_node *group,
                                const struct kedge_rollout_target *target)
{
    KEDGE_TRY(engine_add_pending(engine, group, target->endpoint));
    struct device_node *device = engine_device(engine, target->endpoint);
    KEDGE_TRY(engine_set_zone(engine, device, target->zone));
    /* A device that an older rollout names is followed already, event by event. */
    if (device->references > 1)
        return KEDGE_OK;
    KEDGE_TRY(engine_set_text(&device->vendor, target->vendor));
    KEDGE_TRY(engine_set_text(&device->class_name, target->class_name));
    KEDGE_TRY(engine_set_text(&device->version, target->version));
    KEDGE_TRY(engine_set_text(&device->hardware, target->hardware));
    device->limits = target->limits;
    device->present = target->present;
    device->asleep = target->asleep;
    device->unassociated = target->unassociated;
    device->expected_at_ms = target->asleep ? target->expected_at_ms : 0;
    return KEDGE_OK;
}

static enum kedge_rc add_timing(struct kedge_engine *engine, const struct kedge_rollout_spec *spec,
                                struct kedge_rollout *record)
{
    char why[KEDGE_TIMING_TEXT_MAX];
    record->start_at_ms = spec->start_at_ms;
    record->download_in_window = spec->download_in_window;
    engine_copy_text(record->windows, sizeof(record->windows), spec->windows);
    engine_copy_text(record->gate_windows, sizeof(record->gate_windows), spec->gate_windows);
    enum kedge_rc rc = kedge_rollout_timing_check(record, engine->zones, engine->now_ms, why,
                                                  &engine->output->refusal_field);
    return rc == KEDGE_OK ? rc : engine_refuse(engine, rc, "%s", why);
}

enum kedge_rc engine_say_created(struct kedge_engine *engine, const struct kedge_rollout *record)
{
    char text[KEDGE_REASON_MAX + 1];
    (void)snprintf(text, sizeof(text),
                   "\"%s\": version %s (sequence %" PRIu64 ") for %" PRIu32 " %s in %" PRIu32
                   " %s",
                   record->name, record->version, record->sequence, record->device_count,
                   kedge_by_count(record->device_count, "device", "devices"), record->group_count,
                   kedge_by_count(record->group_count, "group", "groups"));
    struct kedge_history_entry entry = {.rollout_id = record->id, .group_index = -1};
    engine_copy_text(entry.to, sizeof(entry.to), kedge_rollout_state_name(record->state));
    KEDGE_TRY(engine_say(engine, &entry, text));
    return engine_audit(engine, "rollout.create", record->id, "", text);
}

static void take_rules(struct kedge_group *group, const struct kedge_group_plan *plan)
{
    if (plan->gate != NULL)
        group->gate = *plan->gate;
    if (plan->share == KEDGE_GROUP_FILTER)
        engine_copy_text(group->filter, sizeof(group->filter), plan->filter);
}

enum kedge_rc engine_create_rollout(struct kedge_engine *engine,
                                    const struct kedge_rollout_spec *spec)
{
    KEDGE_TRY(check_spec(engine, spec));
    struct kedge_rollout record = {
        .id = engine->last.rollout_id + 1,
        .state = KEDGE_ROLLOUT_READY,
        .sequence = spec->sequence,
        .all_devices = spec->all_devices,
        .policy = spec->policy,
        .dynamic = spec->dynamic,
        .group_count = spec->group_count + spec->dynamic,
        .device_count = (uint32_t)(is_in_parts(spec) ? spec->target_total : spec->target_count),
        .seed = spec->seed,
        .revert_sequence = spec->revert_sequence,
        .intermediate_count = spec->intermediate_count,
        .created_at_ms = engine->now_ms};
    engine_copy_text(record.name, sizeof(record.name), spec->name);
    engine_copy_text(record.package_id, sizeof(record.package_id), spec->package_id);
    engine_copy_text(record.vendor, sizeof(record.vendor), spec->vendor);
    engine_copy_text(record.class_name, sizeof(record.class_name), spec->class_name);
    engine_copy_text(record.version, sizeof(record.version), spec->version);
    engine_copy_text(record.revert_package_id, sizeof(record.revert_package_id),
                     spec->revert_package_id);
    engine_copy_text(record.revert_version, sizeof(record.revert_version), spec->revert_version);
    engine_copy_text(record.spread_by, sizeof(record.spread_by), spec->spread_by);
    engine_copy_text(record.filter, sizeof(record.filter), spec->filter);
    engine_copy_text(record.author, sizeof(record.author), engine->who);
    KEDGE_TRY(add_timing(engine, spec, &record));
    if (spec->policy.approval != KEDGE_APPROVAL_NONE)
        record.state = KEDGE_ROLLOUT_WAITING_FOR_APPROVAL;
    if (is_in_parts(spec))
        record.state = KEDGE_ROLLOUT_DRAFT;
    engine_say_what_for(&record, record.reason);

    struct rollout_node *rollout;
    KEDGE_TRY(engine_know_package(engine, record.package_id, &spec->conditions));
    for (uint32_t i = 0; i < spec->intermediate_count; i++) {
        record.intermediates[i] = spec->intermediates[i];
        KEDGE_TRY(engine_know_package(engine, spec->intermediates[i].package_id,
                                      &spec->intermediate_conditions[i]));
    }
    if (record.revert_package_id[0] != '\0')
        KEDGE_TRY(engine_know_package(engine, record.revert_package_id, &spec->revert_conditions));
    KEDGE_TRY(engine_add_rollout(engine, &record, &rollout));
    engine_rollout_changed(engine, rollout);
    for (uint32_t i = 0; i < record.group_count; i++) {
        struct kedge_group *group = &rollout->groups[i].record;
        const char *name =
            spec->groups == NULL || i >= spec->group_count ? NULL : spec->groups[i].name;
        if (i >= spec->group_count)
            name = KEDGE_GROUP_JOINED;
        if (name != NULL)
            engine_copy_text(group->name, sizeof(group->name), name);
        else
            (void)snprintf(group->name, sizeof(group->name), "group %" PRIu32, i + 1);
        if (spec->groups != NULL && i < spec->group_count)
            take_rules(group, &spec->groups[i]);
        engine_group_changed(engine, &rollout->groups[i]);
    }
    for (size_t i = 0; i < spec->target_count; i++)
        KEDGE_TRY(engine_add_target(engine, &rollout->groups[spec->targets[i].group_index],
                                    &spec->targets[i]));
    engine->output->rollout_id = record.id;
    KEDGE_TRY(engine_await_start(engine, rollout));
    return engine_say_created(engine, &record);
}
