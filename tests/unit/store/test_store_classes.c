/* test_store_classes.c: the settings of classes of devices, and which of them hold for a device. */
#define _GNU_SOURCE
#include "tests/unit/store/open_store.h"

static void put(struct fixture *f, const char *vendor, const char *class_name, const char *path,
                enum kedge_class_success success)
{
    struct kedge_class_record record = {.success = success, .changed_at_ms = 77};
    struct kedge_batch *batch = new_batch();
    (void)snprintf(record.vendor, sizeof(record.vendor), "%s", vendor);
    (void)snprintf(record.class_name, sizeof(record.class_name), "%s", class_name);
    (void)snprintf(record.version_path, sizeof(record.version_path), "%s", path);
    assert_int_equal(kedge_batch_put_class(batch, &record), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
}

static void those_of_the_vendor_go_before_those_of_any(void **state)
{
    struct kedge_class_record read;
    assert_int_equal(kedge_reader_class_of(((struct fixture *)*state)->reader, "a", "meter", &read),
                     KEDGE_E_NOT_FOUND);
    put(*state, "", "meter", "/3/0/3", KEDGE_CLASS_SUCCESS_RESULT);
    put(*state, "a", "meter", "/5/0/7", KEDGE_CLASS_SUCCESS_VERSION);
    struct kedge_reader *reader = ((struct fixture *)*state)->reader;
    assert_int_equal(kedge_reader_class_of(reader, "a", "meter", &read), KEDGE_OK);
    assert_string_equal(read.version_path, "/5/0/7");
    assert_int_equal(read.success, KEDGE_CLASS_SUCCESS_VERSION);
    assert_int_equal(read.changed_at_ms, 77);
    assert_int_equal(kedge_reader_class_of(reader, "b", "meter", &read), KEDGE_OK);
    assert_string_equal(read.vendor, "");
    assert_int_equal(read.success, KEDGE_CLASS_SUCCESS_RESULT);
    assert_int_equal(kedge_reader_class_of(reader, "a", "Meter", &read), KEDGE_E_NOT_FOUND);
}

static bool count(void *context, const struct kedge_class_record *record)
{
    (void)record;
    return ++*(unsigned *)context < 10;
}

static void writing_again_replaces(void **state)
{
    struct kedge_class_record read;
    unsigned found = 0;
    put(*state, "a", "meter", "/5/0/7", KEDGE_CLASS_SUCCESS_VERSION);
    put(*state, "a", "meter", "/3/0/19", KEDGE_CLASS_SUCCESS_BOTH);
    struct kedge_reader *reader = ((struct fixture *)*state)->reader;
    assert_int_equal(kedge_reader_class_of(reader, "a", "meter", &read), KEDGE_OK);
    assert_string_equal(read.version_path, "/3/0/19");
    assert_int_equal(kedge_reader_classes(reader, count, &found), KEDGE_OK);
    assert_int_equal(found, 1);
}

static void removed_are_those_of_the_vendor_alone(void **state)
{
    struct kedge_class_record read, gone = {.vendor = "a", .class_name = "meter"};
    struct kedge_reader *reader = ((struct fixture *)*state)->reader;
    struct kedge_batch *batch = new_batch();
    put(*state, "", "meter", "/3/0/3", KEDGE_CLASS_SUCCESS_RESULT);
    put(*state, "a", "meter", "/5/0/7", KEDGE_CLASS_SUCCESS_VERSION);
    put(*state, "a", "valve", "/5/0/7", KEDGE_CLASS_SUCCESS_VERSION);
    assert_int_equal(kedge_batch_delete_class(batch, &gone), KEDGE_OK);
    assert_int_equal(commit(((struct fixture *)*state)->store, batch), KEDGE_OK);
    assert_int_equal(kedge_reader_class_of(reader, "a", "meter", &read), KEDGE_OK);
    assert_string_equal(read.vendor, "");
    assert_int_equal(kedge_reader_class_of(reader, "a", "valve", &read), KEDGE_OK);
    assert_string_equal(read.vendor, "a");
}

static void names_lead_to_what_counts_and_back(void **state)
{
    enum kedge_class_success found;
    (void)state;
    for (unsigned i = 0; i < KEDGE_CLASS_SUCCESS_COUNT; i++) {
        assert_true(kedge_class_success_parse(kedge_class_success_name((enum kedge_class_success)i),
                                              &found));
        assert_int_equal(found, i);
    }
    assert_false(kedge_class_success_parse("neither", &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(those_of_the_vendor_go_before_those_of_any, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(writing_again_replaces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removed_are_those_of_the_vendor_alone, set_up, tear_down),
        cmocka_unit_test(names_lead_to_what_counts_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
