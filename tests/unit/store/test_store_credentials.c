/*
 * test_store_credentials.c: by what devices prove who they are: one secret, one owner, read for a
 * handshake only; and the step of the schema that brought them.
 */
#define _GNU_SOURCE
#include <sqlite3.h>

#include "tests/unit/store/older_schema.h"
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

#define OLD_HASH "0101010101010101010101010101010101010101010101010101010101010101"

/* What version 1 was is this one without what came later. */
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
    assert_int_equal(
        sqlite3_exec(database,
                     "DROP TABLE credentials; DROP TABLE clock; DROP TABLE bootstrap;"
                     "DROP TABLE issued; DROP TABLE handouts; DROP TABLE classes;"
                     "DROP TABLE notes; DROP TABLE removals;"
                     "DROP INDEX audit_subject; DROP TABLE samples; DROP TABLE fleet_shares;"
                     "DROP INDEX rollouts_ended; DROP TRIGGER device_comes;"
                     "DROP TRIGGER device_goes; DROP TRIGGER device_moves;"
                     "ALTER TABLE rollouts DROP COLUMN severity;"
                     "ALTER TABLE rollouts DROP COLUMN max_defer_s;"
                     "ALTER TABLE rollouts DROP COLUMN seed;"
                     "ALTER TABLE rollouts DROP COLUMN spread_by;"
                     "ALTER TABLE rollouts DROP COLUMN failed_threshold_percent;"
                     "ALTER TABLE rollouts DROP COLUMN rejected_threshold_percent;"
                     "ALTER TABLE rollouts DROP COLUMN timed_out_threshold_percent;"
                     "DROP INDEX rollouts_revert_package;"
                     "ALTER TABLE rollouts DROP COLUMN revert_package_id;"
                     "ALTER TABLE rollouts DROP COLUMN revert_version;"
                     "ALTER TABLE rollouts DROP COLUMN revert_sequence;"
                     "ALTER TABLE rollouts DROP COLUMN revert_rollout_id;"
                     "ALTER TABLE rollouts DROP COLUMN reverts_rollout_id;"
                     "ALTER TABLE rollouts DROP COLUMN approval;"
                     "ALTER TABLE rollouts DROP COLUMN approver;"
                     "ALTER TABLE rollouts DROP COLUMN filter;"
                     "ALTER TABLE rollouts DROP COLUMN start_at_ms;"
                     "ALTER TABLE rollouts DROP COLUMN windows;"
                     "ALTER TABLE rollouts DROP COLUMN gate_windows;"
                     "ALTER TABLE rollouts DROP COLUMN download_in_window;"
                     "ALTER TABLE packages DROP COLUMN hardware;"
                     "ALTER TABLE packages DROP COLUMN min_version;"
                     "ALTER TABLE packages DROP COLUMN max_version;"
                     "ALTER TABLE groups DROP COLUMN approver;"
                     "ALTER TABLE rollouts DROP COLUMN offers_per_minute;"
                     "ALTER TABLE rollouts DROP COLUMN offers_per_minute_max;"
                     "ALTER TABLE rollouts DROP COLUMN ramp_successes;"
                     "ALTER TABLE groups DROP COLUMN own_error_threshold_percent;"
                     "ALTER TABLE groups DROP COLUMN own_error_minimum_sample;"
                     "ALTER TABLE groups DROP COLUMN own_success_threshold_percent;"
                     "ALTER TABLE groups DROP COLUMN own_soak_s;"
                     "ALTER TABLE groups DROP COLUMN own_approval;"
                     "ALTER TABLE groups DROP COLUMN filter;"
                     "ALTER TABLE rollouts DROP COLUMN retry_failed;"
                     "ALTER TABLE rollouts DROP COLUMN retry_rejected;"
                     "ALTER TABLE rollouts DROP COLUMN retry_timed_out;"
                     "ALTER TABLE rollouts DROP COLUMN retry_after_s;"
                     "ALTER TABLE rollouts DROP COLUMN retry_after_max_s;" WITHOUT_SCHEMA_22_TO_25
                     "ALTER TABLE deployments DROP COLUMN failed_retries;"
                     "ALTER TABLE deployments DROP COLUMN rejected_retries;"
                     "ALTER TABLE deployments DROP COLUMN timed_out_retries;"
                     "ALTER TABLE deployments DROP COLUMN retry_at_ms;"
                     "ALTER TABLE rollouts DROP COLUMN dynamic;"
                     "ALTER TABLE rollouts DROP COLUMN closed_at_ms;"
                     "ALTER TABLE groups DROP COLUMN failed_accepted;"
                     "ALTER TABLE groups DROP COLUMN rejected_accepted;"
                     "ALTER TABLE groups DROP COLUMN timed_out_accepted;"
                     "INSERT INTO tokens VALUES ('old', x'" OLD_HASH "', 5, 0, '', '');"
                     "ALTER TABLE tokens DROP COLUMN expires_at_ms;"
                     "ALTER TABLE tokens DROP COLUMN role;"
                     "ALTER TABLE tokens DROP COLUMN creator;"
                     "UPDATE schema_version SET version = 1",
                     NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    f->store = store_in(&f->folder);
    f->reader = reader_in(&f->folder);
    struct kedge_token_record token;
    uint8_t hash[32];
    memset(hash, 1, sizeof(hash));
    assert_int_equal(kedge_reader_token(f->reader, hash, &token), KEDGE_OK);
    assert_int_equal(token.role, KEDGE_ROLE_ADMIN);
    assert_int_equal(token.expires_at_ms, 0);
    assert_int_equal(kedge_reader_device(f->reader, "d1", &device), KEDGE_OK);
    struct kedge_credential_record read;
    assert_int_equal(put(f, "d1", "id1", "0123456789abcdef"), KEDGE_OK);
    assert_int_equal(find(f, "id1", &read), KEDGE_OK);
}

/* ---- keys that were issued ---- */

static enum kedge_rc issue(struct fixture *f, const char *endpoint, const char *identity)
{
    struct kedge_credential_record record = a_credential(endpoint, identity, "0123456789abcdef");
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_issue_credential(batch, &record), KEDGE_OK);
    return commit(f->store, batch);
}

