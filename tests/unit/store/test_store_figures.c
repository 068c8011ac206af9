/*
 * The fleet in numbers: the counts are those of the devices whatever happens to them, also in a
 * database from before there were any; a series of samples keeps within its limit, and its ends.
 */
#define _GNU_SOURCE
#include <sqlite3.h>

#include "tests/unit/store/older_schema.h"
#include "tests/unit/store/open_store.h"
#include "updater/store/figures.h"

static struct kedge_device_record device(const char *endpoint, const char *version, bool registered)
{
    struct kedge_device_record record = {.registered = registered, .tags = "{}"};
    (void)snprintf(record.endpoint, sizeof(record.endpoint), "%s", endpoint);
    (void)snprintf(record.vendor, sizeof(record.vendor), "example.com");
    (void)snprintf(record.class_name, sizeof(record.class_name), "board");
    (void)snprintf(record.version, sizeof(record.version), "%s", version);
    return record;
}

static void put(struct fixture *f, struct kedge_device_record record)
{
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_put_device(batch, &record), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
}

/* What is there, as "version:devices/registered ", largest first. */
static bool say(void *context, const struct kedge_fleet_share *share)
{
    char *text = context;
    size_t used = strlen(text);
    (void)snprintf(&text[used], 256 - used, "%s:%llu/%llu ", share->version,
                   (unsigned long long)share->devices, (unsigned long long)share->registered);
    return true;
}

static void assert_fleet(struct fixture *f, const char *expected, uint32_t limit)
{
    char text[256] = "";
    assert_int_equal(kedge_reader_fleet_shares(f->reader, limit, say, text), KEDGE_OK);
    assert_string_equal(text, expected);
}

static void devices_are_counted_as_they_come_move_and_go(void **state)
{
    struct fixture *f = *state;
    struct kedge_fleet_totals totals;
    assert_fleet(f, "", 10);
    put(f, device("a", "1.0.0", true));
    put(f, device("b", "1.0.0", false));
    put(f, device("c", "2.0.0", true));
    assert_fleet(f, "1.0.0:2/1 2.0.0:1/1 ", 10);
    put(f, device("a", "2.0.0", true)); /* updated */
    put(f, device("b", "1.0.0", true)); /* back */
    assert_fleet(f, "2.0.0:2/2 1.0.0:1/1 ", 10);
    put(f, device("b", "1.0.0", true)); /* nothing new */
    put(f, device("c", "2.0.0", false));
    assert_fleet(f, "2.0.0:2/1 1.0.0:1/1 ", 10);
    assert_fleet(f, "2.0.0:2/1 ", 1);
    assert_int_equal(kedge_reader_fleet_totals(f->reader, &totals), KEDGE_OK);
    assert_int_equal(totals.devices, 3);
    assert_int_equal(totals.registered, 2);
    assert_int_equal(totals.shares, 2);
}

static void devices_that_are_trimmed_are_counted_no_longer(void **state)
{
    struct fixture *f = *state;
    struct kedge_device_record stranger = device("stranger", "", false);
    stranger.vendor[0] = stranger.class_name[0] = '\0';
    put(f, stranger);
    put(f, device("a", "1.0.0", true));
    assert_fleet(f, ":1/0 1.0.0:1/1 ", 10);
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_trim_devices(batch, 0), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_fleet(f, "1.0.0:1/1 ", 10);
}

