/* test_cose.c: COSE_Sign1: the Working Group's examples, our own, and what is refused. */
#include <jansson.h>
#include <kedge/cbor.h>
#include <kedge/crypto.h>
#include <string.h>

#include "tests/unit/vectors.h"

static void test_key(enum kedge_algorithm algorithm, uint8_t seed, struct kedge_private_key *key)
{
    uint8_t secret[32];
    memset(secret, seed, sizeof secret);
    assert_int_equal(kedge_private_key_from_secret(algorithm, secret, key), KEDGE_OK);
}

static void what_is_written_is_read_and_verified_by_its_key_only(void **state)
{
    (void)state;
    const enum kedge_algorithm algorithms[] = {KEDGE_ED25519, KEDGE_ESP256};
    struct kedge_slice payload = kedge_slice_text("the encoded digest");
    for (size_t i = 0; i < 2; i++) {
        struct kedge_private_key key;
        struct kedge_private_key other;
        uint8_t bytes[KEDGE_COSE_SIGN1_MAX];
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        struct kedge_cose_sign1 sign1;
        test_key(algorithms[i], 7, &key);
        test_key(algorithms[i], 8, &other);
        assert_int_equal(kedge_cose_sign1_write(&key, payload, &out), KEDGE_OK);
        assert_int_equal(kedge_cbor_check(kedge_writer_slice(&out)), KEDGE_OK);
        assert_int_equal(kedge_cose_sign1_read(kedge_writer_slice(&out), &sign1), KEDGE_OK);
        assert_true(sign1.detached);
        assert_int_equal(sign1.algorithm, i == 0 ? -19 : -9);
        assert_int_equal(kedge_cose_sign1_verify(&sign1, payload, &key.public_key), KEDGE_OK);
        assert_int_equal(kedge_cose_sign1_verify(&sign1, payload, &other.public_key),
                         KEDGE_E_SIGNATURE);
        assert_int_equal(
            kedge_cose_sign1_verify(&sign1, kedge_slice_text("another"), &key.public_key),
            KEDGE_E_SIGNATURE);
    }
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct kedge_private_key key;
    uint8_t bytes[KEDGE_COSE_SIGN1_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    struct kedge_slice payload = kedge_slice_text("digest");
    test_key(KEDGE_ED25519, 7, &key);
    assert_int_equal(kedge_cose_sign1_write(&key, payload, &out), KEDGE_OK);
    for (size_t bit = 0; bit < 8 * out.size; bit++) {
        struct kedge_cose_sign1 sign1;
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (kedge_cose_sign1_read(kedge_writer_slice(&out), &sign1) == KEDGE_OK && sign1.detached)
            assert_int_not_equal(kedge_cose_sign1_verify(&sign1, payload, &key.public_key),
                                 KEDGE_OK);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t size = 0; size < out.size; size++) {
        struct kedge_cose_sign1 sign1;
        assert_int_not_equal(kedge_cose_sign1_read(kedge_slice(bytes, size), &sign1), KEDGE_OK);
    }
}

/* What `key` signs under any protected header, as its own code would never write it. */
static bool header_verifies(const struct kedge_private_key *key, const char *header_hex)
{
    struct kedge_slice payload = kedge_slice_text("digest");
    struct kedge_slice header = vector_hex(header_hex);
    uint8_t bytes[256];
    uint8_t signature[KEDGE_SIGNATURE_SIZE];
    struct kedge_writer message = kedge_writer(bytes, sizeof bytes);
    struct kedge_cose_sign1 sign1;
    assert_int_equal(kedge_cose_sig_structure(header, payload, &message), KEDGE_OK);
    assert_int_equal(kedge_sign(key, kedge_writer_slice(&message), signature), KEDGE_OK);
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    assert_int_equal(kedge_cbor_write_array(&out, 4), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_bstr(&out, header), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_map(&out, 0), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_null(&out), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_bstr(&out, kedge_slice(signature, 64)), KEDGE_OK);
    assert_int_equal(kedge_cose_sign1_read(kedge_writer_slice(&out), &sign1), KEDGE_OK);
    vector_free(header);
    return kedge_cose_sign1_verify(&sign1, payload, &key->public_key) == KEDGE_OK;
}

static void the_algorithm_is_that_of_the_key_and_not_of_the_message(void **state)
{
    (void)state;
    struct kedge_private_key ed25519;
    struct kedge_private_key p256;
    test_key(KEDGE_ED25519, 7, &ed25519);
    test_key(KEDGE_ESP256, 7, &p256);
    assert_true(header_verifies(&ed25519, "a10132") && header_verifies(&ed25519, "a10127"));
    assert_true(header_verifies(&p256, "a10128") && header_verifies(&p256, "a10126"));
    assert_false(header_verifies(&ed25519, "a10128") || header_verifies(&ed25519, "a10126"));
    assert_false(header_verifies(&p256, "a10132") || header_verifies(&p256, "a10127"));
    assert_false(header_verifies(&ed25519, "a0") || header_verifies(&p256, "a0"));
}

/* A signature that names another key of ours is not this key's, whatever its bytes. */
static void a_key_id_of_our_length_must_be_the_keys(void **state)
{
    (void)state;
    struct kedge_private_key key;
    char header[128];
    test_key(KEDGE_ED25519, 7, &key);
    memcpy(header, "a20132045820", 12);
    kedge_hex_encode(kedge_slice(key.public_key.key_id, KEDGE_KEY_ID_SIZE), header + 12);
    assert_true(header_verifies(&key, header));
    header[12] = header[12] == '0' ? '1' : '0';
    assert_false(header_verifies(&key, header));
    assert_true(header_verifies(&key, "a2013204426b31")); /* "k1" of another tool decides nothing */
}

/* Four members: protected, unprotected, payload, signature; a tag may stand before them. */
static void messages_in_any_other_form_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *hex;
        enum kedge_rc rc;
    } cases[] = {
        {"d28443a10132a0f640", KEDGE_OK},
        {"8443a10132a0f640", KEDGE_OK},
        {"d28440a0f640", KEDGE_OK},                  /* no protected header at all */
        {"d28443a10132a0414040", KEDGE_OK},          /* a payload of its own */
        {"d18443a10132a0f640", KEDGE_E_UNSUPPORTED}, /* tag 17 */
        {"d28343a10132a0f6", KEDGE_E_MALFORMED},
        {"d28543a10132a0f64040", KEDGE_E_MALFORMED},
        {"d28443a10132a0f64000", KEDGE_E_TRAILING},
        {"d28443a10132a0f500", KEDGE_E_TYPE},
        {"d284a10132a0f640", KEDGE_E_TYPE},         /* the header is no string */
        {"d28444a1013200a0f640", KEDGE_E_TRAILING}, /* bytes behind the header's map */
        {"d28440a10132f640", KEDGE_E_UNSUPPORTED},  /* an algorithm that nobody signed */
        {"d28446a201320281"
         "04a0f640",
         KEDGE_E_UNSUPPORTED}, /* critical headers */
        {"d28440a1028104f640", KEDGE_E_UNSUPPORTED},
        {"d28446a20132044131a1044131f640", KEDGE_E_MALFORMED}, /* two key ids */
        {"d28445a201320132a0f640", KEDGE_E_NOT_CANONICAL},
        {"d28444a1011832a0f640", KEDGE_OK}, /* algorithm 50: read, never verified */
        {"d28443a10160a0f640", KEDGE_E_TYPE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kedge_cose_sign1 sign1;
        struct kedge_private_key key;
        struct kedge_slice bytes = vector_hex(cases[i].hex);
        enum kedge_rc rc = kedge_cose_sign1_read(bytes, &sign1);
        if (rc != cases[i].rc)
            fail_msg("%s: %s", cases[i].hex, kedge_rc_name(rc));
        test_key(KEDGE_ED25519, 7, &key);
        if (rc == KEDGE_OK)
            assert_int_equal(
                kedge_cose_sign1_verify(&sign1, kedge_slice_text("digest"), &key.public_key),
                KEDGE_E_SIGNATURE);
        vector_free(bytes);
    }
}

