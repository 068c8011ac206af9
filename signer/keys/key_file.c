/* key_file.c: see key_file.h. */
#define _GNU_SOURCE
#include "signer/keys/key_file.h"

#include <string.h>

#include "signer/keys/pbes2.h"
#include "signer/keys/pkcs8.h"

#define LABEL_PLAIN "PRIVATE KEY"
#define LABEL_ENCRYPTED "ENCRYPTED PRIVATE KEY"

static struct kedge_slice der_of(const struct kedge_key_file *file)
{
    return kedge_slice(file->pem.der, file->pem.der_size);
}

/* "EC PRIVATE KEY" (SEC 1), "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY": private, but not PKCS#8. */
static bool is_other_private_key(struct kedge_slice label)
{
    struct kedge_slice tail = kedge_slice_text(" " LABEL_PLAIN);
    return label.size > tail.size &&
           kedge_slice_equal(kedge_slice(label.data + label.size - tail.size, tail.size), tail);
}

/*
 * What openssl wrote before PKCS#8 and is no single block of base64: "ecparam -genkey" puts the
 * curve before the key, and "ec -aes256" headers into it.
 */
static bool holds_sec1_key(struct kedge_slice text)
{
    static const char begin[] = "-----BEGIN EC PRIVATE KEY-----";
    return text.size > 0 && memmem(text.data, text.size, begin, sizeof begin - 1) != NULL;
}

static enum kedge_rc look_inside(struct kedge_key_file *file)
{
    struct kedge_pbes2 pbes2;
    if (kedge_slice_equal(file->pem.label, kedge_slice_text(LABEL_PLAIN)))
        return KEDGE_OK;
    file->encrypted = kedge_slice_equal(file->pem.label, kedge_slice_text(LABEL_ENCRYPTED));
    if (file->encrypted)
        return kedge_pbes2_read(der_of(file), &pbes2);
    return is_other_private_key(file->pem.label) ? KEDGE_E_UNSUPPORTED : KEDGE_E_KEY;
}

enum kedge_rc kedge_key_file_read(struct kedge_slice text, struct kedge_key_file *out)
{
    out->encrypted = false;
    enum kedge_rc rc = kedge_pem_read(text, &out->pem);
    if (rc == KEDGE_OK)
        rc = look_inside(out);
    else if (holds_sec1_key(text))
        rc = KEDGE_E_UNSUPPORTED;
    if (rc != KEDGE_OK)
        kedge_wipe(out, sizeof *out);
    return rc;
}

static enum kedge_rc decrypt(const struct kedge_key_file *file, struct kedge_slice password,
                             struct kedge_private_key *key)
{
    struct kedge_pbes2 pbes2;
    uint8_t plain_bytes[KEDGE_PBES2_PLAIN_MAX];
    struct kedge_writer plain = kedge_writer(plain_bytes, sizeof plain_bytes);
    KEDGE_TRY(kedge_pbes2_read(der_of(file), &pbes2));
    enum kedge_rc rc = kedge_pbes2_decrypt(&pbes2, password, &plain);
    if (rc == KEDGE_OK) {
        rc = kedge_pkcs8_read(kedge_writer_slice(&plain), key);
        /* What is no PrivateKeyInfo came out of a wrong password whose padding happened to fit. */
        if (rc != KEDGE_OK && rc != KEDGE_E_UNSUPPORTED && rc != KEDGE_E_KEY)
            rc = KEDGE_E_PASSWORD;
    }
    kedge_wipe(plain_bytes, sizeof plain_bytes);
    return rc;
}

enum kedge_rc kedge_key_file_unlock(const struct kedge_key_file *file, struct kedge_slice password,
                                    struct kedge_private_key *key)
{
    KEDGE_TRY(file->encrypted ? decrypt(file, password, key) : kedge_pkcs8_read(der_of(file), key));
    key->public_key.development = file->pem.development;
    return KEDGE_OK;
}

enum kedge_rc kedge_key_file_write(const struct kedge_private_key *key, struct kedge_slice password,
                                   const struct kedge_random *random, struct kedge_writer *out)
{
    uint8_t plain_bytes[KEDGE_PKCS8_MAX];
    uint8_t cipher_bytes[KEDGE_PKCS8_MAX + 256u];
    struct kedge_writer plain = kedge_writer(plain_bytes, sizeof plain_bytes);
    struct kedge_writer cipher = kedge_writer(cipher_bytes, sizeof cipher_bytes);
    bool development = key->public_key.development;
    enum kedge_rc rc = kedge_pkcs8_write(key, &plain);
    if (rc == KEDGE_OK && password.size == 0) {
        rc = kedge_pem_write(LABEL_PLAIN, kedge_writer_slice(&plain), development, out);
    } else if (rc == KEDGE_OK) {
        rc = kedge_pbes2_write(kedge_writer_slice(&plain), password, KEDGE_PBES2_ITERATIONS, random,
                               &cipher);
        if (rc == KEDGE_OK)
            rc = kedge_pem_write(LABEL_ENCRYPTED, kedge_writer_slice(&cipher), development, out);
    }
    kedge_wipe(plain_bytes, sizeof plain_bytes);
    return rc;
}
