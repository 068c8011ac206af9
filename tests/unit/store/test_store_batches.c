/*
 * Batches: whole or not at all, in the order of submitting, each answered once; the audit chain;
 * touches.
 */
#define _GNU_SOURCE
#include <sqlite3.h>

#include "tests/unit/store/open_store.h"
#include "updater/store/audit.h"

#include <kedge/crypto.h>

#include <pthread.h>
#include <time.h>

#define OTHER_ID "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static void reopen(struct fixture *f)
{
    kedge_reader_close(f->reader);
    kedge_store_close(f->store);
    f->store = store_in(&f->folder);
    f->reader = reader_in(&f->folder);
}

/* ---- all or nothing ---- */

static void a_batch_with_a_broken_reference_writes_nothing_and_holds_nobody_up(void **state)
{
    struct fixture *f = *state;
    struct answer answers[3] = {0};
    struct kedge_batch *batch = new_batch();
    add_device(batch, "before");
    kedge_store_submit(f->store, batch, take_answer, &answers[0]);
    batch = new_batch();
    add_device(batch, "inside");
    add_audit(batch, 1, "rollout.create");
    add_rollout(batch, 1, OTHER_ID); /* there is no such package */
    kedge_store_submit(f->store, batch, take_answer, &answers[1]);
    batch = new_batch();
    add_device(batch, "after");
    add_audit(batch, 2, "test.after");
    kedge_store_submit(f->store, batch, take_answer, &answers[2]);
    kedge_store_flush(f->store);
    assert_int_equal(answers[0].rc, KEDGE_OK);
    assert_int_equal(answers[1].rc, KEDGE_E_CONFLICT);
    assert_non_null(strstr(answers[1].error, "reference"));
    assert_int_equal(answers[2].rc, KEDGE_OK);
    assert_true(device_is_there(f->reader, "before"));
    assert_false(device_is_there(f->reader, "inside"));
    assert_true(device_is_there(f->reader, "after"));
    assert_int_equal(audit_rows(f->reader), 1);
}

static void a_package_that_a_rollout_names_is_not_deleted(void **state)
{
    struct fixture *f = *state;
    struct kedge_package_record record;
    struct kedge_batch *batch = new_batch();
    add_package(batch, PACKAGE_ID);
    add_package(batch, OTHER_ID);
    add_rollout(batch, 1, PACKAGE_ID);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    batch = new_batch();
    assert_int_equal(kedge_batch_delete_package(batch, PACKAGE_ID), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_E_CONFLICT);
    assert_int_equal(kedge_reader_package(f->reader, PACKAGE_ID, &record), KEDGE_OK);
    batch = new_batch();
    assert_int_equal(kedge_batch_delete_package(batch, OTHER_ID), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_int_equal(kedge_reader_package(f->reader, OTHER_ID, &record), KEDGE_E_NOT_FOUND);
}

static void the_last_put_of_many_wins(void **state)
{
    struct fixture *f = *state;
    struct kedge_device_record record = a_device("d1");
    struct answer answers[300] = {0};
    for (uint32_t i = 0; i < 300; i++) {
        struct kedge_batch *batch = new_batch();
        record.lifetime_s = i;
        assert_int_equal(kedge_batch_put_device(batch, &record), KEDGE_OK);
        kedge_store_submit(f->store, batch, take_answer, &answers[i]);
    }
    kedge_store_flush(f->store);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(answers[i].calls, 1);
        assert_int_equal(answers[i].rc, KEDGE_OK);
    }
    assert_int_equal(kedge_reader_device(f->reader, "d1", &record), KEDGE_OK);
    assert_int_equal(record.lifetime_s, 299);
}

struct order {
    uint64_t last, calls;
};

static struct order order;

static void note_order(void *context, enum kedge_rc rc, const char *error)
{
    uint64_t number = (uint64_t)(uintptr_t)context;
    (void)error;
    /* no assertion here: it would jump out of another thread */
    if (rc == KEDGE_OK && number == order.last + 1)
        order.last = number;
    order.calls++;
}

