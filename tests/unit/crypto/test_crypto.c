/* test_crypto.c: digests, UUIDs, keys and signatures against published values, and what is refused.
 */
#include <kedge/crypto.h>
#include <string.h>

#include "tests/unit/vectors.h"

static void decode(const char *hex, uint8_t *out, size_t size)
{
    assert_int_equal(kedge_hex_decode(kedge_slice_text(hex), out, size), KEDGE_OK);
}

/* FIPS 180-4 example values. */
static void sha256_has_its_published_values_in_one_piece_and_in_many(void **state)
{
    (void)state;
    uint8_t expected[32];
    uint8_t digest[32];
    decode("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", expected, 32);
    kedge_sha256(kedge_slice_text("abc"), digest);
    assert_memory_equal(digest, expected, 32);
    decode("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", expected, 32);
    kedge_sha256(kedge_slice(NULL, 0), digest);
    assert_memory_equal(digest, expected, 32);
    const char *text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    decode("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", expected, 32);
    struct kedge_sha256 hash;
    kedge_sha256_init(&hash);
    for (size_t i = 0; i < strlen(text); i++)
        kedge_sha256_update(&hash, kedge_slice(text + i, 1));
    struct kedge_sha256 copy = hash;
    kedge_sha256_final(&hash, digest);
    assert_memory_equal(digest, expected, 32);
    kedge_sha256_final(&copy, digest);
    assert_memory_equal(digest, expected, 32);
}

/* RFC 9562 appendix A.4: www.example.com in the DNS namespace. */
static void uuids_are_name_based(void **state)
{
    (void)state;
    uint8_t expected[16];
    uint8_t uuid[16];
    decode("2ed6657de927568b95e12665a8aea6a2", expected, 16);
    kedge_vendor_uuid(kedge_slice_text("www.example.com"), uuid);
    assert_memory_equal(uuid, expected, 16);
    uint8_t class_id[16];
    kedge_class_uuid(uuid, kedge_slice_text("board-a"), class_id);
    assert_memory_not_equal(class_id, uuid, 16);
    assert_int_equal(class_id[6] >> 4, 5);
    assert_int_equal(class_id[8] >> 6, 2);
}

/* RFC 8032 section 7.1, test 2. */
static void ed25519_signs_and_verifies_the_published_example(void **state)
{
    (void)state;
    uint8_t secret[32];
    uint8_t expected[64];
    uint8_t signature[64];
    struct kedge_private_key key;
    decode("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", secret, 32);
    decode("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
           "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
           expected, 64);
    assert_int_equal(kedge_private_key_from_secret(KEDGE_ED25519, secret, &key), KEDGE_OK);
    assert_int_equal(kedge_sign(&key, kedge_slice("\x72", 1), signature), KEDGE_OK);
    assert_memory_equal(signature, expected, 64);
    assert_int_equal(
        kedge_verify(&key.public_key, kedge_slice("\x72", 1), kedge_slice(signature, 64)),
        KEDGE_OK);
}

/* RFC 6979 section A.2.5, SHA-256, message "sample". */
static void ecdsa_is_deterministic_as_published(void **state)
{
    (void)state;
    uint8_t secret[32];
    uint8_t expected[64];
    uint8_t signature[64];
    struct kedge_private_key key;
    decode("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721", secret, 32);
    decode("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
           "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
           expected, 64);
    assert_int_equal(kedge_private_key_from_secret(KEDGE_ESP256, secret, &key), KEDGE_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kedge_sign(&key, kedge_slice_text("sample"), signature), KEDGE_OK);
        assert_memory_equal(signature, expected, 64);
    }
    assert_int_equal(
        kedge_verify(&key.public_key, kedge_slice_text("sample"), kedge_slice(signature, 64)),
        KEDGE_OK);
}

static enum kedge_rc count_up(void *context, void *out, size_t size)
{
    uint8_t *next = context;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = (*next)++;
    return KEDGE_OK;
}

static void make_key(enum kedge_algorithm algorithm, struct kedge_private_key *key)
{
    static uint8_t seed = 1;
    const struct kedge_random random = {.context = &seed, .fill = count_up};
    assert_int_equal(kedge_private_key_generate(algorithm, &random, key), KEDGE_OK);
}

