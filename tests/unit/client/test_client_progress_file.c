/* test_client_progress_file.c: agent.download round trips, and no damaged one is taken. */
#define _POSIX_C_SOURCE 200809L
#include "agent/client/progress_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <kedge/cbor.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAP_HEAD_AT 4u
#define CRC_SIZE 4u

static struct kedge_progress before, after;
static uint8_t bytes[KEDGE_PROGRESS_SIZE_MAX + 1];

static void make_sample(void)
{
    before = (struct kedge_progress){
        .uri = "coaps://host:5684/fw/ab?c=d",
        .point = {.offset = 70123, .boundary = {.encoded_offset = 65608, .image_offset = 65536}},
        .furthest = 98304,
        .head_size = 300};
    assert_true(kedge_etag_set(&before.etag, kedge_slice("\0tag", 4)));
    memset(before.point.manifest_digest, 1, KEDGE_SHA256_SIZE);
    memset(before.point.boundary.frame_digest, 2, KEDGE_SHA256_SIZE);
    memset(before.point.boundary.image_digest, 3, KEDGE_SHA256_SIZE);
    memset(before.head, 4, before.head_size);
}

static void assert_same(void)
{
    const struct kedge_install_point *a = &before.point, *b = &after.point;
    assert_string_equal(before.uri, after.uri);
    assert_true(kedge_slice_equal(kedge_etag_slice(&before.etag), kedge_etag_slice(&after.etag)));
    assert_memory_equal(a->manifest_digest, b->manifest_digest, KEDGE_SHA256_SIZE);
    assert_int_equal(a->offset, b->offset);
    assert_int_equal(a->boundary.encoded_offset, b->boundary.encoded_offset);
    assert_int_equal(a->boundary.image_offset, b->boundary.image_offset);
    assert_memory_equal(a->boundary.frame_digest, b->boundary.frame_digest, KEDGE_SHA256_SIZE);
    assert_memory_equal(a->boundary.image_digest, b->boundary.image_digest, KEDGE_SHA256_SIZE);
    assert_int_equal(before.furthest, after.furthest);
    assert_int_equal(before.head_size, after.head_size);
    assert_memory_equal(before.head, after.head, before.head_size);
}

static size_t encode(void)
{
    struct kedge_writer out = kedge_writer(bytes, KEDGE_PROGRESS_SIZE_MAX);
    assert_int_equal(kedge_progress_encode(&before, &out), KEDGE_OK);
    return out.size;
}

static enum kedge_rc decode(size_t size)
{
    return kedge_progress_decode(kedge_slice(bytes, size), &after);
}

static void every_field_comes_back(void **state)
{
    (void)state;
    make_sample();
    assert_int_equal(decode(encode()), KEDGE_OK);
    assert_same();
}

static void the_largest_fits(void **state)
{
    (void)state;
    make_sample();
    memset(before.uri, 'u', sizeof before.uri - 1);
    memset(before.etag.bytes, 'e', sizeof before.etag.bytes);
    before.etag.size = sizeof before.etag.bytes;
    before.point.offset = before.point.boundary.encoded_offset =
        before.point.boundary.image_offset = before.furthest = UINT64_MAX;
    before.head_size = sizeof before.head;
    assert_int_equal(decode(encode()), KEDGE_OK);
    assert_same();
}

static void no_damaged_bit_and_no_other_length_is_taken(void **state)
{
    (void)state;
    make_sample();
    size_t size = encode();
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(decode(size), KEDGE_OK);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t cut = 0; cut < size; cut++)
        assert_int_not_equal(decode(cut), KEDGE_OK);
    bytes[size] = 0;
    assert_int_not_equal(decode(size + 1), KEDGE_OK);
}

/* Without an entity tag it could be of anything that has lain there. */
static void one_without_an_entity_tag_is_refused(void **state)
{
    (void)state;
    make_sample();
    before.etag.size = 0;
    assert_int_equal(decode(encode()), KEDGE_E_MALFORMED);
}

/* With a right CRC: one byte less of the digest that is found at its place. */
static void a_digest_of_another_size_is_refused(void **state)
{
    (void)state;
    static const uint8_t first_byte[] = {1, 2, 3};
    for (size_t i = 0; i < sizeof first_byte; i++) {
        make_sample();
        size_t size = encode(), at = 0;
        const uint8_t digest[3] = {0x58, 0x20, first_byte[i]};
        while (memcmp(bytes + at, digest, sizeof digest) != 0)
            at++;
        bytes[at + 1] = 0x1F;
        memmove(bytes + at + 2, bytes + at + 3, size - at - 3);
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        out.size = size - 1 - CRC_SIZE;
        assert_int_equal(kedge_writer_u32(&out, kedge_crc32(0, kedge_writer_slice(&out))),
                         KEDGE_OK);
        assert_int_equal(decode(out.size), KEDGE_E_MALFORMED);
    }
}

static void keys_of_a_later_agent_are_skipped(void **state)
{
    (void)state;
    make_sample();
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    out.size = encode() - CRC_SIZE;
    bytes[MAP_HEAD_AT]++;
    assert_int_equal(kedge_cbor_write_uint(&out, 11), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_tstr(&out, kedge_slice_text("later")), KEDGE_OK);
    assert_int_equal(kedge_writer_u32(&out, kedge_crc32(0, kedge_writer_slice(&out))), KEDGE_OK);
    assert_int_equal(decode(out.size), KEDGE_OK);
    assert_same();
}

static void the_file_is_kept_and_removed(void **state)
{
    (void)state;
    char path[] = "client-progress-XXXXXX";
    assert_non_null(mkdtemp(path));
    int number = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct kedge_folder folder = kedge_folder_of(&number);
    make_sample();
    assert_int_equal(kedge_progress_load(&folder, &after), KEDGE_E_NOT_FOUND);
    for (int again = 0; again < 2; again++) {
        before.point.offset++;
        assert_int_equal(kedge_progress_save(&folder, &before), KEDGE_OK);
        assert_int_equal(kedge_progress_load(&folder, &after), KEDGE_OK);
        assert_same();
    }
    kedge_progress_remove(&folder);
    kedge_progress_remove(&folder);
    assert_int_equal(kedge_progress_load(&folder, &after), KEDGE_E_NOT_FOUND);
    close(number);
    assert_int_equal(rmdir(path), 0); /* nothing else was left there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_comes_back),
        cmocka_unit_test(the_largest_fits),
        cmocka_unit_test(no_damaged_bit_and_no_other_length_is_taken),
        cmocka_unit_test(one_without_an_entity_tag_is_refused),
        cmocka_unit_test(a_digest_of_another_size_is_refused),
        cmocka_unit_test(keys_of_a_later_agent_are_skipped),
        cmocka_unit_test(the_file_is_kept_and_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
