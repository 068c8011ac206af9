/* test_suit.c: our packages: written, read back, authenticated, judged, and damaged in every byte.
 */
#define _GNU_SOURCE
#include <kedge/suit.h>

#include "tests/unit/package_maker.h"

static const char image_text[] = "a firmware that is small enough to be damaged in every byte";

static struct kedge_slice image(void)
{
    return kedge_slice(image_text, sizeof image_text);
}

static struct kedge_suit_trust trust_in(const struct kedge_public_key *keys, size_t count,
                                        size_t required)
{
    return (struct kedge_suit_trust){.keys = keys, .key_count = count, .required = required};
}

static enum kedge_rc swallow(void *context, uint64_t offset, struct kedge_slice bytes)
{
    (void)context, (void)offset, (void)bytes;
    return KEDGE_OK;
}

/* All that a verifier does with a package in memory. */
static enum kedge_rc verify(struct kedge_slice package, const struct kedge_suit_trust *trust)
{
    static struct kedge_payload_reader reader;
    struct kedge_suit_envelope envelope;
    struct kedge_suit_manifest manifest;
    const struct kedge_payload_sink sink = {.write = swallow};
    KEDGE_TRY(kedge_suit_envelope_read(package, &envelope));
    KEDGE_TRY(kedge_suit_authenticate(&envelope, trust, NULL));
    KEDGE_TRY(kedge_suit_manifest_read(&envelope, &manifest));
    if (envelope.payload_count != 1)
        return KEDGE_E_MISSING;
    KEDGE_TRY(kedge_payload_begin(&reader, &manifest.payload, &sink));
    KEDGE_TRY(kedge_payload_push(&reader, kedge_slice(package.data + envelope.payloads[0].offset,
                                                      (size_t)envelope.payloads[0].size)));
    return kedge_payload_end(&reader, manifest.image_digest);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct kedge_private_key key;
    maker_key(KEDGE_ESP256, 3, &key);
    struct made_package made = maker_package(image(), false, 17, "1.2.3-rc.4", &key);
    struct kedge_suit_trust trust = trust_in(&key.public_key, 1, 1);
    struct kedge_suit_envelope envelope;
    struct kedge_suit_manifest manifest;
    bool signer = false;
    assert_int_equal(kedge_suit_envelope_read(kedge_slice(made.bytes, made.size), &envelope),
                     KEDGE_OK);
    assert_int_equal(kedge_suit_authenticate(&envelope, &trust, &signer), KEDGE_OK);
    assert_true(signer);
    assert_int_equal(kedge_suit_manifest_read(&envelope, &manifest), KEDGE_OK);
    assert_int_equal(manifest.sequence, 17);
    assert_memory_equal(manifest.vendor, made.manifest.vendor, 16);
    assert_memory_equal(manifest.class_id, made.manifest.class_id, 16);
    assert_memory_equal(manifest.image_digest, made.manifest.image_digest, 32);
    assert_int_equal(manifest.image_size, sizeof image_text);
    assert_int_equal(manifest.payload.encoded_size, sizeof image_text + KEDGE_FRAME_HEAD_SIZE);
    assert_int_equal(kedge_suit_version_compare(&manifest.version, &made.manifest.version), 0);
    assert_false(manifest.has_text);
    assert_int_equal(envelope.payloads[0].offset, made.payload_offset);
    assert_int_equal(envelope.envelope_size, made.size);
    assert_int_equal(verify(kedge_slice(made.bytes, made.size), &trust), KEDGE_OK);
    maker_free(&made);
}

static void every_flipped_bit_and_every_cut_is_refused(void **state)
{
    (void)state;
    struct kedge_private_key key;
    maker_key(KEDGE_ED25519, 3, &key);
    struct made_package made = maker_package(image(), false, 1, "1.0.0", &key);
    struct kedge_suit_trust trust = trust_in(&key.public_key, 1, 1);
    for (size_t bit = 0; bit < 8 * made.size; bit++) {
        made.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (verify(kedge_slice(made.bytes, made.size), &trust) == KEDGE_OK)
            fail_msg("bit %zu of byte %zu does not matter", bit % 8, bit / 8);
        made.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t size = 0; size < made.size; size++) {
        uint8_t *cut = malloc(size > 0 ? size : 1);
        assert_non_null(cut);
        memcpy(cut, made.bytes, size);
        assert_int_not_equal(verify(kedge_slice(cut, size), &trust), KEDGE_OK);
        free(cut);
    }
    uint8_t *longer = malloc(made.size + 1);
    assert_non_null(longer);
    memcpy(longer, made.bytes, made.size);
    longer[made.size] = 0;
    assert_int_equal(verify(kedge_slice(longer, made.size + 1), &trust), KEDGE_E_TRAILING);
    free(longer);
    maker_free(&made);
}

