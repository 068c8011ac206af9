/* test_cli_options.c: the command line, read by the table of commands. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "updater/cli/cli.h"
#include "updater/cli/spans.h"
#include "updater/cli/steps.h"

#include <cmocka.h>

#define WORDS_MAX 16
#define FINGERPRINT "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

/* Splits at spaces, as a shell would. */
static enum options_outcome read_line(const char *line, struct cli *cli,
                                      struct arguments *arguments)
{
    static char copy[512];
    static char *words[WORDS_MAX];
    int count = 0;
    (void)snprintf(copy, sizeof(copy), "kedge %s", line);
    for (char *rest = copy, *word; (word = strtok_r(rest, " ", &rest)) != NULL;)
        words[count++] = word;
    return options_read(count, words, cli, arguments);
}

static struct cli cli;
static struct arguments arguments;

static int without_environment(void **state)
{
    (void)state;
    (void)unsetenv("KEDGE_SERVER");
    (void)unsetenv("KEDGE_TOKEN_FILE");
    (void)unsetenv("KEDGE_CA_FILE");
    (void)unsetenv("KEDGE_FINGERPRINT");
    (void)setenv("KEDGE_CONFIG", "/dev/null", 1); /* whatever stands in the user's */
    return 0;
}

static void options_may_stand_before_and_behind_the_command(void **state)
{
    (void)state;
    assert_int_equal(
        read_line("--server http://a --json trust add --name n p.pem", &cli, &arguments),
        OPTIONS_RUN);
    assert_string_equal(cli.server.url, "http://a");
    assert_true(cli.json);
    assert_ptr_equal(arguments.command->run, trust_add);
    assert_string_equal(argument(&arguments, "name"), "n");
    assert_int_equal(arguments.positional_count, 1);
    assert_string_equal(arguments.positional[0], "p.pem");

    assert_int_equal(
        read_line("trust add p.pem --name=n --token-file=t --server=http://b", &cli, &arguments),
        OPTIONS_RUN);
    assert_string_equal(cli.server.url, "http://b");
    assert_string_equal(cli.token_file, "t");
    assert_false(cli.json);
    assert_string_equal(argument(&arguments, "name"), "n");
}

static void the_environment_stands_in_for_options_and_loses_to_them(void **state)
{
    (void)state;
    assert_int_equal(read_line("device list", &cli, &arguments), OPTIONS_RUN);
    assert_string_equal(cli.server.url, "http://127.0.0.1:8080");
    assert_null(cli.token_file);
    assert_int_equal(setenv("KEDGE_SERVER", "http://e", 1), 0);
    assert_int_equal(setenv("KEDGE_TOKEN_FILE", "file", 1), 0);
    assert_int_equal(read_line("device list", &cli, &arguments), OPTIONS_RUN);
    assert_string_equal(cli.server.url, "http://e");
    assert_string_equal(cli.token_file, "file");
    assert_int_equal(read_line("device list --server http://o", &cli, &arguments), OPTIONS_RUN);
    assert_string_equal(cli.server.url, "http://o");
}

static void whom_to_trust_is_said_by_options_or_by_the_environment(void **state)
{
    (void)state;
    assert_int_equal(read_line("device list --server HTTPS://a", &cli, &arguments), OPTIONS_RUN);
    assert_null(cli.server.ca_file);
    assert_null(cli.server.fingerprint);
    assert_int_equal(setenv("KEDGE_SERVER", "https://e", 1), 0);
    assert_int_equal(setenv("KEDGE_CA_FILE", "/dev/null", 1), 0);
    assert_int_equal(setenv("KEDGE_FINGERPRINT", FINGERPRINT, 1), 0);
    assert_int_equal(read_line("device list", &cli, &arguments), OPTIONS_RUN);
    assert_string_equal(cli.server.url, "https://e");
    assert_string_equal(cli.server.ca_file, "/dev/null");
    assert_string_equal(cli.server.fingerprint, FINGERPRINT);
    assert_int_equal(setenv("KEDGE_FINGERPRINT", "", 1), 0);
    assert_int_equal(read_line("device list --ca-file /dev/zero", &cli, &arguments), OPTIONS_RUN);
    assert_string_equal(cli.server.ca_file, "/dev/zero");
    assert_null(cli.server.fingerprint);
}

