// links: kedge-fetch
/*
 * fuzz_http_download.c: whatever a server answers, the sink gets the bytes of one beginning in
 * order, never more often begun anew than is allowed, nothing once it is over, and it is over some
 * time.
 *
 * Each step of the input is a byte that chooses the event, and for an answer its status, its
 * fields and the bytes of its body.
 */
#include "agent/fetch/http_download.h"
#include "tests/fuzz/fuzz.h"

#define PATIENCE_MS 60000u

struct world {
    struct kedge_http_download download;
    struct kedge_budget budget;
    uint64_t got, restarts, now_ms;
};

static enum kedge_rc push(void *context, struct kedge_slice bytes)
{
    struct world *world = context;
    FUZZ_REQUIRE(!world->download.transfer.finished);
    FUZZ_REQUIRE(world->download.transfer.failure == KEDGE_OK);
    FUZZ_REQUIRE(world->download.transfer.offset == world->got);
    world->got += bytes.size;
    return KEDGE_OK;
}

static enum kedge_rc again(void *context)
{
    struct world *world = context;
    world->got = 0;
    FUZZ_REQUIRE(++world->restarts <= KEDGE_TRANSFER_RESTARTS_MAX);
    return KEDGE_OK;
}

static struct kedge_slice take_field(struct kedge_cursor *cursor)
{
    uint8_t size;
    struct kedge_slice field = {0};
    if (kedge_cursor_u8(cursor, &size) != KEDGE_OK ||
        kedge_cursor_take(cursor, size % 64, &field) != KEDGE_OK)
        return kedge_slice(NULL, 0);
    return field;
}

static void answer(struct world *world, struct kedge_cursor *cursor)
{
    uint16_t status = 0, length = 0, retry_after_s = 0;
    if (kedge_cursor_u16(cursor, &status) != KEDGE_OK ||
        kedge_cursor_u16(cursor, &length) != KEDGE_OK ||
        kedge_cursor_u16(cursor, &retry_after_s) != KEDGE_OK)
        return;
    struct kedge_http_answer head = {.status = status,
                                     .has_length = length % 2 == 0,
                                     .length = length,
                                     .retry_after_s = retry_after_s};
    head.etag = take_field(cursor);
    head.content_range = take_field(cursor);
    head.content_encoding = take_field(cursor);
    head.location = take_field(cursor);
    bool wanted = kedge_http_download_head(&world->download, &head, world->now_ms);
    for (struct kedge_slice piece = take_field(cursor); piece.size > 0;
         piece = take_field(cursor)) {
        uint64_t before = world->got;
        bool more = kedge_http_download_body(&world->download, piece, world->now_ms);
        FUZZ_REQUIRE(wanted || !more);
        FUZZ_REQUIRE(!more || world->got == before + piece.size);
        wanted = more;
    }
}

static enum kedge_download_step next(struct world *world, uint64_t *wait_ms)
{
    enum kedge_download_step step =
        kedge_http_download_next(&world->download, world->now_ms, wait_ms);
    FUZZ_REQUIRE(world->download.transfer.offset == world->got);
    FUZZ_REQUIRE(strlen(world->download.target) <= KEDGE_HTTP_URI_MAX);
    return step;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    world = (struct world){.budget = {.limit = 5000, .most = 60000}};
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(data, size));
    const struct kedge_download_sink sink = {
        .context = &world, .push = push, .restart = again, .budget = &world.budget};
    uint64_t wait_ms = 0;
    FUZZ_REQUIRE(kedge_http_download_begin(&world.download, "https://h/fw/1", &sink, NULL,
                                           PATIENCE_MS, 0) == KEDGE_OK);
    for (uint8_t event; kedge_cursor_u8(&cursor, &event) == KEDGE_OK;) {
        enum kedge_download_step step = next(&world, &wait_ms);
        if (step == KEDGE_DOWNLOAD_DONE || step == KEDGE_DOWNLOAD_FAILED)
            return 0;
        if (step == KEDGE_DOWNLOAD_ASK)
            kedge_http_download_asked(&world.download, world.now_ms);
        if (event % 4 == 0)
            world.now_ms += wait_ms;
        else if (event % 4 == 1)
            answer(&world, &cursor);
        else if (event % 4 == 2)
            kedge_http_download_ended(&world.download, world.now_ms);
        else
            kedge_http_download_lost(&world.download, "lost", world.now_ms);
    }
    /* Left alone, it ends. */
    for (unsigned steps = 0; next(&world, &wait_ms) <= KEDGE_DOWNLOAD_WAIT; steps++) {
        FUZZ_REQUIRE(steps < 1000);
        if (next(&world, &wait_ms) == KEDGE_DOWNLOAD_ASK)
            kedge_http_download_asked(&world.download, world.now_ms);
        world.now_ms += wait_ms;
    }
    return 0;
}
