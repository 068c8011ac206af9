/* test_metrics_exposition.c: the text that Prometheus reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "updater/metrics/exposition.h"

#include <stdlib.h>
#include <string.h>

static void assert_text(struct kedge_exposition *exposition, const char *expected)
{
    size_t size;
    char *text = kedge_exposition_end(exposition, &size);
    assert_non_null(text);
    assert_string_equal(text, expected);
    assert_int_equal(size, strlen(expected));
    free(text);
}

static void test_a_family_says_what_it_is_and_then_its_samples(void **state)
{
    (void)state;
    struct kedge_exposition *exposition = kedge_exposition_create();
    kedge_exposition_gauge(exposition, "kedge_peers", "Who is known.", 3);
    kedge_exposition_counter(exposition, "kedge_asked_total", "What was asked.", UINT64_MAX);
    kedge_exposition_family(exposition, "kedge_age_seconds", KEDGE_METRIC_GAUGE, "How old.");
    kedge_exposition_number(exposition, (struct kedge_label[]){{"of", "it"}, {"and", "her"}, {0}},
                            0.25);
    kedge_exposition_number(exposition, NULL, 1e9);
    assert_text(exposition, "# HELP kedge_peers Who is known.\n"
                            "# TYPE kedge_peers gauge\n"
                            "kedge_peers 3\n"
                            "# HELP kedge_asked_total What was asked.\n"
                            "# TYPE kedge_asked_total counter\n"
                            "kedge_asked_total 18446744073709551615\n"
                            "# HELP kedge_age_seconds How old.\n"
                            "# TYPE kedge_age_seconds gauge\n"
                            "kedge_age_seconds{of=\"it\",and=\"her\"} 0.25\n"
                            "kedge_age_seconds 1000000000\n");
}

static void test_what_is_special_in_a_label_is_escaped(void **state)
{
    (void)state;
    static const char *const values[] = {"a\"b\\c\nd", "caf\xc3\xa9",
                                         ("\xff"
                                          "bad")};
    struct kedge_exposition *exposition = kedge_exposition_create();
    kedge_exposition_family(exposition, "n", KEDGE_METRIC_GAUGE, "N.");
    for (size_t i = 0; i < 3; i++)
        kedge_exposition_count(exposition, (struct kedge_label[]){{"v", values[i]}, {0}}, i);
    assert_text(exposition, "# HELP n N.\n# TYPE n gauge\n"
                            "n{v=\"a\\\"b\\\\c\\nd\"} 0\n"
                            "n{v=\"caf\xc3\xa9\"} 1\n"
                            "n{v=\"?bad\"} 2\n");
}

static void test_a_histogram_sums_what_is_up_to_each_bound(void **state)
{
    (void)state;
    struct kedge_histogram histogram = {0};
    kedge_histogram_note(&histogram, 0);
    kedge_histogram_note(&histogram, 500);
    kedge_histogram_note(&histogram, 501);
    kedge_histogram_note(&histogram, 10000000);
    kedge_histogram_note(&histogram, 10000001);
    struct kedge_exposition *exposition = kedge_exposition_create();
    kedge_exposition_family(exposition, "t_seconds", KEDGE_METRIC_HISTOGRAM, "T.");
    kedge_exposition_histogram(exposition, (struct kedge_label[]){{"of", "x"}, {0}}, &histogram);
    size_t size;
    char *text = kedge_exposition_end(exposition, &size);
    assert_non_null(strstr(text, "t_seconds_bucket{of=\"x\",le=\"0.0005\"} 2\n"));
    assert_non_null(strstr(text, "t_seconds_bucket{of=\"x\",le=\"0.001\"} 3\n"));
    assert_non_null(strstr(text, "t_seconds_bucket{of=\"x\",le=\"5\"} 3\n"));
    assert_non_null(strstr(text, "t_seconds_bucket{of=\"x\",le=\"10\"} 4\n"));
    assert_non_null(strstr(text, "t_seconds_bucket{of=\"x\",le=\"+Inf\"} 5\n"));
    assert_non_null(strstr(text, "t_seconds_sum{of=\"x\"} 20.001002\n"));
    assert_non_null(strstr(text, "t_seconds_count{of=\"x\"} 5\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_family_says_what_it_is_and_then_its_samples),
        cmocka_unit_test(test_what_is_special_in_a_label_is_escaped),
        cmocka_unit_test(test_a_histogram_sums_what_is_up_to_each_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
