/* test_client_state_file.c: agent.state round trips, and no damaged one is believed. */
#define _POSIX_C_SOURCE 200809L
#include "agent/client/state_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <kedge/cbor.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder_path[] = "client-state-XXXXXX";
static int folder;

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder_path) == NULL)
        return 1;
    folder = open(folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlinkat(folder, KEDGE_AGENT_STATE_FILE, 0);
    unlinkat(folder, KEDGE_AGENT_STATE_FILE ".new", 0);
    close(folder);
    return rmdir(folder_path);
}

static struct kedge_agent_state sample(void)
{
    return (struct kedge_agent_state){.state = KEDGE_FIRMWARE_DOWNLOADED,
                                      .result = KEDGE_RESULT_FAILED,
                                      .changed_at_s = 1700000000,
                                      .boot_number = 70000,
                                      .begun = 3,
                                      .uri = "coap://host/fw/ab",
                                      .reason = "the health check failed: exit status 3",
                                      .message = "registered with coap://host",
                                      .endpoint = "urn:dev:1",
                                      .severity = KEDGE_SEVERITY_MANDATORY,
                                      .defer_period_s = KEDGE_CONSENT_NO_LIMIT,
                                      .consent.choice_s = KEDGE_CONSENT_NO_LIMIT};
}

static void assert_same(const struct kedge_agent_state *a, const struct kedge_agent_state *b)
{
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->result, b->result);
    assert_int_equal(a->changed_at_s, b->changed_at_s);
    assert_int_equal(a->boot_number, b->boot_number);
    assert_int_equal(a->begun, b->begun);
    assert_string_equal(a->uri, b->uri);
    assert_string_equal(a->reason, b->reason);
    assert_string_equal(a->message, b->message);
    assert_string_equal(a->endpoint, b->endpoint);
    assert_int_equal(a->severity, b->severity);
    assert_int_equal(a->defer_period_s, b->defer_period_s);
    assert_int_equal(a->consent.wanted, b->consent.wanted);
    assert_int_equal(a->consent.counted_s, b->consent.counted_s);
    assert_int_equal(a->consent.choice_s, b->consent.choice_s);
    assert_int_equal(a->post_install_due, b->post_install_due);
    assert_int_equal(a->spent, b->spent);
}

static void assert_blank(const struct kedge_agent_state *state)
{
    struct kedge_agent_state blank;
    kedge_agent_state_init(&blank);
    assert_same(state, &blank);
}

static size_t encode(const struct kedge_agent_state *state, uint8_t *bytes)
{
    struct kedge_writer out = kedge_writer(bytes, KEDGE_AGENT_STATE_SIZE_MAX);
    assert_int_equal(kedge_agent_state_encode(state, &out), KEDGE_OK);
    return out.size;
}

static void fill_text(char *text, size_t size)
{
    memset(text, 'x', size - 1);
    text[size - 1] = '\0';
}

static void every_field_comes_back(void **state)
{
    (void)state;
    struct kedge_agent_state before = sample(), after;
    uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
    size_t size = encode(&before, bytes);
    assert_int_equal(kedge_agent_state_decode(kedge_slice(bytes, size), &after), KEDGE_OK);
    assert_same(&before, &after);
}

/* Each key that need not be there, with all the others and without. */
static void what_need_not_be_said_comes_back_with_or_without_the_rest(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 64; which++) {
        struct kedge_agent_state before = sample(), after;
        if ((which & 1) != 0)
            before.severity = KEDGE_SEVERITY_CRITICAL;
        if ((which & 2) != 0)
            before.defer_period_s = 0;
        if ((which & 4) != 0)
            before.consent.wanted = true, before.consent.counted_s = 17;
        if ((which & 12) == 12)
            before.consent.choice_s = 3600;
        if ((which & 16) != 0)
            before.post_install_due = true;
        if ((which & 32) != 0)
            before.state = KEDGE_FIRMWARE_DOWNLOADING, before.spent = 70000;
        uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
        size_t size = encode(&before, bytes);
        assert_int_equal(kedge_agent_state_decode(kedge_slice(bytes, size), &after), KEDGE_OK);
        assert_same(&before, &after);
    }
}