static void what_is_wrong_is_a_matter_of_usage(void **state)
{
    static const char *const wrong[] = {
        "",
        "device",
        "ship list",
        "device sink",
        "device list extra",
        "device show",
        "device show a b",
        "device tag a",
        "device list --name x",
        "device list --server",
        "device list -x",
        "--name x trust add p.pem",
        "trust add --name a --name b p.pem",
        "--json=yes device list",
        "rollout create --soak many",
        "rollout create --soak -1",
        "rollout create --soak 1.5",
        "rollout create --soak 99999999999",
        "rollout create --soak=",
        "device list --ca-file /nonexistent --server https://a",
        "device list --server https://a --fingerprint 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "device list --server https://a --fingerprint sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZ",
        ("device list --server https://a --fingerprint " FINGERPRINT ";" FINGERPRINT),
        ("device list --server http://a --fingerprint " FINGERPRINT),
        ("device list --fingerprint " FINGERPRINT),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (read_line(wrong[i], &cli, &arguments) != OPTIONS_USAGE)
            fail_msg("taken: kedge %s", wrong[i]);
    }
}

static void help_and_version_end_it(void **state)
{
    static const char *const ends[] = {"--help",
                                       "-h",
                                       "--version",
                                       "rollout --help",
                                       "rollout create --help",
                                       "device show --help"};
    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        assert_int_equal(read_line(ends[i], &cli, &arguments), OPTIONS_END);
}

static void a_repeated_option_keeps_each_value(void **state)
{
    (void)state;
    assert_int_equal(read_line("rollout create --device a --group 5 --device b --soak 5 --start c",
                               &cli, &arguments),
                     OPTIONS_RUN);
    size_t device = 0, group = 0;
    assert_string_equal(argument_next(&arguments, "device", &device), "a");
    assert_string_equal(argument_next(&arguments, "device", &device), "b");
    assert_null(argument_next(&arguments, "device", &device));
    assert_string_equal(argument_next(&arguments, "group", &group), "5");
    assert_null(argument_next(&arguments, "group", &group));
    assert_string_equal(arguments.positional[0], "c");
    assert_string_equal(argument(&arguments, "soak"), "5");
    assert_non_null(argument(&arguments, "start"));
    assert_null(argument(&arguments, "all"));
}

static void a_span_is_seconds_or_has_a_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds; /* below 0: it is none */
    } rows[] = {{"0", 0},
                {"600", 600},
                {"90s", 90},
                {"10m", 600},
                {"2h", 7200},
                {"7d", 604800},
                {"1w", 604800},
                {"999999999", 999999999},
                {"1000000000", -1},
                {"16666667m", -1},
                {"16666666m", 999999960},
                {"", -1},
                {"m", -1},
                {"10M", -1},
                {"10 m", -1},
                {"1h30m", -1},
                {"-1", -1},
                {"1.5h", -1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t span_s = 0;
        assert_int_equal(span_read(rows[i].text, &span_s), rows[i].seconds >= 0);
        if (rows[i].seconds >= 0)
            assert_int_equal(span_s, rows[i].seconds);
    }
    assert_int_equal(read_line("rollout create --retry-after 10x", &cli, &arguments),
                     OPTIONS_USAGE);
}

/* The policy that --retry makes; NULL: it was refused. */
static json_t *attempts_of(const char *text)
{
    char line[256];
    (void)snprintf(line, sizeof(line), "rollout create --retry %s", text);
    assert_int_equal(read_line(line, &cli, &arguments), OPTIONS_RUN);
    json_t *policy = json_object();
    if (add_attempts(&arguments, policy))
        return policy;
    json_decref(policy);
    return NULL;
}

static void attempts_are_said_of_each_kind_once(void **state)
{
    (void)state;
    static const char *const wrong[] = {"failed",    "failed=",           "failed=x",
                                        "other=1",   "failed=1,",         "failed=1,,rejected=1",
                                        "failed=1x", "failed=1,failed=2", ",",
                                        "=1",        "failed=1234567890"};
    json_t *policy = attempts_of("timed-out=3,failed=2");
    assert_non_null(policy);
    assert_int_equal(json_object_size(policy), 2);
    assert_int_equal(json_integer_value(json_object_get(policy, "retry_failed")), 2);
    assert_int_equal(json_integer_value(json_object_get(policy, "retry_timed_out")), 3);
    json_decref(policy);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_null(attempts_of(wrong[i]));
}

