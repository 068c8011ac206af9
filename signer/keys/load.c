/* load.c: see load.h. */
#include "signer/keys/load.h"

#include "signer/files/input.h"
#include "signer/keys/key_file.h"

/* What openssl makes of nearly every private key: PKCS#8 under PBKDF2 and AES-256. */
#define CONVERSION "openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -in %s -out NEW.pem"

static enum kedge_exit complain(const char *path, enum kedge_rc rc)
{
    switch (rc) {
    case KEDGE_E_SYSTEM:
        return kedge_complain_system("read the key", path);
    case KEDGE_E_PASSWORD:
        return kedge_complain(KEDGE_EXIT_KEY, "%s: the password is wrong", path);
    case KEDGE_E_UNSUPPORTED:
        return kedge_complain(KEDGE_EXIT_KEY,
                              "%s: this is not an Ed25519 or P-256 key in PKCS#8, in the clear or "
                              "encrypted with PBKDF2-HMAC-SHA256 and AES-256-CBC. If only the "
                              "encryption or the format is another one (scrypt, EC PRIVATE KEY), "
                              "convert it: " CONVERSION,
                              path, path);
    default:
        return kedge_complain(KEDGE_EXIT_KEY,
                              "%s: no private key can be read from it (PKCS#8 in PEM, -----BEGIN "
                              "PRIVATE KEY----- or -----BEGIN ENCRYPTED PRIVATE KEY-----): %s",
                              path, kedge_rc_text(rc));
    }
}

static enum kedge_exit unlock(const char *path, const struct kedge_password_source *source,
                              const struct kedge_key_file *file, struct kedge_private_key *key)
{
    struct kedge_password password = {.size = 0};
    enum kedge_exit status = KEDGE_EXIT_DONE;
    if (file->encrypted)
        status = kedge_password_take(source, path, &password);
    if (status == KEDGE_EXIT_DONE) {
        enum kedge_rc rc = kedge_key_file_unlock(file, kedge_password_slice(&password), key);
        status = rc == KEDGE_OK ? KEDGE_EXIT_DONE : complain(path, rc);
    }
    kedge_wipe(&password, sizeof password);
    return status;
}

enum kedge_exit kedge_load_private_key(const char *path, const struct kedge_password_source *source,
                                       struct kedge_private_key *key)
{
    struct kedge_slice text = {0};
    struct kedge_key_file file;
    enum kedge_rc rc = kedge_file_read(path, KEDGE_KEY_FILE_MAX, &text);
    if (rc == KEDGE_OK)
        rc = kedge_key_file_read(text, &file);
    if (rc != KEDGE_OK) {
        kedge_file_release(text);
        return complain(path, rc);
    }
    enum kedge_exit status = unlock(path, source, &file, key);
    kedge_wipe(&file, sizeof file);
    kedge_file_release(text);
    return status;
}

enum kedge_exit kedge_load_public_key(const char *path, struct kedge_public_key *key)
{
    struct kedge_slice text = {0};
    enum kedge_rc rc = kedge_file_read(path, KEDGE_KEY_FILE_MAX, &text);
    if (rc == KEDGE_E_SYSTEM)
        return kedge_complain_system("read the key", path);
    if (rc == KEDGE_OK)
        rc = kedge_public_key_from_pem(text, key);
    kedge_file_release(text);
    if (rc != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_KEY,
                              "%s: this is not an Ed25519 or P-256 public key in PEM "
                              "(-----BEGIN PUBLIC KEY-----): %s",
                              path, kedge_rc_text(rc));
    return KEDGE_EXIT_DONE;
}