#define MAP_HEAD_AT 4u
#define CRC_SIZE 4u

/* Adds one number, with a right CRC. */
static size_t add_number(uint8_t *bytes, size_t size, uint64_t key, uint64_t value)
{
    struct kedge_writer out = kedge_writer(bytes, KEDGE_AGENT_STATE_SIZE_MAX);
    out.size = size - CRC_SIZE;
    bytes[MAP_HEAD_AT]++;
    assert_int_equal(kedge_cbor_write_uint(&out, key), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_uint(&out, value), KEDGE_OK);
    assert_int_equal(kedge_writer_u32(&out, kedge_crc32(0, kedge_writer_slice(&out))), KEDGE_OK);
    return out.size;
}

static void what_need_not_be_said_is_looked_at_where_it_is(void **state)
{
    (void)state;
    static const struct {
        uint64_t key, value;
        enum kedge_rc rc;
    } said[] = {
        {13, 0, KEDGE_OK},
        {13, 1, KEDGE_E_NOT_CANONICAL}, /* holds without it */
        {13, 2, KEDGE_OK},
        {13, 3, KEDGE_E_LIMIT},
        {14, 0, KEDGE_OK},
        {14, UINT32_MAX, KEDGE_OK},
        {14, (uint64_t)UINT32_MAX + 1, KEDGE_E_LIMIT},
        {15, 0, KEDGE_OK},
        {15, UINT64_MAX, KEDGE_E_LIMIT},
        {16, 5, KEDGE_E_NOT_CANONICAL}, /* a choice, and nothing waits */
        {17, 0, KEDGE_E_NOT_CANONICAL},
        {17, 1, KEDGE_OK},
        {17, 2, KEDGE_E_LIMIT},
        {18, 70000, KEDGE_E_NOT_CANONICAL}, /* no download is on */
    };
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        struct kedge_agent_state before = sample(), after;
        uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
        size_t size = add_number(bytes, encode(&before, bytes), said[i].key, said[i].value);
        if (kedge_agent_state_decode(kedge_slice(bytes, size), &after) != said[i].rc)
            fail_msg("key %u, value %u", (unsigned)said[i].key, (unsigned)said[i].value);
    }
}

static void the_largest_state_fits(void **state)
{
    (void)state;
    struct kedge_agent_state before = sample(), after;
    before.changed_at_s = INT64_MAX;
    before.boot_number = before.begun = UINT64_MAX;
    before.severity = KEDGE_SEVERITY_OPTIONAL;
    before.defer_period_s = KEDGE_CONSENT_S_MAX;
    before.consent = (struct kedge_consent){true, UINT64_MAX / 4, UINT64_MAX / 2};
    before.post_install_due = true;
    before.state = KEDGE_FIRMWARE_DOWNLOADING;
    before.spent = UINT64_MAX;
    fill_text(before.uri, sizeof before.uri);
    fill_text(before.reason, sizeof before.reason);
    fill_text(before.message, sizeof before.message);
    fill_text(before.endpoint, sizeof before.endpoint);
    uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
    size_t size = encode(&before, bytes);
    assert_int_equal(kedge_agent_state_decode(kedge_slice(bytes, size), &after), KEDGE_OK);
    assert_same(&before, &after);
}

static void no_damaged_bit_and_no_other_length_is_believed(void **state)
{
    (void)state;
    struct kedge_agent_state before = sample(), after;
    uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX + 1] = {0};
    size_t size = encode(&before, bytes);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(kedge_agent_state_decode(kedge_slice(bytes, size), &after), KEDGE_OK);
        assert_blank(&after);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t cut = 0; cut < size; cut++)
        assert_int_not_equal(kedge_agent_state_decode(kedge_slice(bytes, cut), &after), KEDGE_OK);
    assert_int_not_equal(kedge_agent_state_decode(kedge_slice(bytes, size + 1), &after), KEDGE_OK);
}