static json_t *groups_of(const char *text)
{
    static char line[][8] = {"kedge", "rollout", "create", "--group"};
    char *words[] = {line[0], line[1], line[2], line[3], (char *)(uintptr_t)text};
    assert_int_equal(options_read(5, words, &cli, &arguments), OPTIONS_RUN);
    json_t *body = json_object();
    bool added = add_steps(&arguments, body);
    json_t *group = json_incref(json_array_get(json_object_get(body, "groups"), 0));
    json_decref(body);
    assert_int_equal(added, group != NULL);
    return group;
}

static void a_group_is_a_size_or_a_filter_with_rules_of_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json; /* NULL: it is none */
    } rows[] = {
        {"10%", "{\"percent\":10}"},
        {"canary=20", "{\"count\":20,\"name\":\"canary\"}"},
        {"a=b=rest", "{\"name\":\"a=b\",\"rest\":true}"},
        {"filter=tag == \"eu\"", "{\"filter\":\"tag == \\\"eu\\\"\"}"},
        {"p=filter=tag in ('a','b')", "{\"filter\":\"tag in ('a','b')\",\"name\":\"p\"}"},
        {"p=soak=2h,filter=tag == 'a'",
         "{\"filter\":\"tag == 'a'\",\"group_soak_s\":7200,\"name\":\"p\"}"},
        {"c=10%,success=95,errors=2,sample=5,approval=no",
         "{\"approval\":false,\"error_minimum_sample\":5,\"error_threshold_percent\":2,"
         "\"name\":\"c\",\"percent\":10,\"success_threshold_percent\":95}"},
        {"success=95,rest", "{\"rest\":true,\"success_threshold_percent\":95}"},
        {"approval=yes,5", "{\"approval\":true,\"count\":5}"},
        {"", NULL},
        {"canary", NULL},
        {"10%,20", NULL},
        {"10%,", NULL},
        {"10%,success=95,success=96", NULL},
        {"10%,success=95m", NULL},
        {"10%,soak=x", NULL},
        {"10%,approval=maybe", NULL},
        {"10%,other=1", NULL},
        {"filter=tag ==", NULL},
        {"filter=", NULL},
        {"10%,filter=registered", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *group = groups_of(rows[i].text);
        char *text = group == NULL ? NULL : json_dumps(group, JSON_COMPACT | JSON_SORT_KEYS);
        if (rows[i].json == NULL)
            assert_null(text);
        else
            assert_string_equal(text, rows[i].json);
        free(text);
        json_decref(group);
    }
}

static void behind_two_dashes_everything_is_an_argument(void **state)
{
    (void)state;
    assert_int_equal(read_line("device show -- --json", &cli, &arguments), OPTIONS_RUN);
    assert_string_equal(arguments.positional[0], "--json");
    assert_false(cli.json);
}

static void every_command_fits_the_tables_limits_and_is_in_the_usage(void **state)
{
    char *text = NULL;
    size_t size = 0;
    (void)state;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    usage_print(out, NULL, NULL);
    (void)fclose(out);
    for (size_t i = 0; i < command_count; i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "  %s %s ", commands[i].noun, commands[i].verb);
        assert_non_null(strstr(text, line));
        assert_true(commands[i].option_count <= COMMAND_OPTIONS_MAX);
        assert_non_null(commands[i].run);
        for (size_t j = 0; j < commands[i].option_count; j++) {
            const struct option_row *row = &commands[i].options[j];
            assert_int_equal(row->kind == OPTION_FLAG, row->placeholder == NULL);
            assert_int_equal(row->kind == OPTION_TEXTS,
                             strstr(row->help, "may be repeated") != NULL);
        }
    }
    free(text);
}

#define OPTION_TEST(name) cmocka_unit_test_setup(name, without_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPTION_TEST(options_may_stand_before_and_behind_the_command),
        OPTION_TEST(the_environment_stands_in_for_options_and_loses_to_them),
        OPTION_TEST(whom_to_trust_is_said_by_options_or_by_the_environment),
        OPTION_TEST(what_is_wrong_is_a_matter_of_usage),
        OPTION_TEST(help_and_version_end_it),
        OPTION_TEST(a_repeated_option_keeps_each_value),
        OPTION_TEST(a_span_is_seconds_or_has_a_unit),
        OPTION_TEST(attempts_are_said_of_each_kind_once),
        OPTION_TEST(a_group_is_a_size_or_a_filter_with_rules_of_its_own),
        OPTION_TEST(behind_two_dashes_everything_is_an_argument),
        OPTION_TEST(every_command_fits_the_tables_limits_and_is_in_the_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
