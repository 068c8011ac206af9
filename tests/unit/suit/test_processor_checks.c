/*
 * test_processor_checks.c: draft-ietf-suit-manifest-37, sections 6.1 to 6.3, on simulated
 * components: what is refused before anything runs, and the limits.
 */
#include "tests/unit/suit/processor_bench.h"

/* ---- 6.1 setup ---- */

static void an_unknown_manifest_version_is_refused_before_anything_runs(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, 1);
    bench.draft.version = 2;
    assert_int_equal(bench_update(&bench), KEDGE_E_UNSUPPORTED);
    assert_string_equal(bench.sim.log, "");
}

static void a_sequence_number_below_the_floor_is_refused_before_anything_runs(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, 1);
    bench.sim.platform.sequence_floor = 8;
    assert_int_equal(bench_update(&bench), KEDGE_E_SEQUENCE);
    assert_string_equal(bench.sim.log, "");
    bench.sim.platform.sequence_floor = 7;
    assert_int_equal(bench_update(&bench), KEDGE_OK);
}

static void the_floor_is_about_updates_so_that_a_fallback_still_boots(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, 1);
    bench.sim.platform.sequence_floor = 8;
    assert_int_equal(bench_run(&bench, KEDGE_SUIT_INVOCATION), KEDGE_OK);
}

/* What one section set is not there in the next: each begins with the shared sequence's alone. */
static void parameters_are_cleared_before_each_section(void **state)
{
    (void)state;
    struct bench bench;
    struct seq validate = seq();
    bench_begin(&bench, 1);
    seq_set(&bench.install, DIGEST(ZEROS32));
    seq_do(&bench.install, MATCH);
    seq_do(&validate, MATCH);
    bench.draft.section[KEDGE_SUIT_SECTION_VALIDATE] = &validate;
    assert_int_equal(bench_update(&bench), KEDGE_E_MISSING);
    assert_string_equal(bench.sim.log, "vendor0 class0 match0 vendor0 class0 ");
    assert_refused(&bench, "condition-image-match (3) in validate");
}

/* ---- 6.2 required checks ---- */

static void the_signature_is_verified_before_any_section_is_read(void **state)
{
    (void)state;
    struct bench bench;
    struct kedge_public_key key = {0};
    const struct kedge_suit_trust trust = {.keys = &key, .key_count = 1, .required = 1};
    bench_begin(&bench, 1);
    seq_do(&bench.install, 99);
    bench.envelope = draft_envelope(&bench.draft, bench.bytes, sizeof bench.bytes);
    assert_int_equal(kedge_suit_processor_begin(&bench.processor, &bench.envelope, &trust,
                                                &bench.sim.platform, KEDGE_SUIT_UPDATE),
                     KEDGE_E_DIGEST);
    assert_false(bench.processor.refused.named);
    assert_int_equal(kedge_suit_processor_run(&bench.processor), KEDGE_E_DIGEST);
}

static void more_components_than_the_device_has_are_refused(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, 3);
    bench.sim.components = 2;
    assert_int_equal(bench_update(&bench), KEDGE_E_UNSUPPORTED);
    assert_string_equal(bench.sim.log, "");
}

static void a_shared_sequence_must_check_vendor_and_class(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, 1);
    bench.shared = seq();
    seq_set(&bench.shared, IDS);
    seq_do(&bench.shared, KEDGE_SUIT_CONDITION_VENDOR);
    assert_int_equal(bench_update(&bench), KEDGE_E_MISSING);
    assert_refused(&bench, "condition-class-identifier (2) in the shared sequence");
    bench.shared = seq();
    seq_set(&bench.shared, IDS);
    seq_do(&bench.shared, KEDGE_SUIT_CONDITION_CLASS);
    assert_int_equal(bench_update(&bench), KEDGE_E_MISSING);
    assert_refused(&bench, "condition-vendor-identifier (1) in the shared sequence");
}

static void custom_commands_and_parameters_are_refused_in_the_shared_sequence(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, 1);
    seq_do(&bench.shared, KEDGE_SUIT_DIRECTIVE_INSTALL_FRAMES);
    assert_int_equal(bench_update(&bench), KEDGE_E_COMMAND);
    assert_refused(&bench, "kedge-directive-install-frames (-257) in the shared sequence");
    bench_begin(&bench, 1);
    seq_set(&bench.shared, "a139010100");
    assert_int_equal(bench_update(&bench), KEDGE_E_COMMAND);
    assert_refused(&bench, "parameter kedge-delivery (-258) in the shared sequence");
}

