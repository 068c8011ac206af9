/* test_wycheproof.c: every Wycheproof case of both algorithms is judged right. */
#include <jansson.h>
#include <kedge/crypto.h>
#include <string.h>

#include "tests/unit/vectors.h"

static struct kedge_slice hex_field(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    return vector_hex(text);
}

/* The key of a group, from its DER; cases of a key that is refused count as refused. */
static bool load_key(const json_t *group, struct kedge_public_key *key)
{
    struct kedge_slice der = hex_field(group, "publicKeyDer");
    enum kedge_rc rc = kedge_public_key_from_spki(der, key);
    vector_free(der);
    return rc == KEDGE_OK;
}

static size_t judge_group(const json_t *group)
{
    struct kedge_public_key key;
    bool usable = load_key(group, &key);
    json_t *cases = json_object_get(group, "tests");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        struct kedge_slice message = hex_field(one, "msg");
        struct kedge_slice signature = hex_field(one, "sig");
        const char *result = json_string_value(json_object_get(one, "result"));
        bool good = usable && kedge_verify(&key, message, signature) == KEDGE_OK;
        /* "acceptable" leaves the choice to the verifier. */
        if (strcmp(result, "acceptable") != 0 && good != (strcmp(result, "valid") == 0))
            fail_msg("tcId %d: %s, judged %s",
                     (int)json_integer_value(json_object_get(one, "tcId")), result,
                     good ? "valid" : "invalid");
        vector_free(message);
        vector_free(signature);
    }
    return json_array_size(cases);
}

static void judge_file(const char *name, size_t expected_cases)
{
    struct kedge_slice file = vector_read(name);
    json_t *root = json_loadb((const char *)file.data, file.size, 0, NULL);
    assert_non_null(root);
    json_t *groups = json_object_get(root, "testGroups");
    size_t cases = 0;
    for (size_t i = 0; i < json_array_size(groups); i++)
        cases += judge_group(json_array_get(groups, i));
    assert_int_equal(cases, expected_cases);
    json_decref(root);
    vector_free(file);
}

static void every_ed25519_case_is_judged_right(void **state)
{
    (void)state;
    judge_file("wycheproof/ed25519_test.json", 151);
}

static void every_ecdsa_p256_case_is_judged_right(void **state)
{
    (void)state;
    judge_file("wycheproof/ecdsa_secp256r1_sha256_p1363_test.json", 262);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_ed25519_case_is_judged_right),
        cmocka_unit_test(every_ecdsa_p256_case_is_judged_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