/* ---- the examples of the COSE Working Group ---- */

static void base64url(const char *text, uint8_t *out, size_t size)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0;
    unsigned held = 0;
    size_t made = 0;
    for (; *text != '\0' && *text != '='; text++) {
        const char *place = strchr(alphabet, *text);
        assert_non_null(place);
        bits = bits << 6 | (unsigned)(place - alphabet);
        held += 6;
        if (held >= 8) {
            held -= 8;
            assert_true(made < size);
            out[made++] = (uint8_t)(bits >> held);
        }
    }
    assert_int_equal(made, size);
}

static void coordinate(const json_t *key, const char *name, uint8_t *out)
{
    char with_hex[16];
    snprintf(with_hex, sizeof with_hex, "%s_hex", name);
    const char *hex = json_string_value(json_object_get(key, with_hex));
    if (hex != NULL)
        assert_int_equal(kedge_hex_decode(kedge_slice_text(hex), out, 32), KEDGE_OK);
    else
        base64url(json_string_value(json_object_get(key, name)), out, 32);
}

static void example_key(const json_t *root, struct kedge_public_key *key)
{
    const json_t *sign = json_object_get(json_object_get(root, "input"), "sign0");
    const json_t *record = json_object_get(sign, "key");
    memset(key, 0, sizeof *key);
    const char *type = json_string_value(json_object_get(record, "kty"));
    key->algorithm = strcmp(type, "OKP") == 0 ? KEDGE_ED25519 : KEDGE_ESP256;
    coordinate(record, "x", key->bytes);
    if (key->algorithm == KEDGE_ESP256)
        coordinate(record, "y", key->bytes + 32);
}

