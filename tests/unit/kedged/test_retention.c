/*
 * test_retention.c: what rollouts did device by device is removed so many days after their end, in
 * small slices, and nothing else is.
 */
#define _GNU_SOURCE
#include "tests/unit/store/open_store.h"
#include "updater/kedged/retention.h"
#include "updater/store/retention.h"

#define DAY_MS 86400000u
#define NOW_MS (1000u * (uint64_t)DAY_MS)
#define DAYS 30u
#define DEVICES 230u

enum { OLD = 1, OPEN, RECENT };

static void add_history(struct kedge_batch *batch, uint64_t rollout_id, const char *endpoint)
{
    struct kedge_history_entry entry = {.at_ms = 7, .rollout_id = rollout_id, .group_index = 0};
    (void)snprintf(entry.endpoint, sizeof(entry.endpoint), "%s", endpoint);
    (void)snprintf(entry.who, sizeof(entry.who), "server");
    assert_int_equal(kedge_batch_add_history(batch, &entry), KEDGE_OK);
}

/* Each of its devices has two entries, and each tenth comes after one of the rollout's own. */
static void add_ended(struct fixture *f, uint64_t id, enum kedge_rollout_state state,
                      uint64_t ended_at_ms, unsigned devices)
{
    struct kedge_batch *batch = new_batch();
    struct kedge_rollout rollout = a_rollout(id, PACKAGE_ID);
    struct kedge_group group = a_group(id, 0);
    rollout.state = state;
    rollout.ended_at_ms = ended_at_ms;
    assert_int_equal(kedge_batch_put_rollout(batch, &rollout), KEDGE_OK);
    assert_int_equal(kedge_batch_put_group(batch, &group), KEDGE_OK);
    for (unsigned i = 0; i < devices; i++) {
        char endpoint[32];
        (void)snprintf(endpoint, sizeof(endpoint), "device-%u", i);
        struct kedge_deployment deployment = a_deployment(id * 1000 + i, id, endpoint);
        assert_int_equal(kedge_batch_put_deployment(batch, &deployment), KEDGE_OK);
        if (i % 10 == 0)
            add_history(batch, id, "");
        add_history(batch, id, endpoint);
        add_history(batch, id, endpoint);
    }
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
}

static void fill(struct fixture *f)
{
    struct kedge_batch *batch = new_batch();
    add_package(batch, PACKAGE_ID);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    add_ended(f, OLD, KEDGE_ROLLOUT_FINISHED, NOW_MS - DAYS * (uint64_t)DAY_MS - 1, DEVICES);
    add_ended(f, OPEN, KEDGE_ROLLOUT_PAUSED, 0, 20);
    add_ended(f, RECENT, KEDGE_ROLLOUT_ABORTED, NOW_MS - DAYS * (uint64_t)DAY_MS, 20);
}

/* ---- what is there ---- */

struct seen {
    uint64_t deployments, of_devices, of_rollout;
};

static bool see_deployment(void *context, const struct kedge_deployment *record)
{
    (void)record;
    ((struct seen *)context)->deployments++;
    return true;
}

static bool see_history(void *context, const struct kedge_history_entry *entry)
{
    struct seen *seen = context;
    seen->of_devices += entry->endpoint[0] != '\0';
    seen->of_rollout += entry->endpoint[0] == '\0';
    return true;
}

static struct seen look_at(struct fixture *f, uint64_t rollout_id)
{
    struct seen seen = {0};
    const struct kedge_deployment_filter deployments = {
        .rollout_id = rollout_id, .group_index = -1, .state = -1};
    const struct kedge_history_filter history = {.rollout_id = rollout_id};
    assert_int_equal(kedge_reader_deployments(f->reader, &deployments, NULL, see_deployment, &seen),
                     KEDGE_OK);
    assert_int_equal(kedge_reader_history(f->reader, &history, NULL, see_history, &seen), KEDGE_OK);
    return seen;
}

static void assert_kept(struct fixture *f, uint64_t rollout_id, unsigned devices)
{
    struct seen seen = look_at(f, rollout_id);
    assert_int_equal(seen.deployments, devices);
    assert_int_equal(seen.of_devices, 2 * devices);
    assert_int_equal(seen.of_rollout, devices / 10);
}

static bool check_counts(void *context, const struct kedge_group *group)
{
    (void)context;
    for (uint32_t i = 0; i < KEDGE_DEPLOYMENT_STATE_COUNT; i++)
        assert_int_equal(group->counts[i], 100 + i);
    return true;
}

struct audited {
    size_t count;
    struct kedge_audit_entry last;
};

static bool take_audit(void *context, const struct kedge_audit_entry *entry)
{
    struct audited *audited = context;
    audited->count++;
    audited->last = *entry;
    return true;
}

static struct audited audit_of(struct fixture *f)
{
    struct audited audited = {0};
    const struct kedge_audit_filter filter = {.what = "history.remove"};
    assert_int_equal(kedge_reader_audit(f->reader, &filter, NULL, take_audit, &audited), KEDGE_OK);
    return audited;
}

/* ---- looks ---- */

struct rests {
    struct fixture *f;
    unsigned count, most; /* of slices before it is cut off; 0: never */
    uint64_t rows;        /* of the old rollout that were left at the last rest */
};

