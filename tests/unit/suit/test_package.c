/* test_package.c: whole packages with text and attachments: nothing in them may change unseen. */
#include <kedge/package.h>

#include "tests/unit/package_maker.h"

static enum kedge_rc check(struct kedge_slice bytes, const struct kedge_suit_trust *trust,
                           struct kedge_package *package, enum kedge_package_part *part)
{
    static struct kedge_payload_reader reader;
    KEDGE_TRY(kedge_package_read(bytes, trust, NULL, package, part));
    return kedge_package_expand(package, &reader, NULL);
}

/* A signed package with all that one may have, for each test that has TEST(). */
struct signed_package {
    struct kedge_private_key key;
    struct kedge_suit_trust trust;
    struct made_package made;
    struct kedge_slice bytes;
};

static int make(void **state)
{
    static struct signed_package whole;
    maker_key(KEDGE_ED25519, 3, &whole.key);
    whole.trust = (struct kedge_suit_trust){
        .keys = &whole.key.public_key, .key_count = 1, .required = 1};
    whole.made = maker_full_package(&whole.key, "example.com");
    whole.bytes = kedge_slice(whole.made.bytes, whole.made.size);
    *state = &whole;
    return 0;
}

static int drop(void **state)
{
    struct signed_package *whole = *state;
    maker_free(&whole->made);
    return 0;
}

static void a_whole_package_is_read_with_its_text_and_files(void **state)
{
    struct signed_package *whole = *state;
    struct kedge_package package;
    struct kedge_suit_text names;
    enum kedge_package_part part;
    assert_int_equal(check(whole->bytes, &whole->trust, &package, &part), KEDGE_OK);
    assert_string_equal(package.version, "1.2.3");
    assert_true(kedge_slice_equal(package.attachments[0], kedge_slice_text(maker_sbom)));
    assert_true(kedge_slice_equal(package.attachments[1], kedge_slice_text(maker_notes)));
    kedge_package_names(&package, &names);
    assert_true(kedge_slice_equal(names.description, kedge_slice_text("what it does")));
    assert_true(kedge_slice_equal(names.vendor_domain, kedge_slice_text("example.com")));
    assert_true(kedge_slice_equal(names.class_name, kedge_slice_text("board-a")));
}

static void every_flipped_bit_of_every_part_is_refused(void **state)
{
    struct signed_package *whole = *state;
    struct kedge_package package;
    enum kedge_package_part part;
    const struct kedge_suit_trust *trusts[] = {&whole->trust, NULL};
    size_t head = 0;
    for (size_t bit = 0; bit < 8 * whole->made.size; bit++) {
        whole->made.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (check(whole->bytes, trusts[0], &package, &part) == KEDGE_OK)
            fail_msg("bit %zu of byte %zu does not matter", bit % 8, bit / 8);
        /* Without trust only the signatures themselves may change unseen. */
        if (check(whole->bytes, trusts[1], &package, &part) == KEDGE_OK)
            head++;
        whole->made.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(head <= 8 * KEDGE_COSE_SIGN1_MAX);
}

static void each_damage_is_named_by_its_part(void **state)
{
    struct signed_package *whole = *state;
    struct kedge_package package;
    enum kedge_package_part part;
    const struct kedge_suit_trust nobody = {.required = 1};
    assert_int_equal(kedge_package_read(whole->bytes, &nobody, NULL, &package, &part),
                     KEDGE_E_SIGNATURE);
    assert_int_equal(part, KEDGE_PART_SIGNATURE);
    assert_int_equal(kedge_package_read(whole->bytes, &whole->trust, NULL, &package, &part),
                     KEDGE_OK);
    const struct {
        const uint8_t *place;
        enum kedge_package_part part;
        enum kedge_rc rc;
    } damages[] = {
        {whole->made.bytes, KEDGE_PART_ENVELOPE, KEDGE_E_UNSUPPORTED},
        {package.envelope.manifest.data + 5, KEDGE_PART_SIGNATURE, KEDGE_E_DIGEST},
        {package.text.data + package.text.size - 1, KEDGE_PART_TEXT, KEDGE_E_DIGEST},
        {package.attachments[1].data, KEDGE_PART_ATTACHMENTS, KEDGE_E_DIGEST},
    };
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        uint8_t *place = whole->made.bytes + (damages[i].place - whole->made.bytes);
        *place ^= 1;
        assert_int_equal(kedge_package_read(whole->bytes, &whole->trust, NULL, &package, &part),
                         damages[i].rc);
        assert_int_equal(part, damages[i].part);
        assert_non_null(kedge_package_part_text(part));
        *place ^= 1;
    }
}