static void adopt(struct fixture *f, const char *identity)
{
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_adopt_credential(batch, identity, 99), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
}

static bool is_issued(struct fixture *f, const char *identity)
{
    struct kedge_credential_record read;
    return kedge_reader_issued(f->reader, identity, &read) == KEDGE_OK;
}

static void an_issued_key_takes_the_former_ones_place_when_it_was_seen(void **state)
{
    struct fixture *f = *state;
    struct kedge_credential_record read;
    assert_int_equal(kedge_reader_any_issued(f->reader), KEDGE_E_NOT_FOUND);
    assert_int_equal(put(f, "d1", "former", "0123456789abcdef"), KEDGE_OK);
    assert_int_equal(issue(f, "d1", "older"), KEDGE_OK);
    assert_int_equal(issue(f, "d1", "seen"), KEDGE_OK);
    assert_int_equal(issue(f, "d1", "newer"), KEDGE_OK);
    assert_int_equal(issue(f, "d2", "another's"), KEDGE_OK);
    assert_int_equal(find(f, "former", &read), KEDGE_OK);
    assert_int_equal(find(f, "seen", &read), KEDGE_E_NOT_FOUND);
    assert_int_equal(kedge_reader_issued(f->reader, "seen", &read), KEDGE_OK);
    assert_string_equal(read.endpoint, "d1");
    assert_int_equal(read.secret_size, 16);
    adopt(f, "seen");
    assert_int_equal(find(f, "former", &read), KEDGE_E_NOT_FOUND);
    assert_int_equal(find(f, "seen", &read), KEDGE_OK);
    assert_int_equal(read.changed_at_ms, 99);
    assert_false(is_issued(f, "older"));
    assert_false(is_issued(f, "seen"));
    assert_true(is_issued(f, "newer"));
    assert_true(is_issued(f, "another's"));
    adopt(f, "older"); /* it is none any more */
    assert_int_equal(find(f, "seen", &read), KEDGE_OK);
}

