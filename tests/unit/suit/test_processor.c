/*
 * test_processor.c: a test for each rule of draft-ietf-suit-manifest-37, section 6, and of what
 * 8.4.8 to 8.4.10 say of the commands, on simulated components. The device's ids are zeros.
 */
#include "tests/unit/suit/sequences.h"

#define ZEROS16 "00000000000000000000000000000000"
#define ZEROS32 ZEROS16 ZEROS16
#define ONES32 "0101010101010101010101010101010101010101010101010101010101010101"
#define IDS "a20150" ZEROS16 "0250" ZEROS16
#define DIGEST(hex) "a1035824822f5820" hex
#define URI_A "a1156161"

#define SLOT KEDGE_SUIT_CONDITION_COMPONENT_SLOT
#define MATCH KEDGE_SUIT_CONDITION_IMAGE_MATCH
#define CONTENT KEDGE_SUIT_CONDITION_CHECK_CONTENT
#define ABORT KEDGE_SUIT_CONDITION_ABORT
#define FETCH KEDGE_SUIT_DIRECTIVE_FETCH
#define WRITE KEDGE_SUIT_DIRECTIVE_WRITE
#define COPY KEDGE_SUIT_DIRECTIVE_COPY
#define SWAP KEDGE_SUIT_DIRECTIVE_SWAP
#define INVOKE KEDGE_SUIT_DIRECTIVE_INVOKE

/* A device and a manifest in the making: one shared sequence that checks vendor and class. */
struct bench {
    struct simulated sim;
    struct draft draft;
    struct seq shared, install;
    struct kedge_suit_processor processor;
    uint8_t bytes[4096];
    struct kedge_suit_envelope envelope;
};

static void bench_begin(struct bench *bench, size_t components)
{
    memset(bench, 0, sizeof *bench);
    simulated_begin(&bench->sim, components);
    bench->draft = (struct draft){.components = components, .sequence = 7, .version = 1};
    bench->draft.section[KEDGE_SUIT_SECTION_SHARED] = &bench->shared;
    bench->draft.section[KEDGE_SUIT_SECTION_INSTALL] = &bench->install;
    if (components > 1)
        seq_index(&bench->shared, "f5");
    seq_set(&bench->shared, IDS);
    seq_do(&bench->shared, KEDGE_SUIT_CONDITION_VENDOR);
    seq_do(&bench->shared, KEDGE_SUIT_CONDITION_CLASS);
}

static enum kedge_rc bench_prepare(struct bench *bench, enum kedge_suit_procedure procedure)
{
    bench->envelope = draft_envelope(&bench->draft, bench->bytes, sizeof bench->bytes);
    return kedge_suit_processor_begin(&bench->processor, &bench->envelope, NULL,
                                      &bench->sim.platform, procedure);
}

static enum kedge_rc bench_run(struct bench *bench, enum kedge_suit_procedure procedure)
{
    KEDGE_TRY(bench_prepare(bench, procedure));
    return kedge_suit_processor_run(&bench->processor);
}

static enum kedge_rc bench_update(struct bench *bench)
{
    return bench_run(bench, KEDGE_SUIT_UPDATE);
}

/* What the device was told behind the checks of vendor and class. */
static const char *told(const struct bench *bench)
{
    const char *last = bench->sim.log;
    for (const char *at = last; (at = strstr(at, "class")) != NULL; at += 5)
        last = at + 7;
    return last;
}

static void assert_refused(const struct bench *bench, const char *text)
{
    char words[KEDGE_SUIT_REFUSAL_TEXT_MAX];
    kedge_suit_refusal_text(&bench->processor.refused, words);
    assert_string_equal(words, text);
}

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

/* ---- 6.4 the abstract machine ---- */

static void a_condition_without_its_parameter_fails(void **state)
{
    (void)state;
    static const int64_t conditions[] = {MATCH, SLOT, CONTENT, 24, 28, -258};
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        struct bench bench;
        struct seq first = seq();
        const struct seq *both[] = {&first, NULL};
        bench_begin(&bench, 1);
        seq_do(&bench.install, conditions[i]);
        assert_int_equal(bench_update(&bench), KEDGE_E_MISSING);
        /* It is a failure like another: soft where failures are. */
        bench_begin(&bench, 1);
        seq_do(&first, conditions[i]);
        seq_try(&bench.install, both, 2);
        assert_int_equal(bench_update(&bench), KEDGE_OK);
    }
}

