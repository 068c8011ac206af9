// links: kedge-suit
/*
 * fuzz_suit_envelope.c: the whole envelope and its head while it arrives are read alike, and
 * nothing that nobody signed is authentic.
 */
#include <kedge/suit.h>

#include "tests/fuzz/fuzz.h"

static void require_sound(const struct kedge_suit_envelope *envelope, struct kedge_slice bytes)
{
    FUZZ_REQUIRE(fuzz_inside(envelope->manifest_bstr, bytes));
    FUZZ_REQUIRE(fuzz_inside(envelope->manifest, envelope->manifest_bstr));
    FUZZ_REQUIRE(fuzz_inside(envelope->digest, bytes));
    FUZZ_REQUIRE(envelope->signature_count <= KEDGE_SUIT_SIGNATURES_MAX);
    for (size_t i = 0; i < envelope->signature_count; i++)
        FUZZ_REQUIRE(fuzz_inside(envelope->signatures[i], bytes));
    FUZZ_REQUIRE(envelope->payload_count <= KEDGE_SUIT_PAYLOADS_MAX);
    uint64_t end = 0;
    for (size_t i = 0; i < envelope->payload_count; i++) {
        FUZZ_REQUIRE(envelope->payloads[i].offset > end);
        end = envelope->payloads[i].offset + envelope->payloads[i].size;
        FUZZ_REQUIRE(end >= envelope->payloads[i].offset && end <= envelope->envelope_size);
    }
}

/* The head of a whole envelope is what its first bytes say, up to the last payload's. */
static void require_same_head(const struct kedge_suit_envelope *whole, struct kedge_slice bytes)
{
    struct kedge_suit_envelope head;
    if (whole->payload_count == 0) {
        FUZZ_REQUIRE(kedge_suit_head_read(bytes, &head) != KEDGE_OK);
        return;
    }
    size_t start = (size_t)whole->payloads[whole->payload_count - 1].offset;
    FUZZ_REQUIRE(kedge_suit_head_read(kedge_slice(bytes.data, start), &head) == KEDGE_OK);
    FUZZ_REQUIRE(head.payload_count == whole->payload_count);
    FUZZ_REQUIRE(head.envelope_size == whole->envelope_size);
    FUZZ_REQUIRE(kedge_slice_equal(head.manifest_bstr, whole->manifest_bstr));
    FUZZ_REQUIRE(kedge_suit_head_read(kedge_slice(bytes.data, start - 1), &head) != KEDGE_OK);
}

static void require_not_authentic(const struct kedge_suit_envelope *envelope)
{
    /* Nobody has the secret of this key: its bytes are the base point's y coordinate. */
    static struct kedge_public_key stranger = {.algorithm = KEDGE_ED25519};
    memset(stranger.bytes, 0x66, 32);
    stranger.bytes[0] = 0x58;
    const struct kedge_suit_trust trust = {.keys = &stranger, .key_count = 1, .required = 1};
    FUZZ_REQUIRE(kedge_suit_authenticate(envelope, &trust, NULL) != KEDGE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice bytes = kedge_slice(data, size);
    struct kedge_suit_envelope envelope;
    struct kedge_suit_manifest manifest;
    if (kedge_suit_head_read(bytes, &envelope) == KEDGE_OK)
        require_sound(&envelope, bytes);
    if (kedge_suit_envelope_read(bytes, &envelope) != KEDGE_OK)
        return 0;
    require_sound(&envelope, bytes);
    FUZZ_REQUIRE(envelope.envelope_size == size);
    require_same_head(&envelope, bytes);
    require_not_authentic(&envelope);
    if (kedge_suit_manifest_read(&envelope, &manifest) == KEDGE_OK)
        FUZZ_REQUIRE(envelope.payload_count > 0);
    return 0;
}
