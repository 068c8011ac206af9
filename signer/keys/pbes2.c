/* pbes2.c: see pbes2.h. */
#include "signer/keys/pbes2.h"

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/pwdbased.h>

#include "signer/keys/der.h"
#include <string.h>

#define KEY_SIZE 32u
#define BLOCK_SIZE 16u
#define SALT_MIN 8u
#define SALT_MAX 64u

static const uint8_t oid_pbes2[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d};
static const uint8_t oid_pbkdf2[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c};
static const uint8_t oid_hmac_sha256[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09};
static const uint8_t oid_aes256_cbc[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a};

#define OID(name) kedge_slice(name, sizeof name)

/* ---- reading ---- */

/* Enters an AlgorithmIdentifier and leaves `parameters` behind its object identifier. */
static enum kedge_rc enter_algorithm(struct kedge_cursor *cursor, struct kedge_slice wanted,
                                     struct kedge_cursor *parameters)
{
    struct kedge_slice oid;
    KEDGE_TRY(kedge_der_enter(cursor, KEDGE_DER_SEQUENCE, parameters));
    KEDGE_TRY(kedge_der_take(parameters, KEDGE_DER_OID, &oid));
    return kedge_slice_equal(oid, wanted) ? KEDGE_OK : KEDGE_E_UNSUPPORTED;
}

static enum kedge_rc read_pbkdf2(struct kedge_cursor *cursor, struct kedge_pbes2 *out)
{
    struct kedge_cursor identifier, parameters, hmac;
    struct kedge_slice nothing;
    uint32_t key_size = KEY_SIZE;
    KEDGE_TRY(enter_algorithm(cursor, OID(oid_pbkdf2), &identifier));
    KEDGE_TRY(kedge_der_enter(&identifier, KEDGE_DER_SEQUENCE, &parameters));
    KEDGE_TRY(kedge_der_end(&identifier));
    KEDGE_TRY(kedge_der_take(&parameters, KEDGE_DER_OCTETS, &out->salt));
    KEDGE_TRY(kedge_der_uint(&parameters, &out->iterations));
    if (kedge_der_next_is(&parameters, KEDGE_DER_INTEGER))
        KEDGE_TRY(kedge_der_uint(&parameters, &key_size));
    /* RFC 8018 appendix A.2: without it, it would be HMAC-SHA-1. */
    if (!kedge_der_next_is(&parameters, KEDGE_DER_SEQUENCE) || key_size != KEY_SIZE)
        return KEDGE_E_UNSUPPORTED;
    KEDGE_TRY(enter_algorithm(&parameters, OID(oid_hmac_sha256), &hmac));
    KEDGE_TRY(kedge_der_take(&hmac, KEDGE_DER_NULL, &nothing));
    KEDGE_TRY(kedge_der_end(&hmac));
    if (out->salt.size < SALT_MIN || out->salt.size > SALT_MAX || out->iterations == 0 ||
        out->iterations > KEDGE_PBES2_ITERATIONS_MAX)
        return KEDGE_E_LIMIT;
    return kedge_der_end(&parameters);
}

static enum kedge_rc read_cipher(struct kedge_cursor *cursor, struct kedge_pbes2 *out)
{
    struct kedge_cursor identifier;
    KEDGE_TRY(enter_algorithm(cursor, OID(oid_aes256_cbc), &identifier));
    KEDGE_TRY(kedge_der_take(&identifier, KEDGE_DER_OCTETS, &out->iv));
    return out->iv.size == KEDGE_PBES2_IV_SIZE ? kedge_der_end(&identifier) : KEDGE_E_MALFORMED;
}

enum kedge_rc kedge_pbes2_read(struct kedge_slice der, struct kedge_pbes2 *out)
{
    struct kedge_cursor file = kedge_cursor(der);
    struct kedge_cursor info, scheme, parameters;
    KEDGE_TRY(kedge_der_enter(&file, KEDGE_DER_SEQUENCE, &info));
    KEDGE_TRY(kedge_der_end(&file));
    KEDGE_TRY(enter_algorithm(&info, OID(oid_pbes2), &scheme));
    KEDGE_TRY(kedge_der_enter(&scheme, KEDGE_DER_SEQUENCE, &parameters));
    KEDGE_TRY(kedge_der_end(&scheme));
    KEDGE_TRY(read_pbkdf2(&parameters, out));
    KEDGE_TRY(read_cipher(&parameters, out));
    KEDGE_TRY(kedge_der_end(&parameters));
    KEDGE_TRY(kedge_der_take(&info, KEDGE_DER_OCTETS, &out->cipher));
    KEDGE_TRY(kedge_der_end(&info));
    if (out->cipher.size > KEDGE_PBES2_PLAIN_MAX + BLOCK_SIZE)
        return KEDGE_E_LIMIT;
    return out->cipher.size > 0 && out->cipher.size % BLOCK_SIZE == 0 ? KEDGE_OK
                                                                      : KEDGE_E_MALFORMED;
}

