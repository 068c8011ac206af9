/*
 * output.c: what the engine hands out: records that changed, history, audit, commands.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The members of kedge_engine_output.capacity_. */
enum { ROLLOUTS, GROUPS, DEPLOYMENTS, HISTORY, AUDIT, COMMANDS };

void kedge_engine_output_init(struct kedge_engine_output *output)
{
    *output = (struct kedge_engine_output){0};
}

void kedge_engine_output_clear(struct kedge_engine_output *output)
{
    free(output->rollouts);
    free(output->groups);
    free(output->deployments);
    free(output->history);
    free(output->audit);
    free(output->commands);
    kedge_engine_output_init(output);
}

bool kedge_engine_output_has_records(const struct kedge_engine_output *output)
{
    return output->rollout_count + output->group_count + output->deployment_count +
               output->history_count + output->audit_count >
           0;
}

/* A new, zeroed last member of an array that grows by doubling; NULL when there is no memory. */
static void *append(void *array_pointer, size_t *count, size_t *capacity, size_t size)
{
    void *array;
    memcpy(&array, array_pointer, sizeof(array));
    if (*count == *capacity) {
        size_t wanted = *capacity == 0 ? 4 : *capacity * 2;
        void *bigger = realloc(array, wanted * size);
        if (bigger == NULL)
            return NULL;
        array = bigger;
        memcpy(array_pointer, &array, sizeof(array));
        *capacity = wanted;
    }
    void *member = (uint8_t *)array + (*count)++ * size;
    memset(member, 0, size);
    return member;
}

#define APPEND(output, array, count, slot) \
    append(&(output)->array, &(output)->count, &(output)->capacity_[slot], sizeof(*(output)->array))

void engine_copy_text(char *out, size_t capacity, const char *text)
{
    size_t size = text == NULL ? 0 : strlen(text);
    if (size >= capacity) {
        size = capacity - 1;
        while (size > 0 && ((uint8_t)text[size] & 0xc0) == 0x80)
            size--;
    }
    if (size > 0)
        memcpy(out, text, size);
    out[size] = '\0';
}

static void list_changed(struct kedge_engine *engine, struct rollout_node *rollout)
{
    if (rollout->changed)
        return;
    rollout->changed = true;
    rollout->next_changed = engine->changed_rollouts;
    engine->changed_rollouts = rollout;
}

void engine_rollout_changed(struct kedge_engine *engine, struct rollout_node *rollout)
{
    rollout->record_changed = true;
    list_changed(engine, rollout);
}

void engine_group_changed(struct kedge_engine *engine, struct group_node *group)
{
    group->changed = true;
    list_changed(engine, group->rollout);
}

void engine_deployment_changed(struct kedge_engine *engine, struct deployment_node *node)
{
    if (node->changed)
        return;
    node->changed = true;
    node->next_changed = NULL;
    if (engine->changed_deployments != NULL)
        engine->last_changed_deployment->next_changed = node;
    else
        engine->changed_deployments = node;
    engine->last_changed_deployment = node;
}

enum kedge_rc engine_say(struct kedge_engine *engine, const struct kedge_history_entry *entry,
                         const char *text)
{
    struct kedge_history_entry *out = APPEND(engine->output, history, history_count, HISTORY);
    if (out == NULL)
        return KEDGE_E_MEMORY;
    *out = *entry;
    out->at_ms = engine->now_ms;
    engine_copy_text(out->who, sizeof(out->who), engine->who);
    engine_copy_text(out->text, sizeof(out->text), text);
    return KEDGE_OK;
}

enum kedge_rc engine_audit(struct kedge_engine *engine, const char *what, uint64_t subject,
                           const char *before, const char *after)
{
    struct kedge_audit_entry *out = APPEND(engine->output, audit, audit_count, AUDIT);
    if (out == NULL)
        return KEDGE_E_MEMORY;
    out->at_ms = engine->now_ms;
    engine_copy_text(out->who, sizeof(out->who), engine->who);
    engine_copy_text(out->what, sizeof(out->what), what);
    (void)snprintf(out->subject, sizeof(out->subject), "%" PRIu64, subject);
    engine_copy_text(out->before, sizeof(out->before), before);
    engine_copy_text(out->after, sizeof(out->after), after);
    return KEDGE_OK;
}

enum kedge_rc engine_command(struct kedge_engine *engine, enum kedge_engine_command_kind kind,
                             const struct deployment_node *node)
{
    struct kedge_engine_command *out = APPEND(engine->output, commands, command_count, COMMANDS);
    if (out == NULL)
        return KEDGE_E_MEMORY;
    out->kind = kind;
    out->deployment_id = node->id;
    out->rollout_id = node->group->rollout->record.id;
    engine_copy_text(out->endpoint, sizeof(out->endpoint), node->device->endpoint);
    return KEDGE_OK;
}

static enum kedge_rc output_rollout(struct kedge_engine *engine, struct rollout_node *rollout)
{
    struct kedge_engine_output *output = engine->output;
    if (rollout->record_changed) {
        struct kedge_rollout *record = APPEND(output, rollouts, rollout_count, ROLLOUTS);
        if (record == NULL)
            return KEDGE_E_MEMORY;
        *record = rollout->record;
        rollout->record_changed = false;
    }
    for (uint32_t i = 0; i < rollout->record.group_count; i++) {
        if (!rollout->groups[i].changed)
            continue;
        struct kedge_group *group = APPEND(output, groups, group_count, GROUPS);
        if (group == NULL)
            return KEDGE_E_MEMORY;
        *group = rollout->groups[i].record;
        rollout->groups[i].changed = false;
    }
    return KEDGE_OK;
}

/* What was offered and taken back by the same event was never offered: nobody is to carry it out.
 */
static void drop_withdrawn_offers(struct kedge_engine *engine)
{
    struct kedge_engine_output *output = engine->output;
    size_t kept = 0;
    for (size_t i = 0; i < output->command_count; i++) {
        const struct kedge_engine_command *command = &output->commands[i];
        const struct deployment_node *node = engine_deployment(engine, command->deployment_id);
        if (command->kind == KEDGE_COMMAND_CANCEL || kedge_deployment_state_busy(node->state))
            output->commands[kept++] = *command;
    }
    output->command_count = kept;
}

enum kedge_rc engine_output_records(struct kedge_engine *engine)
{
    struct kedge_engine_output *output = engine->output;
    drop_withdrawn_offers(engine);
    while (engine->changed_deployments != NULL) {
        struct deployment_node *node = engine->changed_deployments;
        struct kedge_deployment *record =
            APPEND(output, deployments, deployment_count, DEPLOYMENTS);
        if (record == NULL)
            return KEDGE_E_MEMORY;
        engine_deployment_record(node, record);
        node->changed = false;
        engine->changed_deployments = node->next_changed;
    }
    while (engine->changed_rollouts != NULL) {
        struct rollout_node *rollout = engine->changed_rollouts;
        KEDGE_TRY(output_rollout(engine, rollout));
        rollout->changed = false;
        engine->changed_rollouts = rollout->next_changed;
        /* Everything of an ended rollout is in the output now. */
        if (kedge_rollout_state_ended(rollout->record.state)) {
            engine_begin_sweep(engine, rollout, SWEEP_DROP);
            KEDGE_TRY(engine_sweep(engine, rollout));
        }
    }
    return KEDGE_OK;
}
