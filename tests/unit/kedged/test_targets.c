/*
 * Which devices a rollout is for: those of the package's vendor and class, by name or by UUID.
 */
#define _GNU_SOURCE
#include "tests/unit/store_fixture.h"

#include "updater/kedged/targets.h"

#include <kedge/crypto.h>

struct fixture {
    struct folder folder;
    struct kedge_store *store;
    struct kedge_reader *reader;
    struct kedge_targets targets;
};

static void add(struct kedge_batch *batch, const char *endpoint, const char *vendor,
                const char *class_name)
{
    struct kedge_device_record record = a_device(endpoint);
    (void)snprintf(record.vendor, sizeof(record.vendor), "%s", vendor);
    (void)snprintf(record.class_name, sizeof(record.class_name), "%s", class_name);
    assert_int_equal(kedge_batch_put_device(batch, &record), KEDGE_OK);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    folder_make(&fixture.folder);
    fixture.store = store_in(&fixture.folder);
    fixture.reader = reader_in(&fixture.folder);
    struct kedge_batch *batch = new_batch();
    add(batch, "fits-1", "vendor.example", "meter");
    add(batch, "fits-2", "vendor.example", "meter");
    add(batch, "other-class", "vendor.example", "valve");
    add(batch, "other-vendor", "else.example", "meter");
    add(batch, "silent", "", "");
    assert_int_equal(commit(fixture.store, batch), KEDGE_OK);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kedge_targets_clear(&f->targets);
    kedge_reader_close(f->reader);
    kedge_store_close(f->store);
    folder_remove(&f->folder);
    return 0;
}

/* A package for the meters of vendor.example, whose text names them or does not. */
static struct kedge_package_record meter_package(bool named)
{
    struct kedge_package_record record = a_package(PACKAGE_ID);
    kedge_vendor_uuid(kedge_slice_text("vendor.example"), record.vendor_id);
    kedge_class_uuid(record.vendor_id, kedge_slice_text("meter"), record.class_id);
    if (!named)
        record.vendor[0] = record.class_name[0] = '\0';
    return record;
}

static void check_the_two_that_fit(const struct fixture *f)
{
    assert_int_equal(f->targets.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct kedge_rollout_target *target = &f->targets.items[i];
        assert_string_equal(target->endpoint, i == 0 ? "fits-1" : "fits-2");
        assert_true(target->known);
        assert_string_equal(target->vendor, "vendor.example");
        assert_string_equal(target->class_name, "meter");
        assert_string_equal(target->version, "1.0.0");
    }
    assert_string_equal(f->targets.vendor, "vendor.example");
    assert_string_equal(f->targets.class_name, "meter");
}

static void all_takes_the_devices_that_the_package_names(void **state)
{
    struct fixture *f = *state;
    struct kedge_package_record package = meter_package(true);
    assert_int_equal(kedge_targets_take_all(&f->targets, f->reader, &package), KEDGE_OK);
    check_the_two_that_fit(f);
}

static void a_package_without_names_is_for_whom_its_uuids_say(void **state)
{
    struct fixture *f = *state;
    struct kedge_package_record package = meter_package(false);
    assert_int_equal(kedge_targets_take_all(&f->targets, f->reader, &package), KEDGE_OK);
    check_the_two_that_fit(f);
}

static void a_package_for_nobody_here_finds_nobody(void **state)
{
    struct fixture *f = *state;
    struct kedge_package_record package = meter_package(false);
    package.class_id[15] ^= 1;
    assert_int_equal(kedge_targets_take_all(&f->targets, f->reader, &package), KEDGE_OK);
    assert_int_equal(f->targets.count, 0);
    assert_string_equal(f->targets.vendor, "");
}

/* Those that do not fit are taken too, for the engine to name them. */
static void a_list_is_taken_as_it_is(void **state)
{
    struct fixture *f = *state;
    struct kedge_package_record package = meter_package(false);
    static const char *const endpoints[] = {"other-class", "nobody", "fits-2"};
    assert_int_equal(kedge_targets_take_listed(&f->targets, f->reader, &package, endpoints, 3),
                     KEDGE_OK);
    assert_int_equal(f->targets.count, 3);
    assert_true(f->targets.items[0].known && !f->targets.items[1].known &&
                f->targets.items[2].known);
    assert_string_equal(f->targets.items[0].class_name, "valve");
    assert_string_equal(f->targets.items[1].endpoint, "nobody");
    assert_string_equal(f->targets.vendor, "vendor.example");
    assert_string_equal(f->targets.class_name, "meter");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_takes_the_devices_that_the_package_names),
        TEST(a_package_without_names_is_for_whom_its_uuids_say),
        TEST(a_package_for_nobody_here_finds_nobody),
        TEST(a_list_is_taken_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
