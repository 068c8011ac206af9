/*
 * http_download_world.h: a download by HTTP with a simulated server and clock, for each test.
 */
#ifndef KEDGE_TESTS_HTTP_DOWNLOAD_WORLD_H
#define KEDGE_TESTS_HTTP_DOWNLOAD_WORLD_H

#include "agent/fetch/http_download.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define BODY_SIZE 50000u
#define PATIENCE_MS 60000u
#define URI "http://host.example/fw/1"
#define TAG "\"one\""

#include "tests/unit/fetch/fetch_sink.h"

struct world {
    struct kedge_http_download download;
    struct kedge_budget budget;
    struct fetch_sink sink;
    uint64_t now_ms;
    char range[64];
};

static inline void begin(struct world *world, const char *uri,
                         const struct kedge_download_point *from)
{
    memset(world, 0, sizeof *world);
    struct kedge_download_sink sink = fetch_sink_begin(&world->sink);
    if (from != NULL) {
        world->sink.got_size = (size_t)from->offset;
        memcpy(world->sink.got, world->sink.body, (size_t)from->offset);
    }
    sink.budget = &world->budget;
    assert_int_equal(kedge_http_download_begin(&world->download, uri, &sink, from, PATIENCE_MS, 0),
                     KEDGE_OK);
}

/* Lets the time pass until something is to be asked for, or it is over. */
static inline enum kedge_download_step step(struct world *world)
{
    for (;;) {
        uint64_t wait_ms;
        enum kedge_download_step next =
            kedge_http_download_next(&world->download, world->now_ms, &wait_ms);
        if (next != KEDGE_DOWNLOAD_WAIT) {
            if (next == KEDGE_DOWNLOAD_ASK)
                kedge_http_download_asked(&world->download, world->now_ms);
            return next;
        }
        assert_true(wait_ms > 0);
        world->now_ms += wait_ms;
    }
}

static inline bool head(struct world *world, struct kedge_http_answer answer)
{
    return kedge_http_download_head(&world->download, &answer, world->now_ms);
}

static inline struct kedge_http_answer whole(void)
{
    return (struct kedge_http_answer){
        .status = 200, .etag = kedge_slice_text(TAG), .has_length = true, .length = BODY_SIZE};
}

static inline struct kedge_http_answer part(struct world *world, size_t first, size_t last)
{
    snprintf(world->range, sizeof world->range, "bytes %zu-%zu/%u", first, last, BODY_SIZE);
    return (struct kedge_http_answer){.status = 206,
                                      .etag = kedge_slice_text(TAG),
                                      .content_range = kedge_slice_text(world->range),
                                      .has_length = true,
                                      .length = last - first + 1};
}

/* The bytes from `first`, in pieces of 1,000; false when one was not wanted. */
static inline bool body(struct world *world, size_t first, size_t end)
{
    for (size_t at = first; at < end; at += 1000) {
        size_t size = end - at < 1000 ? end - at : 1000;
        if (!kedge_http_download_body(&world->download, kedge_slice(world->sink.body + at, size),
                                      world->now_ms))
            return false;
    }
    return true;
}

static inline void ended(struct world *world)
{
    kedge_http_download_ended(&world->download, world->now_ms);
}

static inline void lost(struct world *world)
{
    kedge_http_download_lost(&world->download, "the line is cut", world->now_ms);
}

/* The first request yields this many bytes, and then the connection is gone. */
static inline void lose_after(struct world *world, size_t size)
{
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_true(head(world, whole()));
    assert_true(body(world, 0, size));
    lost(world);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->download.transfer.offset, size);
}

static inline void the_rest_comes(struct world *world)
{
    size_t from = (size_t)world->download.transfer.offset;
    assert_true(head(world, from > 0 ? part(world, from, BODY_SIZE - 1) : whole()));
    assert_true(body(world, from, BODY_SIZE));
    ended(world);
}

static inline void assert_complete(struct world *world)
{
    assert_int_equal(step(world), KEDGE_DOWNLOAD_DONE);
    assert_sink_has_it_all(&world->sink);
}

static inline void assert_failed(struct world *world, enum kedge_rc rc, const char *words)
{
    assert_int_equal(step(world), KEDGE_DOWNLOAD_FAILED);
    assert_int_equal(world->download.transfer.failure, rc);
    if (strstr(world->download.transfer.words, words) == NULL)
        fail_msg("%s", world->download.transfer.words);
}

static inline int make(void **state)
{
    static struct world world;
    begin(&world, URI, NULL);
    *state = &world;
    return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, make)

#endif