/* ---- key and cipher ---- */

static enum kedge_rc derive(struct kedge_slice password, struct kedge_slice salt,
                            uint32_t iterations, uint8_t key[KEY_SIZE])
{
    if (password.size == 0 || password.size > KEDGE_PASSWORD_MAX)
        return KEDGE_E_PASSWORD;
    int failed = wc_PBKDF2(key, password.data, (int)password.size, salt.data, (int)salt.size,
                           (int)iterations, KEY_SIZE, WC_SHA256);
    return failed == 0 ? KEDGE_OK : KEDGE_E_MEMORY;
}

/* One way for both directions: `in` and `out` have the same whole number of blocks. */
static enum kedge_rc run_cipher(int direction, const uint8_t key[KEY_SIZE], struct kedge_slice iv,
                                struct kedge_slice in, uint8_t *out)
{
    Aes aes;
    if (wc_AesInit(&aes, NULL, INVALID_DEVID) != 0)
        return KEDGE_E_MEMORY;
    int failed = wc_AesSetKey(&aes, key, KEY_SIZE, iv.data, direction);
    if (failed == 0)
        failed = direction == AES_ENCRYPTION
                     ? wc_AesCbcEncrypt(&aes, out, in.data, (word32)in.size)
                     : wc_AesCbcDecrypt(&aes, out, in.data, (word32)in.size);
    wc_AesFree(&aes);
    kedge_wipe(&aes, sizeof aes);
    return failed == 0 ? KEDGE_OK : KEDGE_E_MEMORY;
}

/* RFC 5652 section 6.3: the last byte says how many bytes like it were added. */
static enum kedge_rc strip_padding(const uint8_t *bytes, size_t *size)
{
    uint8_t added = bytes[*size - 1];
    if (added == 0 || added > BLOCK_SIZE)
        return KEDGE_E_PASSWORD;
    for (size_t i = *size - added; i < *size; i++)
        if (bytes[i] != added)
            return KEDGE_E_PASSWORD;
    *size -= added;
    return KEDGE_OK;
}

enum kedge_rc kedge_pbes2_decrypt(const struct kedge_pbes2 *pbes2, struct kedge_slice password,
                                  struct kedge_writer *plain)
{
    uint8_t key[KEY_SIZE];
    uint8_t padded[KEDGE_PBES2_PLAIN_MAX + BLOCK_SIZE];
    size_t size = pbes2->cipher.size;
    enum kedge_rc rc = derive(password, pbes2->salt, pbes2->iterations, key);
    if (rc == KEDGE_OK)
        rc = run_cipher(AES_DECRYPTION, key, pbes2->iv, pbes2->cipher, padded);
    if (rc == KEDGE_OK)
        rc = strip_padding(padded, &size);
    if (rc == KEDGE_OK)
        rc = kedge_writer_put(plain, kedge_slice(padded, size));
    kedge_wipe(key, sizeof key);
    kedge_wipe(padded, sizeof padded);
    return rc;
}

/* ---- writing ---- */

static enum kedge_rc put_nested(struct kedge_writer *out, const struct kedge_writer *content)
{
    return kedge_der_put(out, KEDGE_DER_SEQUENCE, kedge_writer_slice(content));
}

