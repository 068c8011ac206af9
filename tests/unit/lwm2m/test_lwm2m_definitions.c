/* test_lwm2m_definitions.c: the table of resources against OMA's registry. */
#include <kedge/lwm2m_records.h>
#include <string.h>

#include "tests/unit/vectors.h"

/* The text of the next element of that name behind *at; empty when it is <Name/>. */
static void element(const char **at, const char *name, char *out, size_t size)
{
    char open[64], empty[64], close[64];
    snprintf(open, sizeof open, "<%s>", name);
    snprintf(empty, sizeof empty, "<%s/>", name);
    snprintf(close, sizeof close, "</%s>", name);
    const char *start = strstr(*at, open), *none = strstr(*at, empty);
    out[0] = '\0';
    if (none != NULL && (start == NULL || none < start)) {
        *at = none + strlen(empty);
        return;
    }
    assert_non_null(start);
    start += strlen(open);
    const char *end = strstr(start, close);
    assert_non_null(end);
    snprintf(out, size, "%.*s", (int)(end - start), start);
    *at = end;
}

static enum kedge_lwm2m_type type_named(const char *name)
{
    static const struct {
        const char *name;
        enum kedge_lwm2m_type type;
    } types[] = {{"String", KEDGE_LWM2M_STRING},
                 {"Integer", KEDGE_LWM2M_INTEGER},
                 {"Boolean", KEDGE_LWM2M_BOOLEAN},
                 {"Unsigned Integer", KEDGE_LWM2M_UNSIGNED},
                 {"Opaque", KEDGE_LWM2M_OPAQUE},
                 {"Time", KEDGE_LWM2M_TIME},
                 {"Objlnk", KEDGE_LWM2M_OBJECT_LINK},
                 {"Float", KEDGE_LWM2M_FLOAT},
                 {"", KEDGE_LWM2M_NOTHING}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].type;
    fail_msg("the registry has a type \"%s\"", name);
    return KEDGE_LWM2M_NOTHING;
}

static enum kedge_lwm2m_operations operations_named(const char *name)
{
    return (enum kedge_lwm2m_operations)((strchr(name, 'R') != NULL ? KEDGE_LWM2M_R : 0) |
                                         (strchr(name, 'W') != NULL ? KEDGE_LWM2M_W : 0) |
                                         (strchr(name, 'E') != NULL ? KEDGE_LWM2M_E : 0));
}

static size_t compare_object(uint16_t object)
{
    char name[32];
    snprintf(name, sizeof name, "lwm2m/%u.xml", object);
    struct kedge_slice file = vector_read(name);
    char *text = calloc(1, file.size + 1);
    assert_non_null(text);
    memcpy(text, file.data, file.size);
    size_t count = 0;
    for (const char *at = strstr(text, "<Item ID=\""); at != NULL; at = strstr(at, "<Item ID=\"")) {
        char operations[16], multiple[16], type[32];
        uint16_t resource = (uint16_t)strtoul(at + strlen("<Item ID=\""), NULL, 10);
        element(&at, "Operations", operations, sizeof operations);
        element(&at, "MultipleInstances", multiple, sizeof multiple);
        element(&at, "Type", type, sizeof type);
        const struct kedge_lwm2m_definition *found = kedge_lwm2m_definition(object, resource);
        if (found == NULL)
            fail_msg("/%u/x/%u is not known", object, resource);
        assert_int_equal(found->object, object);
        assert_int_equal(found->resource, resource);
        assert_int_equal(found->operations, operations_named(operations));
        assert_int_equal(found->multiple, strcmp(multiple, "Multiple") == 0);
        assert_int_equal(found->type, type_named(type));
        count++;
    }
    free(text);
    vector_free(file);
    return count;
}

static void every_resource_is_as_the_registry_has_it(void **state)
{
    (void)state;
    size_t counts[6] = {0};
    for (uint16_t object = 0; object <= 5; object++) {
        counts[object] = compare_object(object);
        size_t known = 0;
        for (uint32_t resource = 0; resource < KEDGE_LWM2M_ID_NONE; resource++)
            known += kedge_lwm2m_definition(object, (uint16_t)resource) != NULL;
        assert_int_equal(known, counts[object]);
    }
    assert_int_equal(counts[5], 14);
    assert_int_equal(counts[3], 23);
}

static void what_is_not_known_has_no_definition(void **state)
{
    (void)state;
    assert_null(kedge_lwm2m_definition(5, 4));
    assert_null(kedge_lwm2m_definition(3303, 5700));
    assert_null(kedge_lwm2m_definition(KEDGE_LWM2M_ID_NONE, KEDGE_LWM2M_ID_NONE));
    assert_non_null(kedge_lwm2m_definition(KEDGE_LWM2M_OBJECT_KEDGE, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_resource_is_as_the_registry_has_it),
        cmocka_unit_test(what_is_not_known_has_no_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
