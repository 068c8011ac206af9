/* test_client_hooks.c: hooks as processes: how each end is judged, and that a limit is one. */
#define _POSIX_C_SOURCE 200809L
#include "agent/client/hooks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#define PATIENCE_MS 60000

static const struct kedge_variable variables[] = {{"KEDGE_HOOK", "pre-install"}, {NULL, NULL}};
static struct kedge_hooks hooks;
static uint64_t wait_ms;

static int begin(void **state)
{
    (void)state;
    hooks = (struct kedge_hooks){.limit_ms = 3000};
    return 0;
}

static int end(void **state)
{
    (void)state;
    kedge_hooks_kill(&hooks);
    return 0;
}

static void start(enum kedge_hook hook, const char *command)
{
    hooks.commands[hook] = command;
    assert_true(kedge_hooks_has(&hooks, hook));
    kedge_hooks_start(&hooks, hook, variables, 1000);
    assert_true(hooks.running);
}

/* Asks as the agent does, at a time that stands still. */
static enum kedge_hook_end wait_for_end(void)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    for (int i = 0; i < PATIENCE_MS / 2; i++) {
        enum kedge_hook_end how = kedge_hooks_poll(&hooks, 1000, &wait_ms);
        if (how != KEDGE_HOOK_RUNS)
            return how;
        nanosleep(&pause, NULL);
    }
    fail_msg("it did not end");
    return KEDGE_HOOK_RUNS;
}

static void a_hook_that_there_is_not_is_not_there(void **state)
{
    (void)state;
    assert_false(kedge_hooks_has(&hooks, KEDGE_HOOK_PRE_INSTALL));
    hooks.commands[KEDGE_HOOK_PRE_INSTALL] = "";
    assert_false(kedge_hooks_has(&hooks, KEDGE_HOOK_PRE_INSTALL));
}

static void exit_status_0_alone_is_good(void **state)
{
    (void)state;
    start(KEDGE_HOOK_PRE_INSTALL, "test \"$KEDGE_HOOK\" = pre-install");
    assert_int_equal(wait_for_end(), KEDGE_HOOK_GOOD);
    assert_false(hooks.running);
    start(KEDGE_HOOK_PRE_INSTALL, "exit 3");
    assert_int_equal(wait_for_end(), KEDGE_HOOK_BAD);
    assert_string_equal(hooks.words, "pre-install hook exit status 3");
    start(KEDGE_HOOK_PRE_REBOOT, "kill -SEGV $$");
    assert_int_equal(wait_for_end(), KEDGE_HOOK_BAD);
    assert_string_equal(hooks.words, "pre-reboot hook ended by signal 11");
}

static void one_that_hangs_is_killed_at_its_limit_and_not_before(void **state)
{
    (void)state;
    start(KEDGE_HOOK_POST_INSTALL, "sleep 600 & sleep 600");
    wait_ms = UINT64_MAX;
    assert_int_equal(kedge_hooks_poll(&hooks, 1000, &wait_ms), KEDGE_HOOK_RUNS);
    assert_int_equal(wait_ms, 3000);
    assert_int_equal(kedge_hooks_poll(&hooks, 3999, &wait_ms), KEDGE_HOOK_RUNS);
    assert_int_equal(wait_ms, 1);
    assert_int_equal(kedge_hooks_poll(&hooks, 4000, &wait_ms), KEDGE_HOOK_BAD);
    assert_string_equal(hooks.words, "post-install hook did not end within 3 s");
    assert_false(hooks.running);
    assert_int_equal(hooks.command.process, 0);
}

static void one_that_cannot_be_started_has_ended_badly(void **state)
{
    (void)state;
    hooks.commands[KEDGE_HOOK_PRE_REBOOT] = "true";
    start(KEDGE_HOOK_PRE_INSTALL, "sleep 600");
    struct kedge_command busy = hooks.command;
    kedge_hooks_start(&hooks, KEDGE_HOOK_PRE_REBOOT, variables, 1000); /* while one runs */
    assert_int_equal(kedge_hooks_poll(&hooks, 1000, &wait_ms), KEDGE_HOOK_BAD);
    assert_string_equal(hooks.words, "pre-reboot hook could not be started");
    assert_false(hooks.running);
    kedge_command_kill(&busy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_hook_that_there_is_not_is_not_there),
        TEST(exit_status_0_alone_is_good),
        TEST(one_that_hangs_is_killed_at_its_limit_and_not_before),
        TEST(one_that_cannot_be_started_has_ended_badly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
