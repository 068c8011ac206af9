/*
 * engine_rig.h: an engine with five devices that wait for a rollout, for the tests of it that go
 * scenario by scenario. The first rollout is 42, its deployments are 101 to 105. Each helper
 * asserts that what it does is not refused, but for create() and act(), which say how it went.
 */
#ifndef KEDGE_TESTS_ENGINE_RIG_H
#define KEDGE_TESTS_ENGINE_RIG_H

#include "updater/rollout/rollout.h"

#define PACKAGE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NOW 1700000000000u

struct fixture {
    struct kedge_engine *engine;
    struct kedge_engine_output output;
    struct kedge_rollout_spec spec;
    struct kedge_rollout_target targets[10];
    char endpoints[10][8];
    uint64_t now_ms;
};

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

void fill_targets(struct fixture *f, size_t count);
int set_up(void **state);
int tear_down(void **state);
enum kedge_rc create(struct fixture *f);
enum kedge_rc act(struct fixture *f, enum kedge_engine_event_kind kind, uint64_t rollout_id);
void start(struct fixture *f, uint64_t rollout_id);
void create_and_start(struct fixture *f);
void report(struct fixture *f, uint64_t id, enum kedge_deployment_state to);
void device(struct fixture *f, enum kedge_engine_event_kind kind, const char *endpoint,
            const char *version);
enum kedge_deployment_state state_of(const struct fixture *f, uint64_t id);
enum kedge_rollout_state rollout_state(const struct fixture *f, uint64_t id);
/** Says that a device comes to match a dynamic rollout; it is there and runs 1.0.0. */
void joins(struct fixture *f, uint64_t rollout_id, const char *endpoint);
size_t offers(const struct kedge_engine_output *output);
bool said(const struct kedge_engine_output *output, const char *from, const char *to);
void goes_out_of_reach(struct fixture *f, const char *endpoint, bool unassociated,
                       uint64_t expected_at_ms);
void sleeps(struct fixture *f, const char *endpoint, uint64_t expected_at_ms);
void loses_association(struct fixture *f, const char *endpoint, uint64_t expected_at_ms);
void assert_says(struct fixture *f, uint64_t id, const char *words);
/** The last output has these rows for the audit log, as "who what" with commas between them. */
void assert_audited(const struct fixture *f, const char *rows);
void tick_at(struct fixture *f, uint64_t at_ms);
/** The records of so many deployments as they stand, from that of `first_id` on. */
void take_deployments(const struct fixture *f, uint64_t first_id, size_t count,
                      struct kedge_deployment *records);
void reload(struct fixture *f, const struct kedge_rollout *rollout, const struct kedge_group *group,
            const struct kedge_deployment *records, size_t count);

#endif
