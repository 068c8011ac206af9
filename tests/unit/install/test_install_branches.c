/*
 * test_install_branches.c: manifests that kedge-sign does not write and a device executes all the
 * same: an image for each slot, and what is refused because nobody could execute it.
 */
#include "tests/unit/install/bench.h"
#include "tests/unit/suit/sequences.h"

#define IMAGE_SIZE 700u

/* Two builds, one for each slot, and the frames of each. */
struct builds {
    uint8_t image[KEDGE_SLOTS][IMAGE_SIZE];
    uint8_t frames[KEDGE_SLOTS][IMAGE_SIZE + KEDGE_FRAME_HEAD_SIZE];
    struct kedge_suit_manifest manifest[KEDGE_SLOTS];
};

static void builds_make(struct builds *builds)
{
    memset(builds, 0, sizeof *builds);
    for (size_t slot = 0; slot < KEDGE_SLOTS; slot++) {
        bench_image(builds->image[slot], IMAGE_SIZE);
        builds->image[slot][0] = (uint8_t)('A' + slot);
        maker_manifest(kedge_slice(builds->image[slot], IMAGE_SIZE), false, builds->frames[slot],
                       &builds->manifest[slot]);
    }
}

static const char *hex(const uint8_t *bytes, size_t size)
{
    static char text[4][2 * KEDGE_SHA256_SIZE + 1];
    static unsigned turn;
    char *out = text[turn++ % 4];
    kedge_hex_encode(kedge_slice(bytes, size), out);
    return out;
}

static void set_image(struct seq *to, const struct kedge_suit_manifest *manifest)
{
    char map[256];
    snprintf(map, sizeof map, "a2035824822f5820%s0e19%04x", hex(manifest->image_digest, 32),
             (unsigned)manifest->image_size);
    seq_set(to, map);
}

static void set_frames(struct seq *to, const struct kedge_suit_manifest *manifest)
{
    char map[256];
    snprintf(map, sizeof map,
             "a31569236669726d77617265390100582783"
             "0019%04x5820%s39010100",
             (unsigned)manifest->payload.encoded_size,
             hex(manifest->payload.first_frame_digest, 32));
    seq_set(to, map);
}

static void set_slot(struct seq *to, size_t slot)
{
    seq_set(to, slot == 0 ? "a10500" : "a10501");
    seq_do(to, KEDGE_SUIT_CONDITION_COMPONENT_SLOT);
}

static struct seq shared_checks(const struct kedge_suit_manifest *manifest)
{
    struct seq shared = seq();
    char map[128];
    snprintf(map, sizeof map, "a20150%s0250%s", hex(manifest->vendor, 16),
             hex(manifest->class_id, 16));
    seq_set(&shared, map);
    seq_do(&shared, KEDGE_SUIT_CONDITION_VENDOR);
    seq_do(&shared, KEDGE_SUIT_CONDITION_CLASS);
    return shared;
}

static struct made_package package(const struct bench *bench, const struct builds *builds,
                                   const struct seq *shared, const struct seq *install,
                                   const struct seq *validate, size_t payload)
{
    uint8_t bytes[2048];
    struct draft draft = {.components = 1, .sequence = 20, .version = 1};
    draft.section[KEDGE_SUIT_SECTION_SHARED] = shared;
    draft.section[KEDGE_SUIT_SECTION_INSTALL] = install;
    draft.section[KEDGE_SUIT_SECTION_VALIDATE] = validate;
    struct kedge_suit_envelope envelope = draft_envelope(&draft, bytes, sizeof bytes);
    const struct kedge_suit_manifest *manifest = &builds->manifest[payload];
    return maker_assemble_encoded(
        manifest, envelope.manifest, &bench->key, 1, kedge_slice(NULL, 0), NULL,
        kedge_slice(builds->frames[payload], (size_t)manifest->payload.encoded_size));
}

/* The A/B template of section 7.7, with our directive in place of fetch. */
static struct made_package branching(const struct bench *bench, const struct builds *builds,
                                     size_t payload)
{
    struct seq shared = shared_checks(&builds->manifest[0]);
    struct seq install = seq(), validate = seq(), images[2], frames[2];
    const struct seq *image[] = {&images[0], &images[1]}, *frame[] = {&frames[0], &frames[1]};
    for (size_t slot = 0; slot < KEDGE_SLOTS; slot++) {
        images[slot] = frames[slot] = seq();
        set_slot(&images[slot], slot);
        set_image(&images[slot], &builds->manifest[slot]);
        set_slot(&frames[slot], slot);
        set_frames(&frames[slot], &builds->manifest[slot]);
    }
    seq_try(&shared, image, 2);
    seq_try(&install, frame, 2);
    seq_do(&install, KEDGE_SUIT_DIRECTIVE_INSTALL_FRAMES);
    seq_do(&install, KEDGE_SUIT_CONDITION_IMAGE_MATCH);
    seq_do(&validate, KEDGE_SUIT_CONDITION_IMAGE_MATCH);
    return package(bench, builds, &shared, &install, &validate, payload);
}

static void the_image_of_the_spare_slot_is_installed_and_boots(void **state)
{
    (void)state;
    static struct builds builds;
    struct kedge_boot_decision decision;
    struct bench *bench = bench_new();
    builds_make(&builds);
    struct made_package made = branching(bench, &builds, 1);
    assert_int_equal(bench_install(bench, 1, kedge_slice(made.bytes, made.size), 100), KEDGE_OK);
    assert_memory_equal(kedge_install_manifest(&bench->install)->image_digest,
                        builds.manifest[1].image_digest, KEDGE_SHA256_SIZE);
    assert_int_equal(kedge_slot_verify(bench->boot.slots[1], 1, &bench->trust, &bench->work),
                     KEDGE_OK);
    /* In the other slot the same bytes are not what was signed for it. */
    assert_int_equal(kedge_slot_verify(bench->boot.slots[1], 0, &bench->trust, &bench->work),
                     KEDGE_E_DIGEST);
    assert_int_equal(kedge_boot_activate(&bench->boot, 1), KEDGE_OK);
    assert_int_equal(kedge_boot_select(&bench->boot, &decision), KEDGE_OK);
    assert_int_equal(decision.slot, 1);
    maker_free(&made);
    bench_free(bench);
}