static void the_head_asks_for_more_until_the_payload_begins(void **state)
{
    (void)state;
    struct kedge_private_key key;
    maker_key(KEDGE_ED25519, 3, &key);
    struct made_package made = maker_package(image(), false, 1, "1.0.0", &key);
    struct kedge_suit_envelope envelope;
    for (size_t size = 0; size < made.payload_offset; size++)
        assert_int_equal(kedge_suit_head_read(kedge_slice(made.bytes, size), &envelope),
                         KEDGE_E_TRUNCATED);
    assert_int_equal(kedge_suit_head_read(kedge_slice(made.bytes, made.payload_offset), &envelope),
                     KEDGE_OK);
    assert_int_equal(envelope.payloads[0].offset, made.payload_offset);
    assert_int_equal(envelope.payloads[0].size, made.size - made.payload_offset);
    assert_int_equal(envelope.envelope_size, made.size);
    maker_free(&made);
}

static void distinct_trusted_keys_are_counted_and_strangers_do_no_harm(void **state)
{
    (void)state;
    struct kedge_private_key keys[4];
    struct kedge_public_key trusted[3];
    struct kedge_suit_manifest manifest = {.sequence = 1};
    uint8_t payload[256];
    struct kedge_suit_envelope envelope;
    for (uint8_t i = 0; i < 4; i++)
        maker_key(i % 2 ? KEDGE_ESP256 : KEDGE_ED25519, (uint8_t)(i + 1), &keys[i]);
    maker_manifest(image(), false, payload, &manifest);
    struct kedge_slice frames = kedge_slice(payload, (size_t)manifest.payload.encoded_size);
    for (size_t i = 0; i < 3; i++)
        trusted[i] = keys[i].public_key;
    /* Signed by a stranger, by the first key twice, and by the second. */
    const struct kedge_private_key signers[] = {keys[3], keys[0], keys[0], keys[1]};
    struct made_package made = maker_assemble(&manifest, signers, 4, kedge_slice(NULL, 0), frames);
    assert_int_equal(kedge_suit_envelope_read(kedge_slice(made.bytes, made.size), &envelope),
                     KEDGE_OK);
    bool signed_by[3];
    for (size_t required = 1; required <= 3; required++) {
        struct kedge_suit_trust trust = trust_in(trusted, 3, required);
        assert_int_equal(kedge_suit_authenticate(&envelope, &trust, signed_by),
                         required <= 2 ? KEDGE_OK : KEDGE_E_SIGNATURE);
    }
    assert_true(signed_by[0] && signed_by[1] && !signed_by[2]);
    const struct kedge_public_key twice[] = {trusted[0], trusted[0]};
    struct kedge_suit_trust same = trust_in(twice, 2, 2);
    assert_int_equal(kedge_suit_authenticate(&envelope, &same, NULL), KEDGE_E_SIGNATURE);
    struct kedge_suit_trust nobody = trust_in(NULL, 0, 1);
    assert_int_equal(kedge_suit_authenticate(&envelope, &nobody, NULL), KEDGE_E_SIGNATURE);
    struct kedge_suit_trust careless = trust_in(trusted, 3, 0);
    assert_int_equal(kedge_suit_authenticate(&envelope, &careless, NULL), KEDGE_E_ARGUMENT);
    maker_free(&made);
}

static void a_development_key_counts_only_when_it_is_allowed_by_name(void **state)
{
    (void)state;
    struct kedge_private_key key;
    struct kedge_suit_envelope envelope;
    maker_key(KEDGE_ED25519, 3, &key);
    key.public_key.development = true;
    struct made_package made = maker_package(image(), false, 1, "1.0.0", &key);
    struct kedge_suit_trust trust = trust_in(&key.public_key, 1, 1);
    assert_int_equal(kedge_suit_envelope_read(kedge_slice(made.bytes, made.size), &envelope),
                     KEDGE_OK);
    assert_int_equal(kedge_suit_authenticate(&envelope, &trust, NULL), KEDGE_E_DEVELOPMENT_KEY);
    trust.allow_development_keys = true;
    assert_int_equal(kedge_suit_authenticate(&envelope, &trust, NULL), KEDGE_OK);
    maker_free(&made);
}

