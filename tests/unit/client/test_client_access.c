/* test_client_access.c: whose rights are which, and what of them a disk may say. */
#include "agent/client/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define R KEDGE_ACCESS_READ
#define W KEDGE_ACCESS_WRITE
#define E KEDGE_ACCESS_EXECUTE
#define D KEDGE_ACCESS_DELETE

static struct kedge_access_entry *about(struct kedge_access *access, uint16_t object,
                                        uint16_t owner)
{
    struct kedge_access_entry *entry = kedge_access_add(access, (uint16_t)access->count);
    assert_non_null(entry);
    entry->object = object;
    entry->owner = owner;
    return entry;
}

static void what_nothing_is_said_of_is_free_to_the_one_server(void **state)
{
    (void)state;
    struct kedge_access access = {.count = 0};
    assert_int_equal(kedge_access_rights(&access, 3, 0, 1), KEDGE_ACCESS_ALL);
    about(&access, 5, 2);
    assert_int_equal(kedge_access_rights(&access, 3, 0, 1), KEDGE_ACCESS_ALL);
    assert_int_equal(kedge_access_rights(&access, 5, 1, 1), KEDGE_ACCESS_ALL);
    assert_int_equal(kedge_access_rights(&access, 5, 0, 1), 0);
}

/* Two servers and the bootstrap server, as in appendix F of the specification. */
static void the_own_list_goes_before_ownership_and_that_before_the_default(void **state)
{
    (void)state;
    struct kedge_access access = {.count = 0};
    struct kedge_access_entry *entry = about(&access, 3, 127);
    assert_int_equal(kedge_access_rights(&access, 3, 0, 127), KEDGE_ACCESS_ALL);
    assert_int_equal(kedge_access_rights(&access, 3, 0, 310), 0);

    assert_true(kedge_access_set_list(entry, KEDGE_ACCESS_DEFAULT, R));
    assert_int_equal(kedge_access_rights(&access, 3, 0, 127), KEDGE_ACCESS_ALL);
    assert_int_equal(kedge_access_rights(&access, 3, 0, 310), R);

    assert_true(kedge_access_set_list(entry, 310, W | E));
    assert_int_equal(kedge_access_rights(&access, 3, 0, 310), W | E);
    assert_int_equal(kedge_access_rights(&access, 3, 0, 7), R);

    assert_true(kedge_access_set_list(entry, 127, R | D));
    assert_int_equal(kedge_access_rights(&access, 3, 0, 127), R | D);
    assert_true(kedge_access_set_list(entry, 310, 0));
    assert_int_equal(kedge_access_rights(&access, 3, 0, 310), 0);

    assert_true(kedge_access_remove_list(entry, 310));
    assert_false(kedge_access_remove_list(entry, 310));
    assert_int_equal(kedge_access_rights(&access, 3, 0, 310), R);

    entry = about(&access, 5, KEDGE_ACCESS_BOOTSTRAP);
    assert_int_equal(kedge_access_rights(&access, 5, 0, 127), 0);
    assert_true(kedge_access_set_list(entry, 127, R | W));
    assert_int_equal(kedge_access_rights(&access, 5, 0, 127), R | W);
}

static void lists_and_instances_have_their_limits(void **state)
{
    (void)state;
    struct kedge_access access = {.count = 0};
    struct kedge_access_entry *entry = about(&access, 3, 1);
    static const uint16_t servers[] = {9, 0, 65534, 3, 300, 5};
    for (size_t i = 0; i < KEDGE_ACCESS_LISTS_MAX; i++)
        assert_true(kedge_access_set_list(entry, servers[i], R));
    for (size_t i = 1; i < KEDGE_ACCESS_LISTS_MAX; i++)
        assert_true(entry->lists[i - 1].server < entry->lists[i].server);
    assert_false(kedge_access_set_list(entry, 4, R));
    assert_true(kedge_access_set_list(entry, 3, W)); /* there already */
    assert_int_equal(kedge_access_rights(&access, 3, 0, 3), W);

    while (access.count < KEDGE_ACCESS_ENTRIES_MAX)
        about(&access, (uint16_t)(10 + access.count), 1);
    assert_null(kedge_access_add(&access, 99));
    assert_true(kedge_access_remove(&access, 2));
    assert_false(kedge_access_remove(&access, 2));
    assert_null(kedge_access_numbered(&access, 2));
    assert_non_null(kedge_access_numbered(&access, 7));
    assert_non_null(kedge_access_add(&access, 99));
}

/* Appendix E.1.3: who may write and delete most takes over. */
static void a_server_that_goes_leaves_what_it_owned(void **state)
{
    (void)state;
    struct kedge_access access = {.count = 0};
    struct kedge_access_entry *shared = about(&access, 3, 1);
    kedge_access_set_list(shared, KEDGE_ACCESS_DEFAULT, W | D);
    kedge_access_set_list(shared, 1, R);
    kedge_access_set_list(shared, 2, R | E);
    kedge_access_set_list(shared, 3, W | D);
    kedge_access_set_list(shared, 4, W);
    struct kedge_access_entry *alone = about(&access, 5, 1);
    kedge_access_set_list(alone, KEDGE_ACCESS_DEFAULT, W);
    kedge_access_set_list(about(&access, 4, 2), 1, W);

    kedge_access_forget(&access, 1);
    assert_int_equal(access.count, 2);
    assert_null(kedge_access_about(&access, 5, 0));
    const struct kedge_access_entry *entry = kedge_access_about(&access, 3, 0);
    assert_int_equal(entry->owner, 3);
    assert_int_equal(entry->list_count, 4);
    entry = kedge_access_about(&access, 4, 0);
    assert_int_equal(entry->owner, 2);
    assert_int_equal(entry->list_count, 0);
}

