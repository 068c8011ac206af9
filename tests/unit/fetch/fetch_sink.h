/*
 * fetch_sink.h: what a server of these tests has, BODY_SIZE bytes, and a sink that keeps what comes
 * of it. A test says its BODY_SIZE before.
 */
#ifndef KEDGE_TESTS_FETCH_SINK_H
#define KEDGE_TESTS_FETCH_SINK_H

#include "agent/fetch/transfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

struct fetch_sink {
    uint8_t body[BODY_SIZE], got[BODY_SIZE * 2];
    size_t got_size;
    unsigned restarts;
    enum kedge_rc push_rc, restart_rc; /* what it answers */
};

static inline enum kedge_rc fetch_sink_push(void *context, struct kedge_slice bytes)
{
    struct fetch_sink *sink = context;
    if (sink->push_rc != KEDGE_OK)
        return sink->push_rc;
    assert_true(sink->got_size + bytes.size <= sizeof sink->got);
    if (bytes.size > 0)
        memcpy(sink->got + sink->got_size, bytes.data, bytes.size);
    sink->got_size += bytes.size;
    return KEDGE_OK;
}

static inline enum kedge_rc fetch_sink_restart(void *context)
{
    struct fetch_sink *sink = context;
    sink->restarts++;
    sink->got_size = 0;
    return sink->restart_rc;
}

/** Empties it, and makes the body; it is the one that is lent. */
static inline struct kedge_download_sink fetch_sink_begin(struct fetch_sink *sink)
{
    memset(sink, 0, sizeof *sink);
    for (size_t i = 0; i < BODY_SIZE; i++)
        sink->body[i] = (uint8_t)(i * 31 + i / 256);
    return (struct kedge_download_sink){
        .context = sink, .push = fetch_sink_push, .restart = fetch_sink_restart};
}

static inline void assert_sink_has_it_all(const struct fetch_sink *sink)
{
    assert_int_equal(sink->got_size, BODY_SIZE);
    assert_memory_equal(sink->got, sink->body, BODY_SIZE);
}

#endif
