/*
 * test_suit_foreign.c: an envelope as other tools make them is authenticated and walked step by
 * step, and is no Kedge package. And what a Kedge manifest may not exceed.
 */
#define _GNU_SOURCE
#include <kedge/suit.h>

#include "tests/unit/package_maker.h"

/*
 * Encoded by python3-cbor2: version 1, sequence 3; components [[h'00'], [h'01']]; shared
 * [set-component-index 0, override-parameters {image-size 4}]; validate [image-match 15]; invoke
 * [invoke 2]; install [override-parameters {uri "coap://h/f"}, fetch 2, image-match 15].
 */
static const char manifest_hex[] = "a6010102030352a202828141008141010447840c0014a10e04074382030f09"
                                   "4382170214538614a1156a636f61703a2f2f682f661502030f";

/* ES256 (-7), the key id ("k1") in the unprotected map, the payload detached. */
static struct kedge_slice foreign_signature(const struct kedge_private_key *key,
                                            struct kedge_slice digest, struct kedge_writer *out)
{
    static const uint8_t header[] = {0xa1, 0x01, 0x26};
    static const uint8_t unprotected[] = {0xa1, 0x04, 0x42, 'k', '1'};
    uint8_t message_bytes[256];
    uint8_t signature[KEDGE_SIGNATURE_SIZE];
    struct kedge_writer message = kedge_writer(message_bytes, sizeof message_bytes);
    assert_int_equal(kedge_cose_sig_structure(kedge_slice(header, 3), digest, &message), KEDGE_OK);
    assert_int_equal(kedge_sign(key, kedge_writer_slice(&message), signature), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_tag(out, 18), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_array(out, 4), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_bstr(out, kedge_slice(header, 3)), KEDGE_OK);
    assert_int_equal(kedge_writer_put(out, kedge_slice(unprotected, 5)), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_null(out), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_bstr(out, kedge_slice(signature, 64)), KEDGE_OK);
    return kedge_writer_slice(out);
}

/* Tag 107, wrapper and manifest, no payload inside. */
static struct kedge_slice foreign_envelope(const struct kedge_private_key *key, uint8_t bytes[1024])
{
    uint8_t manifest[64];
    uint8_t digest_bytes[64];
    uint8_t sign1_bytes[192];
    uint8_t wrapper_bytes[512];
    size_t manifest_size = strlen(manifest_hex) / 2;
    struct kedge_writer digest = kedge_writer(digest_bytes, sizeof digest_bytes);
    struct kedge_writer sign1 = kedge_writer(sign1_bytes, sizeof sign1_bytes);
    struct kedge_writer wrapper = kedge_writer(wrapper_bytes, sizeof wrapper_bytes);
    struct kedge_writer out = kedge_writer(bytes, 1024);
    assert_true(manifest_size <= sizeof manifest);
    assert_int_equal(kedge_hex_decode(kedge_slice_text(manifest_hex), manifest, manifest_size),
                     KEDGE_OK);
    struct kedge_slice encoded = kedge_slice(manifest, manifest_size);
    assert_int_equal(kedge_suit_digest_write(encoded, &digest), KEDGE_OK);
    struct kedge_slice signature = foreign_signature(key, kedge_writer_slice(&digest), &sign1);
    assert_int_equal(kedge_suit_wrapper_write(kedge_writer_slice(&digest), &signature, 1, &wrapper),
                     KEDGE_OK);
    assert_int_equal(kedge_cbor_write_tag(&out, 107), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_map(&out, 2), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_uint(&out, 2), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_bstr(&out, kedge_writer_slice(&wrapper)), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_uint(&out, 3), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_bstr(&out, encoded), KEDGE_OK);
    return kedge_writer_slice(&out);
}

static void assert_steps(struct kedge_slice sequence, const int64_t *commands, size_t count)
{
    struct kedge_suit_steps steps;
    struct kedge_suit_step step;
    assert_int_equal(kedge_suit_steps_begin(sequence, &steps), KEDGE_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(kedge_suit_steps_next(&steps, &step), KEDGE_OK);
        assert_int_equal(step.command, commands[i]);
        assert_non_null(kedge_suit_command_name(step.command));
    }
    assert_int_equal(kedge_suit_steps_next(&steps, &step), KEDGE_E_NOT_FOUND);
}

static void an_envelope_of_another_tool_is_authenticated_and_walked(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    struct kedge_private_key key;
    struct kedge_suit_envelope envelope;
    struct kedge_suit_parts parts;
    maker_key(KEDGE_ESP256, 5, &key);
    assert_int_equal(kedge_suit_envelope_read(foreign_envelope(&key, bytes), &envelope), KEDGE_OK);
    const struct kedge_suit_trust trust = {.keys = &key.public_key, .key_count = 1, .required = 1};
    assert_int_equal(kedge_suit_authenticate(&envelope, &trust, NULL), KEDGE_OK);
    assert_int_equal(kedge_suit_parts_read(&envelope, &parts), KEDGE_OK);
    assert_int_equal(parts.version, 1);
    assert_int_equal(parts.sequence, 3);
    assert_int_equal(parts.component_count, 2);
    assert_steps(parts.shared_sequence, (const int64_t[]){12, 20}, 2);
    assert_steps(parts.validate, (const int64_t[]){3}, 1);
    assert_steps(parts.invoke, (const int64_t[]){23}, 1);
    assert_steps(parts.install, (const int64_t[]){20, 21, 3}, 3);
    assert_int_equal(parts.load.size, 0);
    struct kedge_suit_manifest manifest;
    assert_int_not_equal(kedge_suit_manifest_read(&envelope, &manifest), KEDGE_OK);
}

