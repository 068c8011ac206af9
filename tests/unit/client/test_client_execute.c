/* test_client_execute.c: which arguments an Execute may have. */
#include "agent/client/execute.h"
#include "tests/unit/client/model_device.h"

static enum kedge_rc check(const char *text)
{
    return kedge_execute_check(kedge_slice_text(text));
}

static void what_the_grammar_has_is_taken(void **state)
{
    (void)state;
    const char *const texts[] = {"",
                                 "0",
                                 "9",
                                 "0,1,2",
                                 "0=''",
                                 "5='a'",
                                 "2='10.3'",
                                 "7,0='https://www.oma.org'",
                                 "0,1='!#$%&()*+,-./09:;<=>?@AZ[]^_`az{|}~',2"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(check(texts[i]), KEDGE_OK);
}

static void nothing_else_is(void **state)
{
    (void)state;
    const char *const texts[] = {
        "a",   " ",      "10",    "0 ",     ",",        "0,",           ",0",      "0,,1",
        "0=",  "0=a",    "0='",   "0='a",   "0='a'b",   "0='a''",       "=",       "='a'",
        "-1",  "0='\"'", "0=' '", "0='\\'", "0='\x7f'", "0='\xc3\xa9'", "0='a\n'", "0=\"a\"",
        "0;1", "0='a'1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_not_equal(check(texts[i]), KEDGE_OK);
    assert_int_not_equal(kedge_execute_check(kedge_slice("0\0", 2)), KEDGE_OK);
    assert_int_not_equal(kedge_execute_check(kedge_slice("0='\0'", 5)), KEDGE_OK);
}

static uint8_t execute(struct device *device, uint32_t format, const char *arguments)
{
    return ask(device, KEDGE_COAP_POST, "/3/0/4", format, NONE, kedge_slice_text(arguments)).code;
}

static void wrong_arguments_execute_nothing(void **state)
{
    struct device *device = *state;
    assert_int_equal(execute(device, TEXT, "0='a"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(execute(device, NONE, "reboot"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(execute(device, OPAQUE, "0"), KEDGE_COAP_UNSUPPORTED_FORMAT);
    assert_int_equal(execute(device, TLV, "0"), KEDGE_COAP_UNSUPPORTED_FORMAT);
    assert_int_equal(device->executes, 0);
    assert_int_equal(execute(device, TEXT, "0='a'"), KEDGE_COAP_CHANGED);
    assert_int_equal(execute(device, NONE, "0"), KEDGE_COAP_CHANGED);
    assert_int_equal(execute(device, TLV, ""), KEDGE_COAP_CHANGED);
    assert_int_equal(device->executes, 3);
    /* What cannot be executed at all is not looked at so closely, nor who has no right to. */
    assert_int_equal(ask(device, KEDGE_COAP_POST, "/3/0/3", TEXT, NONE, kedge_slice_text("x")).code,
                     KEDGE_COAP_METHOD_NOT_ALLOWED);
    device->rights = KEDGE_ACCESS_READ;
    assert_int_equal(execute(device, TEXT, "x"), KEDGE_COAP_UNAUTHORIZED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_grammar_has_is_taken),
        TEST(nothing_else_is),
        TEST(wrong_arguments_execute_nothing),
    };
    return cmocka_run_group_tests_name("client_execute", tests, NULL, NULL);
}