static void any_flipped_bit_of_signature_or_message_is_refused(void **state)
{
    (void)state;
    const enum kedge_algorithm algorithms[] = {KEDGE_ED25519, KEDGE_ESP256};
    for (size_t a = 0; a < 2; a++) {
        struct kedge_private_key key;
        uint8_t signature[64];
        char message[] = "move a step at a time";
        make_key(algorithms[a], &key);
        struct kedge_slice text = kedge_slice_text(message);
        assert_int_equal(kedge_sign(&key, text, signature), KEDGE_OK);
        for (size_t bit = 0; bit < 512; bit += 3) {
            signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(kedge_verify(&key.public_key, text, kedge_slice(signature, 64)),
                             KEDGE_E_SIGNATURE);
            signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        message[3] ^= 1;
        assert_int_equal(kedge_verify(&key.public_key, text, kedge_slice(signature, 64)),
                         KEDGE_E_SIGNATURE);
        message[3] ^= 1;
        assert_int_equal(kedge_verify(&key.public_key, text, kedge_slice(signature, 63)),
                         KEDGE_E_SIGNATURE);
        assert_int_equal(kedge_verify(&key.public_key, text, kedge_slice(signature, 64)), KEDGE_OK);
    }
}

/* wolfCrypt 5.5.4 takes S + L for S now and then: over 200 signatures it would be caught. */
static void ed25519_signatures_with_s_beyond_the_order_are_refused(void **state)
{
    (void)state;
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                      0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    struct kedge_private_key key;
    make_key(KEDGE_ED25519, &key);
    for (uint32_t i = 0; i < 200; i++) {
        uint8_t signature[64];
        struct kedge_slice message = kedge_slice(&i, sizeof i);
        assert_int_equal(kedge_sign(&key, message, signature), KEDGE_OK);
        unsigned carry = 0;
        for (size_t k = 0; k < 32; k++) {
            carry += (unsigned)signature[32 + k] + order[k];
            signature[32 + k] = (uint8_t)carry;
            carry >>= 8;
        }
        assert_int_equal(kedge_verify(&key.public_key, message, kedge_slice(signature, 64)),
                         KEDGE_E_SIGNATURE);
    }
}

static void ed25519_keys_of_small_order_are_refused(void **state)
{
    (void)state;
    const char *points[] = {"0000000000000000000000000000000000000000000000000000000000000000",
                            "0100000000000000000000000000000000000000000000000000000000000000",
                            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};
    for (size_t i = 0; i < 14; i++) {
        uint8_t der[44] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
        struct kedge_public_key key;
        decode(points[i / 2], der + 12, 32);
        der[43] = (uint8_t)(der[43] | (i % 2 ? 0x80 : 0));
        assert_int_equal(kedge_public_key_from_spki(kedge_slice(der, 44), &key), KEDGE_E_KEY);
    }
}

/* For y = 2 the curve's equation has no x. */
static void ed25519_keys_off_the_curve_are_refused(void **state)
{
    (void)state;
    uint8_t der[44] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 2};
    struct kedge_public_key key;
    assert_int_equal(kedge_public_key_from_spki(kedge_slice(der, 44), &key), KEDGE_E_KEY);
    der[43] = 0x80;
    assert_int_equal(kedge_public_key_from_spki(kedge_slice(der, 44), &key), KEDGE_E_KEY);
}

/* y = 3 is a point; 2^255 - 19 + 3 would be a second key of the same secret. */
static void ed25519_keys_have_one_encoding(void **state)
{
    (void)state;
    uint8_t der[44] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 3};
    struct kedge_public_key key;
    assert_int_equal(kedge_public_key_from_spki(kedge_slice(der, 44), &key), KEDGE_OK);
    memset(der + 12, 0xFF, 32);
    der[12] = 0xF0;
    assert_int_equal(kedge_public_key_from_spki(kedge_slice(der, 44), &key), KEDGE_E_KEY);
    der[43] = 0x7F;
    assert_int_equal(kedge_public_key_from_spki(kedge_slice(der, 44), &key), KEDGE_E_KEY);
    der[12] = 0xEA; /* the greatest y below the bound that is a point of large order: p - 3 */
    assert_int_equal(kedge_public_key_from_spki(kedge_slice(der, 44), &key), KEDGE_OK);
}