static void a_signature_with_a_payload_of_its_own_says_nothing_about_the_manifest(void **state)
{
    (void)state;
    struct kedge_private_key key;
    maker_key(KEDGE_ED25519, 3, &key);
    struct made_package made = maker_package(image(), false, 1, "1.0.0", &key);
    struct kedge_suit_envelope envelope;
    assert_int_equal(kedge_suit_envelope_read(kedge_slice(made.bytes, made.size), &envelope),
                     KEDGE_OK);
    /* A good signature of this key over other bytes, which it carries along. */
    uint8_t header_bytes[64], message[256], signature[64], forged[256];
    struct kedge_cose_sign1 honest;
    assert_int_equal(kedge_cose_sign1_read(envelope.signatures[0], &honest), KEDGE_OK);
    memcpy(header_bytes, honest.protected_header.data, honest.protected_header.size);
    struct kedge_slice header = kedge_slice(header_bytes, honest.protected_header.size);
    struct kedge_slice other = kedge_slice_text("other bytes, signed for something else");
    struct kedge_writer structure = kedge_writer(message, sizeof message);
    assert_int_equal(kedge_cose_sig_structure(header, other, &structure), KEDGE_OK);
    assert_int_equal(kedge_sign(&key, kedge_writer_slice(&structure), signature), KEDGE_OK);
    struct kedge_writer out = kedge_writer(forged, sizeof forged);
    assert_int_equal(kedge_cbor_write_tag(&out, 18), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_array(&out, 4), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_bstr(&out, header), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_map(&out, 0), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_bstr(&out, other), KEDGE_OK);
    assert_int_equal(kedge_cbor_write_bstr(&out, kedge_slice(signature, 64)), KEDGE_OK);
    envelope.signatures[0] = kedge_writer_slice(&out);
    struct kedge_suit_trust trust = trust_in(&key.public_key, 1, 1);
    assert_int_equal(kedge_suit_authenticate(&envelope, &trust, NULL), KEDGE_E_SIGNATURE);
    maker_free(&made);
}

static void a_device_is_judged_by_vendor_class_sequence_and_size(void **state)
{
    (void)state;
    struct kedge_suit_manifest manifest = {.sequence = 5, .image_size = 1000};
    struct kedge_suit_device device = {.sequence_floor = 5, .slot_size = 1000};
    memset(manifest.vendor, 1, 16);
    memset(device.vendor, 1, 16);
    memset(manifest.class_id, 2, 16);
    memset(device.class_id, 2, 16);
    assert_int_equal(kedge_suit_manifest_judge(&manifest, &device), KEDGE_OK);
    device.slot_size = 999;
    assert_int_equal(kedge_suit_manifest_judge(&manifest, &device), KEDGE_E_SPACE);
    device.slot_size = 0;
    assert_int_equal(kedge_suit_manifest_judge(&manifest, &device), KEDGE_OK);
    device.sequence_floor = 6;
    assert_int_equal(kedge_suit_manifest_judge(&manifest, &device), KEDGE_E_SEQUENCE);
    device.class_id[15] = 0;
    assert_int_equal(kedge_suit_manifest_judge(&manifest, &device), KEDGE_E_CLASS);
    device.vendor[0] = 0;
    assert_int_equal(kedge_suit_manifest_judge(&manifest, &device), KEDGE_E_VENDOR);
}

static struct kedge_suit_version version_of(const char *text)
{
    struct kedge_suit_version version;
    assert_int_equal(kedge_suit_version_parse(kedge_slice_text(text), &version), KEDGE_OK);
    return version;
}