static void an_envelope_of_another_tool_is_not_authentic_when_damaged(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    struct kedge_private_key key;
    maker_key(KEDGE_ESP256, 5, &key);
    const struct kedge_suit_trust trust = {.keys = &key.public_key, .key_count = 1, .required = 1};
    struct kedge_slice whole = foreign_envelope(&key, bytes);
    /* Nobody signs the unprotected map: its label and its key id are only a hint. */
    const uint8_t *hint = memmem(bytes, whole.size, "\x04\x42k1", 4);
    assert_non_null(hint);
    for (size_t i = 0; i < whole.size; i++) {
        struct kedge_suit_envelope envelope;
        const uint8_t *byte = bytes + i;
        bool unsigned_byte = byte == hint || byte == hint + 2 || byte == hint + 3;
        bytes[i] ^= 1;
        bool authentic = kedge_suit_envelope_read(whole, &envelope) == KEDGE_OK &&
                         kedge_suit_authenticate(&envelope, &trust, NULL) == KEDGE_OK;
        bytes[i] ^= 1;
        if (authentic != unsigned_byte)
            fail_msg("byte %zu", i);
    }
}

static enum kedge_rc round_trip(const struct kedge_suit_manifest *manifest,
                                struct kedge_suit_manifest *again)
{
    static uint8_t bytes[2048];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(kedge_suit_manifest_write(manifest, &out));
    struct kedge_suit_envelope envelope = {.manifest = kedge_writer_slice(&out),
                                           .payload_count = 1};
    envelope.payloads[0].name = kedge_slice_text(KEDGE_SUIT_PAYLOAD_NAME);
    return kedge_suit_manifest_read(&envelope, again);
}

static struct kedge_suit_manifest manifest_with(const char *attachment)
{
    static uint8_t payload[256];
    struct kedge_suit_manifest manifest = {.sequence = 1};
    maker_manifest(kedge_slice("image", 5), false, payload, &manifest);
    if (attachment != NULL) {
        manifest.attachment_count = 1;
        manifest.attachments[0].name = kedge_slice_text(attachment);
        manifest.attachments[0].size = 7;
    }
    return manifest;
}

/* Longer names would sort behind "#firmware", whose bytes are then not the last ones. */
static void names_of_attachments_are_bounded(void **state)
{
    (void)state;
    struct kedge_suit_manifest again;
    struct kedge_suit_manifest manifest = manifest_with("#8-bytes");
    assert_int_equal(round_trip(&manifest, &again), KEDGE_OK);
    assert_true(kedge_slice_equal(again.attachments[0].name, kedge_slice_text("#8-bytes")));
    manifest = manifest_with("#9--bytes");
    assert_int_equal(round_trip(&manifest, &again), KEDGE_E_LIMIT);
}

static void a_name_that_is_too_long_is_refused_in_what_others_wrote(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    struct kedge_suit_manifest again;
    struct kedge_suit_manifest manifest = manifest_with("#8-bytes");
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    assert_int_equal(kedge_suit_manifest_write(&manifest, &out), KEDGE_OK);
    /* The name is made to take the byte behind it too: it is met before that is missed. */
    uint8_t *name = memmem(bytes, out.size, "\x68#8-bytes", 9);
    assert_non_null(name);
    name[0] = 0x69;
    name[9] = 'x';
    struct kedge_suit_envelope envelope = {.manifest = kedge_writer_slice(&out),
                                           .payload_count = 1};
    envelope.payloads[0].name = kedge_slice_text(KEDGE_SUIT_PAYLOAD_NAME);
    assert_int_equal(kedge_suit_manifest_read(&envelope, &again), KEDGE_E_LIMIT);
}

static void a_manifest_at_its_limits_is_written_and_read(void **state)
{
    (void)state;
    struct kedge_suit_manifest again;
    struct kedge_suit_manifest manifest = manifest_with(NULL);
    const char *names[] = {"#prov", "#sbom", "#notes"};
    manifest.sequence = UINT64_MAX;
    manifest.image_size = manifest.payload.image_size = KEDGE_IMAGE_SIZE_MAX;
    manifest.payload.encoded_size = UINT64_MAX;
    manifest.has_text = true;
    manifest.attachment_count = KEDGE_SUIT_ATTACHMENTS_MAX;
    for (size_t i = 0; i < KEDGE_SUIT_ATTACHMENTS_MAX; i++) {
        manifest.attachments[i].name = kedge_slice_text(names[i]);
        manifest.attachments[i].size = UINT64_MAX;
    }
    manifest.version.count = KEDGE_SUIT_VERSION_PARTS_MAX;
    for (size_t i = 0; i < KEDGE_SUIT_VERSION_PARTS_MAX; i++)
        manifest.version.parts[i] = i % 2 ? INT64_MIN : INT64_MAX;
    assert_int_equal(round_trip(&manifest, &again), KEDGE_OK);
    assert_true(again.sequence == UINT64_MAX && again.has_text);
    assert_true(again.image_size == KEDGE_IMAGE_SIZE_MAX);
    assert_int_equal(again.attachment_count, KEDGE_SUIT_ATTACHMENTS_MAX);
    assert_true(again.attachments[2].size == UINT64_MAX);
    assert_memory_equal(again.version.parts, manifest.version.parts, sizeof manifest.version.parts);
    manifest.image_size++;
    assert_int_equal(round_trip(&manifest, &again), KEDGE_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_envelope_of_another_tool_is_authenticated_and_walked),
        cmocka_unit_test(an_envelope_of_another_tool_is_not_authentic_when_damaged),
        cmocka_unit_test(names_of_attachments_are_bounded),
        cmocka_unit_test(a_name_that_is_too_long_is_refused_in_what_others_wrote),
        cmocka_unit_test(a_manifest_at_its_limits_is_written_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
