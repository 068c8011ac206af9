/*
 * test_store_credentials.c: by what devices prove who they are: one secret, one owner, read for a
 * handshake only; and the step of the schema that brought them.
 */
#define _GNU_SOURCE
#include <sqlite3.h>

#include "tests/unit/store/open_store.h"

static struct kedge_credential_record a_credential(const char *endpoint, const char *identity,
                                                   const char *secret)
{
    struct kedge_credential_record record = {
        .kind = KEDGE_CREDENTIAL_PSK, .secret_size = strlen(secret), .changed_at_ms = 77};
    (void)snprintf(record.endpoint, sizeof(record.endpoint), "%s", endpoint);
    (void)snprintf(record.identity, sizeof(record.identity), "%s", identity);
    memcpy(record.secret, secret, record.secret_size);
    return record;
}

static enum kedge_rc put(struct fixture *f, const char *endpoint, const char *identity,
                         const char *secret)
{
    struct kedge_credential_record record = a_credential(endpoint, identity, secret);
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_put_credential(batch, &record), KEDGE_OK);
    return commit(f->store, batch);
}

static enum kedge_rc find(struct fixture *f, const char *identity,
                          struct kedge_credential_record *out)
{
    return kedge_reader_credential(f->reader, KEDGE_CREDENTIAL_PSK, identity, out);
}

static void a_handshake_finds_the_secret_and_the_name_by_the_identity(void **state)
{
    struct kedge_credential_record read;
    assert_int_equal(put(*state, "d1", "id1", "0123456789abcdef"), KEDGE_OK);
    assert_int_equal(find(*state, "id1", &read), KEDGE_OK);
    assert_string_equal(read.endpoint, "d1");
    assert_int_equal(read.secret_size, 16);
    assert_memory_equal(read.secret, "0123456789abcdef", 16);
    assert_int_equal(read.changed_at_ms, 77);
    assert_int_equal(find(*state, "d1", &read), KEDGE_E_NOT_FOUND);
    assert_int_equal(find(*state, "ID1", &read), KEDGE_E_NOT_FOUND);
}

static void writing_again_replaces_identity_and_secret(void **state)
{
    struct kedge_credential_record read;
    assert_int_equal(put(*state, "d1", "id1", "0123456789abcdef"), KEDGE_OK);
    assert_int_equal(find(*state, "id1", &read), KEDGE_OK);
    assert_int_equal(put(*state, "d1", "id2", "fedcba9876543210"), KEDGE_OK);
    assert_int_equal(find(*state, "id1", &read), KEDGE_E_NOT_FOUND);
    assert_int_equal(find(*state, "id2", &read), KEDGE_OK);
    assert_memory_equal(read.secret, "fedcba9876543210", 16);
}

static void an_identity_has_one_owner(void **state)
{
    struct kedge_credential_record read;
    assert_int_equal(put(*state, "d1", "id", "0123456789abcdef"), KEDGE_OK);
    assert_int_equal(put(*state, "d2", "id", "fedcba9876543210"), KEDGE_E_CONFLICT);
    assert_int_equal(find(*state, "id", &read), KEDGE_OK);
    assert_string_equal(read.endpoint, "d1");
    assert_int_equal(put(*state, "d1", "id", "fedcba9876543210"), KEDGE_OK);
}

static bool take(void *context, const struct kedge_credential_record *record)
{
    static const uint8_t nothing[KEDGE_CREDENTIAL_SECRET_MAX];
    char *seen = context;
    assert_int_equal(record->secret_size, 0);
    assert_memory_equal(record->secret, nothing, sizeof(nothing));
    strcat(seen, record->endpoint);
    return true;
}

static void what_is_looked_at_has_no_secret(void **state)
{
    struct fixture *f = *state;
    char seen[64] = "";
    struct kedge_page page = {.limit = 2};
    struct kedge_credential_record read;
    for (const char *endpoint = "c\0a\0b\0"; *endpoint != '\0'; endpoint += 2)
        assert_int_equal(put(f, endpoint, endpoint, "0123456789abcdef"), KEDGE_OK);
    assert_int_equal(kedge_reader_credentials(f->reader, &page, take, seen), KEDGE_OK);
    assert_string_equal(seen, "ab");
    memcpy(page.cursor, page.next, sizeof(page.cursor));
    assert_int_equal(kedge_reader_credentials(f->reader, &page, take, seen), KEDGE_OK);
    assert_string_equal(seen, "abc");
    assert_string_equal(page.next, "");
    assert_int_equal(kedge_reader_credential_of(f->reader, "b", &read), KEDGE_OK);
    seen[0] = '\0';
    assert_true(take(seen, &read));
}

static void what_is_taken_away_is_gone(void **state)
{
    struct fixture *f = *state;
    struct kedge_credential_record read;
    assert_int_equal(put(f, "d1", "id1", "0123456789abcdef"), KEDGE_OK);
    assert_int_equal(put(f, "d2", "id2", "0123456789abcdef"), KEDGE_OK);
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_delete_credential(batch, "d1"), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_int_equal(find(f, "id1", &read), KEDGE_E_NOT_FOUND);
    assert_int_equal(kedge_reader_credential_of(f->reader, "d1", &read), KEDGE_E_NOT_FOUND);
    assert_int_equal(find(f, "id2", &read), KEDGE_OK);
}

/* What version 1 was is version 2 without the credentials. */
static void a_database_of_version_1_keeps_its_devices_and_takes_credentials(void **state)
{
    struct fixture *f = *state;
    struct kedge_device_record device = a_device("d1");
    char path[PATH_MAX];
    sqlite3 *database;
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_put_device(batch, &device), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    kedge_reader_close(f->reader);
    kedge_store_close(f->store);
    folder_file(&f->folder, KEDGE_STORE_FILE, path);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database,
                                  "DROP TABLE credentials; DROP TABLE clock;"
                                  "UPDATE schema_version SET version = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    f->store = store_in(&f->folder);
    f->reader = reader_in(&f->folder);
    assert_int_equal(kedge_reader_device(f->reader, "d1", &device), KEDGE_OK);
    struct kedge_credential_record read;
    assert_int_equal(put(f, "d1", "id1", "0123456789abcdef"), KEDGE_OK);
    assert_int_equal(find(f, "id1", &read), KEDGE_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_handshake_finds_the_secret_and_the_name_by_the_identity),
        TEST(writing_again_replaces_identity_and_secret),
        TEST(an_identity_has_one_owner),
        TEST(what_is_looked_at_has_no_secret),
        TEST(what_is_taken_away_is_gone),
        TEST(a_database_of_version_1_keeps_its_devices_and_takes_credentials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