static void the_image_of_the_other_slot_is_refused(void **state)
{
    (void)state;
    static struct builds builds;
    struct bench *bench = bench_new();
    builds_make(&builds);
    struct made_package made = branching(bench, &builds, 0);
    assert_int_equal(bench_install(bench, 1, kedge_slice(made.bytes, made.size), 100),
                     KEDGE_E_FRAME);
    maker_free(&made);
    bench_free(bench);
}

/* Installs what must be refused with these words, and before flash changes. */
static void refused(struct bench *bench, struct made_package *made, enum kedge_rc rc,
                    const char *expected)
{
    char words[KEDGE_SUIT_WORDS_MAX];
    size_t ops = bench->sim.log_count;
    assert_int_equal(bench_install(bench, 1, kedge_slice(made->bytes, made->size), 64), rc);
    kedge_install_words(&bench->install, words);
    assert_string_equal(words, expected);
    assert_int_equal(bench->sim.log_count, ops);
    maker_free(made);
}

static void a_command_that_no_device_has_is_refused_by_name_untouched(void **state)
{
    (void)state;
    static const struct {
        int64_t command;
        const char *words;
    } cases[] = {
        {21, "the manifest asks for a command that is not known: directive-fetch (21) in install"},
        {4, "the manifest asks for a command that is not known: "
            "condition-use-before (4) in install"},
        {-300, "the manifest asks for a command that is not known: "
               "unknown command (-300) in install"},
    };
    static struct builds builds;
    struct bench *bench = bench_new();
    builds_make(&builds);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seq shared = shared_checks(&builds.manifest[1]);
        struct seq install = seq(), validate = seq();
        set_image(&shared, &builds.manifest[1]);
        set_frames(&install, &builds.manifest[1]);
        seq_do(&install, KEDGE_SUIT_DIRECTIVE_INSTALL_FRAMES);
        seq_do(&install, KEDGE_SUIT_CONDITION_IMAGE_MATCH);
        seq_do(&install, cases[i].command); /* behind the payload, and found before it */
        seq_do(&validate, KEDGE_SUIT_CONDITION_IMAGE_MATCH);
        struct made_package made = package(bench, &builds, &shared, &install, &validate, 1);
        refused(bench, &made, KEDGE_E_COMMAND, cases[i].words);
    }
    bench_free(bench);
}

/* At boot nobody knows any more what the version was: such a branch would be another one then. */
static void branches_by_anything_but_the_slot_are_refused_untouched(void **state)
{
    (void)state;
    static struct builds builds;
    struct bench *bench = bench_new();
    builds_make(&builds);
    struct seq shared = shared_checks(&builds.manifest[1]);
    struct seq install = seq(), validate = seq(), newer = seq(), older = seq();
    const struct seq *both[] = {&newer, &older};
    set_image(&shared, &builds.manifest[1]);
    seq_set(&newer, "a1181c46820283090000");
    seq_do(&newer, KEDGE_SUIT_CONDITION_VERSION);
    set_frames(&newer, &builds.manifest[0]);
    set_frames(&older, &builds.manifest[1]);
    seq_try(&install, both, 2);
    seq_do(&install, KEDGE_SUIT_DIRECTIVE_INSTALL_FRAMES);
    seq_do(&install, KEDGE_SUIT_CONDITION_IMAGE_MATCH);
    seq_do(&validate, KEDGE_SUIT_CONDITION_IMAGE_MATCH);
    struct made_package made = package(bench, &builds, &shared, &install, &validate, 1);
    refused(bench, &made, KEDGE_E_UNSUPPORTED, kedge_rc_text(KEDGE_E_UNSUPPORTED));
    bench_free(bench);
}

static void a_slot_that_no_branch_is_for_is_refused_by_name_untouched(void **state)
{
    (void)state;
    static struct builds builds;
    struct bench *bench = bench_new();
    builds_make(&builds);
    struct seq shared = shared_checks(&builds.manifest[0]);
    struct seq install = seq(), validate = seq();
    set_slot(&shared, 0);
    set_image(&shared, &builds.manifest[0]);
    set_frames(&install, &builds.manifest[0]);
    seq_do(&install, KEDGE_SUIT_DIRECTIVE_INSTALL_FRAMES);
    seq_do(&install, KEDGE_SUIT_CONDITION_IMAGE_MATCH);
    seq_do(&validate, KEDGE_SUIT_CONDITION_IMAGE_MATCH);
    struct made_package made = package(bench, &builds, &shared, &install, &validate, 0);
    refused(bench, &made, KEDGE_E_CONDITION,
            "a condition of the manifest does not hold: "
            "condition-component-slot (5) in the shared sequence");
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_image_of_the_spare_slot_is_installed_and_boots),
        cmocka_unit_test(the_image_of_the_other_slot_is_refused),
        cmocka_unit_test(a_command_that_no_device_has_is_refused_by_name_untouched),
        cmocka_unit_test(branches_by_anything_but_the_slot_are_refused_untouched),
        cmocka_unit_test(a_slot_that_no_branch_is_for_is_refused_by_name_untouched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