/* Written by something else, with a right CRC over it: what it says is looked at all the same. */
static void values_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct kedge_agent_state wrong[3] = {sample(), sample(), sample()}, after;
    wrong[0].state = KEDGE_FIRMWARE_STATE_COUNT;
    wrong[1].result = KEDGE_RESULT_DEFERRED + 1;
    wrong[2].changed_at_s = (uint64_t)INT64_MAX + 1;
    for (size_t i = 0; i < 3; i++) {
        uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
        size_t size = encode(&wrong[i], bytes);
        assert_int_equal(kedge_agent_state_decode(kedge_slice(bytes, size), &after), KEDGE_E_LIMIT);
        assert_blank(&after);
    }
}

/* Adds `count` keys from `first` on to the encoded state, each with an array as its value. */
static size_t add_keys(uint8_t *bytes, size_t size, unsigned first, unsigned count)
{
    struct kedge_writer out = kedge_writer(bytes, KEDGE_AGENT_STATE_SIZE_MAX);
    out.size = size - CRC_SIZE;
    bytes[MAP_HEAD_AT] = (uint8_t)(bytes[MAP_HEAD_AT] + count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(kedge_cbor_write_uint(&out, first + i), KEDGE_OK);
        assert_int_equal(kedge_cbor_write_array(&out, 1), KEDGE_OK);
        assert_int_equal(kedge_cbor_write_tstr(&out, kedge_slice_text("later")), KEDGE_OK);
    }
    assert_int_equal(kedge_writer_u32(&out, kedge_crc32(0, kedge_writer_slice(&out))), KEDGE_OK);
    return out.size;
}

static void what_an_owner_wrote_of_access_is_kept(void **state)
{
    (void)state;
    struct kedge_agent_state before = sample(), after;
    uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
    struct kedge_access_entry *entry = kedge_access_add(&before.access, 1);
    entry->object = 3;
    entry->owner = 1;
    assert_true(kedge_access_set_list(entry, 310, KEDGE_ACCESS_READ));
    before.access_mark = 0x89ABCDEF;
    size_t size = encode(&before, bytes);
    assert_int_equal(kedge_agent_state_decode(kedge_slice(bytes, size), &after), KEDGE_OK);
    assert_same(&before, &after);
    assert_int_equal(after.access_mark, 0x89ABCDEF);
    assert_int_equal(after.access.count, 1);
    assert_int_equal(kedge_access_rights(&after.access, 3, 0, 310), KEDGE_ACCESS_READ);
    /* A mark without a table would not be written so. */
    const struct kedge_agent_state without = sample();
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    out.size = encode(&without, bytes) - CRC_SIZE;
    bytes[MAP_HEAD_AT]++;
    assert_int_equal(kedge_cbor_write_uint(&out, 19), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_bstr(&out, kedge_slice("mark", 4)), KEDGE_OK);
    assert_int_equal(kedge_writer_u32(&out, kedge_crc32(0, kedge_writer_slice(&out))), KEDGE_OK);
    assert_int_equal(kedge_agent_state_decode(kedge_writer_slice(&out), &after),
                     KEDGE_E_NOT_CANONICAL);
    assert_blank(&after);
}

/* The longest of everything fits into the file. */
static void the_longest_state_fits(void **state)
{
    (void)state;
    struct kedge_agent_state longest = sample();
    uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
    memset(longest.uri, 'u', sizeof longest.uri - 1);
    memset(longest.reason, 'r', sizeof longest.reason - 1);
    memset(longest.message, 'm', sizeof longest.message - 1);
    memset(longest.endpoint, 'e', sizeof longest.endpoint - 1);
    longest.changed_at_s = INT64_MAX;
    longest.boot_number = longest.begun = UINT64_MAX;
    longest.severity = KEDGE_SEVERITY_OPTIONAL;
    longest.defer_period_s = KEDGE_CONSENT_S_MAX;
    longest.consent = (struct kedge_consent){
        .wanted = true, .counted_s = UINT64_MAX / 4, .choice_s = UINT64_MAX / 2};
    longest.post_install_due = true;
    longest.state = KEDGE_FIRMWARE_DOWNLOADING;
    longest.spent = UINT64_MAX;
    while (longest.access.count < KEDGE_ACCESS_ENTRIES_MAX) {
        struct kedge_access_entry *entry =
            kedge_access_add(&longest.access, (uint16_t)longest.access.count);
        entry->object = (uint16_t)(1 + longest.access.count);
        entry->owner = 1;
        for (uint16_t i = 0; i < KEDGE_ACCESS_LISTS_MAX; i++)
            assert_true(kedge_access_set_list(entry, i, KEDGE_ACCESS_ALL));
    }
    assert_in_range(encode(&longest, bytes), 1, KEDGE_AGENT_STATE_SIZE_MAX);
}