/* Between two slices: no more than so many rows went, and what is noted is what is gone. */
static bool rest(void *context)
{
    struct rests *rests = context;
    struct seen seen = look_at(rests->f, OLD);
    struct kedge_removal removal = {.rollout_id = 0};
    uint64_t rows = seen.deployments + seen.of_devices;
    if (rests->count > 0)
        assert_true(rests->rows - rows <= KEDGE_REMOVAL_SLICE);
    rests->rows = rows;
    enum kedge_rc rc = kedge_reader_removal(rests->f->reader, OLD, &removal);
    assert_true(rc == KEDGE_OK || rc == KEDGE_E_NOT_FOUND);
    assert_int_equal(removal.deployments + seen.deployments, DEVICES);
    assert_int_equal(removal.history + seen.of_devices, 2 * DEVICES);
    return rests->count++ < rests->most || rests->most == 0;
}

static unsigned look(struct fixture *f, uint32_t days, uint64_t now_ms, unsigned most)
{
    const struct kedge_retention retention = {
        .store = f->store, .folder = f->folder.path, .days = days};
    struct rests rests = {.f = f, .most = most};
    kedge_retention_look(&retention, now_ms, rest, &rests);
    return rests.count;
}

static void test_only_rollouts_that_ended_so_many_days_ago_lose_their_details(void **state)
{
    struct fixture *f = *state;
    struct kedge_engine_ids before, after;
    struct kedge_rollout rollout;
    struct kedge_removal removal;
    fill(f);
    assert_int_equal(kedge_reader_last_ids(f->reader, &before), KEDGE_OK);
    (void)look(f, DAYS, NOW_MS, 0);
    struct seen seen = look_at(f, OLD);
    assert_int_equal(seen.deployments + seen.of_devices, 0);
    assert_int_equal(seen.of_rollout, DEVICES / 10);
    assert_kept(f, OPEN, 20);
    assert_kept(f, RECENT, 20);
    assert_int_equal(kedge_reader_rollout(f->reader, OLD, &rollout), KEDGE_OK);
    assert_int_equal(kedge_reader_groups(f->reader, OLD, check_counts, NULL), KEDGE_OK);
    assert_int_equal(kedge_reader_removal(f->reader, OLD, &removal), KEDGE_OK);
    assert_true(removal.finished);
    assert_int_equal(removal.at_ms, NOW_MS);
    assert_int_equal(kedge_reader_removal(f->reader, RECENT, &removal), KEDGE_E_NOT_FOUND);
    assert_int_equal(kedge_reader_last_ids(f->reader, &after), KEDGE_OK);
    assert_int_equal(after.deployment_id, before.deployment_id);
}

static void test_a_millisecond_decides(void **state)
{
    struct fixture *f = *state;
    fill(f);
    (void)look(f, DAYS, NOW_MS - 1, 0);
    assert_kept(f, OLD, DEVICES);
    (void)look(f, DAYS, NOW_MS + 1, 0);
    assert_int_equal(look_at(f, OLD).deployments, 0);
    /* The one with the highest id of all stays, so that no number is given twice. */
    assert_int_equal(look_at(f, RECENT).deployments, 1);
    assert_kept(f, OPEN, 20);
}

static void test_for_ever_is_for_ever(void **state)
{
    struct fixture *f = *state;
    fill(f);
    assert_int_equal(look(f, 0, UINT64_MAX / 2, 0), 0);
    assert_kept(f, OLD, DEVICES);
}

static void test_each_look_that_removes_something_is_one_entry_of_the_audit_log(void **state)
{
    struct fixture *f = *state;
    fill(f);
    (void)look(f, DAYS, NOW_MS, 0);
    struct audited audited = audit_of(f);
    assert_int_equal(audited.count, 1);
    assert_string_equal(audited.last.who, "server");
    assert_string_equal(audited.last.before, "ended more than 30 days ago");
    assert_string_equal(audited.last.after, "of 1 rollout 230 deployments and 460 entries of the "
                                            "history were removed");
    assert_int_equal(look(f, DAYS, NOW_MS, 0), 1); /* there is nothing to do */
    assert_int_equal(audit_of(f).count, 1);
    (void)look(f, DAYS, NOW_MS + DAY_MS, 0);
    audited = audit_of(f);
    assert_int_equal(audited.count, 2);
    assert_string_equal(audited.last.after, "of 1 rollout 19 deployments and 40 entries of the "
                                            "history were removed");
}

static void reopen(struct fixture *f)
{
    kedge_reader_close(f->reader);
    kedge_store_close(f->store);
    f->store = store_in(&f->folder);
    f->reader = reader_in(&f->folder);
}

/* After each slice in turn, with a restart: the next look goes on, and says all of it once. */
static void test_what_was_cut_off_anywhere_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;
    fill(f);
    unsigned looks = 0;
    for (; audit_of(f).count == 0; looks++) {
        assert_true(looks < 20);
        (void)look(f, DAYS, NOW_MS + looks, 1);
        reopen(f);
    }
    assert_true(looks >= 7); /* 483 entries and 230 deployments, by the hundred */
    struct audited audited = audit_of(f);
    assert_string_equal(audited.last.after, "of 1 rollout 230 deployments and 460 entries of the "
                                            "history were removed");
    assert_kept(f, OPEN, 20);
    assert_kept(f, RECENT, 20);
}

#define RETENTION_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RETENTION_TEST(test_only_rollouts_that_ended_so_many_days_ago_lose_their_details),
        RETENTION_TEST(test_a_millisecond_decides), RETENTION_TEST(test_for_ever_is_for_ever),
        RETENTION_TEST(test_each_look_that_removes_something_is_one_entry_of_the_audit_log),
        RETENTION_TEST(test_what_was_cut_off_anywhere_goes_on_where_it_was)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