static void with_several_components_each_section_begins_with_the_index(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, 2);
    seq_set(&bench.install, URI_A);
    assert_int_equal(bench_update(&bench), KEDGE_E_MISSING);
    assert_refused(&bench, "directive-override-parameters (20) in install");
    bench_begin(&bench, 2);
    seq_index(&bench.install, "01");
    seq_set(&bench.install, URI_A);
    seq_do(&bench.install, FETCH);
    assert_int_equal(bench_update(&bench), KEDGE_OK);
    assert_string_equal(told(&bench), "fetch1 ");
}

/* ---- 6.3 severed members and what is not known ---- */

static struct kedge_slice sever(struct bench *bench, uint8_t *bytes, size_t size)
{
    struct kedge_writer out = kedge_writer(bytes, size);
    seq_put(&out, &bench->install);
    struct kedge_cursor cursor = kedge_cursor(kedge_writer_slice(&out));
    assert_int_equal(kedge_cbor_bstr(&cursor, &bench->draft.member), KEDGE_OK);
    bench->draft.severed = true;
    bench->draft.section[KEDGE_SUIT_SECTION_INSTALL] = NULL;
    kedge_sha256(kedge_writer_slice(&out), bench->draft.digest);
    return bench->draft.member;
}

static void a_severed_member_runs_when_its_digest_is_the_manifests(void **state)
{
    (void)state;
    struct bench bench;
    uint8_t bytes[2048];
    bench_begin(&bench, 1);
    seq_set(&bench.install, URI_A);
    seq_do(&bench.install, FETCH);
    sever(&bench, bytes, sizeof bytes);
    assert_int_equal(bench_update(&bench), KEDGE_OK);
    assert_string_equal(told(&bench), "fetch0 ");
    bench.draft.digest[31] ^= 1;
    bench.sim.log_size = 0;
    bench.sim.log[0] = '\0';
    assert_int_equal(bench_update(&bench), KEDGE_E_DIGEST);
    assert_string_equal(bench.sim.log, "");
}

static void a_severed_member_that_is_gone_is_missed_by_updates_only(void **state)
{
    (void)state;
    struct bench bench;
    uint8_t bytes[2048];
    bench_begin(&bench, 1);
    sever(&bench, bytes, sizeof bytes);
    bench.draft.member = kedge_slice(NULL, 0);
    assert_int_equal(bench_update(&bench), KEDGE_E_MISSING);
    assert_int_equal(bench_run(&bench, KEDGE_SUIT_INVOCATION), KEDGE_OK);
}

static void a_member_that_the_manifest_does_not_vouch_for_is_refused(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, 1);
    assert_int_equal(bench_prepare(&bench, KEDGE_SUIT_UPDATE), KEDGE_OK);
    bench.envelope.severable[23] = kedge_slice("\xa0", 1);
    assert_int_equal(kedge_suit_processor_begin(&bench.processor, &bench.envelope, NULL,
                                                &bench.sim.platform, KEDGE_SUIT_UPDATE),
                     KEDGE_E_MISSING);
}

static void unknown_commands_and_parameters_are_refused_by_name_in_any_branch(void **state)
{
    (void)state;
    static const struct {
        int64_t command;
        const char *words;
    } cases[] = {{4, "condition-use-before (4) in install"},
                 {99, "unknown command (99) in install"},
                 {-300, "unknown command (-300) in install"},
                 {INT64_MIN, "unknown command (-9223372036854775808) in install"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench bench;
        struct seq first = seq(), second = seq();
        const struct seq *both[] = {&first, &second};
        bench_begin(&bench, 1);
        seq_do(&second, cases[i].command); /* never reached: the first sequence succeeds */
        seq_try(&bench.install, both, 2);
        assert_int_equal(bench_update(&bench), KEDGE_E_COMMAND);
        assert_refused(&bench, cases[i].words);
        assert_string_equal(bench.sim.log, "");
    }
    struct bench bench;
    bench_begin(&bench, 1);
    seq_set(&bench.install, "a1131840");
    assert_int_equal(bench_update(&bench), KEDGE_E_COMMAND);
    assert_refused(&bench, "parameter encryption-info (19) in install");
}

static void a_command_that_the_device_cannot_do_is_refused_by_name(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, 1);
    seq_set(&bench.install, URI_A);
    seq_do(&bench.install, FETCH);
    bench.sim.platform.fetch = NULL;
    assert_int_equal(bench_update(&bench), KEDGE_E_COMMAND);
    assert_refused(&bench, "directive-fetch (21) in install");
    assert_string_equal(bench.sim.log, "");
    /* To boot it is no hindrance: what has been installed is not installed again. */
    assert_int_equal(bench_run(&bench, KEDGE_SUIT_INVOCATION), KEDGE_OK);
}

