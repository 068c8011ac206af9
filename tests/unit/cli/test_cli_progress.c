/* test_cli_progress.c: what a watch says, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "updater/cli/json.h"
#include "updater/cli/progress.h"
#include "updater/cli/table.h"
#include "updater/rollout/rollout.h"

#include <cmocka.h>

static json_t *parse(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    return json;
}

static void only_finished_is_a_good_end(void **state)
{
    static const char *const stopped[] = {"paused", "aborted", "rolled_back"};
    static const char *const going[] = {
        "draft",    "waiting_for_approval", "ready", "running",
        "aborting", "rolling_back",         "",      "of the future"};
    (void)state;
    assert_int_equal(watch_verdict("finished"), WATCH_FINISHED);
    for (size_t i = 0; i < sizeof(stopped) / sizeof(stopped[0]); i++)
        assert_int_equal(watch_verdict(stopped[i]), WATCH_STOPPED);
    for (size_t i = 0; i < sizeof(going) / sizeof(going[0]); i++)
        assert_int_equal(watch_verdict(going[i]), WATCH_GOES_ON);
}

/* The command line knows the states by name only: here they are held against the table. */
static void every_state_of_a_rollout_that_has_ended_ends_the_watch(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEDGE_ROLLOUT_STATE_COUNT; i++) {
        enum kedge_rollout_state rollout = (enum kedge_rollout_state)i;
        if (kedge_rollout_state_ended(rollout))
            assert_int_not_equal(watch_verdict(kedge_rollout_state_name(rollout)), WATCH_GOES_ON);
    }
}

static void a_deployment_counts_fully_exactly_when_it_has_ended(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEDGE_DEPLOYMENT_STATE_COUNT; i++) {
        enum kedge_deployment_state deployment = (enum kedge_deployment_state)i;
        json_t *counts = json_pack("{s:i}", kedge_deployment_state_name(deployment), 1000);
        assert_int_equal(progress_percent(counts, 1) == 100,
                         kedge_deployment_state_ended(deployment));
        json_decref(counts);
    }
}

static void the_percentage_rises_with_the_work_and_reaches_100_at_the_end_only(void **state)
{
    static const char *const steps[] = {
        "{\"pending\":2}",
        "{\"pending\":1,\"offered\":1}",
        "{\"offered\":1,\"downloading\":1}",
        "{\"downloading\":1,\"downloaded\":1}",
        "{\"installing\":2}",
        "{\"verifying\":2}",
        "{\"verifying\":1,\"succeeded\":1}",
    };
    unsigned before = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        json_t *counts = parse(steps[i]);
        unsigned percent = progress_percent(counts, 0.5);
        assert_true(i == 0 ? percent == 0 : percent > before);
        before = percent;
        json_decref(counts);
    }
    json_t *counts = parse("{\"succeeded\":1,\"failed\":1}");
    assert_int_equal(progress_percent(counts, 0), 100);
    json_decref(counts);
    counts = parse("{\"succeeded\":999999,\"verifying\":1}");
    assert_int_equal(progress_percent(counts, 0), 99);
    json_decref(counts);
    counts = parse("{\"downloading\":1}");
    assert_true(progress_percent(counts, 0.1) < progress_percent(counts, 0.9));
    json_decref(counts);
    counts = parse("{}");
    assert_int_equal(progress_percent(counts, 0), 0);
    json_decref(counts);
}

static void downloads_are_averaged_over_those_of_known_size(void **state)
{
    (void)state;
    json_t *list =
        parse("[{\"bytes_done\":1,\"bytes_total\":4},{\"bytes_done\":9,\"bytes_total\":4},"
              "{\"bytes_done\":5,\"bytes_total\":0},{}]");
    assert_true(downloads_average(list) > 0.624 && downloads_average(list) < 0.626);
    json_decref(list);
    assert_true(downloads_average(NULL) == 0);
}

static void the_line_holds_bar_and_counts_and_fits(void **state)
{
    char line[512];
    (void)state;
    json_t *rollout =
        parse("{\"state\":\"running\",\"counts\":{\"succeeded\":1,\"failed\":0,\"pending\":1}}");
    progress_line(rollout, 0, 60, line, sizeof(line));
    assert_string_equal(line, "[########.......]  50 %  running: 1 succeeded, 1 pending");
    for (size_t width = 1; width < 200; width++) {
        progress_line(rollout, 0, width, line, sizeof(line));
        assert_true(strlen(line) <= width);
    }
    json_decref(rollout);
}

