/* test_pkcs11_uri.c: PKCS#11 URIs (RFC 7512): what is taken, decoded, and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "signer/keys/pkcs11_uri.h"

static enum kedge_rc parse(const char *text, struct kedge_pkcs11_uri *uri)
{
    struct kedge_slice fault;
    return kedge_pkcs11_uri_parse(kedge_slice_text(text), uri, &fault);
}

static void every_attribute_arrives_decoded_in_its_field(void **state)
{
    (void)state;
    static const uint8_t id[] = {0x01, 0xff, 'a', 0x00};
    struct kedge_pkcs11_uri uri;
    assert_int_equal(
        parse("pkcs11:model=SoftHSM%20v2;manufacturer=A&B;serial=ab12;token=r%C3%a9lease;"
              "object=key%3b1;id=%01%FFa%00;type=private?module-path=/lib/a.so&pin-source=env:PIN",
              &uri),
        KEDGE_OK);
    assert_string_equal(uri.model, "SoftHSM v2");
    assert_string_equal(uri.manufacturer, "A&B");
    assert_string_equal(uri.serial, "ab12");
    assert_string_equal(uri.token, "r\xc3\xa9lease");
    assert_string_equal(uri.object, "key;1");
    assert_int_equal(uri.id_size, sizeof id);
    assert_memory_equal(uri.id, id, sizeof id);
    assert_string_equal(uri.module_path, "/lib/a.so");
    assert_string_equal(uri.pin_source, "env:PIN");
}

static void what_is_not_given_is_empty(void **state)
{
    (void)state;
    struct kedge_pkcs11_uri uri;
    memset(&uri, 0xAA, sizeof uri);
    assert_int_equal(parse("pkcs11:token=t;id=%01", &uri), KEDGE_OK);
    assert_string_equal(uri.object, "");
    assert_string_equal(uri.serial, "");
    assert_string_equal(uri.module_path, "");
    assert_string_equal(uri.pin_source, "");
}

static void a_pin_source_is_brought_into_one_form(void **state)
{
    (void)state;
    static const char *const forms[][2] = {
        {"/run/pin", "file:/run/pin"},
        {"file:/run/pin", "file:/run/pin"},
        {"file:///run/pin", "file:/run/pin"},
        {"file:%2Frun%2fpin", "file:/run/pin"},
        {"env:A", "env:A"},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char text[128] = "pkcs11:token=t;object=o?pin-source=";
        struct kedge_pkcs11_uri uri;
        strcat(text, forms[i][0]);
        assert_int_equal(parse(text, &uri), KEDGE_OK);
        assert_string_equal(uri.pin_source, forms[i][1]);
    }
}

static void a_refusal_says_why_and_names_the_attribute(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fault;
        enum kedge_rc rc;
    } refusals[] = {
        {"pkcs12:token=t", "", KEDGE_E_URI},
        {"PKCS11:token=t;object=o", "", KEDGE_E_URI},
        {"pkcs11:", "", KEDGE_E_MISSING},
        {"pkcs11:token=t", "", KEDGE_E_MISSING},
        {"pkcs11:object=o;id=%01", "", KEDGE_E_MISSING},
        {"pkcs11:token=t;token=t;object=o", "token", KEDGE_E_URI},
        {"pkcs11:token=t;;object=o", "", KEDGE_E_URI},
        {"pkcs11:token=t;object", "object", KEDGE_E_URI},
        {"pkcs11:token=%2;object=o", "token", KEDGE_E_URI},
        {"pkcs11:token=%2g;object=o", "token", KEDGE_E_URI},
        {"pkcs11:token=%00;object=o", "token", KEDGE_E_URI},
        {"pkcs11:token=%ff;object=o", "token", KEDGE_E_URI},
        {"pkcs11:token=a#b;object=o", "token", KEDGE_E_URI},
        {"pkcs11:token=;object=o", "token", KEDGE_E_URI},
        {"pkcs11:token=t;id=", "id", KEDGE_E_URI},
        {"pkcs11:token=t;object=o;slot-id=0", "slot-id", KEDGE_E_UNSUPPORTED},
        {"pkcs11:token=t;object=o;library-version=2", "library-version", KEDGE_E_UNSUPPORTED},
        {"pkcs11:token=t;object=o;type=cert", "type", KEDGE_E_UNSUPPORTED},
        {"pkcs11:token=t;object=o?module-name=x", "module-name", KEDGE_E_UNSUPPORTED},
        {"pkcs11:token=t;object=o?module-path=a.so", "module-path", KEDGE_E_UNSUPPORTED},
        {"pkcs11:token=t;object=o?pin-source=|cmd", "pin-source", KEDGE_E_UNSUPPORTED},
        {"pkcs11:token=t;object=o?pin-source=env:", "pin-source", KEDGE_E_UNSUPPORTED},
        {"pkcs11:token=t;object=o?pin-source=file:pin", "pin-source", KEDGE_E_UNSUPPORTED},
        {"pkcs11:token=t;object=o?pin-source=file://host/pin", "pin-source", KEDGE_E_UNSUPPORTED},
        {"pkcs11:token=t;object=o?pin-value=1234", "pin-value", KEDGE_E_REFUSED},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct kedge_pkcs11_uri uri;
        struct kedge_slice fault;
        assert_int_equal(kedge_pkcs11_uri_parse(kedge_slice_text(refusals[i].text), &uri, &fault),
                         refusals[i].rc);
        assert_true(kedge_slice_equal(fault, kedge_slice_text(refusals[i].fault)));
    }
}

/* A text with a token label (or an id) of `size` bytes. */
static enum kedge_rc parse_sized(const char *before, size_t size, const char *after)
{
    static char text[KEDGE_PKCS11_URI_MAX + 2];
    struct kedge_pkcs11_uri uri;
    size_t start = strlen(before);
    memcpy(text, before, start);
    memset(text + start, 'x', size);
    strcpy(text + start + size, after);
    return parse(text, &uri);
}

