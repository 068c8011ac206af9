/* What a service manager is told, over a real socket. */
#define _GNU_SOURCE
#include "agent/port/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct manager {
    int socket;
    char folder[64];
    char name[96];
    struct kedge_notify notify;
};

static int set_up(void **state)
{
    struct manager *manager = calloc(1, sizeof *manager);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_non_null(manager);
    snprintf(manager->folder, sizeof manager->folder, "/tmp/kedge-notify-XXXXXX");
    assert_non_null(mkdtemp(manager->folder));
    snprintf(manager->name, sizeof manager->name, "%s/notify", manager->folder);
    strcpy(address.sun_path, manager->name);
    manager->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(manager->socket >= 0);
    assert_int_equal(bind(manager->socket, (struct sockaddr *)&address, sizeof address), 0);
    manager->notify.socket = -1;
    setenv("NOTIFY_SOCKET", manager->name, 1);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    *state = manager;
    return 0;
}

static int tear_down(void **state)
{
    struct manager *manager = *state;
    kedge_notify_close(&manager->notify);
    close(manager->socket);
    unlink(manager->name);
    rmdir(manager->folder);
    free(manager);
    return 0;
}

/* The next datagram, or "" when there is none. */
static const char *told(const struct manager *manager)
{
    static char text[512];
    ssize_t size = recv(manager->socket, text, sizeof text - 1, 0);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static uint64_t poll_at(struct manager *manager, const char *status, uint64_t now_ms)
{
    uint64_t wait_ms = 60000;
    kedge_notify_poll(&manager->notify, status, now_ms, &wait_ms);
    return wait_ms;
}

static void readiness_is_told_once_and_a_status_when_it_is_another(void **state)
{
    struct manager *manager = *state;
    assert_int_equal(kedge_notify_open(&manager->notify), KEDGE_OK);
    assert_string_equal(told(manager), "");
    assert_int_equal(poll_at(manager, "registered", 1), 60000);
    assert_string_equal(told(manager), "READY=1");
    assert_string_equal(told(manager), "STATUS=registered");
    poll_at(manager, "registered", 2);
    assert_string_equal(told(manager), "");
    poll_at(manager, "downloading", 3);
    assert_string_equal(told(manager), "STATUS=downloading");
    kedge_notify_close(&manager->notify);
    assert_string_equal(told(manager), "STOPPING=1");
    poll_at(manager, "idle", 4);
    assert_string_equal(told(manager), "");
}

static void a_long_status_is_cut_and_not_told_again(void **state)
{
    struct manager *manager = *state;
    char status[KEDGE_NOTIFY_STATUS_MAX + 100];
    memset(status, 'x', sizeof status - 1);
    status[sizeof status - 1] = '\0';
    assert_int_equal(kedge_notify_open(&manager->notify), KEDGE_OK);
    poll_at(manager, status, 1);
    assert_string_equal(told(manager), "READY=1");
    assert_int_equal(strlen(told(manager)), strlen("STATUS=") + KEDGE_NOTIFY_STATUS_MAX);
    poll_at(manager, status, 2);
    assert_string_equal(told(manager), "");
}

static void signs_of_life_go_out_twice_in_the_watchdogs_time(void **state)
{
    struct manager *manager = *state;
    char pid[24];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    setenv("WATCHDOG_USEC", "10000000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(kedge_notify_open(&manager->notify), KEDGE_OK);
    assert_int_equal(poll_at(manager, "", 1000), 5000);
    assert_string_equal(told(manager), "READY=1");
    assert_string_equal(told(manager), "WATCHDOG=1");
    assert_int_equal(poll_at(manager, "", 3000), 3000);
    assert_string_equal(told(manager), "");
    assert_int_equal(poll_at(manager, "", 6000), 5000);
    assert_string_equal(told(manager), "WATCHDOG=1");
}

static void kedge_boots_watchdog_is_the_agents_and_anybody_elses_is_not(void **state)
{
    struct manager *manager = *state;
    char pid[24];
    snprintf(pid, sizeof pid, "%ld", (long)getppid());
    setenv("WATCHDOG_USEC", "10000000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(kedge_notify_open(&manager->notify), KEDGE_OK);
    assert_int_equal(manager->notify.watchdog_ms, 5000);
    kedge_notify_close(&manager->notify);
    setenv("NOTIFY_SOCKET", manager->name, 1);
    setenv("WATCHDOG_USEC", "10000000", 1);
    setenv("WATCHDOG_PID", "1999999999", 1);
    assert_int_equal(kedge_notify_open(&manager->notify), KEDGE_OK);
    assert_int_equal(manager->notify.watchdog_ms, 0);
}

static void children_do_not_inherit_the_variables(void **state)
{
    struct manager *manager = *state;
    setenv("WATCHDOG_USEC", "10000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(kedge_notify_open(&manager->notify), KEDGE_OK);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
}

static void without_a_manager_nothing_happens(void **state)
{
    struct manager *manager = *state;
    unsetenv("NOTIFY_SOCKET");
    setenv("WATCHDOG_USEC", "nonsense", 1);
    assert_int_equal(kedge_notify_open(&manager->notify), KEDGE_OK);
    assert_int_equal(poll_at(manager, "registered", 1), 60000);
    assert_string_equal(told(manager), "");
}

static void what_makes_no_sense_is_refused_and_nobody_told(void **state)
{
    struct manager *manager = *state;
    static const char *const bad[][2] = {
        {"NOTIFY_SOCKET", "relative"}, {"NOTIFY_SOCKET", "/"},      {"NOTIFY_SOCKET", ""},
        {"WATCHDOG_USEC", "soon"},     {"WATCHDOG_USEC", "10000 "}, {"WATCHDOG_USEC", "-1"},
        {"WATCHDOG_USEC", ""},         {"WATCHDOG_PID", "not one"},
    };
    char long_name[200];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setenv("NOTIFY_SOCKET", manager->name, 1);
        setenv("WATCHDOG_USEC", "10000000", 1);
        setenv("WATCHDOG_PID", "1", 1);
        setenv(bad[i][0], bad[i][1], 1);
        assert_int_equal(kedge_notify_open(&manager->notify), KEDGE_E_ARGUMENT);
        assert_int_equal(manager->notify.socket, -1);
    }
    memset(long_name, '/', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    setenv("NOTIFY_SOCKET", long_name, 1);
    assert_int_equal(kedge_notify_open(&manager->notify), KEDGE_E_ARGUMENT);
    setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
    assert_int_equal(kedge_notify_open(&manager->notify), KEDGE_E_SYSTEM);
    poll_at(manager, "registered", 1);
    assert_string_equal(told(manager), "");
}

static void a_manager_that_does_not_read_does_not_stop_the_agent(void **state)
{
    struct manager *manager = *state;
    char status[16];
    assert_int_equal(kedge_notify_open(&manager->notify), KEDGE_OK);
    for (int i = 0; i < 10000; i++) {
        snprintf(status, sizeof status, "%d", i);
        poll_at(manager, status, 1);
    }
    close(manager->socket);
    poll_at(manager, "and gone", 1);
    manager->socket = -1;
}

static void what_found_no_room_is_told_when_the_manager_reads_again(void **state)
{
    struct manager *manager = *state;
    setenv("WATCHDOG_USEC", "10000000", 1);
    assert_int_equal(kedge_notify_open(&manager->notify), KEDGE_OK);
    int filled = 0;
    while (send(manager->notify.socket, "X", 1, MSG_NOSIGNAL) == 1)
        filled++;
    assert_int_equal(poll_at(manager, "registered", 1), KEDGE_NOTIFY_AGAIN_MS);
    for (; filled > 0; filled--)
        assert_string_equal(told(manager), "X");
    assert_string_equal(told(manager), "");
    assert_int_equal(poll_at(manager, "registered", 300), 5000);
    assert_string_equal(told(manager), "READY=1");
    assert_string_equal(told(manager), "STATUS=registered");
    assert_string_equal(told(manager), "WATCHDOG=1");
    assert_string_equal(told(manager), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(readiness_is_told_once_and_a_status_when_it_is_another),
        TEST(a_long_status_is_cut_and_not_told_again),
        TEST(signs_of_life_go_out_twice_in_the_watchdogs_time),
        TEST(kedge_boots_watchdog_is_the_agents_and_anybody_elses_is_not),
        TEST(children_do_not_inherit_the_variables),
        TEST(without_a_manager_nothing_happens),
        TEST(what_makes_no_sense_is_refused_and_nobody_told),
        TEST(a_manager_that_does_not_read_does_not_stop_the_agent),
        TEST(what_found_no_room_is_told_when_the_manager_reads_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
