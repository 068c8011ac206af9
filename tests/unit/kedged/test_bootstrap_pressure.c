/*
 * Who was turned away at the bootstrap server: said once a minute, and without a word when nobody
 * was.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/kedged/said.h"
#include "updater/kedged/bootstrapping.h"
#include "updater/lwm2m/bootstrap_internal.h"

#define MINUTE_MS 60000u

struct scene {
    struct kedge_bootstrapping bootstrapping;
    char said[SAID_MAX];
};

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    const struct kedge_net_config config = {.listen_count = 0};
    assert_int_equal(kedge_net_create(&config, &scene->bootstrapping.net), KEDGE_OK);
    const struct kedge_bootstrap_config server = {.net = scene->bootstrapping.net};
    assert_int_equal(kedge_bootstrap_create(&server, &scene->bootstrapping.server), KEDGE_OK);
    kedge_bootstrap_pressure_watch(&scene->bootstrapping);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    kedge_bootstrapping_close(&scene->bootstrapping);
    free(scene);
    return 0;
}

static const char *said_in_a_minute(struct scene *scene)
{
    return said_within(scene->bootstrapping.net, MINUTE_MS + 100, scene->said);
}

static void who_was_turned_away_is_said_once_a_minute(void **state)
{
    struct scene *scene = *state;
    assert_string_equal(said_in_a_minute(scene), "");
    scene->bootstrapping.server->crowded_out = 77;
    assert_non_null(strstr(said_in_a_minute(scene),
                           " 77 devices were told to ask again later, as 1024 are bootstrapped at "
                           "once; now 0"));
    assert_null(strstr(scene->said, "held off"));
    assert_string_equal(said_in_a_minute(scene), "");
    scene->bootstrapping.server->held_off = 9;
    assert_non_null(
        strstr(said_in_a_minute(scene), " 9 requests to be bootstrapped were held off"));
    scene->bootstrapping.server->held_off = 12;
    scene->bootstrapping.net->counters.held_off = 5;
    assert_non_null(
        strstr(said_in_a_minute(scene), " 3 requests to be bootstrapped were held off"));
    assert_non_null(strstr(scene->said, " 5 requests of strangers to be bootstrapped"));
    assert_null(strstr(scene->said, "ask again"));
    assert_string_equal(said_in_a_minute(scene), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_was_turned_away_is_said_once_a_minute, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
