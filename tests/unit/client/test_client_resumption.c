/* test_client_resumption.c: how far a download is, is kept sparingly, and found again. */
#define _POSIX_C_SOURCE 200809L
#include "agent/client/resumption.h"
#include "tests/unit/install/bench.h"

#include <fcntl.h>
#include <unistd.h>

#define ADDRESS "coap://host/fw/ab"
#define IMAGE_SIZE BENCH_CAPACITY

struct world {
    struct bench *bench;
    struct made_package made;
    struct kedge_resumption resumption;
    struct kedge_etag etag;
    char path[32];
    int number; /* of the open folder */
    struct kedge_folder folder;
    uint64_t now_ms;
    size_t pushed;
};

static int make(void **state)
{
    static struct world world;
    memset(&world, 0, sizeof world);
    world.bench = bench_new();
    world.made = bench_update(world.bench, IMAGE_SIZE, false);
    strcpy(world.path, "client-resumption-XXXXXX");
    if (mkdtemp(world.path) == NULL)
        return 1;
    world.number = open(world.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    world.folder = kedge_folder_of(&world.number);
    world.resumption.folder = world.folder;
    world.now_ms = 1000;
    kedge_etag_set(&world.etag, kedge_slice_text("v1"));
    *state = &world;
    return world.number < 0;
}

static int release(void **state)
{
    struct world *world = *state;
    maker_free(&world->made);
    bench_free(world->bench);
    kedge_progress_remove(&world->folder);
    close(world->number);
    return rmdir(world->path);
}

static void begin(struct world *world)
{
    struct bench *bench = world->bench;
    kedge_resumption_anew(&world->resumption, ADDRESS);
    assert_int_equal(kedge_install_begin(&bench->install, &bench->boot, &bench->identity, 1),
                     KEDGE_OK);
    world->pushed = 0;
}

/* Lets so many frames be in the slot, and a little of the next. */
static void push(struct world *world, size_t frames)
{
    size_t end = world->made.payload_offset + frames * KEDGE_FRAME_MAX + 10;
    assert_int_equal(
        kedge_install_push(&world->bench->install,
                           kedge_slice(world->made.bytes + world->pushed, end - world->pushed)),
        KEDGE_OK);
    world->pushed = end;
}

static bool keep(struct world *world, bool ending)
{
    return kedge_resumption_keep(&world->resumption, &world->bench->install, &world->etag,
                                 world->now_ms, ending);
}

/* How many frames the file says are in the slot. */
static uint64_t kept(const struct world *world)
{
    static struct kedge_progress progress;
    if (kedge_progress_load(&world->folder, &progress) != KEDGE_OK)
        return 0;
    return progress.point.boundary.image_offset / KEDGE_FRAME_IMAGE_SIZE;
}

/* The power goes, and comes back. */
static bool resume(struct world *world, const char *uri, struct kedge_download_point *from)
{
    struct bench *bench = world->bench;
    memset(&bench->install, 0xA5, sizeof bench->install);
    world->resumption = (struct kedge_resumption){.folder = world->folder};
    bool goes_on = kedge_resumption_begin(&world->resumption, &bench->install, &bench->boot,
                                          &bench->identity, 1, uri, from);
    if (goes_on)
        world->pushed = (size_t)from->offset;
    return goes_on;
}

static void the_first_point_is_kept_at_once_and_the_next_after_a_pause(void **state)
{
    struct world *world = *state;
    begin(world);
    assert_false(keep(world, true)); /* there is none yet */
    push(world, 1);
    assert_true(keep(world, false));
    assert_int_equal(kept(world), 1);
    push(world, 2);
    world->now_ms += KEDGE_RESUMPTION_PAUSE_MS - 1;
    assert_false(keep(world, false));
    assert_int_equal(kept(world), 1);
    world->now_ms++;
    assert_true(keep(world, false));
    assert_int_equal(kept(world), 2);
}

static void the_same_point_is_not_kept_twice(void **state)
{
    struct world *world = *state;
    begin(world);
    push(world, 1);
    assert_true(keep(world, false));
    kedge_progress_remove(&world->folder);
    world->now_ms += 10 * KEDGE_RESUMPTION_PAUSE_MS;
    assert_false(keep(world, false));
    assert_false(keep(world, true));
    assert_int_equal(kept(world), 0);
}

static void the_end_keeps_what_there_is(void **state)
{
    struct world *world = *state;
    begin(world);
    push(world, 1);
    assert_true(keep(world, false));
    push(world, 2);
    assert_false(keep(world, false));
    assert_true(keep(world, true));
    assert_int_equal(kept(world), 2);
}

static void what_has_no_entity_tag_is_not_kept(void **state)
{
    struct world *world = *state;
    world->etag.size = 0;
    begin(world);
    push(world, 1);
    assert_false(keep(world, true));
    assert_int_equal(kept(world), 0);
}

static void it_goes_on_where_the_file_says(void **state)
{
    struct world *world = *state;
    struct kedge_download_point from;
    begin(world);
    push(world, 2);
    assert_true(keep(world, false));
    assert_false(resume(world, "coap://host/fw/abc", &from));
    assert_false(resume(world, "coap://host/fw/a", &from));
    assert_true(resume(world, ADDRESS, &from));
    assert_int_equal(from.offset, world->made.payload_offset + 2 * KEDGE_FRAME_MAX);
    assert_true(kedge_slice_equal(kedge_etag_slice(&from.etag), kedge_slice_text("v1")));
    assert_int_equal(from.total, world->made.size);
    assert_int_equal(kedge_install_push(&world->bench->install,
                                        kedge_slice(world->made.bytes + from.offset,
                                                    world->made.size - (size_t)from.offset)),
                     KEDGE_OK);
    assert_int_equal(kedge_install_end(&world->bench->install), KEDGE_OK);
    kedge_resumption_drop(&world->resumption);
    assert_false(resume(world, ADDRESS, &from));
}

/* A crash that comes again and again at the same place must not look like getting on. */
static void only_what_is_further_than_ever_counts_as_getting_on(void **state)
{
    struct world *world = *state;
    struct kedge_download_point from;
    begin(world);
    push(world, 2);
    assert_true(keep(world, false));
    assert_true(resume(world, ADDRESS, &from));
    sim_bytes(&world->bench->sim, SIM_SLOT(1))[20000] ^= 1;
    assert_false(resume(world, ADDRESS, &from));
    begin(world);
    push(world, 1);
    assert_false(keep(world, false));
    assert_int_equal(kept(world), 1);
    assert_true(resume(world, ADDRESS, &from));
    push(world, 2);
    assert_false(keep(world, false));
    assert_int_equal(kept(world), 2);
    begin(world);
    kedge_resumption_anew(&world->resumption, "coap://host/another");
    push(world, 1);
    assert_true(keep(world, true));
}

static void a_folder_that_takes_nothing_is_not_tried_all_the_time(void **state)
{
    struct world *world = *state;
    begin(world);
    push(world, 1);
    const int none = -1;
    world->resumption.folder = kedge_folder_of(&none);
    assert_false(keep(world, false));
    world->resumption.folder = world->folder;
    assert_false(keep(world, false));
    assert_int_equal(kept(world), 0);
    world->now_ms += KEDGE_RESUMPTION_PAUSE_MS;
    keep(world, false);
    assert_int_equal(kept(world), 1);
}

/* The slot first, then the file: a file that says more than the slot has would cost a beginning. */
static void what_is_kept_was_synced_before(void **state)
{
    struct world *world = *state;
    begin(world);
    push(world, 1);
    assert_true(keep(world, false));
    const struct sim_flash *sim = &world->bench->sim;
    assert_int_equal(sim->log[sim->log_count - 1].kind, SIM_SYNC);
    push(world, 2);
    world->bench->sim.fail_writes[SIM_SLOT(1)] = true;
    assert_false(keep(world, true));
    assert_int_equal(kept(world), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_point_is_kept_at_once_and_the_next_after_a_pause),
        TEST(the_same_point_is_not_kept_twice),
        TEST(the_end_keeps_what_there_is),
        TEST(what_has_no_entity_tag_is_not_kept),
        TEST(it_goes_on_where_the_file_says),
        TEST(only_what_is_further_than_ever_counts_as_getting_on),
        TEST(a_folder_that_takes_nothing_is_not_tried_all_the_time),
        TEST(what_is_kept_was_synced_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