/* The agent that a rollback brings back reads what the newer one left. */
static void keys_of_a_later_agent_are_skipped(void **state)
{
    (void)state;
    struct kedge_agent_state before = sample(), after;
    uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
    size_t size = add_keys(bytes, encode(&before, bytes), 20, 14);
    assert_int_equal(kedge_agent_state_decode(kedge_slice(bytes, size), &after), KEDGE_OK);
    assert_same(&before, &after);
}

static void more_keys_than_the_limit_are_refused(void **state)
{
    (void)state;
    struct kedge_agent_state before = sample(), after;
    uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
    size_t size = encode(&before, bytes);
    bytes[MAP_HEAD_AT] = 0xb8; /* the count is in the next byte: more than 23 */
    memmove(bytes + MAP_HEAD_AT + 2, bytes + MAP_HEAD_AT + 1, size - MAP_HEAD_AT - 1);
    bytes[MAP_HEAD_AT + 1] = 9 + 15;
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    out.size = size + 1 - CRC_SIZE;
    for (unsigned key = 10; key < 10 + 15; key++) {
        assert_int_equal(kedge_cbor_write_uint(&out, key), KEDGE_OK);
        assert_int_equal(kedge_cbor_write_uint(&out, 0), KEDGE_OK);
    }
    assert_int_equal(kedge_writer_u32(&out, kedge_crc32(0, kedge_writer_slice(&out))), KEDGE_OK);
    assert_int_equal(kedge_agent_state_decode(kedge_writer_slice(&out), &after), KEDGE_E_LIMIT);
    assert_blank(&after);
}

/* Not KEDGE_E_NOT_FOUND, which says of a file that there is none yet. */
static void a_missing_key_is_damage(void **state)
{
    (void)state;
    struct kedge_agent_state before = sample(), after;
    uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
    size_t endpoint_size = 1 + 1 + strlen(before.endpoint); /* key, head, text */
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    out.size = encode(&before, bytes) - CRC_SIZE - endpoint_size;
    bytes[MAP_HEAD_AT]--;
    assert_int_equal(kedge_writer_u32(&out, kedge_crc32(0, kedge_writer_slice(&out))), KEDGE_OK);
    assert_int_equal(kedge_agent_state_decode(kedge_writer_slice(&out), &after), KEDGE_E_MALFORMED);
    assert_blank(&after);
}

static void a_key_twice_or_out_of_order_is_refused(void **state)
{
    (void)state;
    struct kedge_agent_state before = sample(), after;
    for (unsigned first = 1; first <= 9; first++) {
        uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
        size_t size = add_keys(bytes, encode(&before, bytes), first, 1);
        assert_int_not_equal(kedge_agent_state_decode(kedge_slice(bytes, size), &after), KEDGE_OK);
        assert_blank(&after);
    }
}

