/* test_fit.c: whether a device can take a package, by its hardware revision and its version. */
#include "updater/rollout/fit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static enum kedge_fit check(const char *hardware, const char *min_version, const char *max_version,
                            const char *has, const char *runs)
{
    const struct kedge_fit_conditions conditions = {
        .hardware = hardware, .min_version = min_version, .max_version = max_version};
    return kedge_fit_check(&conditions, has, runs, &(struct kedge_fit_limits){0});
}

static void a_package_without_conditions_is_for_all(void **state)
{
    (void)state;
    assert_int_equal(check("", "", "", "", ""), KEDGE_FIT_OK);
    assert_int_equal(check(NULL, NULL, NULL, "A", "factory"), KEDGE_FIT_OK);
}

static void a_revision_is_one_of_those_named_or_not(void **state)
{
    (void)state;
    assert_int_equal(check("B\nC 2", "", "", "B", ""), KEDGE_FIT_OK);
    assert_int_equal(check("B\nC 2", "", "", "C 2", ""), KEDGE_FIT_OK);
    assert_int_equal(check("B\nC 2", "", "", "C", ""), KEDGE_FIT_HARDWARE);
    assert_int_equal(check("B\nC 2", "", "", "b", ""), KEDGE_FIT_HARDWARE);
    assert_int_equal(check("B\nC 2", "", "", "B\nC 2", ""), KEDGE_FIT_HARDWARE);
    assert_int_equal(check("B\nC 2", "", "", "", ""), KEDGE_FIT_HARDWARE);
}

static void a_window_holds_both_its_bounds(void **state)
{
    (void)state;
    assert_int_equal(check("", "1.0.0", "1.9.0", "", "1.0.0"), KEDGE_FIT_OK);
    assert_int_equal(check("", "1.0.0", "1.9.0", "", "1.9.0"), KEDGE_FIT_OK);
    assert_int_equal(check("", "1.0.0", "1.9.0", "", "1.0.0-rc.1"), KEDGE_FIT_VERSION);
    assert_int_equal(check("", "1.0.0", "1.9.0", "", "1.10.0"), KEDGE_FIT_VERSION);
    assert_int_equal(check("", "1.0.0", "", "", "99.0.0"), KEDGE_FIT_OK);
    assert_int_equal(check("", "", "1.9.0", "", "0.0.1"), KEDGE_FIT_OK);
    assert_int_equal(check("", "1.0.0", "", "", "factory"), KEDGE_FIT_VERSION);
    assert_int_equal(check("", "", "1.9.0", "", ""), KEDGE_FIT_VERSION);
}

/* Of a package of sequence number 7 with an image of 1000 bytes. */
static enum kedge_fit check_limits(uint64_t sequence_floor, uint64_t slot_capacity,
                                   char text[KEDGE_FIT_WORDS_MAX])
{
    const struct kedge_fit_conditions conditions = {.sequence = 7, .image_size = 1000};
    const struct kedge_fit_limits limits = {sequence_floor, slot_capacity};
    enum kedge_fit fit = kedge_fit_check(&conditions, "", "", &limits);
    kedge_fit_words(fit, &conditions, &limits, text);
    return fit;
}

static void limits_are_those_of_the_device_and_what_is_not_said_is_none(void **state)
{
    char text[KEDGE_FIT_WORDS_MAX];
    (void)state;
    assert_int_equal(check_limits(0, 0, text), KEDGE_FIT_OK);
    assert_int_equal(check_limits(7, 1000, text), KEDGE_FIT_OK);
    assert_int_equal(check_limits(8, 1000, text), KEDGE_FIT_SEQUENCE);
    assert_string_equal(text, "takes no sequence number below 8, and the package has 7");
    assert_int_equal(check_limits(0, 999, text), KEDGE_FIT_SIZE);
    assert_string_equal(text,
                        "has room for an image of 999 bytes, and that of the package has 1000");
    assert_int_equal(check_limits(UINT64_MAX, 1, text), KEDGE_FIT_SEQUENCE);
    const struct kedge_fit_conditions unknown = {.sequence = 0, .image_size = 0};
    assert_int_equal(kedge_fit_check(&unknown, "", "", &(struct kedge_fit_limits){9, 1}),
                     KEDGE_FIT_OK);
}

static void each_reason_has_a_name_and_words(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEDGE_FIT_COUNT; i++) {
        assert_true(strlen(kedge_fit_code((enum kedge_fit)i)) > 0);
        assert_true(strlen(kedge_fit_text((enum kedge_fit)i)) > 0);
    }
    assert_string_equal(kedge_fit_code(KEDGE_FIT_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_package_without_conditions_is_for_all),
        cmocka_unit_test(a_revision_is_one_of_those_named_or_not),
        cmocka_unit_test(a_window_holds_both_its_bounds),
        cmocka_unit_test(limits_are_those_of_the_device_and_what_is_not_said_is_none),
        cmocka_unit_test(each_reason_has_a_name_and_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