static void a_device_is_judged_by_the_version_that_it_runs(void **state)
{
    (void)state;
    struct kedge_suit_manifest manifest = {.image_size = 1, .min_version = version_of("1.2.0")};
    const struct {
        const char *running;
        enum kedge_rc with_min, with_both;
    } cases[] = {
        {"1.1.9", KEDGE_E_VERSION, KEDGE_E_VERSION},
        {"1.2.0-rc.1", KEDGE_E_VERSION, KEDGE_E_VERSION},
        {"1.2.0", KEDGE_OK, KEDGE_OK},
        {"1.10.0", KEDGE_OK, KEDGE_OK},
        {"2.0.0", KEDGE_OK, KEDGE_OK},
        {"2.0.1", KEDGE_OK, KEDGE_E_VERSION},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kedge_suit_device device = {.running = version_of(cases[i].running)};
        manifest.max_version.count = 0;
        assert_int_equal(kedge_suit_manifest_judge(&manifest, &device), cases[i].with_min);
        manifest.max_version = version_of("2.0.0");
        assert_int_equal(kedge_suit_manifest_judge(&manifest, &device), cases[i].with_both);
    }
    struct kedge_suit_device unknown = {0};
    struct kedge_suit_device blank = {.blank = true};
    assert_int_equal(kedge_suit_manifest_judge(&manifest, &unknown), KEDGE_E_VERSION);
    assert_int_equal(kedge_suit_manifest_judge(&manifest, &blank), KEDGE_OK);
    manifest.min_version.count = manifest.max_version.count = 0;
    assert_int_equal(kedge_suit_manifest_judge(&manifest, &unknown), KEDGE_OK);
}

static void a_device_is_judged_by_its_hardware_revision(void **state)
{
    (void)state;
    struct kedge_suit_manifest manifest = {.image_size = 1};
    struct kedge_suit_device device = {.hardware = kedge_slice_text("B")};
    assert_int_equal(kedge_suit_manifest_judge(&manifest, &device), KEDGE_OK);
    manifest.hardware[0] = kedge_slice_text("A");
    manifest.hardware[1] = kedge_slice_text("B");
    manifest.hardware_count = 1;
    assert_int_equal(kedge_suit_manifest_judge(&manifest, &device), KEDGE_E_HARDWARE);
    manifest.hardware_count = 2;
    assert_int_equal(kedge_suit_manifest_judge(&manifest, &device), KEDGE_OK);
    device.hardware = kedge_slice_text("");
    assert_int_equal(kedge_suit_manifest_judge(&manifest, &device), KEDGE_E_HARDWARE);
    device.hardware = kedge_slice_text("b");
    assert_int_equal(kedge_suit_manifest_judge(&manifest, &device), KEDGE_E_HARDWARE);
}

static void a_window_and_hardware_are_read_as_they_were_written(void **state)
{
    (void)state;
    struct kedge_private_key key;
    uint8_t payload[2048];
    struct kedge_suit_manifest manifest = {
        .version = version_of("2.0.0"),
        .min_version = version_of("1.0.0-rc.1"),
        .max_version = version_of("1.9.9"),
        .hardware = {kedge_slice_text("A"), kedge_slice_text("B2")},
        .hardware_count = 2};
    maker_key(KEDGE_ED25519, 3, &key);
    maker_manifest(image(), false, payload, &manifest);
    struct made_package made =
        maker_assemble(&manifest, &key, 1, kedge_slice(NULL, 0),
                       kedge_slice(payload, (size_t)manifest.payload.encoded_size));
    struct kedge_suit_envelope envelope;
    struct kedge_suit_manifest read;
    assert_int_equal(kedge_suit_envelope_read(kedge_slice(made.bytes, made.size), &envelope),
                     KEDGE_OK);
    assert_int_equal(kedge_suit_manifest_read(&envelope, &read), KEDGE_OK);
    assert_int_equal(read.min_version.count, 5);
    assert_int_equal(kedge_suit_version_compare(&read.min_version, &manifest.min_version), 0);
    assert_int_equal(kedge_suit_version_compare(&read.max_version, &manifest.max_version), 0);
    assert_int_equal(read.hardware_count, 2);
    assert_true(kedge_slice_equal(read.hardware[1], kedge_slice_text("B2")));
    maker_free(&made);
}

/* ---- manifests that a Kedge device must not take, made by changing bytes of a good one ---- */

static enum kedge_rc read_changed(const char *from, const char *to)
{
    struct kedge_private_key key;
    uint8_t old_bytes[32], new_bytes[32];
    size_t size = strlen(from) / 2;
    maker_key(KEDGE_ED25519, 3, &key);
    assert_int_equal(strlen(from), strlen(to));
    assert_int_equal(kedge_hex_decode(kedge_slice_text(from), old_bytes, size), KEDGE_OK);
    assert_int_equal(kedge_hex_decode(kedge_slice_text(to), new_bytes, size), KEDGE_OK);
    struct made_package made = maker_package(image(), false, 1, "1.0.0", &key);
    struct kedge_suit_envelope envelope;
    struct kedge_suit_manifest manifest;
    assert_int_equal(kedge_suit_envelope_read(kedge_slice(made.bytes, made.size), &envelope),
                     KEDGE_OK);
    uint8_t *place = memmem(made.bytes, made.payload_offset, old_bytes, size);
    assert_non_null(place);
    memcpy(place, new_bytes, size);
    enum kedge_rc rc = kedge_suit_manifest_read(&envelope, &manifest);
    maker_free(&made);
    return rc;
}

