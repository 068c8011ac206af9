/* test_cli_problem.c: refusals in words, with what to do; and token files. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "updater/cli/client.h"

#include <cmocka.h>

static void a_refusal_says_what_is_wrong_and_what_to_do(void **state)
{
    char text[CLIENT_ERROR_MAX];
    (void)state;
    json_t *problem =
        json_pack("{s:s, s:s}", "detail", "no trusted key signed it", "code", "signature");
    problem_text(422, problem, text);
    assert_non_null(strstr(text, "no trusted key signed it"));
    assert_non_null(strstr(text, "kedge trust add"));
    json_decref(problem);
    problem = json_pack("{s:s, s:s}", "detail", "limit must be 1 to 500", "code", "argument");
    problem_text(400, problem, text);
    assert_string_equal(text, "refused: limit must be 1 to 500");
    json_decref(problem);
}

static void an_answer_without_details_is_told_by_its_status(void **state)
{
    char text[CLIENT_ERROR_MAX];
    (void)state;
    json_t *strange = json_pack("[i]", 1);
    problem_text(418, strange, text);
    assert_non_null(strstr(text, "418"));
    json_decref(strange);
}

static void a_detail_of_any_length_fits(void **state)
{
    char text[CLIENT_ERROR_MAX], detail[5000];
    (void)state;
    memset(detail, 'x', sizeof(detail) - 1);
    detail[sizeof(detail) - 1] = '\0';
    json_t *problem = json_pack("{s:s, s:s}", "detail", detail, "code", "signature");
    problem_text(422, problem, text);
    assert_non_null(strstr(text, "kedge trust add"));
    json_decref(problem);
}

/* Reads a token file with this content. */
static bool read_content(const char *content, char token[CLIENT_TOKEN_MAX + 1],
                         char error[CLIENT_ERROR_MAX])
{
    char path[] = "/tmp/kedge-token-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, content, strlen(content)), (ssize_t)strlen(content));
    (void)close(file);
    bool read = token_read(path, token, error);
    assert_true(read || strstr(error, path) != NULL);
    (void)unlink(path);
    return read;
}

static void a_token_is_one_line(void **state)
{
    char token[CLIENT_TOKEN_MAX + 1], error[CLIENT_ERROR_MAX], longest[CLIENT_TOKEN_MAX + 3];
    (void)state;
    assert_true(read_content("secret\n", token, error));
    assert_string_equal(token, "secret");
    assert_true(read_content("secret", token, error));
    assert_true(read_content("secret\r\n", token, error));
    assert_string_equal(token, "secret");
    assert_false(read_content("", token, error));
    assert_false(read_content("\n", token, error));
    assert_false(read_content("two words\n", token, error));
    assert_false(read_content("one\nX-Header: two\n", token, error));
    assert_false(read_content("\x01\n", token, error));
    memset(longest, 'x', sizeof(longest));
    longest[CLIENT_TOKEN_MAX + 1] = '\0';
    assert_false(read_content(longest, token, error));
    longest[CLIENT_TOKEN_MAX] = '\0';
    assert_true(read_content(longest, token, error));
    assert_int_equal(strlen(token), CLIENT_TOKEN_MAX);
    assert_false(token_read("/nonexistent/token", token, error));
    assert_non_null(strstr(error, "--token-file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_says_what_is_wrong_and_what_to_do),
        cmocka_unit_test(an_answer_without_details_is_told_by_its_status),
        cmocka_unit_test(a_detail_of_any_length_fits),
        cmocka_unit_test(a_token_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