static void devices_of_an_older_database_are_counted_when_it_is_opened(void **state)
{
    struct fixture *f = *state;
    char path[PATH_MAX];
    sqlite3 *database;
    put(f, device("a", "1.0.0", true));
    put(f, device("b", "1.0.0", false));
    kedge_reader_close(f->reader);
    kedge_store_close(f->store);
    folder_file(&f->folder, KEDGE_STORE_FILE, path);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(
            database,
            "DROP TRIGGER device_comes; DROP TRIGGER device_goes;"
            "DROP TRIGGER device_moves; DROP TABLE fleet_shares;"
            "DROP TABLE samples; DROP INDEX rollouts_ended; DROP TABLE notes; DROP TABLE removals;"
            "ALTER TABLE rollouts DROP COLUMN start_at_ms;"
            "ALTER TABLE rollouts DROP COLUMN windows;"
            "ALTER TABLE rollouts DROP COLUMN gate_windows;"
            "ALTER TABLE rollouts DROP COLUMN download_in_window;" WITHOUT_SCHEMA_22_TO_25
            "ALTER TABLE groups DROP COLUMN own_error_threshold_percent;"
            "ALTER TABLE groups DROP COLUMN own_error_minimum_sample;"
            "ALTER TABLE groups DROP COLUMN own_success_threshold_percent;"
            "ALTER TABLE groups DROP COLUMN own_soak_s;"
            "ALTER TABLE groups DROP COLUMN own_approval;"
            "ALTER TABLE groups DROP COLUMN filter;"
            "UPDATE schema_version SET version = 17",
            NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    f->store = store_in(&f->folder);
    f->reader = reader_in(&f->folder);
    assert_fleet(f, "1.0.0:2/1 ", 10);
    put(f, device("b", "2.0.0", true));
    assert_fleet(f, "1.0.0:1/1 2.0.0:1/1 ", 10);
}

/* ---- samples ---- */

static void add_sample(struct fixture *f, uint64_t series, uint64_t at_ms, const char *figures)
{
    struct kedge_sample sample = {.series = series, .at_ms = at_ms};
    struct kedge_batch *batch = new_batch();
    (void)snprintf(sample.figures, sizeof(sample.figures), "%s", figures);
    assert_int_equal(kedge_batch_add_sample(batch, &sample), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
}

struct series {
    size_t count;
    uint64_t first_ms, last_ms;
    char last[16];
};

static bool look(void *context, const struct kedge_sample *sample)
{
    struct series *series = context;
    assert_true(series->count == 0 || sample->at_ms > series->last_ms);
    if (series->count++ == 0)
        series->first_ms = sample->at_ms;
    series->last_ms = sample->at_ms;
    (void)snprintf(series->last, sizeof(series->last), "%.15s", sample->figures);
    return true;
}

static void samples_come_back_in_order_each_series_by_itself(void **state)
{
    struct fixture *f = *state;
    struct series fleet = {0}, rollout = {0};
    add_sample(f, KEDGE_SERIES_FLEET, 2000, "{\"a\":2}");
    add_sample(f, KEDGE_SERIES_FLEET, 1000, "{\"a\":1}");
    add_sample(f, 7, 1500, "{\"b\":1}");
    add_sample(f, 7, 1500, "{\"b\":2}");
    assert_int_equal(kedge_reader_samples(f->reader, KEDGE_SERIES_FLEET, look, &fleet), KEDGE_OK);
    assert_int_equal(kedge_reader_samples(f->reader, 7, look, &rollout), KEDGE_OK);
    assert_int_equal(fleet.count, 2);
    assert_string_equal(fleet.last, "{\"a\":2}");
    assert_int_equal(rollout.count, 1);
    assert_string_equal(rollout.last, "{\"b\":2}");
    struct kedge_sample last;
    assert_int_equal(kedge_reader_last_sample(f->reader, KEDGE_SERIES_FLEET, &last), KEDGE_OK);
    assert_int_equal(last.at_ms, 2000);
    assert_string_equal(last.figures, "{\"a\":2}");
    assert_int_equal(kedge_reader_last_sample(f->reader, 8, &last), KEDGE_E_NOT_FOUND);
}

static void a_series_keeps_within_its_limit_and_its_beginning_and_end(void **state)
{
    struct fixture *f = *state;
    add_sample(f, 8, 1, "{}"); /* another one is not touched */
    struct kedge_batch *batch = new_batch();
    for (uint64_t at_ms = 1; at_ms <= 3 * KEDGE_SAMPLES_MAX; at_ms++) {
        struct kedge_sample sample = {.series = 7, .at_ms = at_ms, .figures = "{}"};
        assert_int_equal(kedge_batch_add_sample(batch, &sample), KEDGE_OK);
    }
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    struct series series = {0}, other = {0};
    assert_int_equal(kedge_reader_samples(f->reader, 7, look, &series), KEDGE_OK);
    assert_in_range(series.count, KEDGE_SAMPLES_MAX / 2, KEDGE_SAMPLES_MAX);
    assert_in_range(series.first_ms, 1, 10);
    assert_int_equal(series.last_ms, 3 * KEDGE_SAMPLES_MAX);
    assert_int_equal(kedge_reader_samples(f->reader, 8, look, &other), KEDGE_OK);
    assert_int_equal(other.count, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(devices_are_counted_as_they_come_move_and_go),
        TEST(devices_that_are_trimmed_are_counted_no_longer),
        TEST(devices_of_an_older_database_are_counted_when_it_is_opened),
        TEST(samples_come_back_in_order_each_series_by_itself),
        TEST(a_series_keeps_within_its_limit_and_its_beginning_and_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
