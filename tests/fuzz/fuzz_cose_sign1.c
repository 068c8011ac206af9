// links: kedge-crypto
/*
 * fuzz_cose_sign1.c: no bytes but those that the key itself would write as a signature verify:
 * Ed25519 is deterministic, so a signature that verifies must be the one that signing gives.
 */
#include <kedge/crypto.h>

#include "tests/fuzz/fuzz.h"

#define STRUCTURE_MAX 65536u

static struct kedge_private_key key;
static const struct kedge_slice payload = {(const uint8_t *)"what is signed", 14};

static void make_key(void)
{
    const uint8_t secret[KEDGE_PRIVATE_KEY_SIZE] = {1};
    if (key.public_key.algorithm != KEDGE_ED25519)
        FUZZ_REQUIRE(kedge_private_key_from_secret(KEDGE_ED25519, secret, &key) == KEDGE_OK);
}

static void require_own_signature(const struct kedge_cose_sign1 *sign1)
{
    static uint8_t bytes[STRUCTURE_MAX];
    uint8_t signature[KEDGE_SIGNATURE_SIZE];
    struct kedge_writer message = kedge_writer(bytes, sizeof bytes);
    FUZZ_REQUIRE(kedge_cose_sig_structure(sign1->protected_header,
                                          sign1->detached ? payload : sign1->payload,
                                          &message) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_sign(&key, kedge_writer_slice(&message), signature) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_slice_equal(sign1->signature, kedge_slice(signature, sizeof signature)));
    FUZZ_REQUIRE(sign1->algorithm == -19 || sign1->algorithm == -8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice bytes = kedge_slice(data, size);
    struct kedge_cose_sign1 sign1;
    make_key();
    if (kedge_cose_sign1_read(bytes, &sign1) != KEDGE_OK)
        return 0;
    FUZZ_REQUIRE(fuzz_inside(sign1.protected_header, bytes));
    FUZZ_REQUIRE(fuzz_inside(sign1.payload, bytes));
    FUZZ_REQUIRE(fuzz_inside(sign1.key_id, bytes));
    FUZZ_REQUIRE(fuzz_inside(sign1.signature, bytes));
    FUZZ_REQUIRE(!sign1.detached || sign1.payload.size == 0);
    if (kedge_cose_sign1_verify(&sign1, payload, &key.public_key) == KEDGE_OK)
        require_own_signature(&sign1);
    return 0;
}
