/* test_store_audit.c: what following the chain of the audit log says of each kind of meddling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "updater/store/audit.h"

#include <cmocka.h>

#define ROWS 5u

static void make_rows(struct kedge_audit_entry rows[ROWS])
{
    uint8_t previous[KEDGE_AUDIT_HASH_SIZE] = {0};
    memset(rows, 0, ROWS * sizeof(rows[0]));
    for (unsigned i = 0; i < ROWS; i++) {
        rows[i].sequence = i + 1;
        rows[i].at_ms = 100 + i;
        (void)snprintf(rows[i].who, sizeof(rows[i].who), "w%u", i);
        (void)snprintf(rows[i].what, sizeof(rows[i].what), "test.row");
        kedge_audit_hash(previous, &rows[i], rows[i].hash);
        memcpy(previous, rows[i].hash, sizeof(previous));
    }
}

static void a_whole_log_leads_to_its_head(void **state)
{
    (void)state;
    struct kedge_audit_entry rows[ROWS];
    struct kedge_audit_head head = {0};
    make_rows(rows);
    for (unsigned i = 0; i < ROWS; i++)
        assert_int_equal(kedge_audit_follow(&head, &rows[i]), KEDGE_AUDIT_FOLLOWS);
    assert_int_equal(head.sequence, ROWS);
    assert_memory_equal(head.hash, rows[ROWS - 1].hash, KEDGE_AUDIT_HASH_SIZE);
}

static void what_is_missing_put_in_or_altered_is_told_apart(void **state)
{
    (void)state;
    struct kedge_audit_entry rows[ROWS], altered;
    struct kedge_audit_head head = {0};
    make_rows(rows);
    assert_int_equal(kedge_audit_follow(&head, &rows[1]), KEDGE_AUDIT_MISSING);
    assert_int_equal(kedge_audit_follow(&head, &rows[0]), KEDGE_AUDIT_FOLLOWS);
    assert_int_equal(kedge_audit_follow(&head, &rows[0]), KEDGE_AUDIT_PUT_IN);
    assert_int_equal(kedge_audit_follow(&head, &rows[2]), KEDGE_AUDIT_MISSING);
    altered = rows[1];
    altered.after[0] = 'x';
    assert_int_equal(kedge_audit_follow(&head, &altered), KEDGE_AUDIT_ALTERED);
    altered = rows[1];
    altered.hash[31] ^= 1;
    assert_int_equal(kedge_audit_follow(&head, &altered), KEDGE_AUDIT_ALTERED);
    assert_int_equal(head.sequence, 1);
    assert_int_equal(kedge_audit_follow(&head, &rows[1]), KEDGE_AUDIT_FOLLOWS);
}

static void a_row_with_a_hash_made_anew_breaks_the_next_one(void **state)
{
    (void)state;
    struct kedge_audit_entry rows[ROWS];
    struct kedge_audit_head head = {0};
    make_rows(rows);
    (void)snprintf(rows[1].who, sizeof(rows[1].who), "mallory");
    kedge_audit_hash(rows[0].hash, &rows[1], rows[1].hash);
    assert_int_equal(kedge_audit_follow(&head, &rows[0]), KEDGE_AUDIT_FOLLOWS);
    assert_int_equal(kedge_audit_follow(&head, &rows[1]), KEDGE_AUDIT_FOLLOWS);
    assert_int_equal(kedge_audit_follow(&head, &rows[2]), KEDGE_AUDIT_ALTERED);
}

static void texts_become_utf8_and_good_ones_stay(void **state)
{
    (void)state;
    struct kedge_audit_entry entry = {.who = "J\xc3\xb6rg", .after = "cut \xc3", .before = "a\tb"};
    kedge_audit_clean(&entry);
    assert_string_equal(entry.who, "J\xc3\xb6rg");
    assert_string_equal(entry.after, "cut ?");
    assert_string_equal(entry.before, "a\tb");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_log_leads_to_its_head),
        cmocka_unit_test(what_is_missing_put_in_or_altered_is_told_apart),
        cmocka_unit_test(a_row_with_a_hash_made_anew_breaks_the_next_one),
        cmocka_unit_test(texts_become_utf8_and_good_ones_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
