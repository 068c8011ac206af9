/*
 * test_local_service.c: the agent's socket, over real ones and a clock of the test's: who is
 * answered, what a bad peer costs, and what becomes of the file.
 */
#define _GNU_SOURCE
#include "agent/local/ask.h"
#include "agent/local/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATUS_LINE "{\"command\": \"status\"}\n"
#define WATCH_LINE "{\"command\": \"watch\"}\n"

static char folder_path[64];
static struct kedge_local local;
static uint64_t now_ms;
static uint64_t downloaded_bytes; /* what the status says */

static void on_status(void *context, struct kedge_status *status)
{
    (void)context;
    snprintf(status->state, sizeof status->state, "downloading");
    status->downloaded_bytes = downloaded_bytes;
}

static uint64_t decided_s; /* what the latest decision named; 0: no seconds */
static const char *why_not;

static const char *on_decision(void *context, const struct kedge_local_request *request)
{
    (void)context;
    decided_s = request->seconds;
    return why_not;
}

static const struct kedge_local_hooks hooks = {NULL, on_status, on_decision};

static struct kedge_local_place open_place(void)
{
    struct kedge_local_place place;
    assert_int_equal(kedge_local_place_open(&place, "", folder_path), KEDGE_OK);
    return place;
}

static enum kedge_rc open_service(gid_t group)
{
    const struct kedge_local_place place = open_place();
    return kedge_local_open(&local, &hooks, &place, group);
}

static int begin(void **state)
{
    (void)state;
    strcpy(folder_path, "local-service-XXXXXX");
    now_ms = 1000;
    downloaded_bytes = 0;
    if (mkdtemp(folder_path) == NULL)
        return 1;
    return open_service(KEDGE_LOCAL_GROUP_NONE) != KEDGE_OK;
}

static int end(void **state)
{
    (void)state;
    char path[128];
    kedge_local_close(&local);
    snprintf(path, sizeof path, "%s/agent.sock", folder_path);
    unlink(path);
    return rmdir(folder_path);
}

static uint64_t turn(void)
{
    uint64_t wait_ms = UINT64_MAX;
    kedge_local_poll(&local, now_ms, &wait_ms);
    return wait_ms;
}

static int connect_to_it(void)
{
    struct kedge_local_place place = open_place();
    const struct sockaddr_un address = kedge_local_place_address(&place);
    int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(peer, (const struct sockaddr *)&address, sizeof address), 0);
    kedge_local_place_close(&place);
    turn(); /* which takes it in */
    return peer;
}

static void say(int peer, const char *text)
{
    assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    turn();
}

/* What is there to read now: "" when nothing is, NULL when the agent has ended it. */
static const char *hear(int peer)
{
    static char heard[65536];
    ssize_t got = recv(peer, heard, sizeof heard - 1, 0);
    if (got <= 0)
        return got == 0 || errno == ECONNRESET ? NULL : "";
    heard[got] = '\0';
    return heard;
}

static void assert_heard(int peer, const char *words)
{
    const char *heard = hear(peer);
    assert_non_null(heard);
    if (strstr(heard, words) == NULL || heard[strlen(heard) - 1] != '\n')
        fail_msg("not '%s' in '%s'", words, heard);
}

