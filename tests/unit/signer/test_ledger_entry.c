/* test_ledger_entry.c: a line of the ledger, written and read back, and every way to be none. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "signer/ledger/entry.h"

static struct kedge_ledger_entry example(void)
{
    struct kedge_ledger_entry entry = {.number = 3,
                                       .time_s = 1795635314,
                                       .means = KEDGE_LEDGER_TOKEN,
                                       .version = "1.4.0-rc.2",
                                       .sequence = 12};
    memset(entry.previous, 0x11, sizeof entry.previous);
    memset(entry.key_id, 0x22, sizeof entry.key_id);
    memset(entry.manifest_digest, 0x33, sizeof entry.manifest_digest);
    kedge_ledger_who_set(&entry, kedge_slice_text("release@build"));
    return entry;
}

/* Writes it and views the line without its line end. */
static struct kedge_slice line_of(struct kedge_ledger_entry *entry,
                                  uint8_t bytes[KEDGE_LEDGER_LINE_MAX])
{
    struct kedge_writer out = kedge_writer(bytes, KEDGE_LEDGER_LINE_MAX);
    assert_int_equal(kedge_ledger_entry_write(entry, &out), KEDGE_OK);
    assert_int_equal(bytes[out.size - 1], '\n');
    return kedge_slice(bytes, out.size - 1);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    uint8_t bytes[KEDGE_LEDGER_LINE_MAX];
    struct kedge_ledger_entry entry = example(), again;
    struct kedge_slice line = line_of(&entry, bytes);
    assert_int_equal(kedge_ledger_entry_read(line, &again), KEDGE_OK);
    assert_int_equal(again.number, 3);
    assert_int_equal(again.time_s, entry.time_s);
    assert_int_equal(again.means, KEDGE_LEDGER_TOKEN);
    assert_int_equal(again.sequence, 12);
    assert_string_equal(again.who, "release@build");
    assert_string_equal(again.version, "1.4.0-rc.2");
    assert_memory_equal(again.previous, entry.previous, sizeof entry.previous);
    assert_memory_equal(again.key_id, entry.key_id, sizeof entry.key_id);
    assert_memory_equal(again.manifest_digest, entry.manifest_digest, sizeof entry.manifest_digest);
    assert_memory_equal(again.hash, entry.hash, sizeof entry.hash);
}

static void the_longest_entry_fits_a_line(void **state)
{
    (void)state;
    uint8_t bytes[KEDGE_LEDGER_LINE_MAX];
    struct kedge_ledger_entry entry = example(), again;
    char who[2 * KEDGE_LEDGER_WHO_MAX];
    memset(who, 'w', sizeof who);
    kedge_ledger_who_set(&entry, kedge_slice(who, sizeof who));
    assert_int_equal(strlen(entry.who), KEDGE_LEDGER_WHO_MAX);
    memset(entry.version, '9', sizeof entry.version - 1);
    entry.number = entry.sequence = UINT64_MAX;
    entry.time_s = UINT64_MAX;
    entry.means = KEDGE_LEDGER_ELSEWHERE;
    assert_int_equal(kedge_ledger_entry_read(line_of(&entry, bytes), &again), KEDGE_OK);
    assert_int_equal(again.sequence, UINT64_MAX);
}

static void no_name_breaks_a_line(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"a\"b\\c\nd\x7f", "a?b?c?d?"}, {"J\xc3\xbcrgen", "J\xc3\xbcrgen"}, {"\xff\xc3", "??"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint8_t bytes[KEDGE_LEDGER_LINE_MAX];
        struct kedge_ledger_entry entry = example(), again;
        kedge_ledger_who_set(&entry, kedge_slice_text(names[i][0]));
        assert_string_equal(entry.who, names[i][1]);
        assert_int_equal(kedge_ledger_entry_read(line_of(&entry, bytes), &again), KEDGE_OK);
        assert_string_equal(again.who, names[i][1]);
    }
}

static void no_changed_bit_and_no_part_of_a_line_is_taken(void **state)
{
    (void)state;
    uint8_t bytes[KEDGE_LEDGER_LINE_MAX];
    struct kedge_ledger_entry entry = example(), again;
    struct kedge_slice line = line_of(&entry, bytes);
    for (size_t bit = 0; bit < 8 * line.size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(kedge_ledger_entry_read(line, &again), KEDGE_OK);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t size = 0; size < line.size; size++)
        assert_int_not_equal(kedge_ledger_entry_read(kedge_slice(bytes, size), &again), KEDGE_OK);
    assert_int_equal(kedge_ledger_entry_read(line, &again), KEDGE_OK);
}

static void only_the_next_line_s_beginning_is_one(void **state)
{
    (void)state;
    uint8_t bytes[KEDGE_LEDGER_LINE_MAX];
    struct kedge_ledger_entry last = example(), next = example();
    (void)line_of(&last, bytes);
    next.number = last.number + 1;
    memcpy(next.previous, last.hash, sizeof next.previous);
    struct kedge_slice line = line_of(&next, bytes);
    for (size_t size = 0; size <= line.size; size++) {
        assert_true(kedge_ledger_begins_line(kedge_slice(bytes, size), &last));
        assert_int_equal(kedge_ledger_begins_line(kedge_slice(bytes, size), NULL), size <= 9);
    }
    bytes[20] ^= 1;
    assert_false(kedge_ledger_begins_line(line, &last));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(the_longest_entry_fits_a_line),
        cmocka_unit_test(no_name_breaks_a_line),
        cmocka_unit_test(no_changed_bit_and_no_part_of_a_line_is_taken),
        cmocka_unit_test(only_the_next_line_s_beginning_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