/* ---- limits, and what is malformed ---- */

static void sequences_inside_one_another_are_bounded(void **state)
{
    (void)state;
    struct bench bench;
    struct seq deepest = seq();
    bench_begin(&bench, 1);
    seq_do(&deepest, INVOKE);
    for (size_t depth = 2; depth <= KEDGE_SUIT_NESTING_MAX + 1; depth++) {
        struct seq around = seq();
        seq_run(&around, &deepest);
        deepest = around;
        bench.install = around;
        bench.sim.log_size = 0;
        assert_int_equal(bench_update(&bench),
                         depth <= KEDGE_SUIT_NESTING_MAX ? KEDGE_OK : KEDGE_E_LIMIT);
    }
}

static void what_one_section_runs_is_bounded(void **state)
{
    (void)state;
    struct bench bench;
    struct seq inner = seq(), middle = seq();
    bench_begin(&bench, 4);
    for (size_t i = 0; i < 60; i++)
        seq_do(&inner, INVOKE);
    seq_index(&middle, "f5");
    seq_run(&middle, &inner);
    seq_index(&bench.install, "f5");
    seq_run(&bench.install, &middle); /* 16 times 60 */
    assert_int_equal(bench_update(&bench), KEDGE_E_LIMIT);
}

static void arguments_of_another_type_are_refused(void **state)
{
    (void)state;
    static const struct {
        int64_t command;
        const char *argument;
        enum kedge_rc rc;
    } cases[] = {{MATCH, "10", KEDGE_E_UNSUPPORTED},
                 {MATCH, "f6", KEDGE_E_TYPE},
                 {20, "80", KEDGE_E_TYPE},
                 {20, "a10c00", KEDGE_E_TYPE},
                 {20, "a10d00", KEDGE_E_UNSUPPORTED},
                 {20, "a20115", KEDGE_E_TRUNCATED},
                 {15, "00", KEDGE_E_TYPE},
                 {15, "820000", KEDGE_E_TYPE},
                 {32, "80", KEDGE_E_TYPE},
                 {32, "4100", KEDGE_E_TYPE},
                 {32, "428100", KEDGE_E_MALFORMED},
                 {20, "a10243000000", KEDGE_E_MALFORMED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench bench;
        bench_begin(&bench, 1);
        seq_hex(&bench.install, cases[i].command, cases[i].argument);
        enum kedge_rc rc = bench_update(&bench);
        if (rc != cases[i].rc)
            fail_msg("%s: %s", cases[i].argument, kedge_rc_name(rc));
        assert_string_equal(bench.sim.log, "");
    }
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_unknown_manifest_version_is_refused_before_anything_runs),
        TEST(a_sequence_number_below_the_floor_is_refused_before_anything_runs),
        TEST(the_floor_is_about_updates_so_that_a_fallback_still_boots),
        TEST(parameters_are_cleared_before_each_section),
        TEST(the_signature_is_verified_before_any_section_is_read),
        TEST(more_components_than_the_device_has_are_refused),
        TEST(a_shared_sequence_must_check_vendor_and_class),
        TEST(custom_commands_and_parameters_are_refused_in_the_shared_sequence),
        TEST(with_several_components_each_section_begins_with_the_index),
        TEST(a_severed_member_runs_when_its_digest_is_the_manifests),
        TEST(a_severed_member_that_is_gone_is_missed_by_updates_only),
        TEST(a_member_that_the_manifest_does_not_vouch_for_is_refused),
        TEST(unknown_commands_and_parameters_are_refused_by_name_in_any_branch),
        TEST(a_command_that_the_device_cannot_do_is_refused_by_name),
        TEST(sequences_inside_one_another_are_bounded),
        TEST(what_one_section_runs_is_bounded),
        TEST(arguments_of_another_type_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
