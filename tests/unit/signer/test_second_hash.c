/* test_second_hash.c: the digest from the second thread is that of the bytes, in whatever pieces.
 */
#include "signer/package/second_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES (1u << 20)

static uint8_t bytes[BYTES];
static struct kedge_second_hash second;

static void hash_by(size_t piece, size_t size, uint8_t digest[KEDGE_SHA256_SIZE])
{
    kedge_second_hash_begin(&second);
    for (size_t at = 0; at < size; at += piece) {
        size_t take = size - at < piece ? size - at : piece;
        second.hasher.update(second.hasher.context, kedge_slice(bytes + at, take));
    }
    second.hasher.final(second.hasher.context, digest);
    kedge_second_hash_end(&second);
}

static void the_digest_is_that_of_the_bytes_in_whatever_pieces(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 63, 4095, 4096, 4097, 100000, BYTES};
    static const size_t sizes[] = {0, 1, 4096, 8192, 8193, 40000};
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (uint8_t)(i * i >> 7);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            uint8_t expected[KEDGE_SHA256_SIZE], digest[KEDGE_SHA256_SIZE];
            kedge_sha256(kedge_slice(bytes, sizes[k]), expected);
            hash_by(pieces[i], sizes[k], digest);
            assert_memory_equal(digest, expected, sizeof digest);
        }
    uint8_t expected[KEDGE_SHA256_SIZE], digest[KEDGE_SHA256_SIZE];
    kedge_sha256(kedge_slice(bytes, BYTES), expected);
    hash_by(1000, BYTES, digest);
    assert_memory_equal(digest, expected, sizeof digest);
}

static void it_ends_whether_the_digest_was_asked_for_or_not(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        kedge_second_hash_begin(&second);
        if (i % 2 == 1)
            second.hasher.update(second.hasher.context, kedge_slice(bytes, 5000));
        kedge_second_hash_end(&second);
    }
}

static void without_a_thread_it_hashes_by_itself(void **state)
{
    (void)state;
    uint8_t expected[KEDGE_SHA256_SIZE], digest[KEDGE_SHA256_SIZE];
    kedge_sha256(kedge_slice(bytes, 9999), expected);
    kedge_second_hash_begin(&second);
    kedge_second_hash_end(&second); /* leaves it as a system without threads would */
    second.hasher.update(second.hasher.context, kedge_slice(bytes, 9999));
    second.hasher.final(second.hasher.context, digest);
    assert_memory_equal(digest, expected, sizeof digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_digest_is_that_of_the_bytes_in_whatever_pieces),
        cmocka_unit_test(it_ends_whether_the_digest_was_asked_for_or_not),
        cmocka_unit_test(without_a_thread_it_hashes_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