static void a_key_that_does_not_fit_is_not_written_in_part(void **state)
{
    (void)state;
    const enum kedge_algorithm algorithms[] = {KEDGE_ED25519, KEDGE_ESP256};
    const size_t sizes[] = {44, 91};
    for (size_t i = 0; i < 2; i++) {
        struct kedge_private_key key;
        uint8_t der[KEDGE_SPKI_MAX];
        make_key(algorithms[i], &key);
        struct kedge_writer out = kedge_writer(der, sizes[i] - 1);
        assert_int_equal(kedge_public_key_to_spki(&key.public_key, &out), KEDGE_E_BUFFER);
        assert_int_equal(out.size, 0);
        out = kedge_writer(der, sizes[i]);
        assert_int_equal(kedge_public_key_to_spki(&key.public_key, &out), KEDGE_OK);
        assert_int_equal(out.size, sizes[i]);
    }
}

static void p256_points_off_the_curve_and_secrets_out_of_range_are_refused(void **state)
{
    (void)state;
    struct kedge_private_key key;
    uint8_t der[KEDGE_SPKI_MAX];
    struct kedge_writer writer = kedge_writer(der, sizeof der);
    make_key(KEDGE_ESP256, &key);
    assert_int_equal(kedge_public_key_to_spki(&key.public_key, &writer), KEDGE_OK);
    struct kedge_public_key back;
    assert_int_equal(kedge_public_key_from_spki(kedge_writer_slice(&writer), &back), KEDGE_OK);
    assert_memory_equal(back.key_id, key.public_key.key_id, KEDGE_KEY_ID_SIZE);
    der[90] ^= 1;
    assert_int_equal(kedge_public_key_from_spki(kedge_writer_slice(&writer), &back), KEDGE_E_KEY);
    uint8_t secret[32] = {0};
    assert_int_equal(kedge_private_key_from_secret(KEDGE_ESP256, secret, &key), KEDGE_E_KEY);
    decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", secret, 32);
    assert_int_equal(kedge_private_key_from_secret(KEDGE_ESP256, secret, &key), KEDGE_E_KEY);
}

/* FIPS 186-5 section 6.4.2: r and s are numbers from 1 to n - 1, and one form stands for each. */
static void p256_signatures_with_r_or_s_out_of_range_are_refused(void **state)
{
    (void)state;
    const char *outside[] = {"0000000000000000000000000000000000000000000000000000000000000000",
                             "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
                             "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552",
                             "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
    struct kedge_private_key key;
    struct kedge_slice message = kedge_slice_text("move a step at a time");
    make_key(KEDGE_ESP256, &key);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        for (size_t half = 0; half < 2; half++) {
            uint8_t signature[64];
            assert_int_equal(kedge_sign(&key, message, signature), KEDGE_OK);
            decode(outside[i], signature + 32 * half, 32);
            assert_int_equal(kedge_verify(&key.public_key, message, kedge_slice(signature, 64)),
                             KEDGE_E_SIGNATURE);
        }
    }
    const uint8_t zeros[64] = {0};
    assert_int_equal(kedge_verify(&key.public_key, message, kedge_slice(zeros, 64)),
                     KEDGE_E_SIGNATURE);
}

/* Made by `openssl genpkey -algorithm ed25519`; the key id by `openssl dgst -sha256` over its DER.
 */
#define PEM_BODY "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
#define PEM_BEGIN "-----BEGIN PUBLIC KEY-----\n"
#define PEM_END "-----END PUBLIC KEY-----\n"

static enum kedge_rc read_pem(const char *text, struct kedge_public_key *key)
{
    return kedge_public_key_from_pem(kedge_slice_text(text), key);
}

static void pem_is_read_with_text_around_it_and_the_mark_is_seen(void **state)
{
    (void)state;
    struct kedge_public_key key;
    assert_int_equal(read_pem(PEM_BEGIN PEM_BODY PEM_END, &key), KEDGE_OK);
    assert_int_equal(key.algorithm, KEDGE_ED25519);
    assert_false(key.development);
    assert_int_equal(read_pem("for people\r\n" PEM_BEGIN PEM_BODY PEM_END, &key), KEDGE_OK);
    assert_int_equal(read_pem(KEDGE_DEVELOPMENT_MARK "\n" PEM_BEGIN PEM_BODY PEM_END, &key),
                     KEDGE_OK);
    assert_true(key.development);
    assert_int_equal(read_pem(PEM_BEGIN PEM_BODY PEM_END KEDGE_DEVELOPMENT_MARK, &key), KEDGE_OK);
    assert_true(key.development);
}

