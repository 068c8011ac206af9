/* test_local_status.c: the status as JSON: what is written is read back, and nothing else is. */
#include "agent/local/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct kedge_status sample(void)
{
    return (struct kedge_status){.agent_running = true,
                                 .endpoint = "urn:dev:1",
                                 .state = "downloading",
                                 .result = 0,
                                 .result_text = "initial value",
                                 .version = "1.0.0",
                                 .slot = 1,
                                 .boots_used = 2,
                                 .slot_versions = {"", "1.0.0"},
                                 .package_version = "1.1.0",
                                 .downloaded_bytes = 4096,
                                 .package_bytes = UINT64_MAX,
                                 .reason = "a \"quoted\" word, a back\\slash, \xC3\xA9",
                                 .message = "registered with coap://host",
                                 .changed_at_s = 1700000000,
                                 .severity = "optional",
                                 .maximum_defer_s = 86400,
                                 .consent_wanted = true,
                                 .consent_left_s = KEDGE_STATUS_NONE,
                                 .sequence_floor = 5,
                                 .updates_confirmed = 3,
                                 .updates_rolled_back = 1};
}

static struct kedge_slice write(const struct kedge_status *status, enum kedge_status_layout layout,
                                uint8_t *bytes)
{
    struct kedge_writer out = kedge_writer(bytes, KEDGE_STATUS_JSON_MAX);
    assert_int_equal(kedge_status_write(status, layout, &out), KEDGE_OK);
    return kedge_writer_slice(&out);
}

static void assert_same(const struct kedge_status *a, const struct kedge_status *b)
{
    uint8_t first[KEDGE_STATUS_JSON_MAX], second[KEDGE_STATUS_JSON_MAX];
    assert_true(
        kedge_slice_equal(write(a, KEDGE_STATUS_LINE, first), write(b, KEDGE_STATUS_LINE, second)));
}

static void assert_blank(const struct kedge_status *status)
{
    const struct kedge_status blank = {.slot = 0};
    assert_same(status, &blank);
}

static void what_is_written_is_read_back_in_both_layouts(void **state)
{
    (void)state;
    const struct kedge_status before = sample();
    const enum kedge_status_layout layouts[] = {KEDGE_STATUS_LINE, KEDGE_STATUS_INDENTED};
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[KEDGE_STATUS_JSON_MAX];
        struct kedge_status after;
        struct kedge_slice json = write(&before, layouts[i], bytes);
        assert_int_equal(memchr(json.data, '\n', json.size) != NULL, i == 1);
        assert_int_equal(kedge_status_read(json, &after), KEDGE_OK);
        assert_same(&before, &after);
        assert_string_equal(after.reason, before.reason);
        assert_string_equal(after.slot_versions[1], "1.0.0");
        assert_int_equal(after.package_bytes, UINT64_MAX);
        assert_true(after.agent_running && after.consent_wanted);
        assert_int_equal(after.maximum_defer_s, 86400);
        assert_int_equal(after.consent_left_s, KEDGE_STATUS_NONE);
    }
}

static void fill(char *text, size_t size)
{
    memset(text, '"', size - 1); /* which takes two bytes each */
    text[size - 1] = '\0';
}

static void the_longest_status_fits(void **state)
{
    (void)state;
    struct kedge_status before, after;
    memset(&before, 0xff, sizeof before); /* the largest numbers */
    before.agent_running = before.on_trial = before.consent_wanted = false;
    before.consent_left_s = before.maximum_defer_s = UINT64_MAX - 1;
    fill(before.severity, sizeof before.severity);
    fill(before.endpoint, sizeof before.endpoint);
    fill(before.state, sizeof before.state);
    fill(before.result_text, sizeof before.result_text);
    fill(before.version, sizeof before.version);
    fill(before.slot_versions[0], sizeof before.slot_versions[0]);
    fill(before.slot_versions[1], sizeof before.slot_versions[1]);
    fill(before.package_version, sizeof before.package_version);
    fill(before.reason, sizeof before.reason);
    fill(before.message, sizeof before.message);
    uint8_t bytes[KEDGE_STATUS_JSON_MAX];
    assert_int_equal(kedge_status_read(write(&before, KEDGE_STATUS_INDENTED, bytes), &after),
                     KEDGE_OK);
    assert_same(&before, &after);
}

static void what_may_not_stand_on_a_terminal_does_not_get_there(void **state)
{
    (void)state;
    struct kedge_status before = {.reason = "red\x1b[31m and \xff"}, after;
    uint8_t bytes[KEDGE_STATUS_JSON_MAX];
    assert_int_equal(kedge_status_read(write(&before, KEDGE_STATUS_LINE, bytes), &after), KEDGE_OK);
    assert_string_equal(after.reason, "red?[31m and ?");
    assert_int_equal(
        kedge_status_read(kedge_slice_text("{\"reason\": \"\\u001b[31m\\u0000\"}"), &after),
        KEDGE_OK);
    assert_null(strchr(after.reason, '\x1b'));
}

static void what_another_version_says_more_or_less_is_no_error(void **state)
{
    (void)state;
    struct kedge_status status;
    const char *json = " {\"later\": {\"a\": [1, {\"b\": null}]}, \"slot\": 1 ,\"more\":true} ";
    assert_int_equal(kedge_status_read(kedge_slice_text(json), &status), KEDGE_OK);
    assert_int_equal(status.slot, 1);
    assert_int_equal(kedge_status_read(kedge_slice_text("{}"), &status), KEDGE_OK);
    assert_blank(&status);
}

static void what_is_no_status_is_refused_whole(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"slot\": 1",
        "{\"slot\": 1}}",
        "{\"slot\": 1} x",
        "{\"slot\": 1,}",
        "{\"slot\" 1}",
        "{slot: 1}",
        "{\"slot\": \"1\"}",
        "{\"slot\": 1.5}",
        "{\"slot\": -1}",
        "{\"slot\": 18446744073709551616}",
        "{\"on_trial\": 1}",
        "{\"slot\": null}",
        "{\"consent_left_s\": nil}",
        "{\"reason\": null}",
        "{\"slot\": 1, \"slot\": 1}",
        "{\"later\": [[[[[1]]]]]}",
        ("{\"version\": \"a version that is longer than any that could ever be written down here, "
         "and longer, and longer still\"}"),
        "{\"reason\": \"\\ud800\"}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct kedge_status status = sample();
        if (kedge_status_read(kedge_slice_text(wrong[i]), &status) == KEDGE_OK)
            fail_msg("taken: %s", wrong[i]);
        assert_blank(&status);
    }
}

static void no_cut_status_is_read(void **state)
{
    (void)state;
    const struct kedge_status before = sample();
    uint8_t bytes[KEDGE_STATUS_JSON_MAX];
    struct kedge_status after;
    struct kedge_slice json = write(&before, KEDGE_STATUS_LINE, bytes);
    for (size_t size = 0; size < json.size; size++)
        assert_int_not_equal(kedge_status_read(kedge_slice(json.data, size), &after), KEDGE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back_in_both_layouts),
        cmocka_unit_test(the_longest_status_fits),
        cmocka_unit_test(what_may_not_stand_on_a_terminal_does_not_get_there),
        cmocka_unit_test(what_another_version_says_more_or_less_is_no_error),
        cmocka_unit_test(what_is_no_status_is_refused_whole),
        cmocka_unit_test(no_cut_status_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
