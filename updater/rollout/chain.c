/*
 * chain.c: deployments that take more than one package, one after the other.
 *
 * Method: a rollout has up to four intermediate packages, in the order in which they are offered.
 * Which one a device is offered follows from what it runs, in the moment in which it is looked at:
 * the latest that it can take. When it has confirmed an intermediate version, its deployment is
 * pending again, and goes on behind that one; the device is counted once, and none of it is an end.
 * What was confirmed, and what is at work, are in the record.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *kedge_rollout_step_package(const struct kedge_rollout *rollout, uint32_t step)
{
    return step < rollout->intermediate_count ? rollout->intermediates[step].package_id
                                              : rollout->package_id;
}

const char *kedge_rollout_step_version(const struct kedge_rollout *rollout, uint32_t step)
{
    return step < rollout->intermediate_count ? rollout->intermediates[step].version
                                              : rollout->version;
}

const char *engine_offered_version(const struct deployment_node *node)
{
    return kedge_rollout_step_version(&node->group->rollout->record, node->step);
}

static size_t fill_steps(const struct rollout_node *rollout, struct kedge_step *steps)
{
    size_t count = rollout->record.intermediate_count + 1u;
    for (uint32_t i = 0; i < count; i++) {
        const struct package_node *package =
            i + 1 == count ? rollout->package : rollout->intermediates[i];
        steps[i] = (struct kedge_step){
            .conditions = package == NULL ? (struct kedge_fit_conditions){.hardware = NULL}
                                          : engine_conditions(package),
            .version = kedge_rollout_step_version(&rollout->record, i)};
    }
    return count;
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static struct kedge_step_device describe(const struct device_node *device)
{
    return (struct kedge_step_device){.hardware = or_empty(device->hardware),
                                      .version = or_empty(device->version),
                                      .limits = device->limits};
}

/* What was confirmed, and what stands before it, is not gone through again. */
static size_t first_step(const struct deployment_node *node)
{
    size_t first = 0;
    for (size_t i = 0; i < KEDGE_INTERMEDIATES_MAX; i++)
        if ((node->steps_done >> i & 1u) != 0)
            first = i + 1;
    return first;
}

static unsigned count_done(const struct deployment_node *node)
{
    unsigned count = 0;
    for (size_t i = 0; i < KEDGE_INTERMEDIATES_MAX; i++)
        count += node->steps_done >> i & 1u;
    return count;
}

bool engine_find_step(struct deployment_node *node, char why[KEDGE_REASON_MAX + 1])
{
    struct kedge_step steps[KEDGE_STEPS_MAX];
    const struct rollout_node *rollout = node->group->rollout;
    const struct kedge_step_device device = describe(node->device);
    size_t count = fill_steps(rollout, steps);
    size_t next = kedge_steps_next(steps, count, first_step(node), &device);
    if (next < count) {
        node->step = (uint8_t)next;
        return true;
    }
    engine_say_unfit(node->device, &steps[count - 1].conditions, why);
    return false;
}

/* With the one that is at work, or comes next. */
static size_t count_left(const struct deployment_node *node)
{
    struct kedge_step steps[KEDGE_STEPS_MAX];
    size_t count = fill_steps(node->group->rollout, steps);
    struct kedge_step_device device = describe(node->device);
    device.version = steps[node->step].version;
    return 1 + kedge_steps_needed(steps, count, node->step + 1u, &device, NULL);
}

const char *engine_step_words(const struct deployment_node *node, char text[ENGINE_STEP_MAX])
{
    const struct kedge_rollout *record = &node->group->rollout->record;
    unsigned done = count_done(node);
    bool last = node->step >= record->intermediate_count;
    text[0] = '\0';
    if (record->intermediate_count == 0 || (last && done == 0))
        return text;
    (void)snprintf(text, ENGINE_STEP_MAX, ", step %u of %zu: to version %s (package %.8s)%s%s",
                   done + 1, done + count_left(node), engine_offered_version(node),
                   kedge_rollout_step_package(record, node->step), last ? "" : ", then to ",
                   last ? "" : record->version);
    return text;
}

bool engine_is_at_step(const struct deployment_node *node)
{
    return node->step < node->group->rollout->record.intermediate_count;
}

/* What would have ended it, had it been pending when that happened, ends it now. */
static enum kedge_rc end_between_steps(struct kedge_engine *engine, struct deployment_node *node)
{
    engine->who = "server";
    KEDGE_TRY(engine_cancel_restarted(engine, node));
    if (node->state == KEDGE_DEPLOYMENT_PENDING &&
        engine_deadline_passed(engine, node->group->rollout))
        KEDGE_TRY(engine_end_by_deadline(engine, node));
    return node->state == KEDGE_DEPLOYMENT_PENDING ? engine_yield(engine, node) : KEDGE_OK;
}

enum kedge_rc engine_end_step(struct kedge_engine *engine, struct deployment_node *node,
                              const char *words, bool *moved)
{
    const struct kedge_rollout *record = &node->group->rollout->record;
    const char *version = engine_offered_version(node);
    char text[KEDGE_REASON_MAX + 1];
    node->steps_done |= (uint8_t)(1u << node->step);
    (void)snprintf(text, sizeof(text),
                   "intermediate version %.63s is confirmed, and the way to %.63s goes on%s%.60s",
                   version, record->version, words == NULL ? "" : ": ", or_empty(words));
    KEDGE_TRY(engine_set_text(&node->device->version, version));
    engine_raise_floor(node, record->intermediates[node->step].sequence);
    KEDGE_TRY(engine_move_deployment(engine, node, KEDGE_ON_STEP, text, moved));
    KEDGE_TRY(end_between_steps(engine, node));
    return engine_command(engine, KEDGE_COMMAND_CANCEL, node);
}

void engine_know_steps(const struct kedge_engine *engine, struct rollout_node *rollout)
{
    rollout->package = engine_package(engine, rollout->record.package_id);
    for (uint32_t i = 0; i < rollout->record.intermediate_count; i++)
        rollout->intermediates[i] =
            engine_package(engine, rollout->record.intermediates[i].package_id);
}

enum kedge_rc engine_check_steps(struct kedge_engine *engine, const struct kedge_rollout_spec *spec)
{
    struct kedge_step steps[KEDGE_STEPS_MAX];
    char why[KEDGE_STEPS_TEXT_MAX];
    if (spec->intermediate_count > KEDGE_INTERMEDIATES_MAX)
        return engine_refuse(engine, KEDGE_E_ARGUMENT,
                             "a rollout has at most %u intermediate packages",
                             KEDGE_INTERMEDIATES_MAX);
    for (uint32_t i = 0; i < spec->intermediate_count; i++)
        steps[i] = (struct kedge_step){.conditions = spec->intermediate_conditions[i],
                                       .version = spec->intermediates[i].version};
    steps[spec->intermediate_count] =
        (struct kedge_step){.conditions = spec->conditions, .version = spec->version};
    if (spec->intermediate_count == 0)
        return KEDGE_OK;
    enum kedge_rc rc = kedge_steps_check(steps, spec->intermediate_count + 1u, why);
    return rc == KEDGE_OK ? rc : engine_refuse(engine, rc, "%s", why);
}