static void a_directive_without_its_parameter_ends_it(void **state)
{
    (void)state;
    static const int64_t directives[] = {FETCH, WRITE, COPY, SWAP, -257};
    for (size_t i = 0; i < sizeof directives / sizeof directives[0]; i++) {
        struct bench bench;
        struct seq first = seq();
        const struct seq *both[] = {&first, NULL};
        bench_begin(&bench, 1);
        seq_do(&first, directives[i]);
        seq_try(&bench.install, both, 2);
        assert_int_equal(bench_update(&bench), KEDGE_E_MISSING);
    }
}

static void a_failed_directive_ends_it_even_where_failures_are_soft(void **state)
{
    (void)state;
    struct bench bench;
    struct seq first = seq();
    const struct seq *both[] = {&first, NULL};
    bench_begin(&bench, 1);
    seq_set(&first, URI_A);
    seq_do(&first, FETCH);
    seq_try(&bench.install, both, 2);
    bench.sim.directive_rc = KEDGE_E_CONNECTION;
    assert_int_equal(bench_update(&bench), KEDGE_E_CONNECTION);
    assert_refused(&bench, "directive-fetch (21) in install");
    assert_int_equal(kedge_suit_processor_run(&bench.processor), KEDGE_E_CONNECTION);
}

static void a_failed_condition_ends_a_section_with_its_own_reason(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, 1);
    bench.sim.vendor[0] = 1;
    assert_int_equal(bench_update(&bench), KEDGE_E_VENDOR);
    bench_begin(&bench, 1);
    bench.sim.class_id[0] = 1;
    assert_int_equal(bench_update(&bench), KEDGE_E_CLASS);
    assert_string_equal(bench.sim.log, "vendor0 class0 ");
    bench_begin(&bench, 1);
    seq_set(&bench.install, DIGEST(ONES32));
    seq_do(&bench.install, MATCH);
    assert_int_equal(bench_update(&bench), KEDGE_E_DIGEST);
    bench_begin(&bench, 1);
    seq_do(&bench.install, ABORT);
    assert_int_equal(bench_update(&bench), KEDGE_E_CONDITION);
    assert_refused(&bench, "condition-abort (14) in install");
}

static void device_slot_and_hardware_are_compared(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, 1);
    seq_set(&bench.install, "a20501181850" ZEROS16);
    seq_do(&bench.install, SLOT);
    seq_do(&bench.install, KEDGE_SUIT_CONDITION_DEVICE);
    assert_int_equal(bench_update(&bench), KEDGE_E_CONDITION);
    bench.sim.component[0].slot = 1;
    assert_int_equal(bench_update(&bench), KEDGE_OK);
    bench.sim.device[15] = 1;
    assert_int_equal(bench_update(&bench), KEDGE_E_CONDITION);
    bench_begin(&bench, 1);
    seq_set(&bench.install, "a1390103458261416142");
    seq_do(&bench.install, KEDGE_SUIT_CONDITION_HARDWARE);
    bench.sim.hardware = kedge_slice_text("B");
    assert_int_equal(bench_update(&bench), KEDGE_OK);
    bench.sim.hardware = kedge_slice_text("C");
    assert_int_equal(bench_update(&bench), KEDGE_E_HARDWARE);
}

