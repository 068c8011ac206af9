/* Zones of tzdata: that they are known, whatever else was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "updater/kedged/zones.h"

#define NOON_S UINT64_C(1795694400) /* 2026-11-26T12:00:00Z */

static bool knows(const char *name, struct kedge_zone_offset *out)
{
    const struct kedge_zones *zones = kedge_system_zones();
    return zones->offset(zones->context, name, NOON_S, out);
}

static void names_that_no_zone_has_take_no_places_from_those_that_are(void **state)
{
    struct kedge_zone_offset offset;
    char name[KEDGE_ZONE_NAME_MAX + 1];
    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        (void)snprintf(name, sizeof(name), "Nowhere/No%u", i);
        assert_false(knows(name, &offset));
    }
    assert_true(knows("Asia/Tokyo", &offset));
    assert_int_equal(offset.offset_s, 9 * 3600);
    assert_false(knows("Nowhere/No1", &offset));
    assert_true(knows("Asia/Tokyo", &offset));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_no_zone_has_take_no_places_from_those_that_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
