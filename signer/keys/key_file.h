/*
 * key_file.h: a private key file: PEM (RFC 7468) around PKCS#8, in the clear or under a password.
 * Nothing here opens files or asks people: it works on the file's text.
 */
#ifndef KEDGE_SIGNER_KEY_FILE_H
#define KEDGE_SIGNER_KEY_FILE_H

#include <kedge/crypto.h>

#define KEDGE_KEY_FILE_MAX KEDGE_PEM_TEXT_MAX /* bytes of such a file */

/** A private key file taken apart; holds secrets: wipe it with kedge_wipe(). */
struct kedge_key_file {
    struct kedge_pem pem;
    bool encrypted; /* a password is needed */
};

/**
 * kedge_key_file_read() takes the text apart, as far as that goes without the password; `out`
 * borrows the text. KEDGE_E_UNSUPPORTED when openssl could convert the file into one that is
 * readable here (another encryption, another private key format); KEDGE_E_KEY when it holds no
 * private key at all.
 */
enum kedge_rc kedge_key_file_read(struct kedge_slice text,
                                  struct kedge_key_file *out) KEDGE_MUST_USE;

/**
 * kedge_key_file_unlock() gives the private key, with its development mark. `password` counts only
 * when the file is encrypted. KEDGE_E_PASSWORD when it is wrong; KEDGE_E_UNSUPPORTED when it is a
 * key of another algorithm. It takes about half a second of work for an encrypted file.
 */
enum kedge_rc kedge_key_file_unlock(const struct kedge_key_file *file, struct kedge_slice password,
                                    struct kedge_private_key *key) KEDGE_MUST_USE;

/** kedge_key_file_write() writes the file's text; without a password (size 0) it is in the clear.
 */
enum kedge_rc kedge_key_file_write(const struct kedge_private_key *key, struct kedge_slice password,
                                   const struct kedge_random *random,
                                   struct kedge_writer *out) KEDGE_MUST_USE;

#endif
