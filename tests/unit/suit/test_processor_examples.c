/*
 * test_processor_examples.c: the example manifests of draft-ietf-suit-manifest-37, appendix B, run
 * to their end on simulated components, to update and to boot. What is fetched or unpacked here is
 * what was asked for; what is there already is what the shared sequence says.
 */
#include "tests/unit/suit/simulated.h"
#include "tests/unit/vectors.h"

#define BEFORE "vendor0 class0 "

static const char first_image[] =
    "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210";
static const char second_image[] =
    "0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff";

/* Example 4 unpacks what it copies. */
static enum kedge_rc unpack(void *context, size_t index, const struct kedge_suit_parameters *set)
{
    return simulated_obtain(context, "unpack", index, set);
}

static void put(uint8_t *out, size_t size, const char *hex)
{
    assert_int_equal(kedge_hex_decode(kedge_slice_text(hex), out, size), KEDGE_OK);
}

static void begin(struct simulated *sim)
{
    simulated_begin(sim, 3);
    put(sim->vendor, 16, "fa6b4a53d5ad5fdfbe9de663e4d41ffe");
    put(sim->class_id, 16, "1492af1425695e48bf429b2d51f2ab45");
    sim->platform.copy = unpack;
}

/* Runs an example that must come to its end and must have told the device just this. */
static void assert_runs(struct simulated *sim, const char *name,
                        enum kedge_suit_procedure procedure, const char *log)
{
    struct kedge_slice bytes = vector_read(name);
    struct kedge_slice pem = vector_read("suit/trust-anchor.pem");
    struct kedge_suit_envelope envelope;
    struct kedge_suit_processor processor;
    struct kedge_public_key key;
    const struct kedge_suit_trust trust = {.keys = &key, .key_count = 1, .required = 1};
    sim->log_size = 0;
    assert_int_equal(kedge_public_key_from_pem(pem, &key), KEDGE_OK);
    assert_int_equal(kedge_suit_envelope_read(bytes, &envelope), KEDGE_OK);
    enum kedge_rc rc =
        kedge_suit_processor_begin(&processor, &envelope, &trust, &sim->platform, procedure);
    if (rc == KEDGE_OK)
        rc = kedge_suit_processor_run(&processor);
    char words[KEDGE_SUIT_REFUSAL_TEXT_MAX];
    kedge_suit_refusal_text(&processor.refused, words);
    if (rc != KEDGE_OK)
        fail_msg("%s: %s, %s", name, kedge_rc_name(rc), words);
    assert_string_equal(sim->log, log);
    vector_free(pem);
    vector_free(bytes);
}

static void example_0_is_validated_and_invoked(void **state)
{
    (void)state;
    struct simulated sim;
    begin(&sim);
    put(sim.component[0].digest, 32, first_image);
    assert_runs(&sim, "suit/example0.signed.suit", KEDGE_SUIT_INVOCATION,
                BEFORE "match0 " BEFORE "invoke0 ");
}

static void example_1_is_downloaded_and_validated(void **state)
{
    (void)state;
    struct simulated sim;
    begin(&sim);
    assert_runs(&sim, "suit/example1.signed.suit", KEDGE_SUIT_UPDATE,
                BEFORE "fetch0 match0 " BEFORE "match0 ");
}

static void example_2_is_installed_whole_and_boots_severed(void **state)
{
    (void)state;
    struct simulated sim;
    begin(&sim);
    assert_runs(&sim, "suit/example2.signed-full.suit", KEDGE_SUIT_UPDATE,
                BEFORE "fetch0 match0 " BEFORE "match0 ");
    assert_runs(&sim, "suit/example2.signed-severed.suit", KEDGE_SUIT_INVOCATION,
                BEFORE "match0 " BEFORE "invoke0 ");
}

static void example_3_takes_the_image_of_its_slot(void **state)
{
    (void)state;
    for (uint64_t slot = 0; slot < 2; slot++) {
        struct simulated sim;
        uint8_t expected[KEDGE_SHA256_SIZE];
        begin(&sim);
        put(expected, sizeof expected, slot == 0 ? first_image : second_image);
        sim.component[0].slot = slot;
        assert_runs(&sim, "suit/example3.signed.suit", KEDGE_SUIT_UPDATE,
                    BEFORE "fetch0 match0 " BEFORE "match0 ");
        assert_memory_equal(sim.component[0].digest, expected, sizeof expected);
    }
}

static void example_4_is_stored_unpacked_and_loaded(void **state)
{
    (void)state;
    struct simulated sim;
    begin(&sim);
    assert_runs(&sim, "suit/example4.signed.suit", KEDGE_SUIT_UPDATE,
                BEFORE "fetch1 match1 " BEFORE "unpack0 match0 " BEFORE "match0 ");
    assert_runs(&sim, "suit/example4.signed.suit", KEDGE_SUIT_INVOCATION,
                BEFORE "match0 " BEFORE "unpack2 match2 " BEFORE "invoke2 ");
}

static void example_5_installs_two_components(void **state)
{
    (void)state;
    struct simulated sim;
    begin(&sim);
    assert_runs(&sim, "suit/example5.signed.suit", KEDGE_SUIT_UPDATE,
                BEFORE "fetch0 match0 fetch1 match1 " BEFORE "match0 match1 ");
    assert_runs(&sim, "suit/example5.signed.suit", KEDGE_SUIT_INVOCATION,
                BEFORE "match0 match1 " BEFORE "invoke0 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_0_is_validated_and_invoked),
        cmocka_unit_test(example_1_is_downloaded_and_validated),
        cmocka_unit_test(example_2_is_installed_whole_and_boots_severed),
        cmocka_unit_test(example_3_takes_the_image_of_its_slot),
        cmocka_unit_test(example_4_is_stored_unpacked_and_loaded),
        cmocka_unit_test(example_5_installs_two_components),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
