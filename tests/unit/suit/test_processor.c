/*
 * test_processor.c: a test for each rule of draft-ietf-suit-manifest-37, sections 6.4 to 6.7, and
 * of what 8.4.8 to 8.4.10 say of the commands, on simulated components.
 */
#include "tests/unit/suit/processor_bench.h"

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
        TEST(each_procedure_runs_its_sections_in_order),
        TEST(a_procedure_that_was_cut_is_applied_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