static void damaged_pem_is_refused(void **state)
{
    (void)state;
    struct kedge_public_key key;
    const char *bad[] = {"",
                         PEM_BEGIN,
                         PEM_BEGIN PEM_BODY,
                         PEM_BODY PEM_END,
                         PEM_BEGIN PEM_END,
                         PEM_BEGIN "MCowBQYDK2VwAyEA\n" PEM_END,
                         PEM_BEGIN "not base64!\n" PEM_END,
                         PEM_BEGIN "\n" PEM_BODY PEM_END,
                         PEM_BEGIN PEM_BODY "-----END PRIVATE KEY-----\n",
                         PEM_BEGIN PEM_BODY "-----END PUBLIC KEY-----\n" PEM_BEGIN,
                         PEM_BEGIN KEDGE_DEVELOPMENT_MARK "\n" PEM_BODY PEM_END,
                         PEM_BEGIN PEM_BODY PEM_END PEM_BEGIN PEM_BODY PEM_END,
                         "-----BEGIN PRIVATE KEY-----\n" PEM_BODY "-----END PRIVATE KEY-----\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_not_equal(read_pem(bad[i], &key), KEDGE_OK);
}

/* Its body is as long as that of an RSA key: over the bound for keys of ours. */
static void a_key_of_another_kind_is_an_unusable_key(void **state)
{
    (void)state;
    struct kedge_public_key key;
    char pem[1024] = PEM_BEGIN;
    for (int line = 0; line < 6; line++)
        strcat(pem, "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu1SU1LfVLPHCozMxH2Mo\n");
    strcat(pem, PEM_END);
    assert_int_equal(read_pem(pem, &key), KEDGE_E_KEY);
}

static void armour_is_bounded_and_comes_back(void **state)
{
    (void)state;
    static uint8_t der[KEDGE_PEM_DER_MAX + 1];
    static char text[KEDGE_PEM_TEXT_MAX + 1];
    static struct kedge_pem pem;
    struct kedge_writer out = kedge_writer(text, sizeof text);
    for (size_t i = 0; i < sizeof der; i++)
        der[i] = (uint8_t)(i * 7);
    assert_int_equal(kedge_pem_write("ANY KEY", kedge_slice(der, KEDGE_PEM_DER_MAX), true, &out),
                     KEDGE_OK);
    assert_int_equal(kedge_pem_read(kedge_writer_slice(&out), &pem), KEDGE_OK);
    assert_true(pem.development);
    assert_true(kedge_slice_equal(pem.label, kedge_slice_text("ANY KEY")));
    assert_true(
        kedge_slice_equal(kedge_slice(pem.der, pem.der_size), kedge_slice(der, KEDGE_PEM_DER_MAX)));
    assert_int_equal(kedge_pem_write("ANY KEY", kedge_slice(der, sizeof der), false, &out),
                     KEDGE_E_LIMIT);
    memset(text, 'x', sizeof text);
    assert_int_equal(kedge_pem_read(kedge_slice(text, sizeof text), &pem), KEDGE_E_LIMIT);
    assert_int_equal(kedge_pem_read(kedge_slice(text, sizeof text - 1), &pem), KEDGE_E_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_has_its_published_values_in_one_piece_and_in_many),
        cmocka_unit_test(uuids_are_name_based),
        cmocka_unit_test(ed25519_signs_and_verifies_the_published_example),
        cmocka_unit_test(ecdsa_is_deterministic_as_published),
        cmocka_unit_test(any_flipped_bit_of_signature_or_message_is_refused),
        cmocka_unit_test(ed25519_signatures_with_s_beyond_the_order_are_refused),
        cmocka_unit_test(ed25519_keys_of_small_order_are_refused),
        cmocka_unit_test(ed25519_keys_off_the_curve_are_refused),
        cmocka_unit_test(ed25519_keys_have_one_encoding),
        cmocka_unit_test(a_key_that_does_not_fit_is_not_written_in_part),
        cmocka_unit_test(p256_points_off_the_curve_and_secrets_out_of_range_are_refused),
        cmocka_unit_test(p256_signatures_with_r_or_s_out_of_range_are_refused),
        cmocka_unit_test(pem_is_read_with_text_around_it_and_the_mark_is_seen),
        cmocka_unit_test(damaged_pem_is_refused),
        cmocka_unit_test(armour_is_bounded_and_comes_back),
        cmocka_unit_test(a_key_of_another_kind_is_an_unusable_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
