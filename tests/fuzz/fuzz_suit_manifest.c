// links: kedge-suit
/*
 * fuzz_suit_manifest.c: a manifest, its parts and its command sequences. One that is read as a
 * Kedge package's is written again, and what was written is read as the same and stays the same.
 */
#include <kedge/suit.h>

#include "tests/fuzz/fuzz.h"

#define WRITTEN_MAX 65536u
#define STEPS_MAX 4096u

static uint8_t first_bytes[WRITTEN_MAX];
static uint8_t second_bytes[WRITTEN_MAX];

/* An envelope around `manifest`, with the payload that a Kedge package has. */
static struct kedge_suit_envelope around(struct kedge_slice manifest)
{
    struct kedge_suit_envelope envelope = {.manifest = manifest, .payload_count = 1};
    envelope.payloads[0].name = kedge_slice_text(KEDGE_SUIT_PAYLOAD_NAME);
    return envelope;
}

static void walk(struct kedge_slice sequence)
{
    struct kedge_suit_steps steps;
    struct kedge_suit_step step;
    size_t count = 0;
    if (kedge_suit_steps_begin(sequence, &steps) != KEDGE_OK)
        return;
    while (kedge_suit_steps_next(&steps, &step) == KEDGE_OK) {
        FUZZ_REQUIRE(fuzz_inside(step.argument, sequence));
        FUZZ_REQUIRE(kedge_cbor_check(step.argument) == KEDGE_OK);
        FUZZ_REQUIRE(++count < STEPS_MAX);
        (void)kedge_suit_command_name(step.command);
    }
}

static void walk_parts(const struct kedge_suit_envelope *envelope)
{
    struct kedge_suit_parts parts;
    if (kedge_suit_parts_read(envelope, &parts) != KEDGE_OK)
        return;
    const struct kedge_slice sequences[] = {
        parts.shared_sequence, parts.validate,      parts.load,
        parts.invoke,          parts.payload_fetch, parts.install};
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
        FUZZ_REQUIRE(fuzz_inside(sequences[i], envelope->manifest));
        walk(sequences[i]);
    }
}

static struct kedge_slice write(const struct kedge_suit_manifest *manifest, uint8_t *bytes)
{
    struct kedge_writer out = kedge_writer(bytes, WRITTEN_MAX);
    FUZZ_REQUIRE(kedge_suit_manifest_write(manifest, &out) == KEDGE_OK);
    return kedge_writer_slice(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_suit_envelope envelope = around(kedge_slice(data, size));
    struct kedge_suit_manifest manifest;
    struct kedge_suit_manifest again;
    if (size > WRITTEN_MAX / 2)
        return 0;
    walk(envelope.manifest);
    walk_parts(&envelope);
    if (kedge_suit_manifest_read(&envelope, &manifest) != KEDGE_OK)
        return 0;
    FUZZ_REQUIRE(manifest.image_size > 0 && manifest.image_size <= KEDGE_IMAGE_SIZE_MAX);
    FUZZ_REQUIRE(manifest.payload.image_size == manifest.image_size);
    struct kedge_slice first = write(&manifest, first_bytes);
    struct kedge_suit_envelope rewritten = around(first);
    FUZZ_REQUIRE(kedge_suit_manifest_read(&rewritten, &again) == KEDGE_OK);
    FUZZ_REQUIRE(again.sequence == manifest.sequence && again.image_size == manifest.image_size);
    FUZZ_REQUIRE(kedge_suit_version_compare(&again.version, &manifest.version) == 0);
    FUZZ_REQUIRE(memcmp(again.image_digest, manifest.image_digest, KEDGE_SHA256_SIZE) == 0);
    FUZZ_REQUIRE(memcmp(again.vendor, manifest.vendor, sizeof again.vendor) == 0);
    FUZZ_REQUIRE(memcmp(again.class_id, manifest.class_id, sizeof again.class_id) == 0);
    FUZZ_REQUIRE(kedge_slice_equal(write(&again, second_bytes), first));
    return 0;
}
