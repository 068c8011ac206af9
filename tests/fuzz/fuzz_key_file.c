// links: kedge-key-files
/* fuzz_key_file.c: private key files. What comes out must sign, and be written and read again. */
#include "signer/keys/key_file.h"
#include "signer/keys/pbes2.h"
#include "tests/fuzz/fuzz.h"

#define ROUNDS_MAX 5000u /* more of them would only slow the search down */

static void require_usable(const struct kedge_private_key *key)
{
    struct kedge_key_file again;
    struct kedge_private_key back;
    uint8_t text[KEDGE_KEY_FILE_MAX];
    uint8_t signature[KEDGE_SIGNATURE_SIZE];
    struct kedge_writer out = kedge_writer(text, sizeof text);
    struct kedge_slice nothing = kedge_slice(NULL, 0);
    struct kedge_slice message = kedge_slice_text("message");
    FUZZ_REQUIRE(kedge_sign(key, message, signature) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_verify(&key->public_key, message, kedge_slice(signature, 64)) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_key_file_write(key, nothing, NULL, &out) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_key_file_read(kedge_writer_slice(&out), &again) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_key_file_unlock(&again, nothing, &back) == KEDGE_OK);
    FUZZ_REQUIRE(memcmp(back.secret, key->secret, sizeof back.secret) == 0);
    FUZZ_REQUIRE(back.public_key.development == key->public_key.development);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_key_file file;
    struct kedge_pbes2 pbes2;
    struct kedge_private_key key;
    if (kedge_key_file_read(kedge_slice(data, size), &file) != KEDGE_OK)
        return 0;
    struct kedge_slice der = kedge_slice(file.pem.der, file.pem.der_size);
    if (file.encrypted &&
        (kedge_pbes2_read(der, &pbes2) != KEDGE_OK || pbes2.iterations > ROUNDS_MAX))
        return 0;
    if (kedge_key_file_unlock(&file, kedge_slice_text("kedge"), &key) == KEDGE_OK)
        require_usable(&key);
    return 0;
}
