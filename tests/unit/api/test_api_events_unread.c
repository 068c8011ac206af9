/* Streams of events beside a store that cannot be read, and with events that are long. */
#define _GNU_SOURCE
#include "rig.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "updater/api/events.h"

#define WAIT_MS 60000
#define STREAM_MAX (4u * EVENTS_BUFFER_MAX)

/* ---- what stands before the real functions (--wrap) ---- */

static atomic_bool refused;    /* nothing can be read for a stream */
static atomic_uint refusals;   /* how often that was said */
static atomic_size_t longness; /* bytes of padding in each event */

enum kedge_rc __real_event_text(struct kedge_reader *reader, const struct change *change,
                                const char id[EVENTS_ID_SIZE], char **text);
enum kedge_rc __wrap_event_text(struct kedge_reader *reader, const struct change *change,
                                const char id[EVENTS_ID_SIZE], char **text);

enum kedge_rc __wrap_event_text(struct kedge_reader *reader, const struct change *change,
                                const char id[EVENTS_ID_SIZE], char **text)
{
    size_t padding = atomic_load(&longness);
    *text = NULL;
    if (atomic_load(&refused)) {
        atomic_fetch_add(&refusals, 1);
        return KEDGE_E_SYSTEM;
    }
    if (padding == 0)
        return __real_event_text(reader, change, id, text);
    *text = malloc(padding + 256);
    assert_non_null(*text);
    int size = snprintf(*text, 256, "id: %s\nevent: device\ndata: {\"endpoint\":\"%s\",\"long\":\"",
                        id, change->endpoint);
    memset(&(*text)[size], 'x', padding);
    strcpy(&(*text)[(size_t)size + padding], "\"}\n\n");
    return KEDGE_OK;
}

/* ---- a stream ---- */

struct stream {
    int file;
    char *text;
    size_t size;
};

static struct stream stream_open(struct rig *rig)
{
    static const char request[] = "GET /api/v1/events?kinds=device HTTP/1.0\r\nHost: x\r\n"
                                  "Authorization: Bearer " RIG_TOKEN "\r\n\r\n";
    struct stream stream = {.file = rig_connect(rig), .text = calloc(1, STREAM_MAX)};
    assert_non_null(stream.text);
    assert_int_equal(send(stream.file, request, sizeof(request) - 1, MSG_NOSIGNAL),
                     sizeof(request) - 1);
    return stream;
}

static void stream_close(struct stream *stream)
{
    (void)close(stream->file);
    free(stream->text);
}

static void stream_until(struct stream *stream, const char *words)
{
    while (strstr(stream->text, words) == NULL) {
        struct pollfd ready = {.fd = stream->file, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
        assert_true(stream->size + 1 < STREAM_MAX);
        ssize_t some =
            recv(stream->file, &stream->text[stream->size], STREAM_MAX - 1 - stream->size, 0);
        if (some <= 0)
            fail_msg("\"%s\" did not come, but the end", words);
        stream->size += (size_t)some;
        stream->text[stream->size] = '\0';
    }
}

/* ---- the server ---- */

static int setup(void **state)
{
    atomic_store(&refused, false);
    atomic_store(&refusals, 0);
    atomic_store(&longness, 0);
    return rig_setup_followed(state);
}

/* ---- tests ---- */

static void what_could_not_be_read_is_told_later_and_the_log_says_it_once(void **state)
{
    struct rig *rig = *state;
    struct stream stream = stream_open(rig);
    stream_until(&stream, "event: ready");
    atomic_store(&refused, true);
    rig_put_device(rig, "boat", "v", "c");
    while (atomic_load(&refusals) < 4)
        (void)usleep(1000);
    assert_null(strstr(stream.text, "boat"));
    atomic_store(&refused, false);
    stream_until(&stream, "\"endpoint\":\"boat\"");
    assert_int_equal(rig_logged(rig, "events wait: the store cannot be read"), 1);
    assert_int_equal(rig_logged(rig, "events go on: the store can be read again"), 1);
    stream_close(&stream);
}

static void an_event_longer_than_the_buffer_is_told_and_so_is_the_next(void **state)
{
    struct rig *rig = *state;
    struct stream stream = stream_open(rig);
    stream_until(&stream, "event: ready");
    atomic_store(&longness, EVENTS_BUFFER_MAX + 1);
    rig_put_device(rig, "whale", "v", "c");
    stream_until(&stream, "x\"}\n\n");
    assert_non_null(strstr(stream.text, "\"endpoint\":\"whale\""));
    rig_put_device(rig, "another", "v", "c");
    stream_until(&stream, "\"endpoint\":\"another\"");
    atomic_store(&longness, 0);
    rig_put_device(rig, "herring", "v", "c");
    stream_until(&stream, "\"endpoint\":\"herring\"");
    stream_close(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_could_not_be_read_is_told_later_and_the_log_says_it_once, setup,
            rig_teardown_followed),
        cmocka_unit_test_setup_teardown(an_event_longer_than_the_buffer_is_told_and_so_is_the_next,
                                        setup, rig_teardown_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
