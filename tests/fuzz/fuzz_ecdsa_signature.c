// links: kedge-key-files
/* fuzz_ecdsa_signature.c: what is taken for r and s is what DER says and nothing else. */
#include "signer/keys/der.h"
#include "signer/keys/ecdsa_signature.h"
#include "tests/fuzz/fuzz.h"

/* The shortest form of a non-negative number, as X.690 section 8.3 has it. */
static void put_number(struct kedge_writer *out, const uint8_t number[32])
{
    uint8_t content[33] = {0};
    size_t skip = 0;
    memcpy(content + 1, number, 32);
    while (skip < 32 && content[skip] == 0 && content[skip + 1] < 0x80)
        skip++;
    FUZZ_REQUIRE(kedge_der_put(out, KEDGE_DER_INTEGER,
                               kedge_slice(content + skip, sizeof content - skip)) == KEDGE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t signature[KEDGE_SIGNATURE_SIZE], content_bytes[80], bytes[96];
    struct kedge_writer content = kedge_writer(content_bytes, sizeof content_bytes);
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    if (kedge_ecdsa_signature_from_der(kedge_slice(data, size), signature) != KEDGE_OK)
        return 0;
    put_number(&content, signature);
    put_number(&content, signature + 32);
    FUZZ_REQUIRE(kedge_der_put(&out, KEDGE_DER_SEQUENCE, kedge_writer_slice(&content)) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_slice_equal(kedge_writer_slice(&out), kedge_slice(data, size)));
    return 0;
}
