/* test_key_file.c: private key files: what openssl made, what we make, and what is damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signer/keys/der.h"
#include "signer/keys/key_file.h"
#include "signer/keys/pbes2.h"
#include "signer/keys/pkcs8.h"

/* Made by openssl 3.0: genpkey, pkcs8 -topk8 (2048 rounds, the password is "kedge"), -scrypt, ec.
 */
static const char openssl_ed25519[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIBx131kmo5+aT8OmhnddbJoYpJ6tv42aaqEEQhMxO6EN\n"
    "-----END PRIVATE KEY-----\n";
static const char openssl_ed25519_locked[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjDhdwLvoRBXQICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEELaJToG833kd8qUVbolfTlIEQP4J\n"
    "/2cKqpXp4QdJHXW/i1d7RtnB2o0p91qSXe9SEijDqhYGl7cue6pAwtezSN5Zu8sQ\n"
    "3Jhd1hIwxZbPBpZcYOM=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";
static const char openssl_p256[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjgVfM/h7HKc9CA6Z\n"
    "zvI/J4HJdEpn9qZlPluKHrsMPy+hRANCAATtsugcUwEtMgLNeEkgv9ewUKML9l9U\n"
    "DxmzwhZ33Rs4ovuHbP+qkJ6/0zcNfPyAiNRC4dKkwtlIO8laobcSxJuY\n"
    "-----END PRIVATE KEY-----\n";
static const char openssl_p256_locked[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgultbUGWYN9gICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEJhL0C/fmATPLl0owoHr7qoEgZAs\n"
    "zxTrV2I49TpuFt3ZcbUz7P4iIGiPsY2HGnKZPXQ1+Wd7mJqGk5iXssKbIhQWCNix\n"
    "gHLkwv9b8V+KOsZSgpW0yga73CzInFMXq22foYpzmTq7SrPoFmx82xdds+J1KiL+\n"
    "4PFvJ1HxKEm81/uFzbvyel2IeAP8nLH//0FACOBL8KHyXkud5oNUmohoYtHCfLI=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";
static const char openssl_scrypt[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIGSME4GCSqGSIb3DQEFDTBBMCAGCSsGAQQB2kcECzATBAj5tLQHQR3qCAIBEAIB\n"
    "CAIBATAdBglghkgBZQMEASoEEB7IPR3rm26obz8azqDPS1UEQMah7tq1KgpL5o5e\n"
    "6lkdg2aZyRz1UBT+3T65iuyZ6Vw6ICAwmk/R5YS9GjnWAcLnwu+EP153j/qMRRpD\n"
    "5PwGeH4=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";
static const char openssl_sec1[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEII4FXzP4exynPQgOmc7yPyeByXRKZ/amZT5bih67DD8voAoGCCqGSM49\n"
    "AwEHoUQDQgAE7bLoHFMBLTICzXhJIL/XsFCjC/ZfVA8Zs8IWd90bOKL7h2z/qpCe\n"
    "v9M3DXz8gIjUQuHSpMLZSDvJWqG3EsSbmA==\n"
    "-----END EC PRIVATE KEY-----\n";
static const char openssl_p384[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBdNWxuKM9Q3suzrZZm\n"
    "OvnhuZiIwFpYgN4yHxo2VktE+eHR2hZ4dF/HdXr1t1fsY4yhZANiAARGqhqSgO9P\n"
    "OFKqJq47+oQu/j7jNKR9zyr6RYK/fEaZm/2nH4xRUZByz4t5W+ufXSILYGUTIrKd\n"
    "EObwodiOtTGZk8o9cG5hTEAL3FHaoe9QgziHJOQaVoBIpM2J08m0dgU=\n"
    "-----END PRIVATE KEY-----\n";

/* Numbers that anybody can predict: the same file each time. */
static enum kedge_rc count_up(void *context, void *out, size_t size)
{
    uint8_t *next = context;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = (*next)++;
    return KEDGE_OK;
}

static enum kedge_rc load(const char *text, const char *password, struct kedge_private_key *key)
{
    struct kedge_key_file file;
    KEDGE_TRY(kedge_key_file_read(kedge_slice_text(text), &file));
    return kedge_key_file_unlock(&file, kedge_slice_text(password), key);
}

static void make_key(enum kedge_algorithm algorithm, struct kedge_private_key *key)
{
    uint8_t secret[KEDGE_PRIVATE_KEY_SIZE];
    memset(secret, 7, sizeof secret);
    assert_int_equal(kedge_private_key_from_secret(algorithm, secret, key), KEDGE_OK);
}

static void keys_that_openssl_made_are_read(void **state)
{
    (void)state;
    struct kedge_private_key plain, locked;
    assert_int_equal(load(openssl_ed25519, "", &plain), KEDGE_OK);
    assert_int_equal(load(openssl_ed25519_locked, "kedge", &locked), KEDGE_OK);
    assert_int_equal(plain.public_key.algorithm, KEDGE_ED25519);
    assert_memory_equal(plain.secret, locked.secret, sizeof plain.secret);
    assert_int_equal(load(openssl_p256, "", &plain), KEDGE_OK);
    assert_int_equal(load(openssl_p256_locked, "kedge", &locked), KEDGE_OK);
    assert_int_equal(plain.public_key.algorithm, KEDGE_ESP256);
    assert_memory_equal(plain.secret, locked.secret, sizeof plain.secret);
    assert_memory_equal(plain.public_key.key_id, locked.public_key.key_id, KEDGE_KEY_ID_SIZE);
}

static void a_wrong_or_missing_password_is_one(void **state)
{
    (void)state;
    struct kedge_private_key key;
    const char *wrong[] = {"", "Kedge", "kedge ", "kedg", "k"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(load(openssl_ed25519_locked, wrong[i], &key), KEDGE_E_PASSWORD);
        assert_int_equal(load(openssl_p256_locked, wrong[i], &key), KEDGE_E_PASSWORD);
    }
}

/* The padding fits by chance for about one wrong password in 256; for this file, for guess 163. */
static void a_wrong_password_whose_padding_fits_gives_no_key(void **state)
{
    (void)state;
    struct kedge_key_file file;
    struct kedge_pbes2 pbes2;
    struct kedge_private_key key;
    uint8_t plain_bytes[KEDGE_PBES2_PLAIN_MAX];
    struct kedge_writer plain = kedge_writer(plain_bytes, sizeof plain_bytes);
    struct kedge_slice guess = kedge_slice_text("guess 163");
    assert_int_equal(kedge_key_file_read(kedge_slice_text(openssl_ed25519_locked), &file),
                     KEDGE_OK);
    assert_int_equal(kedge_pbes2_read(kedge_slice(file.pem.der, file.pem.der_size), &pbes2),
                     KEDGE_OK);
    assert_int_equal(kedge_pbes2_decrypt(&pbes2, guess, &plain), KEDGE_OK);
    assert_int_equal(kedge_key_file_unlock(&file, guess, &key), KEDGE_E_PASSWORD);
}

static void what_openssl_can_convert_is_told_apart_from_what_is_no_key(void **state)
{
    (void)state;
    struct kedge_private_key key;
    assert_int_equal(load(openssl_scrypt, "kedge", &key), KEDGE_E_UNSUPPORTED);
    assert_int_equal(load(openssl_sec1, "", &key), KEDGE_E_UNSUPPORTED);
    assert_int_equal(load(openssl_p384, "", &key), KEDGE_E_UNSUPPORTED);
    assert_int_equal(load("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "", &key),
                     KEDGE_E_KEY);
    assert_int_equal(load("", "", &key), KEDGE_E_KEY);
}

static void what_is_written_is_read_back_with_its_mark(void **state)
{
    (void)state;
    const enum kedge_algorithm algorithms[] = {KEDGE_ED25519, KEDGE_ESP256};
    const char *passwords[] = {"", "a password"};
    for (size_t i = 0; i < 4; i++) {
        struct kedge_private_key key, back;
        char text[KEDGE_KEY_FILE_MAX];
        uint8_t next = 0;
        const struct kedge_random random = {.context = &next, .fill = count_up};
        struct kedge_writer out = kedge_writer(text, sizeof text - 1);
        make_key(algorithms[i % 2], &key);
        key.public_key.development = i == 3;
        assert_int_equal(
            kedge_key_file_write(&key, kedge_slice_text(passwords[i / 2]), &random, &out),
            KEDGE_OK);
        text[out.size] = '\0';
        assert_int_equal(strncmp(text, KEDGE_DEVELOPMENT_MARK "\n", 20) == 0, i == 3);
        assert_int_equal(strstr(text, "ENCRYPTED") != NULL, i >= 2);
        assert_int_equal(load(text, passwords[i / 2], &back), KEDGE_OK);
        assert_memory_equal(&back.secret, &key.secret, sizeof key.secret);
        assert_memory_equal(back.public_key.key_id, key.public_key.key_id, KEDGE_KEY_ID_SIZE);
        assert_int_equal(back.public_key.development, i == 3);
    }
}

static void a_public_key_beside_the_secret_must_be_its_own(void **state)
{
    (void)state;
    struct kedge_private_key key, back;
    uint8_t der[KEDGE_PKCS8_MAX];
    struct kedge_writer out = kedge_writer(der, sizeof der);
    make_key(KEDGE_ESP256, &key);
    assert_int_equal(kedge_pkcs8_write(&key, &out), KEDGE_OK);
    assert_int_equal(kedge_pkcs8_read(kedge_writer_slice(&out), &back), KEDGE_OK);
    der[out.size - 1] ^= 1;
    assert_int_equal(kedge_pkcs8_read(kedge_writer_slice(&out), &back), KEDGE_E_KEY);
}

static void every_cut_and_every_changed_length_of_a_key_is_refused(void **state)
{
    (void)state;
    const enum kedge_algorithm algorithms[] = {KEDGE_ED25519, KEDGE_ESP256};
    for (size_t a = 0; a < 2; a++) {
        struct kedge_private_key key, back;
        uint8_t der[KEDGE_PKCS8_MAX + 1] = {0};
        struct kedge_writer out = kedge_writer(der, KEDGE_PKCS8_MAX);
        make_key(algorithms[a], &key);
        assert_int_equal(kedge_pkcs8_write(&key, &out), KEDGE_OK);
        for (size_t size = 0; size < out.size; size++) {
            uint8_t *cut = malloc(size > 0 ? size : 1);
            assert_non_null(cut);
            memcpy(cut, der, size);
            assert_int_not_equal(kedge_pkcs8_read(kedge_slice(cut, size), &back), KEDGE_OK);
            free(cut);
        }
        assert_int_equal(kedge_pkcs8_read(kedge_slice(der, out.size + 1), &back), KEDGE_E_TRAILING);
    }
}

/* Wraps what has been written so far as the content of a sequence. */
static void wrap(struct kedge_writer *out)
{
    uint8_t copy[256];
    size_t size = out->size;
    assert_true(size <= sizeof copy);
    memcpy(copy, out->data, size);
    out->size = 0;
    assert_int_equal(kedge_der_put(out, KEDGE_DER_SEQUENCE, kedge_slice(copy, size)), KEDGE_OK);
}

static void put(struct kedge_writer *out, const char *hex)
{
    uint8_t bytes[64];
    size_t size = strlen(hex) / 2;
    assert_int_equal(kedge_hex_decode(kedge_slice_text(hex), bytes, size), KEDGE_OK);
    assert_int_equal(kedge_writer_put(out, kedge_slice(bytes, size)), KEDGE_OK);
}

/* Reads the parameters of a file that asks for this many rounds; none of them is run. */
static enum kedge_rc read_iterations(uint32_t iterations)
{
    uint8_t parameter_bytes[256], bytes[256];
    struct kedge_writer parameters = kedge_writer(parameter_bytes, sizeof parameter_bytes);
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    struct kedge_pbes2 pbes2;
    put(&parameters, "04080102030405060708");
    assert_int_equal(kedge_der_put_uint(&parameters, iterations), KEDGE_OK);
    put(&parameters, "300c06082a864886f70d02090500"); /* HMAC-SHA-256 */
    wrap(&parameters);
    put(&out, "06092a864886f70d01050c"); /* PBKDF2 */
    assert_int_equal(kedge_writer_put(&out, kedge_writer_slice(&parameters)), KEDGE_OK);
    wrap(&out);
    put(&out, "301d060960864801650304012a0410000102030405060708090a0b0c0d0e0f"); /* AES-256-CBC */
    wrap(&out);
    parameters.size = 0;
    put(&parameters, "06092a864886f70d01050d"); /* PBES2 */
    assert_int_equal(kedge_writer_put(&parameters, kedge_writer_slice(&out)), KEDGE_OK);
    wrap(&parameters);
    put(&parameters, "0410000102030405060708090a0b0c0d0e0f");
    wrap(&parameters);
    return kedge_pbes2_read(kedge_writer_slice(&parameters), &pbes2);
}

static void a_file_cannot_ask_for_work_without_end(void **state)
{
    (void)state;
    assert_int_equal(read_iterations(1), KEDGE_OK);
    assert_int_equal(read_iterations(KEDGE_PBES2_ITERATIONS), KEDGE_OK);
    assert_int_equal(read_iterations(KEDGE_PBES2_ITERATIONS_MAX), KEDGE_OK);
    assert_int_equal(read_iterations(KEDGE_PBES2_ITERATIONS_MAX + 1), KEDGE_E_LIMIT);
    assert_int_equal(read_iterations(UINT32_MAX), KEDGE_E_LIMIT);
    assert_int_equal(read_iterations(0), KEDGE_E_LIMIT);
}

static void numbers_and_lengths_have_one_form(void **state)
{
    (void)state;
    const uint32_t numbers[] = {0, 1, 127, 128, 255, 256, 32767, 32768, 8388608, UINT32_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint8_t bytes[16];
        uint32_t back = 4711;
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        assert_int_equal(kedge_der_put_uint(&out, numbers[i]), KEDGE_OK);
        struct kedge_cursor cursor = kedge_cursor(kedge_writer_slice(&out));
        assert_int_equal(kedge_der_uint(&cursor, &back), KEDGE_OK);
        assert_int_equal(back, numbers[i]);
        assert_int_equal(kedge_der_end(&cursor), KEDGE_OK);
    }
    static const uint8_t bad[][6] = {
        {0x04, 0x81, 0x01, 0xAA},       /* length 1 in two bytes */
        {0x04, 0x82, 0x00, 0x01, 0xAA}, /* and in three */
        {0x04, 0x80, 0x00, 0x00},       /* indefinite */
        {0x04, 0x05, 0x01},             /* more than there is */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kedge_cursor cursor = kedge_cursor(kedge_slice(bad[i], sizeof bad[i]));
        struct kedge_slice content;
        assert_int_not_equal(kedge_der_take(&cursor, KEDGE_DER_OCTETS, &content), KEDGE_OK);
        assert_int_equal(cursor.offset, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_openssl_made_are_read),
        cmocka_unit_test(a_wrong_or_missing_password_is_one),
        cmocka_unit_test(a_wrong_password_whose_padding_fits_gives_no_key),
        cmocka_unit_test(what_openssl_can_convert_is_told_apart_from_what_is_no_key),
        cmocka_unit_test(what_is_written_is_read_back_with_its_mark),
        cmocka_unit_test(a_public_key_beside_the_secret_must_be_its_own),
        cmocka_unit_test(every_cut_and_every_changed_length_of_a_key_is_refused),
        cmocka_unit_test(a_file_cannot_ask_for_work_without_end),
        cmocka_unit_test(numbers_and_lengths_have_one_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