static enum kedge_rc put_pbkdf2(struct kedge_writer *out, struct kedge_slice salt,
                                uint32_t iterations)
{
    uint8_t hmac_bytes[16], parameter_bytes[64], identifier_bytes[96];
    struct kedge_writer hmac = kedge_writer(hmac_bytes, sizeof hmac_bytes);
    struct kedge_writer parameters = kedge_writer(parameter_bytes, sizeof parameter_bytes);
    struct kedge_writer identifier = kedge_writer(identifier_bytes, sizeof identifier_bytes);
    KEDGE_TRY(kedge_der_put(&hmac, KEDGE_DER_OID, OID(oid_hmac_sha256)));
    KEDGE_TRY(kedge_der_put(&hmac, KEDGE_DER_NULL, kedge_slice(NULL, 0)));
    KEDGE_TRY(kedge_der_put(&parameters, KEDGE_DER_OCTETS, salt));
    KEDGE_TRY(kedge_der_put_uint(&parameters, iterations));
    KEDGE_TRY(put_nested(&parameters, &hmac));
    KEDGE_TRY(kedge_der_put(&identifier, KEDGE_DER_OID, OID(oid_pbkdf2)));
    KEDGE_TRY(put_nested(&identifier, &parameters));
    return put_nested(out, &identifier);
}

static enum kedge_rc put_cipher(struct kedge_writer *out, struct kedge_slice iv)
{
    uint8_t identifier_bytes[48];
    struct kedge_writer identifier = kedge_writer(identifier_bytes, sizeof identifier_bytes);
    KEDGE_TRY(kedge_der_put(&identifier, KEDGE_DER_OID, OID(oid_aes256_cbc)));
    KEDGE_TRY(kedge_der_put(&identifier, KEDGE_DER_OCTETS, iv));
    return put_nested(out, &identifier);
}

static enum kedge_rc put_info(struct kedge_writer *out, const struct kedge_pbes2 *pbes2)
{
    uint8_t parameter_bytes[192], scheme_bytes[224];
    uint8_t info_bytes[KEDGE_PBES2_PLAIN_MAX + BLOCK_SIZE + 256u];
    struct kedge_writer parameters = kedge_writer(parameter_bytes, sizeof parameter_bytes);
    struct kedge_writer scheme = kedge_writer(scheme_bytes, sizeof scheme_bytes);
    struct kedge_writer info = kedge_writer(info_bytes, sizeof info_bytes);
    KEDGE_TRY(put_pbkdf2(&parameters, pbes2->salt, pbes2->iterations));
    KEDGE_TRY(put_cipher(&parameters, pbes2->iv));
    KEDGE_TRY(kedge_der_put(&scheme, KEDGE_DER_OID, OID(oid_pbes2)));
    KEDGE_TRY(put_nested(&scheme, &parameters));
    KEDGE_TRY(put_nested(&info, &scheme));
    KEDGE_TRY(kedge_der_put(&info, KEDGE_DER_OCTETS, pbes2->cipher));
    return put_nested(out, &info);
}

enum kedge_rc kedge_pbes2_write(struct kedge_slice plain, struct kedge_slice password,
                                uint32_t iterations, const struct kedge_random *random,
                                struct kedge_writer *out)
{
    uint8_t salt[KEDGE_PBES2_SALT_SIZE], iv[KEDGE_PBES2_IV_SIZE], key[KEY_SIZE];
    uint8_t padded[KEDGE_PBES2_PLAIN_MAX + BLOCK_SIZE];
    if (plain.size == 0 || plain.size > KEDGE_PBES2_PLAIN_MAX)
        return KEDGE_E_ARGUMENT;
    KEDGE_TRY(random->fill(random->context, salt, sizeof salt));
    KEDGE_TRY(random->fill(random->context, iv, sizeof iv));
    /* A whole block is added where nothing would be missing, as for Ed25519's 48 bytes. */
    uint8_t added = (uint8_t)(BLOCK_SIZE - plain.size % BLOCK_SIZE);
    memcpy(padded, plain.data, plain.size);
    memset(padded + plain.size, added, added);
    const struct kedge_pbes2 pbes2 = {.salt = kedge_slice(salt, sizeof salt),
                                      .iterations = iterations,
                                      .iv = kedge_slice(iv, sizeof iv),
                                      .cipher = kedge_slice(padded, plain.size + added)};
    enum kedge_rc rc = derive(password, pbes2.salt, iterations, key);
    if (rc == KEDGE_OK)
        rc = run_cipher(AES_ENCRYPTION, key, pbes2.iv, pbes2.cipher, padded);
    kedge_wipe(key, sizeof key);
    if (rc == KEDGE_OK)
        rc = put_info(out, &pbes2);
    kedge_wipe(padded, sizeof padded);
    return rc;
}
