/* test_client_command.c: an operator's command as a process: what it is told, and how it ends. */
#define _POSIX_C_SOURCE 200809L
#include "agent/client/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 60000

static struct kedge_command running;
static const struct kedge_variable variables[] = {
    {"KEDGE_SLOT", "1"}, {"KEDGE_VERSION", "1.2.3"}, {"KEDGE_ENDPOINT", "urn:dev:1"}, {NULL, NULL}};

static void start(const char *command)
{
    assert_int_equal(kedge_command_start(&running, command, variables), KEDGE_OK);
}

/* Waits for its end as the agent does: asking, while other things go on. */
static void wait_for_end(int *status, int *signal_number)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    for (int i = 0; i < PATIENCE_MS / 2; i++) {
        if (kedge_command_ended(&running, status, signal_number))
            return;
        nanosleep(&pause, NULL);
    }
    kedge_command_kill(&running);
    fail_msg("it did not end");
}

static void assert_status(const char *command, int expected)
{
    int status, signal_number;
    start(command);
    wait_for_end(&status, &signal_number);
    assert_int_equal(signal_number, 0);
    assert_int_equal(status, expected);
    assert_false(kedge_command_ended(&running, &status, &signal_number));
}

static void the_exit_status_is_told_once(void **state)
{
    (void)state;
    assert_status("true", 0);
    assert_status("exit 3", 3);
    assert_status("/no/such/command", 127);
}

static void a_signal_that_ended_it_is_told(void **state)
{
    (void)state;
    int status, signal_number;
    start("kill -SEGV $$");
    wait_for_end(&status, &signal_number);
    assert_int_equal(signal_number, SIGSEGV);
}

static void it_is_told_which_firmware_it_judges(void **state)
{
    (void)state;
    assert_status("test \"$KEDGE_SLOT\" = 1 && test \"$KEDGE_VERSION\" = 1.2.3 && "
                  "test \"$KEDGE_ENDPOINT\" = urn:dev:1",
                  0);
}

static void it_has_no_input_no_blocked_signals_and_none_of_the_agents_files(void **state)
{
    (void)state;
    /* Without close-on-exec, as libcoap's sockets are; above the numbers that a shell uses. */
    int inherited = fcntl(STDERR_FILENO, F_DUPFD, 100);
    assert_true(inherited >= 100);
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &before);
    char command[256];
    snprintf(command, sizeof command,
             "test -z \"$(cat)\" && ! test -e /proc/$$/fd/%d && "
             "grep -q '^SigBlk:.0*$' /proc/self/status",
             inherited);
    assert_status(command, 0);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(inherited);
}

static void only_one_runs_at_a_time(void **state)
{
    (void)state;
    start("sleep 60");
    assert_int_equal(kedge_command_start(&running, "true", variables), KEDGE_E_BUSY);
    kedge_command_kill(&running);
    assert_int_equal(running.process, 0);
}

/*
 * A pipe whose writing end every process of the command holds as 9: it closes when all of them
 * ended. The command says "up" on it once they run.
 */
static int make_pipe(char command[256], const char *what)
{
    char fifo[64];
    snprintf(fifo, sizeof fifo, "health-fifo-%d", (int)getpid());
    assert_int_equal(mkfifo(fifo, 0600), 0);
    int reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    snprintf(command, 256, "exec 9>%s; rm %s; %s", fifo, fifo, what);
    return reader;
}

static void wait_for_up(int reader)
{
    struct pollfd file = {.fd = reader, .events = POLLIN};
    char text[8];
    assert_int_equal(poll(&file, 1, PATIENCE_MS), 1);
    assert_int_equal(read(reader, text, sizeof text), 3);
}

static void assert_all_ended(int reader)
{
    struct pollfd file = {.fd = reader, .events = POLLIN};
    assert_int_equal(poll(&file, 1, PATIENCE_MS), 1);
    assert_true((file.revents & POLLHUP) != 0);
    close(reader);
}

#define A_FAMILY "sleep 60 & (sleep 60 & sleep 60) & trap '' TERM; echo up >&9; sleep 60; wait"

static void killing_it_ends_everything_it_started(void **state)
{
    (void)state;
    char command[256];
    int reader = make_pipe(command, A_FAMILY);
    start(command);
    wait_for_up(reader);
    kedge_command_kill(&running);
    assert_all_ended(reader);
}

static void what_it_left_behind_ends_with_it(void **state)
{
    (void)state;
    char command[256];
    int status, signal_number;
    int reader = make_pipe(command, "sleep 60 & echo up >&9; exit 0");
    start(command);
    wait_for_up(reader);
    wait_for_end(&status, &signal_number);
    assert_int_equal(status, 0);
    assert_all_ended(reader);
}

static void it_ends_with_an_agent_that_is_killed(void **state)
{
    (void)state;
    char command[256];
    int reader = make_pipe(command, A_FAMILY);
    pid_t agent = fork();
    if (agent == 0) {
        start(command);
        for (;;)
            pause();
    }
    wait_for_up(reader);
    kill(agent, SIGKILL);
    assert_int_equal(waitpid(agent, NULL, 0), agent);
    assert_all_ended(reader);
}

static void killing_nothing_does_nothing(void **state)
{
    (void)state;
    int status, signal_number;
    kedge_command_kill(&running);
    assert_false(kedge_command_ended(&running, &status, &signal_number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_status_is_told_once),
        cmocka_unit_test(a_signal_that_ended_it_is_told),
        cmocka_unit_test(it_is_told_which_firmware_it_judges),
        cmocka_unit_test(it_has_no_input_no_blocked_signals_and_none_of_the_agents_files),
        cmocka_unit_test(only_one_runs_at_a_time),
        cmocka_unit_test(killing_it_ends_everything_it_started),
        cmocka_unit_test(what_it_left_behind_ends_with_it),
        cmocka_unit_test(it_ends_with_an_agent_that_is_killed),
        cmocka_unit_test(killing_nothing_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