static void versions_are_compared_in_five_ways(void **state)
{
    (void)state;
    static const struct {
        const char *set;
        const char *holds; /* for 1.1.0, 1.2.0 and 1.3.0 */
    } cases[] = {{"a1181c46820183010200", "nny"},
                 {"a1181c46820283010200", "nyy"},
                 {"a1181c46820383010200", "nyn"},
                 {"a1181c46820483010200", "yyn"},
                 {"a1181c46820583010200", "ynn"}};
    static const char *const versions[] = {"1.1.0", "1.2.0", "1.3.0"};
    struct bench bench;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bench_begin(&bench, 1);
        seq_set(&bench.install, cases[i].set);
        seq_do(&bench.install, KEDGE_SUIT_CONDITION_VERSION);
        assert_int_equal(bench_update(&bench), KEDGE_E_VERSION); /* not known: none holds */
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(
                kedge_suit_version_parse(kedge_slice_text(versions[k]), &bench.sim.running),
                KEDGE_OK);
            assert_int_equal(bench_update(&bench),
                             cases[i].holds[k] == 'y' ? KEDGE_OK : KEDGE_E_VERSION);
        }
    }
    bench_begin(&bench, 1);
    seq_set(&bench.install, "a1181c46820683010200");
    assert_int_equal(bench_update(&bench), KEDGE_E_UNSUPPORTED);
}

static void content_is_written_and_compared_to_the_last_byte(void **state)
{
    (void)state;
    struct bench bench;
    char map[200] = "a1125850";
    for (size_t i = 0; i < 80; i++)
        strcat(map, "61");
    bench_begin(&bench, 1);
    seq_set(&bench.install, map);
    seq_do(&bench.install, WRITE);
    seq_do(&bench.install, CONTENT);
    assert_int_equal(bench_update(&bench), KEDGE_OK);
    /* Without writing first: every byte matters, and all are read wherever the difference is. */
    bench.install = seq();
    seq_set(&bench.install, map);
    seq_do(&bench.install, CONTENT);
    for (size_t i = 0; i < 80; i++) {
        bench.sim.component[0].content[i] ^= 1;
        bench.sim.reads = 0;
        assert_int_equal(bench_update(&bench), KEDGE_E_CONDITION);
        assert_int_equal(bench.sim.reads, 80);
        bench.sim.component[0].content[i] ^= 1;
    }
    assert_int_equal(bench_update(&bench), KEDGE_OK);
    bench.sim.component[0].content_size--;
    assert_int_equal(bench_update(&bench), KEDGE_E_CONDITION);
}

static void copy_and_swap_take_their_source_and_refuse_one_that_is_not_there(void **state)
{
    (void)state;
    static const int64_t directives[] = {COPY, SWAP};
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        bench_begin(&bench, 2);
        seq_index(&bench.install, "00");
        seq_set(&bench.install, "a11601");
        seq_do(&bench.install, directives[i]);
        bench.sim.component[1].digest[0] = 9;
        assert_int_equal(bench_update(&bench), KEDGE_OK);
        assert_int_equal(bench.sim.component[0].digest[0], 9);
        assert_int_equal(bench.sim.component[1].digest[0], directives[i] == COPY ? 9 : 0);
        bench_begin(&bench, 2);
        seq_index(&bench.install, "00");
        seq_set(&bench.install, "a11602");
        seq_do(&bench.install, directives[i]);
        assert_int_equal(bench_update(&bench), KEDGE_E_MISSING);
        assert_string_equal(told(&bench), "");
    }
}

static void a_directive_that_waits_is_resumed_where_it_stood(void **state)
{
    (void)state;
    struct bench bench;
    struct seq inner = seq(), other = seq();
    const struct seq *both[] = {&inner, &other};
    bench_begin(&bench, 2);
    seq_set(&inner, URI_A);
    seq_do(&inner, FETCH);
    seq_do(&inner, MATCH);
    seq_index(&bench.install, "f5");
    seq_set(&bench.install, DIGEST(ONES32));
    seq_try(&bench.install, both, 2);
    bench.sim.directive_rc = KEDGE_E_BUSY;
    assert_int_equal(bench_update(&bench), KEDGE_E_BUSY);
    assert_string_equal(told(&bench), "fetch0 ");
    assert_int_equal(kedge_suit_processor_run(&bench.processor), KEDGE_E_BUSY);
    assert_int_equal(kedge_suit_processor_resume(&bench.processor, KEDGE_OK), KEDGE_E_BUSY);
    assert_string_equal(told(&bench), "fetch0 match0 fetch1 ");
    assert_int_equal(kedge_suit_processor_resume(&bench.processor, KEDGE_OK), KEDGE_OK);
    assert_string_equal(told(&bench), "fetch0 match0 fetch1 match1 ");
    assert_int_equal(kedge_suit_processor_resume(&bench.processor, KEDGE_OK), KEDGE_E_STATE);
}