static size_t lines_of(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static void a_line_is_answered_by_a_line(void **state)
{
    (void)state;
    int peer = connect_to_it();
    assert_string_equal(hear(peer), "");
    say(peer, STATUS_LINE);
    assert_heard(peer, "\"agent_running\": true");
    say(peer, "{\"command\":");
    assert_string_equal(hear(peer), "");
    say(peer, "\"status\"}\n");
    assert_heard(peer, "\"state\": \"downloading\"");
    say(peer, STATUS_LINE STATUS_LINE STATUS_LINE);
    assert_int_equal(lines_of(hear(peer)), 3);
    say(peer, "nonsense\n");
    assert_heard(peer, "{\"error\": \"the data is not well-formed\"}\n");
    say(peer, "{\"command\": \"reboot\"}\n");
    assert_heard(peer, "no such command");
    say(peer, STATUS_LINE);
    assert_heard(peer, "downloading");
    close(peer);
}

static void a_decision_is_carried_out_and_acted_upon_at_once(void **state)
{
    (void)state;
    int peer = connect_to_it();
    const char *line = "{\"command\": \"defer\", \"seconds\": 60}\n";
    assert_int_equal(send(peer, line, strlen(line), MSG_NOSIGNAL), strlen(line));
    assert_int_equal(turn(), 0);
    assert_int_equal(decided_s, 60);
    assert_heard(peer, "\"state\": \"downloading\"");
    assert_true(turn() > 0);
    why_not = "no update waits";
    say(peer, "{\"command\": \"accept\"}\n");
    why_not = NULL;
    assert_heard(peer, "{\"error\": \"no update waits\"}");
    close(peer);
}

static void who_says_no_more_is_answered_and_let_go(void **state)
{
    (void)state;
    int peer = connect_to_it();
    assert_int_equal(send(peer, STATUS_LINE, strlen(STATUS_LINE), 0), strlen(STATUS_LINE));
    shutdown(peer, SHUT_WR);
    turn();
    turn();
    assert_heard(peer, "downloading");
    assert_null(hear(peer));
    close(peer);
    assert_int_equal(turn(), UINT64_MAX);
}

static void a_line_without_an_end_is_not_collected_for_ever(void **state)
{
    (void)state;
    char much[KEDGE_LOCAL_LINE_MAX + 1];
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    int peer = connect_to_it();
    say(peer, much);
    assert_heard(peer, "too long");
    assert_null(hear(peer));
    close(peer);
}

static void who_says_nothing_is_let_go_in_time(void **state)
{
    (void)state;
    int silent = connect_to_it(), halfway = connect_to_it();
    say(halfway, "{\"comm");
    assert_int_equal(turn(), KEDGE_LOCAL_PATIENCE_MS);
    now_ms += KEDGE_LOCAL_PATIENCE_MS - 1;
    assert_int_equal(turn(), 1);
    assert_string_equal(hear(silent), "");
    now_ms++;
    assert_int_equal(turn(), UINT64_MAX);
    assert_null(hear(silent));
    assert_null(hear(halfway));
    close(silent);
    close(halfway);
}

static void who_does_not_take_the_answers_is_let_go_and_holds_nobody_up(void **state)
{
    (void)state;
    int slow = connect_to_it(), other = connect_to_it();
    for (size_t i = 0; i < 5000; i++) {
        if (send(slow, STATUS_LINE, strlen(STATUS_LINE), MSG_NOSIGNAL) < 0)
            break; /* its lines are not read while an answer waits to be taken */
        turn();
    }
    assert_int_equal(send(slow, STATUS_LINE, strlen(STATUS_LINE), MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EAGAIN);
    say(other, STATUS_LINE);
    assert_heard(other, "downloading");
    close(other);
    now_ms += KEDGE_LOCAL_PATIENCE_MS;
    turn();
    assert_int_equal(send(slow, "x", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
    close(slow);
}

static void who_takes_the_answers_late_gets_all_of_them(void **state)
{
    (void)state;
    int slow = connect_to_it();
    size_t asked = 0, heard = 0;
    while (send(slow, STATUS_LINE, strlen(STATUS_LINE), MSG_NOSIGNAL) > 0) {
        asked++;
        turn();
    }
    for (size_t i = 0; i < 100000 && heard < asked; i++) {
        heard += lines_of(hear(slow));
        turn();
    }
    assert_int_equal(heard, asked);
    close(slow);
}

static void one_too_many_is_told_so(void **state)
{
    (void)state;
    int peers[KEDGE_LOCAL_PEERS_MAX];
    for (size_t i = 0; i < KEDGE_LOCAL_PEERS_MAX; i++)
        peers[i] = connect_to_it();
    int more = connect_to_it();
    assert_heard(more, "too many");
    assert_null(hear(more));
    close(more);
    close(peers[3]);
    turn();
    more = connect_to_it();
    say(more, STATUS_LINE);
    assert_heard(more, "downloading");
    close(more);
    for (size_t i = 0; i < KEDGE_LOCAL_PEERS_MAX; i++)
        if (i != 3)
            close(peers[i]);
}

static void a_watcher_is_told_each_change_once_and_not_too_often(void **state)
{
    (void)state;
    int watcher = connect_to_it();
    say(watcher, WATCH_LINE);
    assert_heard(watcher, "\"downloaded_bytes\": 0");
    now_ms += 10 * KEDGE_LOCAL_PATIENCE_MS; /* it need say nothing more */
    assert_int_equal(turn(), UINT64_MAX);
    assert_string_equal(hear(watcher), "");
    downloaded_bytes = 1;
    now_ms += KEDGE_LOCAL_TELL_MS;
    turn();
    assert_heard(watcher, "\"downloaded_bytes\": 1");
    downloaded_bytes = 2;
    assert_int_equal(turn(), KEDGE_LOCAL_TELL_MS);
    downloaded_bytes = 3;
    assert_string_equal(hear(watcher), "");
    now_ms += KEDGE_LOCAL_TELL_MS;
    turn();
    const char *heard = hear(watcher);
    assert_int_equal(lines_of(heard), 1);
    assert_non_null(strstr(heard, "\"downloaded_bytes\": 3"));
    close(watcher);
    turn();
    assert_int_equal(turn(), UINT64_MAX);
}

static void a_peer_that_is_gone_in_mid_answer_does_no_harm(void **state)
{
    (void)state;
    int watcher = connect_to_it();
    say(watcher, WATCH_LINE);
    close(watcher);
    downloaded_bytes = 1;
    now_ms += KEDGE_LOCAL_TELL_MS;
    turn();
    int peer = connect_to_it();
    say(peer, STATUS_LINE);
    assert_heard(peer, "\"downloaded_bytes\": 1");
    close(peer);
}

static void the_asking_side_gets_its_answer(void **state)
{
    (void)state;
    struct kedge_local_place place = open_place();
    struct kedge_local_ask ask;
    struct kedge_slice line;
    struct kedge_status status;
    const struct kedge_local_request request = {.command = KEDGE_LOCAL_STATUS};
    assert_int_equal(kedge_local_ask_begin(&ask, &place, &request), KEDGE_OK);
    assert_int_equal(kedge_local_ask_line(&ask, 1, &line), KEDGE_E_TIMEOUT);
    turn(); /* takes it in */
    turn(); /* and answers */
    assert_int_equal(kedge_local_ask_line(&ask, 10000, &line), KEDGE_OK);
    assert_int_equal(kedge_status_read(line, &status), KEDGE_OK);
    assert_string_equal(status.state, "downloading");
    kedge_local_close(&local);
    assert_int_equal(kedge_local_ask_line(&ask, 10000, &line), KEDGE_E_CONNECTION);
    kedge_local_ask_end(&ask);
    assert_int_equal(kedge_local_ask_begin(&ask, &place, &request), KEDGE_E_NOT_FOUND);
    kedge_local_ask_end(&ask);
    kedge_local_place_close(&place);
}

/* ---- the file ---- */

static mode_t mode_of_it(void)
{
    struct stat info;
    char path[128];
    snprintf(path, sizeof path, "%s/agent.sock", folder_path);
    return stat(path, &info) == 0 ? info.st_mode : 0;
}

static void it_is_the_agents_users_or_a_groups_and_goes_with_the_agent(void **state)
{
    (void)state;
    assert_int_equal(mode_of_it(), S_IFSOCK | 0600);
    kedge_local_close(&local);
    assert_int_equal(mode_of_it(), 0);
    kedge_local_close(&local);
    assert_int_equal(open_service(getgid()), KEDGE_OK);
    assert_int_equal(mode_of_it(), S_IFSOCK | 0660);
}

static void one_that_a_killed_agent_left_is_replaced_and_a_live_one_is_not(void **state)
{
    (void)state;
    struct kedge_local left = local; /* as by kill -9: nothing is removed */
    struct kedge_local second = {.open = false};
    const struct kedge_local_place place = open_place();
    assert_int_equal(kedge_local_open(&second, &hooks, &place, KEDGE_LOCAL_GROUP_NONE),
                     KEDGE_E_BUSY);
    turn(); /* the probe counts as a peer that has gone */
    assert_true(mode_of_it() != 0);
    close(left.listener);
    close(left.events);
    kedge_local_place_close(&left.place);
    local.open = false;
    assert_int_equal(open_service(KEDGE_LOCAL_GROUP_NONE), KEDGE_OK);
    int peer = connect_to_it();
    say(peer, STATUS_LINE);
    assert_heard(peer, "downloading");
    close(peer);
}

static void another_kind_of_file_is_left_alone(void **state)
{
    (void)state;
    kedge_local_close(&local);
    struct kedge_local_place place = open_place();
    char path[128];
    snprintf(path, sizeof path, "%s/agent.sock", folder_path);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(file >= 0);
    close(file);
    kedge_local_place_close(&place);
    assert_int_equal(open_service(KEDGE_LOCAL_GROUP_NONE), KEDGE_E_EXISTS);
    assert_int_equal(mode_of_it(), S_IFREG | 0600);
}

static void a_path_of_its_own_is_cut_into_folder_and_name(void **state)
{
    (void)state;
    struct kedge_local_place place;
    char path[256];
    snprintf(path, sizeof path, "%s/name", folder_path);
    assert_int_equal(kedge_local_place_open(&place, path, "/none"), KEDGE_OK);
    assert_string_equal(place.name, "name");
    kedge_local_place_close(&place);
    assert_int_equal(kedge_local_place_open(&place, "name", "/none"), KEDGE_OK);
    kedge_local_place_close(&place);
    assert_int_equal(kedge_local_place_open(&place, "/none/name", folder_path), KEDGE_E_SYSTEM);
    assert_int_equal(kedge_local_place_open(&place, "", "/none"), KEDGE_E_SYSTEM);
    static const char *const wrong[] = {"/tmp/", "..", "/tmp/.."};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(kedge_local_place_open(&place, wrong[i], "/none"), KEDGE_E_ARGUMENT);
    memset(path, 'x', KEDGE_LOCAL_NAME_MAX + 1);
    path[KEDGE_LOCAL_NAME_MAX + 1] = '\0';
    assert_int_equal(kedge_local_place_open(&place, path, "/none"), KEDGE_E_ARGUMENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_is_answered_by_a_line),
        TEST(a_decision_is_carried_out_and_acted_upon_at_once),
        TEST(who_says_no_more_is_answered_and_let_go),
        TEST(a_line_without_an_end_is_not_collected_for_ever),
        TEST(who_says_nothing_is_let_go_in_time),
        TEST(who_does_not_take_the_answers_is_let_go_and_holds_nobody_up),
        TEST(who_takes_the_answers_late_gets_all_of_them),
        TEST(one_too_many_is_told_so),
        TEST(a_watcher_is_told_each_change_once_and_not_too_often),
        TEST(a_peer_that_is_gone_in_mid_answer_does_no_harm),
        TEST(the_asking_side_gets_its_answer),
        TEST(it_is_the_agents_users_or_a_groups_and_goes_with_the_agent),
        TEST(one_that_a_killed_agent_left_is_replaced_and_a_live_one_is_not),
        TEST(another_kind_of_file_is_left_alone),
        TEST(a_path_of_its_own_is_cut_into_folder_and_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