static void the_file_is_replaced_as_a_whole(void **state)
{
    (void)state;
    struct kedge_agent_state before = sample(), after;
    assert_int_equal(kedge_agent_state_load(folder, &after), KEDGE_E_NOT_FOUND);
    assert_blank(&after);
    for (unsigned i = 0; i < 3; i++) {
        before.boot_number = i;
        before.reason[5] = '\0'; /* a shorter file than the one before */
        assert_int_equal(kedge_agent_state_save(folder, &before), KEDGE_OK);
        assert_int_equal(kedge_agent_state_load(folder, &after), KEDGE_OK);
        assert_same(&before, &after);
    }
    struct stat info;
    assert_int_equal(fstatat(folder, KEDGE_AGENT_STATE_FILE, &info, 0), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

/* What a cut in the middle of a replacement leaves. */
static void half_a_new_file_beside_the_old_one_does_no_harm(void **state)
{
    (void)state;
    struct kedge_agent_state before = sample(), after;
    assert_int_equal(kedge_agent_state_save(folder, &before), KEDGE_OK);
    int half = openat(folder, KEDGE_AGENT_STATE_FILE ".new", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(half, "KAS", 3), 3);
    close(half);
    assert_int_equal(kedge_agent_state_load(folder, &after), KEDGE_OK);
    assert_same(&before, &after);
    assert_int_equal(kedge_agent_state_save(folder, &before), KEDGE_OK);
}

/* Whoever may read a file that lies in the way of the new one must not read that one. */
static void what_is_left_of_a_replacement_is_not_written_into(void **state)
{
    (void)state;
    struct kedge_agent_state before = sample();
    int left = openat(folder, KEDGE_AGENT_STATE_FILE ".new", O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(fchmod(left, 0666), 0);
    assert_int_equal(kedge_agent_state_save(folder, &before), KEDGE_OK);
    struct stat info;
    assert_int_equal(fstatat(folder, KEDGE_AGENT_STATE_FILE, &info, 0), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(fstat(left, &info), 0);
    assert_int_equal(info.st_size, 0);
    close(left);
}

static void a_file_of_exactly_the_limit_is_read_to_its_end(void **state)
{
    (void)state;
    struct kedge_agent_state after;
    int file = openat(folder, KEDGE_AGENT_STATE_FILE, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(ftruncate(file, KEDGE_AGENT_STATE_SIZE_MAX), 0);
    assert_int_equal(kedge_agent_state_load(folder, &after), KEDGE_E_DIGEST);
    assert_int_equal(ftruncate(file, KEDGE_AGENT_STATE_SIZE_MAX + 1), 0);
    assert_int_equal(kedge_agent_state_load(folder, &after), KEDGE_E_LIMIT);
    close(file);
}

static void a_file_that_is_too_long_is_refused(void **state)
{
    (void)state;
    struct kedge_agent_state after;
    int file = openat(folder, KEDGE_AGENT_STATE_FILE, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(ftruncate(file, 1 << 20), 0);
    close(file);
    assert_int_equal(kedge_agent_state_load(folder, &after), KEDGE_E_LIMIT);
    assert_blank(&after);
}

static void when_it_cannot_be_written_the_old_file_stays(void **state)
{
    (void)state;
    struct kedge_agent_state before = sample(), after, other = sample();
    assert_int_equal(kedge_agent_state_save(folder, &before), KEDGE_OK);
    other.begun = 99;
    /* A folder where the temporary file goes: it cannot be opened for writing. */
    assert_int_equal(mkdirat(folder, KEDGE_AGENT_STATE_FILE ".new", 0700), 0);
    assert_int_equal(kedge_agent_state_save(folder, &other), KEDGE_E_SYSTEM);
    assert_int_equal(unlinkat(folder, KEDGE_AGENT_STATE_FILE ".new", AT_REMOVEDIR), 0);
    assert_int_equal(kedge_agent_state_load(folder, &after), KEDGE_OK);
    assert_same(&before, &after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_comes_back),
        cmocka_unit_test(what_need_not_be_said_comes_back_with_or_without_the_rest),
        cmocka_unit_test(what_need_not_be_said_is_looked_at_where_it_is),
        cmocka_unit_test(the_largest_state_fits),
        cmocka_unit_test(no_damaged_bit_and_no_other_length_is_believed),
        cmocka_unit_test(values_that_cannot_be_are_refused),
        cmocka_unit_test(what_an_owner_wrote_of_access_is_kept),
        cmocka_unit_test(the_longest_state_fits),
        cmocka_unit_test(keys_of_a_later_agent_are_skipped),
        cmocka_unit_test(more_keys_than_the_limit_are_refused),
        cmocka_unit_test(a_missing_key_is_damage),
        cmocka_unit_test(a_key_twice_or_out_of_order_is_refused),
        cmocka_unit_test(the_file_is_replaced_as_a_whole),
        cmocka_unit_test(half_a_new_file_beside_the_old_one_does_no_harm),
        cmocka_unit_test(what_is_left_of_a_replacement_is_not_written_into),
        cmocka_unit_test(a_file_of_exactly_the_limit_is_read_to_its_end),
        cmocka_unit_test(a_file_that_is_too_long_is_refused),
        cmocka_unit_test(when_it_cannot_be_written_the_old_file_stays),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
