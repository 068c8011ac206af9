// links: kedge-suit
/*
 * fuzz_processor.c: any manifest against simulated components. The first byte chooses the procedure
 * and how directives end, the second how many components the device has; the rest is the manifest.
 * Whatever it says, the processor ends, says the same when asked again, and lends only its bytes.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/suit/simulated.h"

static void check_parameters(const struct kedge_suit_processor *processor,
                             struct kedge_slice manifest)
{
    for (size_t i = 0; i < KEDGE_SUIT_COMPONENTS_MAX; i++) {
        const struct kedge_suit_parameters *set = &processor->parameters[i];
        FUZZ_REQUIRE(fuzz_inside(set->digest, manifest) && fuzz_inside(set->uri, manifest));
        FUZZ_REQUIRE(fuzz_inside(set->content, manifest) && fuzz_inside(set->vendor, manifest));
        FUZZ_REQUIRE((set->set & KEDGE_SUIT_HAS_DIGEST) == 0 ||
                     set->digest.size == KEDGE_SHA256_SIZE);
        FUZZ_REQUIRE((set->set & KEDGE_SUIT_HAS_VENDOR) == 0 || set->vendor.size == 16);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct simulated sim;
    static struct kedge_suit_processor processor;
    struct kedge_slice input = kedge_slice(data, size);
    struct kedge_slice steer = fuzz_take(&input, 2);
    if (steer.size < 2 || input.size > KEDGE_SUIT_HEAD_MAX)
        return 0;
    const struct kedge_suit_envelope envelope = {.manifest = input};
    bool waits = (steer.data[0] & 2) != 0;
    unsigned resumed = 0;
    char words[KEDGE_SUIT_REFUSAL_TEXT_MAX];
    simulated_begin(&sim, steer.data[1] % (KEDGE_SUIT_COMPONENTS_MAX + 1));
    sim.directive_rc = waits ? KEDGE_E_BUSY : KEDGE_OK;
    enum kedge_rc rc = kedge_suit_processor_begin(&processor, &envelope, NULL, &sim.platform,
                                                  (steer.data[0] & 1) != 0 ? KEDGE_SUIT_INVOCATION
                                                                           : KEDGE_SUIT_UPDATE);
    if (rc == KEDGE_OK)
        rc = kedge_suit_processor_run(&processor);
    while (rc == KEDGE_E_BUSY) {
        FUZZ_REQUIRE(waits && ++resumed <= 3 * KEDGE_SUIT_STEPS_MAX);
        check_parameters(&processor, input);
        rc = kedge_suit_processor_resume(&processor, KEDGE_OK);
    }
    check_parameters(&processor, input);
    FUZZ_REQUIRE(kedge_suit_processor_run(&processor) == rc);
    FUZZ_REQUIRE(kedge_suit_processor_resume(&processor, KEDGE_OK) == KEDGE_E_STATE);
    kedge_suit_refusal_text(&processor.refused, words);
    FUZZ_REQUIRE(rc != KEDGE_E_COMMAND || words[0] != '\0');
    return 0;
}