static void a_directive_that_waited_in_vain_ends_it(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, 1);
    seq_set(&bench.install, URI_A);
    seq_do(&bench.install, FETCH);
    bench.sim.directive_rc = KEDGE_E_BUSY;
    assert_int_equal(bench_update(&bench), KEDGE_E_BUSY);
    assert_int_equal(kedge_suit_processor_resume(&bench.processor, KEDGE_E_FRAME), KEDGE_E_FRAME);
    assert_int_equal(kedge_suit_processor_run(&bench.processor), KEDGE_E_FRAME);
}

/* ---- 6.5 the component index ---- */

static void an_index_is_a_number_a_list_or_true(void **state)
{
    (void)state;
    static const struct {
        const char *index, *log;
        enum kedge_rc rc;
    } cases[] = {{"02", "invoke2 ", KEDGE_OK},
                 {"820200", "invoke2 invoke0 ", KEDGE_OK},
                 {"f5", "invoke0 invoke1 invoke2 ", KEDGE_OK},
                 {"03", "", KEDGE_E_MISSING},
                 {"820003", "", KEDGE_E_MISSING},
                 {"80", "", KEDGE_E_MALFORMED},
                 {"850000000000", "", KEDGE_E_LIMIT},
                 {"f4", "", KEDGE_E_TYPE},
                 {"20", "", KEDGE_E_TYPE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench bench;
        bench_begin(&bench, 3);
        seq_index(&bench.install, cases[i].index);
        seq_do(&bench.install, INVOKE);
        assert_int_equal(bench_update(&bench), cases[i].rc);
        assert_string_equal(told(&bench), cases[i].log);
    }
}

static void parameters_belong_to_their_component(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, 2);
    seq_index(&bench.install, "00");
    seq_set(&bench.install, URI_A);
    seq_index(&bench.install, "01");
    seq_do(&bench.install, FETCH);
    assert_int_equal(bench_update(&bench), KEDGE_E_MISSING);
    bench_begin(&bench, 2);
    seq_index(&bench.install, "f5");
    seq_set(&bench.install, URI_A);
    seq_index(&bench.install, "01");
    seq_do(&bench.install, FETCH);
    assert_int_equal(bench_update(&bench), KEDGE_OK);
}

/* A sequence is run once for each component, and always with one of them as its index. */
static void try_each_and_run_sequence_run_once_for_each_component(void **state)
{
    (void)state;
    struct bench bench;
    struct seq inner = seq(), first = seq(), second = seq();
    const struct seq *both[] = {&first, &second};
    bench_begin(&bench, 2);
    seq_do(&inner, INVOKE);
    seq_do(&inner, INVOKE);
    seq_index(&bench.install, "f5");
    seq_run(&bench.install, &inner);
    seq_do(&bench.install, INVOKE);
    assert_int_equal(bench_update(&bench), KEDGE_OK);
    assert_string_equal(told(&bench), "invoke0 invoke0 invoke1 invoke1 invoke0 invoke1 ");
    bench_begin(&bench, 2);
    bench.sim.component[1].slot = 1;
    seq_set(&first, "a10501");
    seq_do(&first, SLOT);
    seq_do(&first, INVOKE);
    seq_do(&second, WRITE);
    seq_index(&bench.install, "f5");
    seq_set(&bench.install, "a1124161");
    seq_try(&bench.install, both, 2);
    assert_int_equal(bench_update(&bench), KEDGE_OK);
    assert_string_equal(told(&bench), "write0 invoke1 ");
}