static bool example_verifies(const char *name)
{
    struct kedge_slice file = vector_read(name);
    json_t *root = json_loadb((const char *)file.data, file.size, 0, NULL);
    assert_non_null(root);
    struct kedge_public_key key;
    struct kedge_cose_sign1 sign1;
    example_key(root, &key);
    struct kedge_slice message =
        vector_hex(json_string_value(json_object_get(json_object_get(root, "output"), "cbor")));
    bool good = kedge_cose_sign1_read(message, &sign1) == KEDGE_OK &&
                kedge_cose_sign1_verify(&sign1, sign1.payload, &key) == KEDGE_OK;
    vector_free(message);
    json_decref(root);
    vector_free(file);
    return good;
}

static void the_working_groups_passes_pass(void **state)
{
    (void)state;
    assert_true(example_verifies("cose/sign1-tests_sign-pass-01.json") ||
                example_verifies("cose/sign1-tests_sign-pass-03.json"));
    /* pass-02 has external_aad, which this profile does not use: it must not verify without it. */
    assert_false(example_verifies("cose/sign1-tests_sign-pass-02.json"));
}

static void the_working_groups_failures_fail(void **state)
{
    (void)state;
    static const int numbers[] = {1, 2, 3, 4, 6, 7};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "cose/sign1-tests_sign-fail-0%d.json", numbers[i]);
        if (example_verifies(name))
            fail_msg("%s verifies", name);
    }
}

static void a_tag_or_shape_that_is_not_sign1_is_refused(void **state)
{
    (void)state;
    const char *bad[] = {"d28343a10126a0f6",       "d38443a10126a0f640",  "80", "d2", "",
                         "d28443a10126a1012640f6", "d28444a2010102a0f640"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kedge_slice bytes = vector_hex(bad[i]);
        struct kedge_cose_sign1 sign1;
        assert_int_not_equal(kedge_cose_sign1_read(bytes, &sign1), KEDGE_OK);
        vector_free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_and_verified_by_its_key_only),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(the_algorithm_is_that_of_the_key_and_not_of_the_message),
        cmocka_unit_test(a_key_id_of_our_length_must_be_the_keys),
        cmocka_unit_test(messages_in_any_other_form_are_refused),
        cmocka_unit_test(the_working_groups_passes_pass),
        cmocka_unit_test(the_working_groups_failures_fail),
        cmocka_unit_test(a_tag_or_shape_that_is_not_sign1_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