static void answers_come_in_the_order_of_submitting(void **state)
{
    struct fixture *f = *state;
    order = (struct order){0};
    for (uint64_t i = 1; i <= 500; i++) {
        struct kedge_batch *batch = new_batch();
        add_audit(batch, i, "test.order");
        kedge_store_submit(f->store, batch, note_order, (void *)(uintptr_t)i);
    }
    kedge_store_flush(f->store);
    assert_int_equal(order.calls, 500);
    assert_int_equal(order.last, 500);
}

struct submitter {
    pthread_t thread;
    struct kedge_store *store;
    int number;
    struct answer answers[50];
};

static void *submit_fifty(void *context)
{
    struct submitter *submitter = context;
    for (int i = 0; i < 50; i++) {
        char endpoint[32];
        (void)snprintf(endpoint, sizeof(endpoint), "t%d-%d", submitter->number, i);
        struct kedge_batch *batch = kedge_batch_create();
        struct kedge_device_record record = a_device(endpoint);
        struct kedge_audit_entry entry = an_audit((uint64_t)i, "test.thread");
        if (batch == NULL || kedge_batch_put_device(batch, &record) != KEDGE_OK ||
            kedge_batch_add_audit(batch, &entry) != KEDGE_OK)
            return NULL;
        kedge_store_submit(submitter->store, batch, take_answer, &submitter->answers[i]);
    }
    return NULL;
}

static void threads_may_submit_at_once(void **state)
{
    struct fixture *f = *state;
    static struct submitter submitters[4];
    memset(submitters, 0, sizeof(submitters));
    for (int i = 0; i < 4; i++) {
        submitters[i].store = f->store;
        submitters[i].number = i;
        assert_int_equal(pthread_create(&submitters[i].thread, NULL, submit_fifty, &submitters[i]),
                         0);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(submitters[i].thread, NULL), 0);
    kedge_store_flush(f->store);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 50; j++)
            assert_true(submitters[i].answers[j].calls == 1 &&
                        submitters[i].answers[j].rc == KEDGE_OK);
    uint64_t stored = 0, registered = 0;
    assert_int_equal(kedge_reader_device_counts(f->reader, &stored, &registered), KEDGE_OK);
    assert_int_equal(stored, 200);
    assert_int_equal(registered, 200);
}

static void closing_commits_what_waits(void **state)
{
    struct fixture *f = *state;
    struct answer answers[50] = {0};
    struct kedge_device_touch touch = {.endpoint = "d0", .last_seen_ms = 9999, .address = "a"};
    for (int i = 0; i < 50; i++) {
        char endpoint[16];
        (void)snprintf(endpoint, sizeof(endpoint), "d%d", i);
        struct kedge_batch *batch = new_batch();
        add_device(batch, endpoint);
        kedge_store_submit(f->store, batch, take_answer, &answers[i]);
    }
    assert_int_equal(kedge_store_touch_device(f->store, &touch), KEDGE_OK);
    reopen(f);
    for (int i = 0; i < 50; i++)
        assert_true(answers[i].calls == 1 && answers[i].rc == KEDGE_OK);
    struct kedge_device_record record;
    assert_int_equal(kedge_reader_device(f->reader, "d0", &record), KEDGE_OK);
    assert_int_equal(record.last_seen_ms, 9999);
    assert_true(device_is_there(f->reader, "d49"));
}

static void what_is_too_long_is_refused_when_it_is_added(void **state)
{
    (void)state;
    struct kedge_batch *batch = new_batch();
    char tags[KEDGE_TAGS_MAX + 2], endpoint[KEDGE_ENDPOINT_MAX + 2];
    memset(tags, 'x', sizeof(tags) - 1);
    tags[sizeof(tags) - 1] = '\0';
    memset(endpoint, 'x', sizeof(endpoint) - 1);
    endpoint[sizeof(endpoint) - 1] = '\0';
    assert_int_equal(kedge_batch_set_tags(batch, "d1", tags), KEDGE_E_LIMIT);
    assert_int_equal(kedge_batch_set_tags(batch, endpoint, "{}"), KEDGE_E_LIMIT);
    struct kedge_package_record package = a_package(PACKAGE_ID);
    package.signer_count = KEDGE_PACKAGE_SIGNERS_MAX + 1;
    assert_int_equal(kedge_batch_put_package(batch, &package), KEDGE_E_LIMIT);
    struct kedge_trust_record trust = {.spki_size = KEDGE_STORE_SPKI_MAX + 1};
    assert_int_equal(kedge_batch_put_trust(batch, &trust), KEDGE_E_LIMIT);
    assert_int_equal(kedge_batch_rows(batch), 0);
    kedge_batch_destroy(batch);
}