static void an_index_chosen_inside_stays_unless_the_sequence_failed(void **state)
{
    (void)state;
    struct bench bench;
    struct seq inner = seq();
    bench_begin(&bench, 2);
    seq_index(&inner, "01");
    seq_index(&bench.install, "00");
    seq_run(&bench.install, &inner);
    seq_do(&bench.install, INVOKE);
    assert_int_equal(bench_update(&bench), KEDGE_OK);
    assert_string_equal(told(&bench), "invoke1 ");
    const struct seq *both[] = {&inner, NULL};
    bench_begin(&bench, 2);
    seq_do(&inner, ABORT);
    seq_index(&bench.install, "00");
    seq_try(&bench.install, both, 2);
    seq_do(&bench.install, INVOKE);
    assert_int_equal(bench_update(&bench), KEDGE_OK);
    assert_string_equal(told(&bench), "invoke0 ");
}

/* ---- 6.7 strict order ---- */

static void without_strict_order_a_component_is_no_source_and_target(void **state)
{
    (void)state;
    static const struct {
        const char *order;
        enum kedge_rc rc;
    } cases[] = {{"a10cf5", KEDGE_OK}, {"a10cf4", KEDGE_E_UNSUPPORTED}};
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        bench_begin(&bench, 2);
        seq_index(&bench.install, "01");
        seq_set(&bench.install, cases[i].order);
        seq_set(&bench.install, URI_A);
        seq_do(&bench.install, FETCH);
        seq_index(&bench.install, "00");
        seq_set(&bench.install, "a11601");
        seq_do(&bench.install, COPY);
        assert_int_equal(bench_update(&bench), cases[i].rc);
    }
}

static void strict_order_again_lets_what_came_before_complete(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, 2);
    seq_index(&bench.install, "01");
    seq_set(&bench.install, "a10cf4");
    seq_set(&bench.install, URI_A);
    seq_do(&bench.install, FETCH);
    seq_set(&bench.install, "a10cf5");
    seq_index(&bench.install, "00");
    seq_set(&bench.install, "a11601");
    seq_do(&bench.install, COPY);
    assert_int_equal(bench_update(&bench), KEDGE_OK);
}

static void without_strict_order_a_sequence_chooses_first_and_once(void **state)
{
    (void)state;
    static const struct {
        const char *index, *first, *second;
        enum kedge_rc rc;
    } cases[] = {{"00", "01", NULL, KEDGE_OK},
                 {"00", NULL, NULL, KEDGE_E_MISSING},
                 {"00", "01", "00", KEDGE_E_UNSUPPORTED},
                 {"f5", NULL, NULL, KEDGE_OK},
                 {"f5", "01", NULL, KEDGE_E_UNSUPPORTED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench bench;
        struct seq inner = seq();
        bench_begin(&bench, 2);
        if (cases[i].first != NULL)
            seq_index(&inner, cases[i].first);
        seq_do(&inner, INVOKE);
        if (cases[i].second != NULL)
            seq_index(&inner, cases[i].second);
        seq_index(&bench.install, cases[i].index);
        seq_set(&bench.install, "a10cf4");
        seq_run(&bench.install, &inner);
        assert_int_equal(bench_update(&bench), cases[i].rc);
    }
}

/* ---- 8.4.8.15, 8.4.10.2 and .8: soft failure, try-each, run-sequence ---- */

static void soft_failure_outside_of_inner_sequences_is_refused(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench, 1);
    seq_set(&bench.install, "a10df5");
    assert_int_equal(bench_update(&bench), KEDGE_E_UNSUPPORTED);
    assert_refused(&bench, "parameter soft-failure (13) in install");
    assert_string_equal(bench.sim.log, "");
}

static void try_each_takes_the_first_sequence_that_comes_to_its_end(void **state)
{
    (void)state;
    for (uint64_t slot = 0; slot < 3; slot++) {
        struct bench bench;
        struct seq a = seq(), b = seq();
        const struct seq *both[] = {&a, &b};
        static const char *const logs[] = {"invoke0 ", "fetch0 ", ""};
        bench_begin(&bench, 1);
        seq_set(&a, "a10500");
        seq_do(&a, SLOT);
        seq_do(&a, INVOKE);
        seq_set(&b, "a20501156161");
        seq_do(&b, SLOT);
        seq_do(&b, FETCH);
        seq_try(&bench.install, both, 2);
        bench.sim.component[0].slot = slot;
        assert_int_equal(bench_update(&bench), slot < 2 ? KEDGE_OK : KEDGE_E_CONDITION);
        assert_string_equal(told(&bench), logs[slot]);
    }
}