static void what_a_bootstrap_server_left_out_is_a_flaw(void **state)
{
    (void)state;
    struct kedge_access access = {.count = 0};
    assert_null(kedge_access_flaw(&access));
    struct kedge_access_entry *entry = kedge_access_add(&access, 0);
    assert_non_null(strstr(kedge_access_flaw(&access), "which object"));
    entry->object = 3;
    assert_non_null(strstr(kedge_access_flaw(&access), "no owner"));
    entry->owner = KEDGE_ACCESS_BOOTSTRAP;
    assert_null(kedge_access_flaw(&access));
    entry = about(&access, 3, 1);
    assert_non_null(strstr(kedge_access_flaw(&access), "two instances"));
    entry->instance = 1;
    assert_null(kedge_access_flaw(&access));
}

static struct kedge_access sample(void)
{
    struct kedge_access access = {.count = 0};
    struct kedge_access_entry *entry = about(&access, 3, KEDGE_ACCESS_BOOTSTRAP);
    kedge_access_set_list(entry, KEDGE_ACCESS_DEFAULT, R);
    kedge_access_set_list(entry, 300, KEDGE_ACCESS_ALL);
    entry = about(&access, 5, 7);
    entry->instance = 65535;
    return access;
}

static void it_comes_back_from_the_disk_as_it_was(void **state)
{
    (void)state;
    const struct kedge_access access = sample();
    struct kedge_access read;
    uint8_t bytes[KEDGE_ACCESS_SIZE_MAX], again[KEDGE_ACCESS_SIZE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    assert_int_equal(kedge_access_encode(&access, &out), KEDGE_OK);
    assert_int_equal(out.size, 9 + 2 * 3 + 9);
    assert_int_equal(kedge_access_decode(kedge_writer_slice(&out), &read), KEDGE_OK);
    assert_int_equal(read.count, 2);
    assert_int_equal(kedge_access_rights(&read, 3, 0, 300), KEDGE_ACCESS_ALL);
    assert_int_equal(kedge_access_rights(&read, 3, 0, 4), R);
    assert_int_equal(kedge_access_about(&read, 5, 65535)->owner, 7);
    struct kedge_writer second = kedge_writer(again, sizeof again);
    assert_int_equal(kedge_access_encode(&read, &second), KEDGE_OK);
    assert_int_equal(second.size, out.size);
    assert_memory_equal(again, bytes, out.size);
}

static void the_largest_one_fits(void **state)
{
    (void)state;
    struct kedge_access access = {.count = 0};
    uint8_t bytes[KEDGE_ACCESS_SIZE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    while (access.count < KEDGE_ACCESS_ENTRIES_MAX) {
        struct kedge_access_entry *entry = about(&access, (uint16_t)(1 + access.count), 1);
        for (uint16_t i = 0; i < KEDGE_ACCESS_LISTS_MAX; i++)
            assert_true(kedge_access_set_list(entry, i, R));
    }
    assert_int_equal(kedge_access_encode(&access, &out), KEDGE_OK);
    assert_int_equal(out.size, KEDGE_ACCESS_SIZE_MAX);
    assert_int_equal(kedge_access_decode(kedge_writer_slice(&out), &access), KEDGE_OK);
}

static void nothing_else_is_taken_from_the_disk(void **state)
{
    (void)state;
    const struct kedge_access access = sample();
    struct kedge_access read;
    uint8_t bytes[KEDGE_ACCESS_SIZE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    assert_int_equal(kedge_access_encode(&access, &out), KEDGE_OK);
    for (size_t size = 1; size < out.size; size++) {
        enum kedge_rc rc = kedge_access_decode(kedge_slice(bytes, size), &read);
        assert_int_equal(rc == KEDGE_OK, size == 9 + 2 * 3); /* the first instance, whole */
        assert_int_equal(read.count, rc == KEDGE_OK ? 1 : 0);
    }
    static const struct {
        size_t place;
        uint8_t byte;
        enum kedge_rc rc;
    } damages[] = {{3, 0, KEDGE_E_MALFORMED},                      /* about no object */
                   {8, KEDGE_ACCESS_LISTS_MAX + 1, KEDGE_E_LIMIT}, /* lists */
                   {11, KEDGE_ACCESS_ALL + 1, KEDGE_E_MALFORMED},  /* rights */
                   {10, 0xFF, KEDGE_OK},                           /* another server */
                   {12, 0, KEDGE_OK},                              /* 44: still above 0 */
                   {16, 0, KEDGE_E_MALFORMED}};                    /* two with one number */
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        uint8_t damaged[KEDGE_ACCESS_SIZE_MAX];
        memcpy(damaged, bytes, out.size);
        damaged[damages[i].place] = damages[i].byte;
        assert_int_equal(kedge_access_decode(kedge_slice(damaged, out.size), &read), damages[i].rc);
    }
    /* Two lists for one server, and in another order. */
    memcpy(bytes + 12, bytes + 9, 2);
    assert_int_equal(kedge_access_decode(kedge_slice(bytes, out.size), &read), KEDGE_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nothing_is_said_of_is_free_to_the_one_server),
        cmocka_unit_test(the_own_list_goes_before_ownership_and_that_before_the_default),
        cmocka_unit_test(lists_and_instances_have_their_limits),
        cmocka_unit_test(a_server_that_goes_leaves_what_it_owned),
        cmocka_unit_test(what_a_bootstrap_server_left_out_is_a_flaw),
        cmocka_unit_test(it_comes_back_from_the_disk_as_it_was),
        cmocka_unit_test(the_largest_one_fits),
        cmocka_unit_test(nothing_else_is_taken_from_the_disk),
    };
    return cmocka_run_group_tests_name("client_access", tests, NULL, NULL);
}
