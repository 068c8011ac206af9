/*
 * engine_rig.c: an engine, and events for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/engine_rig.h"

#include <stdio.h>
#include <string.h>

void fill_targets(struct fixture *f, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(f->endpoints[i], sizeof(f->endpoints[i]), "dev-%u", (unsigned)i);
        f->targets[i] = (struct kedge_rollout_target){.endpoint = f->endpoints[i],
                                                      .known = true,
                                                      .vendor = "acme.example",
                                                      .class_name = "meter",
                                                      .version = "1.0.0",
                                                      .present = true};
    }
    f->spec.targets = f->targets;
    f->spec.target_count = count;
}

int set_up(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    *f = (struct fixture){.now_ms = NOW};
    f->spec = (struct kedge_rollout_spec){.name = "July",
                                          .package_id = PACKAGE,
                                          .vendor = "acme.example",
                                          .class_name = "meter",
                                          .version = "1.1.0",
                                          .sequence = 7,
                                          .all_devices = true,
                                          .group_count = 1};
    kedge_rollout_policy_default(&f->spec.policy);
    fill_targets(f, 5);
    kedge_engine_output_init(&f->output);
    struct kedge_engine_ids last = {.rollout_id = 41, .deployment_id = 100};
    assert_int_equal(kedge_engine_create(&last, &f->engine), KEDGE_OK);
    assert_int_equal(kedge_engine_load_done(f->engine, f->now_ms, &f->output), KEDGE_OK);
    *state = f;
    return 0;
}

int tear_down(void **state)
{
    struct fixture *f = *state;
    kedge_engine_output_clear(&f->output);
    kedge_engine_destroy(f->engine);
    return 0;
}

enum kedge_rc create(struct fixture *f)
{
    struct kedge_engine_event event = {
        .kind = KEDGE_EVENT_ROLLOUT_CREATE, .who = "alice", .create = f->spec};
    return kedge_engine_handle(f->engine, f->now_ms, &event, &f->output);
}

enum kedge_rc act(struct fixture *f, enum kedge_engine_event_kind kind, uint64_t rollout_id)
{
    struct kedge_engine_event event = {.kind = kind, .who = "alice", .rollout_id = rollout_id};
    return kedge_engine_handle(f->engine, f->now_ms, &event, &f->output);
}

void start(struct fixture *f, uint64_t rollout_id)
{
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_START, rollout_id), KEDGE_OK);
}

void create_and_start(struct fixture *f)
{
    assert_int_equal(create(f), KEDGE_OK);
    start(f, f->output.rollout_id);
}

void report(struct fixture *f, uint64_t id, enum kedge_deployment_state to)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEPLOYMENT_REPORT,
                                       .report = {.deployment_id = id,
                                                  .state = to,
                                                  .update_result = KEDGE_UPDATE_RESULT_NONE,
                                                  .reason = "it says so"}};
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &event, &f->output), KEDGE_OK);
}

void device(struct fixture *f, enum kedge_engine_event_kind kind, const char *endpoint,
            const char *version)
{
    struct kedge_engine_event event = {.kind = kind,
                                       .device = {.endpoint = endpoint,
                                                  .vendor = "acme.example",
                                                  .class_name = "meter",
                                                  .version = version}};
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &event, &f->output), KEDGE_OK);
}

enum kedge_deployment_state state_of(const struct fixture *f, uint64_t id)
{
    struct kedge_deployment record;
    assert_int_equal(kedge_engine_deployment(f->engine, id, &record), KEDGE_OK);
    return record.state;
}

enum kedge_rollout_state rollout_state(const struct fixture *f, uint64_t id)
{
    return kedge_engine_rollout(f->engine, id)->state;
}

void joins(struct fixture *f, uint64_t rollout_id, const char *endpoint)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_ROLLOUT_JOIN,
                                       .rollout_id = rollout_id,
                                       .join = {.endpoint = endpoint,
                                                .known = true,
                                                .vendor = "acme.example",
                                                .class_name = "meter",
                                                .version = "1.0.0",
                                                .present = true}};
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &event, &f->output), KEDGE_OK);
}

size_t offers(const struct kedge_engine_output *output)
{
    size_t count = 0;
    for (size_t i = 0; i < output->command_count; i++)
        count += output->commands[i].kind == KEDGE_COMMAND_OFFER;
    return count;
}

bool said(const struct kedge_engine_output *output, const char *from, const char *to)
{
    for (size_t i = 0; i < output->history_count; i++)
        if (strcmp(output->history[i].from, from) == 0 && strcmp(output->history[i].to, to) == 0)
            return true;
    return false;
}

void goes_out_of_reach(struct fixture *f, const char *endpoint, bool unassociated,
                       uint64_t expected_at_ms)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEVICE_ASLEEP,
                                       .device = {.endpoint = endpoint,
                                                  .unassociated = unassociated,
                                                  .expected_at_ms = expected_at_ms}};
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &event, &f->output), KEDGE_OK);
}

void sleeps(struct fixture *f, const char *endpoint, uint64_t expected_at_ms)
{
    goes_out_of_reach(f, endpoint, false, expected_at_ms);
}

void loses_association(struct fixture *f, const char *endpoint, uint64_t expected_at_ms)
{
    goes_out_of_reach(f, endpoint, true, expected_at_ms);
}

void assert_says(struct fixture *f, uint64_t id, const char *words)
{
    char text[KEDGE_EXPLANATION_MAX];
    assert_int_equal(kedge_engine_explain_deployment(f->engine, id, f->now_ms, text), KEDGE_OK);
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

void tick_at(struct fixture *f, uint64_t at_ms)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_TICK};
    f->now_ms = at_ms;
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &event, &f->output), KEDGE_OK);
}

void take_deployments(const struct fixture *f, uint64_t first_id, size_t count,
                      struct kedge_deployment *records)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(kedge_engine_deployment(f->engine, first_id + i, &records[i]), KEDGE_OK);
}

void reload(struct fixture *f, const struct kedge_rollout *rollout, const struct kedge_group *group,
            const struct kedge_deployment *records, size_t count)
{
    struct kedge_engine_ids last = {.rollout_id = 42, .deployment_id = 105};
    kedge_engine_destroy(f->engine);
    assert_int_equal(kedge_engine_create(&last, &f->engine), KEDGE_OK);
    assert_int_equal(kedge_engine_load_rollout(f->engine, rollout), KEDGE_OK);
    assert_int_equal(kedge_engine_load_group(f->engine, group), KEDGE_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(kedge_engine_load_deployment(f->engine, &records[i]), KEDGE_OK);
    assert_int_equal(kedge_engine_load_done(f->engine, f->now_ms, &f->output), KEDGE_OK);
}

void assert_audited(const struct fixture *f, const char *rows)
{
    char found[1024] = "";
    for (size_t i = 0; i < f->output.audit_count; i++) {
        const struct kedge_audit_entry *row = &f->output.audit[i];
        size_t used = strlen(found);
        (void)snprintf(&found[used], sizeof(found) - used, "%s%s %s", i == 0 ? "" : ", ", row->who,
                       row->what);
    }
    assert_string_equal(found, rows);
}
