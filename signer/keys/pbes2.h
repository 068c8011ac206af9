/*
 * pbes2.h: EncryptedPrivateKeyInfo (RFC 5958 section 3) by PBES2 (RFC 8018): PBKDF2-HMAC-SHA256
 * and AES-256-CBC, the scheme that both openssl and wolfCrypt have. scrypt and other ciphers are
 * told apart from damage, so that one can say how to convert the file.
 */
#ifndef KEDGE_SIGNER_PBES2_H
#define KEDGE_SIGNER_PBES2_H

#include <kedge/base.h>

#define KEDGE_PBES2_ITERATIONS 600000u       /* what is written; about half a second */
#define KEDGE_PBES2_ITERATIONS_MAX 10000000u /* more would only keep one waiting */
#define KEDGE_PBES2_SALT_SIZE 16u            /* what is written; 8 to 64 bytes are read */
#define KEDGE_PBES2_IV_SIZE 16u
#define KEDGE_PBES2_PLAIN_MAX 1008u /* secret bytes in one file */
#define KEDGE_PASSWORD_MAX 1024u    /* bytes */

/** An encrypted file's parameters and its cipher text; slices borrow the file. */
struct kedge_pbes2 {
    struct kedge_slice salt;
    uint32_t iterations;
    struct kedge_slice iv;
    struct kedge_slice cipher;
};

/**
 * kedge_pbes2_read() reads the parameters. KEDGE_E_UNSUPPORTED for another scheme (scrypt, SHA-1,
 * AES-128, ...), KEDGE_E_LIMIT for one that asks for too much work.
 */
enum kedge_rc kedge_pbes2_read(struct kedge_slice der, struct kedge_pbes2 *out) KEDGE_MUST_USE;

/**
 * kedge_pbes2_decrypt() writes the secret bytes to `plain`, which the caller wipes.
 * KEDGE_E_PASSWORD when the padding shows that the password is not the right one: that is a guess
 * which is right 255 times in 256, so what comes out must still be read with care.
 */
enum kedge_rc kedge_pbes2_decrypt(const struct kedge_pbes2 *pbes2, struct kedge_slice password,
                                  struct kedge_writer *plain) KEDGE_MUST_USE;

/**
 * kedge_pbes2_write() encrypts `plain` and writes the whole EncryptedPrivateKeyInfo. `random` fills
 * in salt and initialisation vector.
 */
enum kedge_rc kedge_pbes2_write(struct kedge_slice plain, struct kedge_slice password,
                                uint32_t iterations, const struct kedge_random *random,
                                struct kedge_writer *out) KEDGE_MUST_USE;

#endif