static void attachments_can_be_asked_for_one_by_one(void **state)
{
    struct signed_package *whole = *state;
    struct kedge_package package;
    enum kedge_package_part part;
    assert_int_equal(kedge_package_take_apart(whole->bytes, &package, &part), KEDGE_OK);
    assert_true(package.manifest.attachment_count > 1);
    for (size_t i = 0; i < package.manifest.attachment_count; i++)
        assert_int_equal(kedge_package_check_attachment(&package, i), KEDGE_OK);
    whole->made.bytes[package.attachments[1].data - whole->made.bytes] ^= 1;
    assert_int_equal(kedge_package_take_apart(whole->bytes, &package, &part), KEDGE_OK);
    assert_int_equal(kedge_package_check_attachment(&package, 0), KEDGE_OK);
    assert_int_equal(kedge_package_check_attachment(&package, 1), KEDGE_E_DIGEST);
    whole->made.bytes[package.text.data + package.text.size - 1 - whole->made.bytes] ^= 1;
    assert_int_equal(kedge_package_take_apart(whole->bytes, &package, &part), KEDGE_E_DIGEST);
    assert_int_equal(part, KEDGE_PART_TEXT);
}

static void names_that_the_signed_ids_were_not_made_from_are_not_shown(void **state)
{
    (void)state;
    struct kedge_private_key key;
    struct kedge_package package;
    struct kedge_suit_text names;
    enum kedge_package_part part;
    maker_key(KEDGE_ED25519, 3, &key);
    struct made_package made = maker_full_package(&key, "somebody.else");
    assert_int_equal(
        kedge_package_read(kedge_slice(made.bytes, made.size), NULL, NULL, &package, &part),
        KEDGE_OK);
    kedge_package_names(&package, &names);
    assert_int_equal(names.vendor_domain.size, 0);
    assert_int_equal(names.class_name.size, 0);
    assert_true(kedge_slice_equal(names.description, kedge_slice_text("what it does")));
    maker_free(&made);
}

static void a_device_is_sent_the_package_without_text_and_files(void **state)
{
    struct signed_package *whole = *state;
    struct kedge_package package, stripped;
    enum kedge_package_part part;
    uint8_t bytes[KEDGE_SUIT_HEAD_MAX];
    assert_int_equal(kedge_package_read(whole->bytes, &whole->trust, NULL, &package, &part),
                     KEDGE_OK);
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    assert_int_equal(kedge_package_device_head_write(&package, &out), KEDGE_OK);
    assert_int_equal(kedge_writer_put(&out, package.payload), KEDGE_OK);
    /* It has no attachments, so it is no package to upload; the signature over it still holds. */
    assert_int_equal(kedge_package_read(kedge_writer_slice(&out), &whole->trust, NULL, &stripped,
                                        &part),
                     KEDGE_E_MISSING);
    assert_int_equal(part, KEDGE_PART_ATTACHMENTS);
    assert_int_equal(stripped.envelope.payload_count, 1);
    assert_int_equal(stripped.text.size, 0);
    assert_int_equal(stripped.manifest.sequence, 3);
}