static void unknown_and_misplaced_commands_are_refused(void **state)
{
    (void)state;
    /* The end of the shared sequence is 01 0f 02 0f; of validate 82 03 0f; of install 39 0100 0f 03
     * 0f. */
    assert_int_equal(read_changed("010f020f", "010f170f"), KEDGE_E_COMMAND); /* invoke */
    assert_int_equal(read_changed("010f020f", "010f030f"),
                     KEDGE_E_COMMAND); /* image-match too early */
    assert_int_equal(read_changed("010f020f", "010f010f"),
                     KEDGE_E_MISSING); /* no class condition */
    assert_int_equal(read_changed("3901000f030f", "3901020f030f"), KEDGE_E_COMMAND);
    assert_int_equal(read_changed("82030f", "82180f"), KEDGE_E_NOT_CANONICAL);
    assert_int_equal(read_changed("8203", "8201"), KEDGE_E_COMMAND);
}

static void components_and_versions_of_others_are_refused(void **state)
{
    (void)state;
    assert_int_equal(read_changed("81814100", "81814101"),
                     KEDGE_E_UNSUPPORTED); /* component [h'01'] */
    assert_int_equal(read_changed("010102010358", "010202010358"),
                     KEDGE_E_UNSUPPORTED); /* version 2 */
}

static void text_is_read_back_and_belongs_to_people(void **state)
{
    (void)state;
    uint8_t bytes[512];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    struct kedge_suit_text text;
    assert_int_equal(
        kedge_suit_text_write(kedge_slice_text("what it does"), kedge_slice_text("example.com"),
                              kedge_slice_text("board-a"), kedge_slice_text("1.0.0"), &out),
        KEDGE_OK);
    assert_int_equal(kedge_cbor_check(kedge_writer_slice(&out)), KEDGE_OK);
    assert_int_equal(kedge_suit_text_read(kedge_writer_slice(&out), &text), KEDGE_OK);
    assert_true(kedge_slice_equal(text.description, kedge_slice_text("what it does")));
    assert_true(kedge_slice_equal(text.vendor_domain, kedge_slice_text("example.com")));
    assert_true(kedge_slice_equal(text.class_name, kedge_slice_text("board-a")));
    assert_true(kedge_slice_equal(text.version, kedge_slice_text("1.0.0")));
    for (size_t size = 0; size < out.size; size++)
        assert_int_not_equal(kedge_suit_text_read(kedge_slice(bytes, size), &text), KEDGE_OK);
}

static void every_known_command_has_its_registered_name(void **state)
{
    (void)state;
    assert_string_equal(kedge_suit_command_name(1), "condition-vendor-identifier");
    assert_string_equal(kedge_suit_command_name(20), "directive-override-parameters");
    assert_non_null(kedge_suit_command_name(-257));
    assert_null(kedge_suit_command_name(4711));
    assert_string_equal(kedge_suit_parameter_name(3), "image-digest");
    assert_null(kedge_suit_parameter_name(4711));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(every_flipped_bit_and_every_cut_is_refused),
        cmocka_unit_test(the_head_asks_for_more_until_the_payload_begins),
        cmocka_unit_test(distinct_trusted_keys_are_counted_and_strangers_do_no_harm),
        cmocka_unit_test(a_development_key_counts_only_when_it_is_allowed_by_name),
        cmocka_unit_test(a_signature_with_a_payload_of_its_own_says_nothing_about_the_manifest),
        cmocka_unit_test(a_device_is_judged_by_vendor_class_sequence_and_size),
        cmocka_unit_test(a_device_is_judged_by_the_version_that_it_runs),
        cmocka_unit_test(a_device_is_judged_by_its_hardware_revision),
        cmocka_unit_test(a_window_and_hardware_are_read_as_they_were_written),
        cmocka_unit_test(unknown_and_misplaced_commands_are_refused),
        cmocka_unit_test(components_and_versions_of_others_are_refused),
        cmocka_unit_test(text_is_read_back_and_belongs_to_people),
        cmocka_unit_test(every_known_command_has_its_registered_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