static void null_at_the_end_of_try_each_lets_all_fail(void **state)
{
    (void)state;
    struct bench bench;
    struct seq a = seq();
    const struct seq *with[] = {&a, NULL}, *early[] = {NULL, &a}, *alone[] = {&a};
    bench_begin(&bench, 1);
    seq_do(&a, ABORT);
    seq_try(&bench.install, with, 2);
    seq_do(&bench.install, INVOKE);
    assert_int_equal(bench_update(&bench), KEDGE_OK);
    assert_string_equal(told(&bench), "invoke0 ");
    bench_begin(&bench, 1);
    seq_try(&bench.install, early, 2);
    assert_int_equal(bench_update(&bench), KEDGE_E_TYPE);
    bench_begin(&bench, 1);
    seq_try(&bench.install, alone, 1);
    assert_int_equal(bench_update(&bench), KEDGE_E_MALFORMED);
}

static void a_hard_failure_in_try_each_ends_it(void **state)
{
    (void)state;
    struct bench bench;
    struct seq a = seq();
    const struct seq *both[] = {&a, NULL};
    bench_begin(&bench, 1);
    seq_set(&a, "a10df4");
    seq_do(&a, ABORT);
    seq_try(&bench.install, both, 2);
    assert_int_equal(bench_update(&bench), KEDGE_E_CONDITION);
}

static void a_run_sequence_fails_hard_unless_it_was_made_soft(void **state)
{
    (void)state;
    struct bench bench;
    struct seq hard = seq(), soft = seq();
    seq_do(&hard, ABORT);
    seq_set(&soft, "a10df5");
    seq_do(&soft, ABORT);
    seq_do(&soft, INVOKE); /* the sequence ends where its condition failed */
    bench_begin(&bench, 1);
    seq_run(&bench.install, &hard);
    assert_int_equal(bench_update(&bench), KEDGE_E_CONDITION);
    bench_begin(&bench, 1);
    seq_run(&bench.install, &soft);
    seq_set(&bench.install, URI_A);
    seq_do(&bench.install, FETCH);
    assert_int_equal(bench_update(&bench), KEDGE_OK);
    assert_string_equal(told(&bench), "fetch0 ");
}