static void a_change_is_one_line_without_control_characters(void **state)
{
    static const struct {
        const char *entry, *line;
        bool bad;
    } rows[] = {
        {"{\"endpoint\":\"b\\u001b1\",\"group_index\":0,\"from\":\"verifying\",\"to\":\"failed\","
         "\"text\":\"health\\ncheck\"}",
         "b?1: verifying -> failed: health?check", true},
        {"{\"endpoint\":\"b\",\"group_index\":0,\"from\":\"verifying\",\"to\":\"succeeded\","
         "\"text\":\"\"}",
         "b: verifying -> succeeded", false},
        {"{\"endpoint\":\"\",\"group_index\":2,\"from\":\"running\",\"to\":\"failed\",\"text\":"
         "\"x\"}",
         "group 3: running -> failed: x", false},
        {"{\"endpoint\":\"\",\"group_index\":null,\"from\":\"\",\"to\":\"draft\",\"text\":\"\"}",
         "rollout: draft", false},
    };
    char line[512];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *entry = parse(rows[i].entry);
        history_line(entry, line, sizeof(line));
        assert_string_equal(line, rows[i].line);
        assert_int_equal(history_is_bad(entry), rows[i].bad);
        json_decref(entry);
    }
}

static void counts_name_what_is_there(void **state)
{
    char text[64];
    (void)state;
    json_t *counts = parse("{\"pending\":0,\"succeeded\":3,\"failed\":1}");
    counts_text(counts, text, sizeof(text));
    assert_string_equal(text, "3 succeeded, 1 failed");
    char shortest[8];
    counts_text(counts, shortest, sizeof(shortest));
    assert_string_equal(shortest, "3 succe");
    json_decref(counts);
    counts_text(NULL, text, sizeof(text));
    assert_string_equal(text, "none");
}

static void a_name_stands_before_its_bar_in_columns_of_its_own(void **state)
{
    char line[512];
    (void)state;
    json_t *group = parse("{\"state\":\"running\",\"counts\":{\"succeeded\":1,\"pending\":1}}");
    named_line("pilot", 8, group, 0, 60, line, sizeof(line));
    assert_string_equal(line, "pilot     [######......]  50 %  running: 1 succeeded, 1 pend");
    named_line("\xe8\x88\xb9\xe8\x88\xb9\x1b!!", 5, group, 0, 200, line, sizeof(line));
    assert_memory_equal(line, "\xe8\x88\xb9\xe8\x88\xb9?  [", 10);
    for (size_t width = 1; width < 120; width++) {
        named_line("a name that is long", 12, group, 0.5, width, line, sizeof(line));
        assert_true(text_width(line) <= width);
    }
    json_decref(group);
}

static void those_groups_are_shown_that_have_not_ended(void **state)
{
    (void)state;
    json_t *groups = parse("[{\"state\":\"succeeded\"},{\"state\":\"failed\"},{\"state\":"
                           "\"running\"},{\"state\":\"scheduled\"},{\"state\":\"scheduled\"}]");
    assert_int_equal(groups_first(groups, 9), 0);
    assert_int_equal(groups_first(groups, 5), 0);
    assert_int_equal(groups_first(groups, 3), 1);
    assert_int_equal(groups_first(groups, 2), 1);
    assert_int_equal(groups_first(groups, 1), 2);
    assert_int_equal(groups_first(NULL, 3), 0);
    json_decref(groups);
}

static void a_deployment_says_how_far_its_download_is(void **state)
{
    char line[512];
    (void)state;
    json_t *one = parse("{\"state\":\"downloading\",\"bytes_done\":512,\"bytes_total\":1024,"
                        "\"explanation\":\"slow\\u001b\"}");
    deployment_line(one, 100, line, sizeof(line));
    assert_string_equal(line,
                        "[########.................]  32 %  downloading 512 B of 1.0 KiB: slow?");
    json_decref(one);
    one =
        parse("{\"state\":\"succeeded\",\"bytes_done\":9,\"bytes_total\":1,\"explanation\":\"\"}");
    deployment_line(one, 50, line, sizeof(line));
    assert_string_equal(line, "[############] 100 %  succeeded");
    json_decref(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_finished_is_a_good_end),
        cmocka_unit_test(every_state_of_a_rollout_that_has_ended_ends_the_watch),
        cmocka_unit_test(a_deployment_counts_fully_exactly_when_it_has_ended),
        cmocka_unit_test(the_percentage_rises_with_the_work_and_reaches_100_at_the_end_only),
        cmocka_unit_test(downloads_are_averaged_over_those_of_known_size),
        cmocka_unit_test(the_line_holds_bar_and_counts_and_fits),
        cmocka_unit_test(a_name_stands_before_its_bar_in_columns_of_its_own),
        cmocka_unit_test(those_groups_are_shown_that_have_not_ended),
        cmocka_unit_test(a_deployment_says_how_far_its_download_is),
        cmocka_unit_test(a_change_is_one_line_without_control_characters),
        cmocka_unit_test(counts_name_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
