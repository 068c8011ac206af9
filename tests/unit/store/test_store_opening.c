/*
 * Opening the store: what it makes, what it refuses, and that a refusal leaves everything alone.
 */
#define _GNU_SOURCE
#include <sqlite3.h>

#include "tests/unit/store_fixture.h"

#include <fcntl.h>

static enum kedge_rc try_open(const struct folder *folder, bool check_integrity,
                              char error[KEDGE_STORE_ERROR_MAX])
{
    struct kedge_store_config config = {.folder = folder->path, .check_integrity = check_integrity};
    struct kedge_store *store = NULL;
    enum kedge_rc rc = kedge_store_open(&config, &store, error);
    assert_true((rc == KEDGE_OK) == (error[0] == '\0'));
    kedge_store_close(store);
    return rc;
}

static off_t size_of(const struct folder *folder, const char *name)
{
    char path[PATH_MAX];
    struct stat status;
    folder_file(folder, name, path);
    return stat(path, &status) == 0 ? status.st_size : -1;
}

static uint64_t fingerprint(const struct folder *folder)
{
    char path[PATH_MAX];
    folder_file(folder, KEDGE_STORE_FILE, path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    int byte;
    while ((byte = getc(file)) != EOF)
        hash = (hash ^ (uint64_t)byte) * 1099511628211u;
    (void)fclose(file);
    return hash;
}

static void the_first_opening_makes_a_private_database(void **state)
{
    struct folder *folder = *state;
    mode_t before = umask(0);
    struct kedge_store *store = store_in(folder);
    (void)umask(before);
    for (size_t i = 0; i < 3; i++) {
        static const char *const names[] = {"kedged.db", "kedged.db-wal", "kedged.lock"};
        char path[PATH_MAX];
        struct stat status;
        folder_file(folder, names[i], path);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
    }
    kedge_store_close(store);
}

static void a_missing_folder_is_named(void **state)
{
    (void)state;
    struct folder nowhere = {"/nonexistent/kedge"};
    char error[KEDGE_STORE_ERROR_MAX];
    assert_int_equal(try_open(&nowhere, false, error), KEDGE_E_SYSTEM);
    assert_non_null(strstr(error, "/nonexistent/kedge"));
    assert_non_null(strstr(error, "No such file"));
}

static void a_second_kedged_is_refused_until_the_first_has_ended(void **state)
{
    struct folder *folder = *state;
    struct kedge_store *store = store_in(folder);
    char error[KEDGE_STORE_ERROR_MAX];
    assert_int_equal(try_open(folder, false, error), KEDGE_E_BUSY);
    assert_non_null(strstr(error, "another kedged"));
    struct kedge_batch *batch = new_batch();
    add_device(batch, "d1");
    assert_int_equal(commit(store, batch), KEDGE_OK); /* the first one does not notice */
    kedge_store_close(store);
    assert_int_equal(try_open(folder, false, error), KEDGE_OK);
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
    struct folder *folder = *state;
    char error[KEDGE_STORE_ERROR_MAX];
    kedge_store_close(store_in(folder));
    run_sql(folder, "UPDATE schema_version SET version = version + 1;"
                    "CREATE TABLE of_the_future (x INTEGER)");
    uint64_t before = fingerprint(folder);
    assert_int_equal(try_open(folder, false, error), KEDGE_E_VERSION);
    assert_non_null(strstr(error, "newer kedged"));
    assert_int_equal(fingerprint(folder), before);
    run_sql(folder, "UPDATE schema_version SET version = version - 1");
    assert_int_equal(try_open(folder, false, error), KEDGE_OK);
}

static void a_newer_schema_is_refused_also_by_readers(void **state)
{
    struct folder *folder = *state;
    char error[KEDGE_STORE_ERROR_MAX];
    kedge_store_close(store_in(folder));
    run_sql(folder, "UPDATE schema_version SET version = version + 1");
    struct kedge_reader *reader = NULL;
    assert_int_equal(kedge_reader_open(folder->path, &reader, error), KEDGE_E_VERSION);
    assert_non_null(strstr(error, "newer kedged"));
}

static void the_schema_says_its_version(void **state)
{
    struct folder *folder = *state;
    kedge_store_close(store_in(folder));
    run_sql(folder, "CREATE TEMP TABLE one (n INTEGER CHECK (n = 1));"
                    "INSERT INTO one SELECT count(*) FROM schema_version WHERE version = 25");
    assert_int_equal(KEDGE_STORE_SCHEMA_VERSION, 25);
}

static void the_database_of_somebody_else_is_refused(void **state)
{
    struct folder *folder = *state;
    char error[KEDGE_STORE_ERROR_MAX];
    run_sql(folder, "CREATE TABLE theirs (x INTEGER); INSERT INTO theirs VALUES (7)");
    assert_int_equal(try_open(folder, false, error), KEDGE_E_MALFORMED);
    assert_non_null(strstr(error, "not a database of kedged"));
    run_sql(folder, "UPDATE theirs SET x = 8"); /* it is all still there */
}

static void a_half_made_version_record_is_refused(void **state)
{
    struct folder *folder = *state;
    char error[KEDGE_STORE_ERROR_MAX];
    kedge_store_close(store_in(folder));
    run_sql(folder, "DELETE FROM schema_version");
    assert_int_equal(try_open(folder, false, error), KEDGE_E_MALFORMED);
    run_sql(folder, "INSERT INTO schema_version VALUES (-1)");
    assert_int_equal(try_open(folder, false, error), KEDGE_E_MALFORMED);
}

static void a_file_of_garbage_is_refused_with_what_to_do(void **state)
{
    struct folder *folder = *state;
    char path[PATH_MAX], error[KEDGE_STORE_ERROR_MAX];
    folder_file(folder, KEDGE_STORE_FILE, path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 10000; i++)
        (void)putc((i * 37) & 0xff, file);
    (void)fclose(file);
    assert_int_equal(try_open(folder, false, error), KEDGE_E_MALFORMED);
    assert_non_null(strstr(error, "restore it from a backup"));
    assert_non_null(strstr(error, path));
    assert_int_equal(size_of(folder, KEDGE_STORE_FILE), 10000);
}

/* Enough rows for several levels of pages. */
static void fill(const struct folder *folder)
{
    struct kedge_store *store = store_in(folder);
    struct kedge_batch *batch = new_batch();
    for (int i = 0; i < 2000; i++) {
        char endpoint[16];
        (void)snprintf(endpoint, sizeof(endpoint), "d%06d", i);
        add_device(batch, endpoint);
        add_audit(batch, (uint64_t)i, "test.fill");
    }
    assert_int_equal(commit(store, batch), KEDGE_OK);
    kedge_store_close(store);
}

static void damage(const struct folder *folder, off_t offset, size_t size)
{
    char path[PATH_MAX];
    folder_file(folder, KEDGE_STORE_FILE, path);
    int file = open(path, O_WRONLY);
    assert_true(file >= 0);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(0xa5 ^ i);
        assert_int_equal(pwrite(file, &byte, 1, offset + (off_t)i), 1);
    }
    (void)close(file);
}

