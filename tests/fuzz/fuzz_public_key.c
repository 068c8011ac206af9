// links: kedge-crypto
/* fuzz_public_key.c: a key that is taken has one DER form, whichever file it came from. */
#include <kedge/crypto.h>

#include "tests/fuzz/fuzz.h"

static void require_one_form(const struct kedge_public_key *key)
{
    uint8_t der[KEDGE_SPKI_MAX];
    uint8_t key_id[KEDGE_KEY_ID_SIZE];
    struct kedge_public_key again;
    struct kedge_writer out = kedge_writer(der, sizeof der);
    FUZZ_REQUIRE(kedge_public_key_to_spki(key, &out) == KEDGE_OK);
    kedge_sha256(kedge_writer_slice(&out), key_id);
    FUZZ_REQUIRE(memcmp(key_id, key->key_id, sizeof key_id) == 0);
    FUZZ_REQUIRE(kedge_public_key_from_spki(kedge_writer_slice(&out), &again) == KEDGE_OK);
    FUZZ_REQUIRE(memcmp(again.bytes, key->bytes, sizeof again.bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice bytes = kedge_slice(data, size);
    struct kedge_public_key key;
    if (kedge_public_key_from_pem(bytes, &key) == KEDGE_OK)
        require_one_form(&key);
    if (kedge_public_key_from_spki(bytes, &key) == KEDGE_OK) {
        uint8_t der[KEDGE_SPKI_MAX];
        struct kedge_writer out = kedge_writer(der, sizeof der);
        require_one_form(&key);
        FUZZ_REQUIRE(kedge_public_key_to_spki(&key, &out) == KEDGE_OK);
        FUZZ_REQUIRE(kedge_slice_equal(kedge_writer_slice(&out), bytes));
    }
    return 0;
}