static void the_newest_issued_keys_of_an_endpoint_stay(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(issue(f, "d2", "another's"), KEDGE_OK);
    for (const char *identity = "1\0002\0003\0004\0005\0"; *identity != '\0'; identity += 2)
        assert_int_equal(issue(f, "d1", identity), KEDGE_OK);
    assert_false(is_issued(f, "1"));
    assert_true(is_issued(f, "2"));
    assert_true(is_issued(f, "5"));
    assert_true(is_issued(f, "another's"));
}

/* ---- for bootstrapping ---- */

static enum kedge_rc put_bootstrap(struct fixture *f, const char *endpoint, const char *identity)
{
    struct kedge_bootstrap_record record = {
        .credential = a_credential(endpoint, identity, "0123456789abcdef"),
        .serial = "S1",
        .hardware = "rev-b",
        .batch = "B7"};
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_put_bootstrap(batch, &record), KEDGE_OK);
    return commit(f->store, batch);
}

static void credentials_for_bootstrapping_are_apart_from_the_others(void **state)
{
    struct fixture *f = *state;
    struct kedge_credential_record other;
    struct kedge_bootstrap_record read;
    assert_int_equal(put_bootstrap(f, "d1", "factory"), KEDGE_OK);
    assert_int_equal(put_bootstrap(f, "d2", "factory"), KEDGE_E_CONFLICT);
    assert_int_equal(find(f, "factory", &other), KEDGE_E_NOT_FOUND);
    assert_int_equal(kedge_reader_bootstrap(f->reader, KEDGE_CREDENTIAL_PSK, "factory", &read),
                     KEDGE_OK);
    assert_string_equal(read.credential.endpoint, "d1");
    assert_int_equal(read.credential.secret_size, 16);
    assert_string_equal(read.serial, "S1");
    assert_string_equal(read.hardware, "rev-b");
    assert_string_equal(read.batch, "B7");
    assert_int_equal(kedge_reader_bootstrap_of(f->reader, "d1", &read), KEDGE_OK);
    assert_int_equal(read.credential.secret_size, 0);
    assert_string_equal(read.batch, "B7");
    assert_int_equal(kedge_reader_is_enrolled(f->reader, "d1"), KEDGE_OK);
    assert_int_equal(kedge_reader_is_enrolled(f->reader, "d2"), KEDGE_E_NOT_FOUND);
}

