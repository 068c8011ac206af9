/* fuzz_key_file.c: private key files. What comes out must sign, and be written and read again. */
// links: kedge-key-files
#include <stdlib.h>
#include <string.h>

#include "signer/keys/key_file.h"
#include "signer/keys/pbes2.h"

#define ROUNDS_MAX 5000u /* more of them would only slow the search down */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_key(const struct kedge_private_key *key)
{
    struct kedge_key_file again;
    struct kedge_private_key back;
    uint8_t text[KEDGE_KEY_FILE_MAX];
    uint8_t signature[KEDGE_SIGNATURE_SIZE];
    struct kedge_writer out = kedge_writer(text, sizeof text);
    struct kedge_slice message = kedge_slice_text("message");
    if (kedge_sign(key, message, signature) != KEDGE_OK ||
        kedge_verify(&key->public_key, message, kedge_slice(signature, sizeof signature)) !=
            KEDGE_OK)
        abort();
    if (kedge_key_file_write(key, kedge_slice(NULL, 0), NULL, &out) != KEDGE_OK ||
        kedge_key_file_read(kedge_writer_slice(&out), &again) != KEDGE_OK ||
        kedge_key_file_unlock(&again, kedge_slice(NULL, 0), &back) != KEDGE_OK ||
        memcmp(back.secret, key->secret, sizeof back.secret) != 0 ||
        back.public_key.development != key->public_key.development)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_key_file file;
    struct kedge_pbes2 pbes2;
    struct kedge_private_key key;
    if (kedge_key_file_read(kedge_slice(data, size), &file) != KEDGE_OK)
        return 0;
    if (file.encrypted &&
        (kedge_pbes2_read(kedge_slice(file.pem.der, file.pem.der_size), &pbes2) != KEDGE_OK ||
         pbes2.iterations > ROUNDS_MAX))
        return 0;
    if (kedge_key_file_unlock(&file, kedge_slice_text("kedge"), &key) == KEDGE_OK)
        check_key(&key);
    return 0;
}
