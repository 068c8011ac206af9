/* What is posted to webhooks: every entry that the history can hold has a body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "updater/kedged/webhooks.h"

static void expect_text(const json_t *json, const char *name, const char *text)
{
    assert_string_equal(json_string_value(json_object_get(json, name)), text);
}

/* A version of a device, of which a sentence had no room for all bytes of the last character. */
static void a_text_that_was_cut_within_a_character_is_posted(void **state)
{
    (void)state;
    const struct kedge_history_entry entry = {.id = 7,
                                              .rollout_id = 3,
                                              .group_index = 1,
                                              .deployment_id = 5,
                                              .endpoint = "boat \xc3\xa9",
                                              .from = "pending",
                                              .to = "rejected",
                                              .text = "not offered: version \"1.\xc3\""};
    char *body = webhook_body("ci", &entry);
    assert_non_null(body);
    json_t *json = json_loads(body, 0, NULL);
    expect_text(json, "text", "not offered: version \"1.?\"");
    expect_text(json, "endpoint", "boat \xc3\xa9");
    expect_text(json, "event", "deployment");
    json_decref(json);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_that_was_cut_within_a_character_is_posted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