static void limits_hold_to_the_byte(void **state)
{
    (void)state;
    assert_int_equal(parse_sized("pkcs11:token=", KEDGE_PKCS11_TEXT_MAX, ";object=o"), KEDGE_OK);
    assert_int_equal(parse_sized("pkcs11:token=", KEDGE_PKCS11_TEXT_MAX + 1, ";object=o"),
                     KEDGE_E_LIMIT);
    assert_int_equal(parse_sized("pkcs11:token=t;object=", KEDGE_PKCS11_OBJECT_MAX, ""), KEDGE_OK);
    assert_int_equal(parse_sized("pkcs11:token=t;object=", KEDGE_PKCS11_OBJECT_MAX + 1, ""),
                     KEDGE_E_LIMIT);
    assert_int_equal(parse_sized("pkcs11:token=t;id=", KEDGE_PKCS11_ID_MAX, ""), KEDGE_OK);
    assert_int_equal(parse_sized("pkcs11:token=t;id=", KEDGE_PKCS11_ID_MAX + 1, ""), KEDGE_E_LIMIT);
    assert_int_equal(
        parse_sized("pkcs11:token=t;id=%01?pin-source=/", KEDGE_PKCS11_PATH_MAX - 6, ""), KEDGE_OK);
    assert_int_equal(
        parse_sized("pkcs11:token=t;id=%01?pin-source=/", KEDGE_PKCS11_PATH_MAX - 5, ""),
        KEDGE_E_LIMIT);
    assert_int_equal(parse_sized("pkcs11:", KEDGE_PKCS11_URI_MAX - 6, ""), KEDGE_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_attribute_arrives_decoded_in_its_field),
        cmocka_unit_test(what_is_not_given_is_empty),
        cmocka_unit_test(a_pin_source_is_brought_into_one_form),
        cmocka_unit_test(a_refusal_says_why_and_names_the_attribute),
        cmocka_unit_test(limits_hold_to_the_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
