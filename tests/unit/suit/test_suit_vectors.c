/* test_suit_vectors.c: the example envelopes of draft-ietf-suit-manifest-37, appendix B. */
#include <kedge/suit.h>
#include <string.h>

#include "tests/unit/vectors.h"

static const char *const signed_examples[] = {
    "suit/example0.signed.suit",      "suit/example1.signed.suit",
    "suit/example2.signed-full.suit", "suit/example2.signed-severed.suit",
    "suit/example3.signed.suit",      "suit/example4.signed.suit",
    "suit/example5.signed.suit"};
static const char *const unsigned_examples[] = {
    "suit/example0.unsigned.suit", "suit/example1.unsigned.suit", "suit/example3.unsigned.suit",
    "suit/example4.unsigned.suit", "suit/example5.unsigned.suit"};

#define SIGNED (sizeof signed_examples / sizeof signed_examples[0])
#define UNSIGNED (sizeof unsigned_examples / sizeof unsigned_examples[0])

static struct kedge_public_key anchor(void)
{
    struct kedge_slice pem = vector_read("suit/trust-anchor.pem");
    struct kedge_public_key key;
    assert_int_equal(kedge_public_key_from_pem(pem, &key), KEDGE_OK);
    vector_free(pem);
    return key;
}

static enum kedge_rc authenticate(struct kedge_slice bytes, const struct kedge_public_key *key)
{
    struct kedge_suit_envelope envelope;
    const struct kedge_suit_trust trust = {.keys = key, .key_count = 1, .required = 1};
    KEDGE_TRY(kedge_suit_envelope_read(bytes, &envelope));
    return kedge_suit_authenticate(&envelope, &trust, NULL);
}

static void all_seven_signed_examples_verify(void **state)
{
    (void)state;
    struct kedge_public_key key = anchor();
    for (size_t i = 0; i < SIGNED; i++) {
        struct kedge_slice bytes = vector_read(signed_examples[i]);
        enum kedge_rc rc = authenticate(bytes, &key);
        if (rc != KEDGE_OK)
            fail_msg("%s: %s", signed_examples[i], kedge_rc_name(rc));
        vector_free(bytes);
    }
}

static void unsigned_examples_are_not_signed(void **state)
{
    (void)state;
    struct kedge_public_key key = anchor();
    for (size_t i = 0; i < UNSIGNED; i++) {
        struct kedge_slice bytes = vector_read(unsigned_examples[i]);
        assert_int_equal(authenticate(bytes, &key), KEDGE_E_SIGNATURE);
        vector_free(bytes);
    }
}

static size_t walk(struct kedge_slice sequence)
{
    struct kedge_suit_steps steps;
    struct kedge_suit_step step;
    enum kedge_rc rc;
    size_t count = 0;
    if (sequence.size == 0)
        return 0;
    assert_int_equal(kedge_suit_steps_begin(sequence, &steps), KEDGE_OK);
    while ((rc = kedge_suit_steps_next(&steps, &step)) == KEDGE_OK) {
        assert_non_null(kedge_suit_command_name(step.command));
        count++;
    }
    assert_int_equal(rc, KEDGE_E_NOT_FOUND);
    return count;
}

static size_t walk_all(const char *name)
{
    struct kedge_slice bytes = vector_read(name);
    struct kedge_suit_envelope envelope;
    struct kedge_suit_parts parts;
    enum kedge_rc rc = kedge_suit_envelope_read(bytes, &envelope);
    if (rc == KEDGE_OK)
        rc = kedge_suit_parts_read(&envelope, &parts);
    if (rc != KEDGE_OK)
        fail_msg("%s: %s", name, kedge_rc_name(rc));
    size_t steps = walk(parts.shared_sequence) + walk(parts.validate) + walk(parts.load) +
                   walk(parts.invoke) + walk(parts.payload_fetch) + walk(parts.install);
    assert_int_equal(parts.version, 1);
    assert_true(parts.component_count >= 1);
    vector_free(bytes);
    return steps;
}

static void every_example_is_read_step_by_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIGNED; i++)
        assert_true(walk_all(signed_examples[i]) >= 3);
    for (size_t i = 0; i < UNSIGNED; i++)
        assert_true(walk_all(unsigned_examples[i]) >= 3);
}

static void a_flipped_byte_of_manifest_or_signature_is_noticed(void **state)
{
    (void)state;
    struct kedge_public_key key = anchor();
    struct kedge_slice bytes = vector_read("suit/example0.signed.suit");
    uint8_t *changed = malloc(bytes.size);
    assert_non_null(changed);
    memcpy(changed, bytes.data, bytes.size);
    for (size_t i = 0; i < bytes.size; i++) {
        changed[i] ^= 0x01;
        if (authenticate(kedge_slice(changed, bytes.size), &key) == KEDGE_OK)
            fail_msg("byte %zu does not matter", i);
        changed[i] ^= 0x01;
    }
    free(changed);
    vector_free(bytes);
}

static void examples_of_others_are_no_kedge_packages(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIGNED; i++) {
        struct kedge_slice bytes = vector_read(signed_examples[i]);
        struct kedge_suit_envelope envelope;
        struct kedge_suit_manifest manifest;
        assert_int_equal(kedge_suit_envelope_read(bytes, &envelope), KEDGE_OK);
        assert_int_not_equal(kedge_suit_manifest_read(&envelope, &manifest), KEDGE_OK);
        vector_free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_seven_signed_examples_verify),
        cmocka_unit_test(unsigned_examples_are_not_signed),
        cmocka_unit_test(every_example_is_read_step_by_step),
        cmocka_unit_test(a_flipped_byte_of_manifest_or_signature_is_noticed),
        cmocka_unit_test(examples_of_others_are_no_kedge_packages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