/* Neither outwards nor inwards: a failure behind or inside a soft sequence is hard. */
static void soft_failure_belongs_to_its_own_sequence(void **state)
{
    (void)state;
    struct bench bench;
    struct seq soft = seq(), hard = seq(), outer = seq();
    seq_set(&soft, "a10df5");
    bench_begin(&bench, 1);
    seq_run(&bench.install, &soft);
    seq_do(&bench.install, ABORT);
    assert_int_equal(bench_update(&bench), KEDGE_E_CONDITION);
    seq_do(&hard, ABORT);
    seq_set(&outer, "a10df5");
    seq_run(&outer, &hard);
    bench_begin(&bench, 1);
    seq_run(&bench.install, &outer);
    assert_int_equal(bench_update(&bench), KEDGE_E_CONDITION);
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

/* ---- the procedures ---- */

static void each_procedure_runs_its_sections_in_order(void **state)
{
    (void)state;
    struct bench bench;
    struct seq fetch = seq(), validate = seq(), load = seq(), invoke = seq();
    bench_begin(&bench, 2);
    seq_index(&fetch, "01");
    seq_set(&fetch, URI_A);
    seq_do(&fetch, FETCH);
    seq_index(&bench.install, "00");
    seq_set(&bench.install, "a11601");
    seq_do(&bench.install, COPY);
    seq_index(&validate, "00");
    seq_set(&validate, DIGEST(ZEROS32));
    seq_do(&validate, MATCH);
    seq_index(&load, "01");
    seq_set(&load, "a11600");
    seq_do(&load, SWAP);
    seq_index(&invoke, "01");
    seq_do(&invoke, INVOKE);
    bench.draft.section[KEDGE_SUIT_SECTION_FETCH] = &fetch;
    bench.draft.section[KEDGE_SUIT_SECTION_VALIDATE] = &validate;
    bench.draft.section[KEDGE_SUIT_SECTION_LOAD] = &load;
    bench.draft.section[KEDGE_SUIT_SECTION_INVOKE] = &invoke;
    const char *before = "vendor0 vendor1 class0 class1 ";
    char expected[256];
    assert_int_equal(bench_update(&bench), KEDGE_OK);
    snprintf(expected, sizeof expected, "%sfetch1 %scopy0 %smatch0 ", before, before, before);
    assert_string_equal(bench.sim.log, expected);
    bench.sim.log_size = 0;
    assert_int_equal(bench_run(&bench, KEDGE_SUIT_INVOCATION), KEDGE_OK);
    snprintf(expected, sizeof expected, "%smatch0 %sswap1 %sinvoke1 ", before, before, before);
    assert_string_equal(bench.sim.log, expected);
}

/* Section 6.3.1: cut at any directive and begun anew, it ends as it would have ended. */
static void a_procedure_that_was_cut_is_applied_again(void **state)
{
    (void)state;
    for (unsigned cut = 1; cut <= 2; cut++) {
        struct bench bench;
        bench_begin(&bench, 2);
        seq_index(&bench.install, "01");
        seq_set(&bench.install, "a2035824822f5820" ONES32 "156161");
        seq_do(&bench.install, FETCH);
        seq_do(&bench.install, MATCH);
        seq_index(&bench.install, "00");
        seq_set(&bench.install, "a2035824822f5820" ONES32 "1601");
        seq_do(&bench.install, COPY);
        seq_do(&bench.install, MATCH);
        bench.sim.directive_rc = KEDGE_E_BUSY;
        assert_int_equal(bench_update(&bench), KEDGE_E_BUSY);
        if (cut == 2)
            assert_int_equal(kedge_suit_processor_resume(&bench.processor, KEDGE_OK), KEDGE_E_BUSY);
        bench.sim.directive_rc = KEDGE_OK;
        assert_int_equal(bench_update(&bench), KEDGE_OK);
        assert_int_equal(bench.sim.component[0].digest[0], 1);
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
        TEST(a_condition_without_its_parameter_fails),
        TEST(a_directive_without_its_parameter_ends_it),
        TEST(a_failed_directive_ends_it_even_where_failures_are_soft),
        TEST(a_failed_condition_ends_a_section_with_its_own_reason),
        TEST(device_slot_and_hardware_are_compared),
        TEST(versions_are_compared_in_five_ways),
        TEST(content_is_written_and_compared_to_the_last_byte),
        TEST(copy_and_swap_take_their_source_and_refuse_one_that_is_not_there),
        TEST(a_directive_that_waits_is_resumed_where_it_stood),
        TEST(a_directive_that_waited_in_vain_ends_it),
        TEST(an_index_is_a_number_a_list_or_true),
        TEST(parameters_belong_to_their_component),
        TEST(try_each_and_run_sequence_run_once_for_each_component),
        TEST(an_index_chosen_inside_stays_unless_the_sequence_failed),
        TEST(without_strict_order_a_component_is_no_source_and_target),
        TEST(strict_order_again_lets_what_came_before_complete),
        TEST(without_strict_order_a_sequence_chooses_first_and_once),
        TEST(soft_failure_outside_of_inner_sequences_is_refused),
        TEST(try_each_takes_the_first_sequence_that_comes_to_its_end),
        TEST(null_at_the_end_of_try_each_lets_all_fail),
        TEST(a_hard_failure_in_try_each_ends_it),
        TEST(a_run_sequence_fails_hard_unless_it_was_made_soft),
        TEST(soft_failure_belongs_to_its_own_sequence),
        TEST(sequences_inside_one_another_are_bounded),
        TEST(what_one_section_runs_is_bounded),
        TEST(arguments_of_another_type_are_refused),
        TEST(each_procedure_runs_its_sections_in_order),
        TEST(a_procedure_that_was_cut_is_applied_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
