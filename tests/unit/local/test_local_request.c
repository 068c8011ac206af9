/* test_local_request.c: what the device's own software may say to the agent, and errors back. */
#include "agent/local/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static enum kedge_rc read(const char *line, struct kedge_local_request *request)
{
    return kedge_local_request_read(kedge_slice_text(line), request);
}

static void every_command_is_read_as_it_was_written(void **state)
{
    (void)state;
    for (int command = 0; command < KEDGE_LOCAL_COMMAND_COUNT; command++) {
        const struct kedge_local_request before = {.command = (enum kedge_local_command)command};
        struct kedge_local_request after;
        uint8_t bytes[KEDGE_LOCAL_LINE_MAX];
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        assert_int_equal(kedge_local_request_write(&before, &out), KEDGE_OK);
        assert_int_equal(bytes[out.size - 1], '\n');
        assert_int_equal(kedge_local_request_read(kedge_slice(bytes, out.size - 1), &after),
                         KEDGE_OK);
        assert_int_equal(after.command, command);
    }
}

static void a_deferral_may_say_for_how_long(void **state)
{
    (void)state;
    const uint64_t seconds[] = {1, 3600, KEDGE_LOCAL_SECONDS_MAX};
    for (size_t i = 0; i < 3; i++) {
        const struct kedge_local_request before = {
            .command = KEDGE_LOCAL_DEFER, .has_seconds = true, .seconds = seconds[i]};
        struct kedge_local_request after;
        uint8_t bytes[KEDGE_LOCAL_LINE_MAX];
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        assert_int_equal(kedge_local_request_write(&before, &out), KEDGE_OK);
        assert_int_equal(kedge_local_request_read(kedge_slice(bytes, out.size - 1), &after),
                         KEDGE_OK);
        assert_true(after.has_seconds);
        assert_int_equal(after.seconds, seconds[i]);
    }
    struct kedge_local_request request;
    assert_int_equal(read("{\"seconds\": 5, \"command\": \"defer\"}", &request), KEDGE_OK);
    assert_int_equal(request.seconds, 5);
    assert_int_equal(read("{\"command\": \"defer\"}", &request), KEDGE_OK);
    assert_false(request.has_seconds);
}

static void what_is_no_request_is_refused_with_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum kedge_rc rc;
    } wrong[] = {
        {"", KEDGE_E_TRUNCATED},
        {"status", KEDGE_E_MALFORMED},
        {"[\"status\"]", KEDGE_E_MALFORMED},
        {"{}", KEDGE_E_MISSING},
        {"{\"command\": \"status\"", KEDGE_E_TRUNCATED},
        {"{\"command\": \"status\"} {}", KEDGE_E_TRAILING},
        {"{\"command\": \"format\"}", KEDGE_E_UNSUPPORTED},
        {"{\"command\": \"status\", \"loudly\": true}", KEDGE_E_UNSUPPORTED},
        {"{\"command\": \"status\", \"command\": \"status\"}", KEDGE_E_EXISTS},
        {"{\"command\": 1}", KEDGE_E_MALFORMED},
        {"{\"command\": \"accept\", \"seconds\": 5}", KEDGE_E_UNSUPPORTED},
        {"{\"command\": \"defer\", \"seconds\": 0}", KEDGE_E_LIMIT},
        {"{\"command\": \"defer\", \"seconds\": 4294967296}", KEDGE_E_LIMIT},
        {"{\"command\": \"defer\", \"seconds\": 1.5}", KEDGE_E_TYPE},
        {"{\"command\": \"defer\", \"seconds\": -1}", KEDGE_E_MALFORMED},
        {"{\"command\": \"defer\", \"seconds\": \"5\"}", KEDGE_E_MALFORMED},
        {"{\"command\": \"defer\", \"seconds\": 1, \"seconds\": 2}", KEDGE_E_EXISTS},
        {"{\"seconds\": 5}", KEDGE_E_MISSING},
        {"{\"command\": \"status\xff\"}", KEDGE_E_MALFORMED},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct kedge_local_request request;
        if (read(wrong[i].line, &request) != wrong[i].rc)
            fail_msg("%s: %s", wrong[i].line, kedge_rc_name(read(wrong[i].line, &request)));
    }
}

static void an_error_is_told_from_everything_else(void **state)
{
    (void)state;
    uint8_t bytes[KEDGE_LOCAL_LINE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    char words[KEDGE_LOCAL_WORDS_MAX + 1];
    assert_int_equal(kedge_local_error_write("no \"such\" thing", &out), KEDGE_OK);
    assert_true(kedge_local_error_read(kedge_writer_slice(&out), words));
    assert_string_equal(words, "no \"such\" thing");
    assert_false(kedge_local_error_read(kedge_slice_text("{\"state\": \"idle\"}"), words));
    assert_false(kedge_local_error_read(kedge_slice_text("{\"error\": \"cut"), words));
    assert_false(kedge_local_error_read(kedge_slice_text("{\"error\": 1}"), words));
}

static void an_error_of_any_length_fits_on_a_line(void **state)
{
    (void)state;
    char words[400], after[KEDGE_LOCAL_WORDS_MAX + 1];
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    uint8_t bytes[KEDGE_LOCAL_LINE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    assert_int_equal(kedge_local_error_write(words, &out), KEDGE_OK);
    assert_true(kedge_local_error_read(kedge_writer_slice(&out), after));
    assert_int_equal(strlen(after), KEDGE_LOCAL_WORDS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_read_as_it_was_written),
        cmocka_unit_test(a_deferral_may_say_for_how_long),
        cmocka_unit_test(what_is_no_request_is_refused_with_its_reason),
        cmocka_unit_test(an_error_is_told_from_everything_else),
        cmocka_unit_test(an_error_of_any_length_fits_on_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