static bool count_device(void *context, const struct kedge_device_record *record)
{
    (void)record;
    ++*(size_t *)context;
    return true;
}

/* Every page of the database is damaged in turn: that is found at opening with the check, and
 * without it nothing crashes and no listing comes out short without saying so. */
static void a_damaged_page_is_found(void **state)
{
    struct folder *folder = *state;
    char error[KEDGE_STORE_ERROR_MAX], path[PATH_MAX], kept[PATH_MAX], command[3 * PATH_MAX];
    fill(folder);
    off_t pages = size_of(folder, KEDGE_STORE_FILE) / 4096;
    assert_true(pages > 50);
    folder_file(folder, KEDGE_STORE_FILE, path);
    folder_file(folder, "kept", kept);
    (void)snprintf(command, sizeof(command), "cp '%s' '%s'", path, kept);
    assert_int_equal(system(command), 0);
    (void)snprintf(command, sizeof(command), "cp '%s' '%s'", kept, path);
    for (off_t page = 1; page < pages; page += 7) {
        damage(folder, page * 4096, 100); /* a page's head and its first cells */
        assert_int_equal(try_open(folder, true, error), KEDGE_E_MALFORMED);
        assert_non_null(strstr(error, "damaged"));
        assert_int_equal(system(command), 0);
    }
    damage(folder, 3 * 4096, 3000);
    struct kedge_store_config config = {.folder = folder->path};
    struct kedge_store *store = NULL;
    if (kedge_store_open(&config, &store, error) == KEDGE_OK) {
        struct kedge_reader *reader = reader_in(folder);
        size_t count = 0;
        enum kedge_rc rc = kedge_reader_devices(reader, NULL, NULL, NULL, count_device, &count);
        assert_true(count == 2000 ? rc == KEDGE_OK : rc == KEDGE_E_MALFORMED);
        kedge_reader_close(reader);
    }
    kedge_store_close(store);
}

static void a_database_cut_short_is_found(void **state)
{
    struct folder *folder = *state;
    char error[KEDGE_STORE_ERROR_MAX], path[PATH_MAX];
    fill(folder);
    folder_file(folder, KEDGE_STORE_FILE, path);
    assert_int_equal(truncate(path, size_of(folder, KEDGE_STORE_FILE) / 2), 0);
    assert_int_equal(try_open(folder, true, error), KEDGE_E_MALFORMED);
}

static void a_broken_reference_is_found(void **state)
{
    struct folder *folder = *state;
    char error[KEDGE_STORE_ERROR_MAX];
    struct kedge_store *store = store_in(folder);
    struct kedge_batch *batch = new_batch();
    add_package(batch, PACKAGE_ID);
    add_rollout(batch, 1, PACKAGE_ID);
    assert_int_equal(commit(store, batch), KEDGE_OK);
    kedge_store_close(store);
    assert_int_equal(try_open(folder, true, error), KEDGE_OK);
    run_sql(folder, "PRAGMA foreign_keys = OFF; DELETE FROM packages");
    assert_int_equal(try_open(folder, true, error), KEDGE_E_MALFORMED);
}

static int set_up(void **state)
{
    static struct folder folder;
    folder_make(&folder);
    *state = &folder;
    return 0;
}

static int tear_down(void **state)
{
    folder_remove(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_opening_makes_a_private_database),
        TEST(a_missing_folder_is_named),
        TEST(a_second_kedged_is_refused_until_the_first_has_ended),
        TEST(a_newer_schema_is_refused_and_left_alone),
        TEST(a_newer_schema_is_refused_also_by_readers),
        TEST(the_schema_says_its_version),
        TEST(the_database_of_somebody_else_is_refused),
        TEST(a_half_made_version_record_is_refused),
        TEST(a_file_of_garbage_is_refused_with_what_to_do),
        TEST(a_damaged_page_is_found),
        TEST(a_database_cut_short_is_found),
        TEST(a_broken_reference_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
