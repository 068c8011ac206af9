/* test_net_records.c: a ClientHello as it is read before anything is known of its sender. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "updater/net/records.h"

/* RFC 6347 section 4.2: what stands between the record's head and the extensions. */
struct hello {
    uint8_t bytes[256];
    size_t size;
};

static void put(struct hello *hello, const void *bytes, size_t size)
{
    memcpy(hello->bytes + hello->size, bytes, size);
    hello->size += size;
}

static void finish(struct hello *hello)
{
    size_t body = hello->size - 25;
    hello->bytes[12] = (uint8_t)(body + 12);
    hello->bytes[16] = hello->bytes[24] = (uint8_t)body;
}

static struct hello make(const char *cookie, const void *extensions, size_t extensions_size)
{
    struct hello hello = {.size = 25};
    uint8_t random[32], cookie_size = (uint8_t)strlen(cookie);
    const uint8_t extensions_head[] = {0, (uint8_t)extensions_size};
    memset(random, 0xAB, sizeof random);
    memcpy(hello.bytes, "\x16\xfe\xff", 3);
    hello.bytes[13] = 1;
    put(&hello, "\xfe\xfd", 2);
    put(&hello, random, sizeof random);
    put(&hello, "", 1); /* no session */
    put(&hello, &cookie_size, 1);
    put(&hello, cookie, cookie_size);
    put(&hello, "\0\2\xc0\xa8", 4);
    put(&hello, "\1\0", 2);
    if (extensions_size > 0) {
        put(&hello, extensions_head, 2);
        put(&hello, extensions, extensions_size);
    }
    finish(&hello);
    return hello;
}

static enum kedge_rc parse(const struct hello *made, struct dtls_hello *hello)
{
    return dtls_hello_parse(kedge_slice(made->bytes, made->size), hello);
}

static void test_it_says_its_random_and_whether_there_is_a_cookie(void **state)
{
    struct dtls_hello hello;
    struct hello bare = make("", NULL, 0), proven = make("cookie", NULL, 0);
    (void)state;
    assert_int_equal(parse(&bare, &hello), KEDGE_OK);
    assert_false(hello.has_cookie);
    assert_int_equal(hello.random.size, DTLS_RANDOM_SIZE);
    assert_int_equal(hello.random.data[31], 0xAB);
    assert_int_equal(parse(&proven, &hello), KEDGE_OK);
    assert_true(hello.has_cookie);
    assert_false(hello.raw_keys_only);
}

static void test_who_shows_raw_keys_only_says_so_by_extension_19(void **state)
{
    struct dtls_hello hello;
    (void)state;
    struct hello raw = make("", "\0\x17\0\0\0\x13\0\2\1\2", 10);
    assert_int_equal(parse(&raw, &hello), KEDGE_OK);
    assert_true(hello.raw_keys_only);
    struct hello both = make("", "\0\x13\0\3\2\2\0", 7);
    assert_int_equal(parse(&both, &hello), KEDGE_OK);
    assert_false(hello.raw_keys_only);
    struct hello none = make("", "\0\x13\0\1\0", 5);
    assert_int_equal(parse(&none, &hello), KEDGE_OK);
    assert_false(hello.raw_keys_only);
}

static void test_every_cut_of_it_is_refused(void **state)
{
    struct dtls_hello hello;
    (void)state;
    struct hello whole = make("cookie", "\0\x17\0\0\0\x13\0\2\1\2", 10);
    for (size_t size = 0; size < whole.size; size++)
        assert_int_not_equal(dtls_hello_parse(kedge_slice(whole.bytes, size), &hello), KEDGE_OK);
    /* And with lengths that say that this is all there is. */
    for (size_t size = 27; size < whole.size; size++) {
        struct hello cut = whole;
        cut.size = size;
        finish(&cut);
        if (size != 25 + 2 + 32 + 1 + 7 + 4 + 2) /* there it ends before the extensions */
            assert_int_not_equal(parse(&cut, &hello), KEDGE_OK);
    }
}

static void test_what_is_something_else_is_told_from_what_is_broken(void **state)
{
    struct dtls_hello hello;
    struct hello made;
    (void)state;
    made = make("", NULL, 0);
    made.bytes[0] = 23;
    assert_int_equal(parse(&made, &hello), KEDGE_E_NOT_FOUND);
    made = make("", NULL, 0);
    made.bytes[4] = 1; /* protected */
    assert_int_equal(parse(&made, &hello), KEDGE_E_NOT_FOUND);
    made = make("", NULL, 0);
    made.bytes[13] = 16;
    assert_int_equal(parse(&made, &hello), KEDGE_E_NOT_FOUND);
    made = make("", NULL, 0);
    made.bytes[1] = 3; /* TLS */
    assert_int_equal(parse(&made, &hello), KEDGE_E_NOT_FOUND);
    made = make("", NULL, 0);
    made.bytes[24]--; /* a fragment of it */
    assert_int_equal(parse(&made, &hello), KEDGE_E_UNSUPPORTED);
    made = make("", NULL, 0);
    made.bytes[21] = 1; /* not the first */
    assert_int_equal(parse(&made, &hello), KEDGE_E_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_says_its_random_and_whether_there_is_a_cookie),
        cmocka_unit_test(test_who_shows_raw_keys_only_says_so_by_extension_19),
        cmocka_unit_test(test_every_cut_of_it_is_refused),
        cmocka_unit_test(test_what_is_something_else_is_told_from_what_is_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