static void what_was_issued_goes_with_the_credentials_for_bootstrapping(void **state)
{
    struct fixture *f = *state;
    struct kedge_batch *batch = new_batch();
    assert_int_equal(put_bootstrap(f, "d1", "factory"), KEDGE_OK);
    assert_int_equal(issue(f, "d1", "issued"), KEDGE_OK);
    assert_int_equal(kedge_reader_any_issued(f->reader), KEDGE_OK);
    assert_int_equal(kedge_batch_delete_bootstrap(batch, "d1"), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_false(is_issued(f, "issued"));
    assert_int_equal(kedge_reader_is_enrolled(f->reader, "d1"), KEDGE_E_NOT_FOUND);
}

static void a_certificate_that_is_given_is_the_endpoints_until_it_is_taken_away(void **state)
{
    struct fixture *f = *state;
    struct kedge_handout_record read,
        record = {.endpoint = "d1", .certificate_size = 4, .private_key_size = 2};
    memcpy(record.certificate, "cert", 4);
    memcpy(record.private_key, "pk", 2);
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_put_handout(batch, &record), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_int_equal(kedge_reader_handout(f->reader, "d1", &read), KEDGE_OK);
    assert_int_equal(read.certificate_size, 4);
    assert_memory_equal(read.certificate, "cert", 4);
    assert_int_equal(read.private_key_size, 2);
    assert_int_equal(kedge_reader_handout(f->reader, "d2", &read), KEDGE_E_NOT_FOUND);
    batch = new_batch();
    assert_int_equal(kedge_batch_delete_bootstrap(batch, "d1"), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_int_equal(kedge_reader_handout(f->reader, "d1", &read), KEDGE_E_NOT_FOUND);
    record.certificate_size = KEDGE_CERTIFICATE_MAX + 1;
    batch = new_batch();
    assert_int_equal(kedge_batch_put_handout(batch, &record), KEDGE_E_LIMIT);
    kedge_batch_destroy(batch);
}

static void a_device_that_was_never_seen_is_kept_and_one_that_was_stays_as_it_is(void **state)
{
    struct fixture *f = *state;
    struct kedge_device_record device = a_device("seen"), read;
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_put_device(batch, &device), KEDGE_OK);
    assert_int_equal(kedge_batch_provision_device(batch, "seen", "rev-z"), KEDGE_OK);
    assert_int_equal(kedge_batch_provision_device(batch, "new", "rev-b"), KEDGE_OK);
    assert_int_equal(kedge_batch_set_tags(batch, "new", "{\"a\":\"b\"}"), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_int_equal(kedge_reader_device(f->reader, "seen", &read), KEDGE_OK);
    assert_string_equal(read.hardware, device.hardware);
    assert_int_equal(kedge_reader_device(f->reader, "new", &read), KEDGE_OK);
    assert_string_equal(read.hardware, "rev-b");
    assert_string_equal(read.tags, "{\"a\":\"b\"}");
    assert_false(read.registered);
    assert_int_equal(read.first_seen_ms, 0);
    device = a_device("new");
    device.first_seen_ms = 1234;
    batch = new_batch();
    assert_int_equal(kedge_batch_put_device(batch, &device), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_int_equal(kedge_reader_device(f->reader, "new", &read), KEDGE_OK);
    assert_int_equal(read.first_seen_ms, 1234);
    assert_string_equal(read.tags, "{\"a\":\"b\"}");
}

/* What would be deleted were it not enrolled. */
static void one_that_is_enrolled_for_bootstrapping_is_not_trimmed(void **state)
{
    struct fixture *f = *state;
    struct kedge_device_record read;
    struct kedge_batch *batch = new_batch();
    assert_int_equal(put_bootstrap(f, "d1", "factory"), KEDGE_OK);
    assert_int_equal(kedge_batch_provision_device(batch, "d1", ""), KEDGE_OK);
    assert_int_equal(kedge_batch_provision_device(batch, "d2", ""), KEDGE_OK);
    assert_int_equal(kedge_batch_trim_devices(batch, 0), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_int_equal(kedge_reader_device(f->reader, "d1", &read), KEDGE_OK);
    assert_int_equal(kedge_reader_device(f->reader, "d2", &read), KEDGE_E_NOT_FOUND);
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
        TEST(an_issued_key_takes_the_former_ones_place_when_it_was_seen),
        TEST(the_newest_issued_keys_of_an_endpoint_stay),
        TEST(credentials_for_bootstrapping_are_apart_from_the_others),
        TEST(what_was_issued_goes_with_the_credentials_for_bootstrapping),
        TEST(a_certificate_that_is_given_is_the_endpoints_until_it_is_taken_away),
        TEST(a_device_that_was_never_seen_is_kept_and_one_that_was_stays_as_it_is),
        TEST(one_that_is_enrolled_for_bootstrapping_is_not_trimmed),
        TEST(a_database_of_version_1_keeps_its_devices_and_takes_credentials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