/* ---- devices and tags ---- */

static void a_device_put_again_keeps_its_tags_and_when_it_was_first_seen(void **state)
{
    struct fixture *f = *state;
    struct kedge_batch *batch = new_batch();
    add_device(batch, "d1");
    assert_int_equal(kedge_batch_set_tags(batch, "d1", "{\"site\":\"pier\"}"), KEDGE_OK);
    assert_int_equal(kedge_batch_set_tags(batch, "nobody", "{}"), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    struct kedge_device_record record = a_device("d1");
    record.first_seen_ms = 777;
    record.last_seen_ms = 888;
    (void)snprintf(record.tags, sizeof(record.tags), "{\"not\":\"taken\"}");
    batch = new_batch();
    assert_int_equal(kedge_batch_put_device(batch, &record), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_int_equal(kedge_reader_device(f->reader, "d1", &record), KEDGE_OK);
    assert_string_equal(record.tags, "{\"site\":\"pier\"}");
    assert_int_equal(record.first_seen_ms, 1000);
    assert_int_equal(record.last_seen_ms, 888);
    assert_false(device_is_there(f->reader, "nobody"));
}

/* ---- touches ---- */

static uint64_t last_seen(struct fixture *f)
{
    struct kedge_device_record record;
    assert_int_equal(kedge_reader_device(f->reader, "d1", &record), KEDGE_OK);
    return record.last_seen_ms;
}

static void touch(struct fixture *f, const char *endpoint, uint64_t at_ms)
{
    const struct kedge_device_touch record = {
        .endpoint = endpoint, .address = "192.0.2.9:1", .last_seen_ms = at_ms, .lifetime_s = 60};
    assert_int_equal(kedge_store_touch_device(f->store, &record), KEDGE_OK);
}

static void touches_are_written_by_themselves_the_newest_of_each(void **state)
{
    struct fixture *f = *state;
    struct kedge_store_config config = {.folder = f->folder.path, .touch_flush_ms = 30};
    char error[KEDGE_STORE_ERROR_MAX];
    struct kedge_batch *batch = new_batch();
    add_device(batch, "d1");
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    kedge_store_close(f->store);
    assert_int_equal(kedge_store_open(&config, &f->store, error), KEDGE_OK);
    touch(f, "d1", 3000);
    touch(f, "d1", 4000);
    touch(f, "unknown", 4000);
    for (int i = 0; i < 12000 && last_seen(f) != 4000; i++)
        (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_int_equal(last_seen(f), 4000);
    struct kedge_device_record record;
    assert_int_equal(kedge_reader_device(f->reader, "d1", &record), KEDGE_OK);
    assert_string_equal(record.address, "192.0.2.9:1");
    assert_int_equal(record.lifetime_s, 60);
    assert_false(device_is_there(f->reader, "unknown"));
}

static void a_put_overtakes_the_touch_that_was_before_it(void **state)
{
    struct fixture *f = *state;
    struct kedge_device_record record = a_device("d1");
    struct kedge_batch *batch = new_batch();
    add_device(batch, "d1");
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    touch(f, "d1", 9000);
    (void)snprintf(record.address, sizeof(record.address), "192.0.2.1:5683");
    record.last_seen_ms = 9001;
    batch = new_batch();
    assert_int_equal(kedge_batch_put_device(batch, &record), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    reopen(f); /* flushes what is left of the touches: nothing */
    assert_int_equal(kedge_reader_device(f->reader, "d1", &record), KEDGE_OK);
    assert_string_equal(record.address, "192.0.2.1:5683");
    assert_int_equal(record.last_seen_ms, 9001);
}

static void a_touch_from_a_new_address_takes_the_place_of_the_former(void **state)
{
    struct fixture *f = *state;
    struct kedge_device_record record;
    struct kedge_batch *batch = new_batch();
    add_device(batch, "d1");
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    touch(f, "d1", 9000);
    touch(f, "d2", 9000);
    const struct kedge_device_touch moved = {
        .endpoint = "d1", .address = "[2001:db8::1]:56830", .last_seen_ms = 9001, .lifetime_s = 61};
    assert_int_equal(kedge_store_touch_device(f->store, &moved), KEDGE_OK);
    reopen(f);
    assert_int_equal(kedge_reader_device(f->reader, "d1", &record), KEDGE_OK);
    assert_string_equal(record.address, "[2001:db8::1]:56830");
    assert_int_equal(record.last_seen_ms, 9001);
    assert_int_equal(record.lifetime_s, 61);
}

static void a_put_that_keeps_the_texts_changes_all_but_them(void **state)
{
    struct fixture *f = *state;
    struct kedge_device_record before, after, record = a_device("d1");
    struct kedge_batch *batch = new_batch();
    add_device(batch, "d1");
    assert_int_equal(kedge_batch_set_tags(batch, "d1", "{\"site\":\"north\"}"), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_int_equal(kedge_reader_device(f->reader, "d1", &before), KEDGE_OK);
    record.vendor[0] = record.class_name[0] = record.version[0] = record.hardware[0] = '\0';
    record.texts_kept = true;
    record.last_seen_ms = 9001;
    record.first_seen_ms = 9001;
    batch = new_batch();
    assert_int_equal(kedge_batch_put_device(batch, &record), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_int_equal(kedge_reader_device(f->reader, "d1", &after), KEDGE_OK);
    assert_true(before.vendor[0] != '\0' && before.version[0] != '\0');
    assert_string_equal(after.vendor, before.vendor);
    assert_string_equal(after.class_name, before.class_name);
    assert_string_equal(after.version, before.version);
    assert_string_equal(after.hardware, before.hardware);
    assert_string_equal(after.tags, "{\"site\":\"north\"}");
    assert_int_equal(after.last_seen_ms, 9001);
    assert_int_equal(after.first_seen_ms, before.first_seen_ms);
    /* One that says them again does replace them. */
    record.texts_kept = false;
    batch = new_batch();
    assert_int_equal(kedge_batch_put_device(batch, &record), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_int_equal(kedge_reader_device(f->reader, "d1", &after), KEDGE_OK);
    assert_string_equal(after.version, "");
}

/* ---- the audit chain ---- */

struct chain {
    uint8_t previous[32];
    uint64_t rows;
    bool whole;
};

static bool follow_chain(void *context, const struct kedge_audit_entry *entry)
{
    struct chain *chain = context;
    uint8_t hash[32];
    kedge_audit_hash(chain->previous, entry, hash);
    chain->whole &=
        entry->sequence == ++chain->rows && memcmp(hash, entry->hash, sizeof(hash)) == 0;
    memcpy(chain->previous, entry->hash, sizeof(chain->previous));
    return true;
}

static struct chain read_chain(struct fixture *f)
{
    struct chain chain = {.whole = true};
    assert_int_equal(kedge_reader_audit(f->reader, NULL, NULL, follow_chain, &chain), KEDGE_OK);
    return chain;
}

static void the_audit_chain_goes_on_over_conflicts_and_restarts(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5; i++) {
            struct kedge_batch *batch = new_batch();
            add_audit(batch, (uint64_t)i, "test.one");
            add_audit(batch, (uint64_t)i, "test.two");
            if (i == 2)
                add_rollout(batch, 1, OTHER_ID); /* takes its two rows with it */
            assert_int_equal(commit(f->store, batch), i == 2 ? KEDGE_E_CONFLICT : KEDGE_OK);
        }
        reopen(f);
    }
    struct chain chain = read_chain(f);
    assert_int_equal(chain.rows, 3 * 4 * 2);
    assert_true(chain.whole);
}

static void an_audit_row_that_was_changed_breaks_the_chain(void **state)
{
    struct fixture *f = *state;
    static const char *const changes[] = {
        "UPDATE audit SET who = 'mallory' WHERE sequence = 2",
        "UPDATE audit SET at_ms = at_ms + 1 WHERE sequence = 2",
        "UPDATE audit SET before = 'read', after = 'yrunning' WHERE sequence = 2",
        "DELETE FROM audit WHERE sequence = 2",
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct kedge_batch *batch = new_batch();
        for (uint64_t row = 0; row < 3; row++)
            add_audit(batch, row, "test.row");
        assert_int_equal(commit(f->store, batch), KEDGE_OK);
        assert_true(read_chain(f).whole);
        run_sql(&f->folder, changes[i]);
        assert_false(read_chain(f).whole);
        tear_down(state);
        set_up(state);
    }
}

/* The hash is written down here once more, from the words of store.h. */
static void the_audit_hash_is_what_its_description_says(void **state)
{
    (void)state;
    struct kedge_audit_entry entry = {.sequence = 1,
                                      .at_ms = 0x0102030405060708,
                                      .who = "al",
                                      .what = "w",
                                      .subject = "",
                                      .before = "b",
                                      .after = "a"};
    static const char bytes[] = "\0\0\0\0\0\0\0\1"
                                "\1\2\3\4\5\6\7\10"
                                "\0\0\0\2al"
                                "\0\0\0\1w"
                                "\0\0\0\0"
                                "\0\0\0\1b"
                                "\0\0\0\1a";
    uint8_t input[32 + sizeof(bytes) - 1] = {0}, expected[32], actual[32];
    memcpy(input + 32, bytes, sizeof(bytes) - 1);
    kedge_sha256(kedge_slice(input, sizeof(input)), expected);
    kedge_audit_hash((const uint8_t[32]){0}, &entry, actual);
    assert_memory_equal(actual, expected, 32);
}

static void the_clock_of_the_records_is_the_last_one_that_was_put(void **state)
{
    struct fixture *f = *state;
    struct kedge_clock_record read,
        clock = {.boot = "0b1c2d3e-0000-1111-2222-333344445555", .ahead_ms = 1700000000000};
    assert_int_equal(kedge_reader_clock(f->reader, &read), KEDGE_E_NOT_FOUND);
    for (; clock.ahead_ms > -1; clock.ahead_ms -= 850000000000) {
        struct kedge_batch *batch = new_batch();
        assert_int_equal(kedge_batch_put_clock(batch, &clock), KEDGE_OK);
        assert_int_equal(commit(f->store, batch), KEDGE_OK);
        reopen(f);
        memset(&read, 0xff, sizeof(read));
        assert_int_equal(kedge_reader_clock(f->reader, &read), KEDGE_OK);
        assert_string_equal(read.boot, clock.boot);
        assert_int_equal(read.ahead_ms, clock.ahead_ms);
    }
}

/* The wall clock may be set back: the device was seen at the newer of the two all the same. */
static void a_device_was_seen_last_when_it_was_touched_last(void **state)
{
    struct fixture *f = *state;
    struct kedge_device_record device = a_device("d1");
    struct kedge_device_touch touch = {.endpoint = "d1", .address = "coap://127.0.0.1:1"};
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_put_device(batch, &device), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    touch.last_seen_ms = device.last_seen_ms - 1;
    assert_int_equal(kedge_store_touch_device(f->store, &touch), KEDGE_OK);
    reopen(f);
    assert_int_equal(kedge_reader_device(f->reader, "d1", &device), KEDGE_OK);
    assert_int_equal(device.last_seen_ms, touch.last_seen_ms);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_batch_with_a_broken_reference_writes_nothing_and_holds_nobody_up),
        TEST(a_package_that_a_rollout_names_is_not_deleted),
        TEST(the_last_put_of_many_wins),
        TEST(answers_come_in_the_order_of_submitting),
        TEST(threads_may_submit_at_once),
        TEST(closing_commits_what_waits),
        cmocka_unit_test(what_is_too_long_is_refused_when_it_is_added),
        TEST(a_device_put_again_keeps_its_tags_and_when_it_was_first_seen),
        TEST(touches_are_written_by_themselves_the_newest_of_each),
        TEST(a_put_overtakes_the_touch_that_was_before_it),
        TEST(a_touch_from_a_new_address_takes_the_place_of_the_former),
        TEST(a_put_that_keeps_the_texts_changes_all_but_them),
        TEST(the_clock_of_the_records_is_the_last_one_that_was_put),
        TEST(a_device_was_seen_last_when_it_was_touched_last),
        TEST(the_audit_chain_goes_on_over_conflicts_and_restarts),
        TEST(an_audit_row_that_was_changed_breaks_the_chain),
        cmocka_unit_test(the_audit_hash_is_what_its_description_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