/* The signed parts of `from`, with other unsigned ones around them, as anybody could do. */
static struct kedge_slice rewrap(const struct kedge_package *from, struct kedge_slice text,
                                 const char *extra, uint8_t *bytes, size_t capacity)
{
    uint8_t wrapper_bytes[512];
    const struct kedge_slice name = kedge_slice_text(extra != NULL ? extra : "");
    const struct kedge_slice file = kedge_slice_text("not vouched for");
    struct kedge_writer wrapper = kedge_writer(wrapper_bytes, sizeof wrapper_bytes);
    struct kedge_writer out = kedge_writer(bytes, capacity);
    assert_int_equal(kedge_suit_wrapper_write(from->envelope.digest, from->envelope.signatures,
                                              from->envelope.signature_count, &wrapper),
                     KEDGE_OK);
    assert_int_equal(kedge_suit_head_write(kedge_writer_slice(&wrapper), from->envelope.manifest,
                                           text, &name, &file, extra != NULL ? 1 : 0,
                                           from->payload.size, &out),
                     KEDGE_OK);
    assert_int_equal(kedge_writer_put(&out, from->payload), KEDGE_OK);
    return kedge_writer_slice(&out);
}

static void what_the_manifest_does_not_vouch_for_is_refused(void **state)
{
    (void)state;
    struct kedge_private_key key;
    struct kedge_package package, other;
    enum kedge_package_part part;
    uint8_t bytes[2048], text_bytes[128];
    struct kedge_writer text = kedge_writer(text_bytes, sizeof text_bytes);
    const struct kedge_slice none = kedge_slice(NULL, 0);
    maker_key(KEDGE_ED25519, 3, &key);
    struct made_package made = maker_package(kedge_slice(maker_image_text, sizeof maker_image_text),
                                             false, 1, "1.0.0", &key);
    const struct kedge_suit_trust trust = {.keys = &key.public_key, .key_count = 1, .required = 1};
    assert_int_equal(
        kedge_package_read(kedge_slice(made.bytes, made.size), &trust, NULL, &package, &part),
        KEDGE_OK);
    assert_int_equal(kedge_package_read(rewrap(&package, none, NULL, bytes, sizeof bytes), &trust,
                                        NULL, &other, &part),
                     KEDGE_OK);
    assert_int_equal(kedge_package_read(rewrap(&package, none, "#evil", bytes, sizeof bytes),
                                        &trust, NULL, &other, &part),
                     KEDGE_E_MISSING);
    assert_int_equal(part, KEDGE_PART_ATTACHMENTS);
    assert_int_equal(kedge_suit_text_write(kedge_slice_text("believe me"), none, none, none, &text),
                     KEDGE_OK);
    assert_int_equal(
        kedge_package_read(rewrap(&package, kedge_writer_slice(&text), NULL, bytes, sizeof bytes),
                           &trust, NULL, &other, &part),
        KEDGE_E_MISSING);
    assert_int_equal(part, KEDGE_PART_TEXT);
    maker_free(&made);
}

static void a_package_without_a_version_is_refused(void **state)
{
    (void)state;
    struct kedge_private_key key;
    struct kedge_package package;
    enum kedge_package_part part;
    struct kedge_suit_manifest manifest = {.sequence = 1};
    uint8_t payload[256];
    maker_key(KEDGE_ED25519, 3, &key);
    maker_manifest(kedge_slice(maker_image_text, sizeof maker_image_text), false, payload,
                   &manifest);
    struct made_package made =
        maker_assemble(&manifest, &key, 1, kedge_slice(NULL, 0),
                       kedge_slice(payload, (size_t)manifest.payload.encoded_size));
    assert_int_equal(
        kedge_package_read(kedge_slice(made.bytes, made.size), NULL, NULL, &package, &part),
        KEDGE_E_MISSING);
    assert_int_equal(part, KEDGE_PART_VERSION);
    maker_free(&made);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_package_is_read_with_its_text_and_files),
        TEST(every_flipped_bit_of_every_part_is_refused),
        TEST(each_damage_is_named_by_its_part),
        TEST(attachments_can_be_asked_for_one_by_one),
        cmocka_unit_test(names_that_the_signed_ids_were_not_made_from_are_not_shown),
        cmocka_unit_test(what_the_manifest_does_not_vouch_for_is_refused),
        cmocka_unit_test(a_package_without_a_version_is_refused),
        TEST(a_device_is_sent_the_package_without_text_and_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
