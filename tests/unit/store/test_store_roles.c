/* test_store_roles.c: every role has a name that leads back to it, and the rights of its row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "updater/store/roles.h"

#include <cmocka.h>

static void names_lead_to_roles_and_back(void **state)
{
    (void)state;
    enum kedge_role found;
    for (unsigned i = 0; i < KEDGE_ROLE_COUNT; i++) {
        assert_true(kedge_role_parse(kedge_role_name((enum kedge_role)i), &found));
        assert_int_equal(found, i);
    }
    assert_false(kedge_role_parse("", &found));
    assert_false(kedge_role_parse("Admin", &found));
    assert_string_equal(kedge_role_name(KEDGE_ROLE_COUNT), "unknown");
    assert_int_equal(kedge_role_rights(KEDGE_ROLE_COUNT), 0);
}

static void only_an_admin_has_what_can_be_given_to_two(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEDGE_ROLE_COUNT; i++) {
        unsigned rights = kedge_role_rights((enum kedge_role)i);
        assert_true(rights & KEDGE_RIGHT_VIEW);
        if (i == KEDGE_ROLE_ADMIN)
            continue;
        assert_false(rights & KEDGE_RIGHT_ADMIN);
        /* who makes a rollout does not approve it, nor uploads what it takes devices to */
        assert_true(!(rights & KEDGE_RIGHT_AUTHOR) ||
                    rights == (KEDGE_RIGHT_VIEW | KEDGE_RIGHT_AUTHOR));
    }
    assert_int_equal(kedge_role_rights(KEDGE_ROLE_ADMIN),
                     KEDGE_RIGHT_VIEW | KEDGE_RIGHT_OPERATE | KEDGE_RIGHT_RELEASE |
                         KEDGE_RIGHT_AUTHOR | KEDGE_RIGHT_APPROVE | KEDGE_RIGHT_ADMIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lead_to_roles_and_back),
        cmocka_unit_test(only_an_admin_has_what_can_be_given_to_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
