/* Slots and boot record on block devices and on NOR flash: what they are like, and what goes wrong.
 */
#define _GNU_SOURCE
#include "tests/unit/port/device_bench.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

/* ---- what works ---- */

static const struct {
    uint32_t kind, unit, write_size;
} kinds[] = {
    {SHIM_BLOCK, 512, 1}, {SHIM_BLOCK, 4096, 1}, {SHIM_BLOCK, 16384, 1}, {SHIM_MTD, 4096, 1},
    {SHIM_MTD, 65536, 1}, {SHIM_MTD, 4096, 16},  {SHIM_MTD, 8192, 256},  {SHIM_MTD, 131072, 64},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static void a_device_goes_through_its_updates(void **state)
{
    struct bench *bench = *state;
    struct kedge_boot_decision decision;
    for (size_t i = 0; i < KINDS; i++) {
        bench_devices(bench, kinds[i].kind, kinds[i].unit, kinds[i].write_size);
        bench_factory(bench);
        for (uint8_t update = 1; update <= 3; update++) {
            const uint8_t slot = update % 2;
            assert_int_equal(bench_install(bench, slot, update + 1u), KEDGE_OK);
            assert_int_equal(kedge_boot_activate(&bench->port.boot, slot), KEDGE_OK);
            bench_close(bench);
            bench_open(bench);
            assert_int_equal(kedge_boot_select(&bench->port.boot, &decision), KEDGE_OK);
            assert_int_equal(decision.slot, slot);
            assert_true(decision.on_trial);
            assert_int_equal(kedge_boot_confirm(&bench->port.boot), KEDGE_OK);
        }
        for (size_t device = 0; device < SHIM_DEVICES; device++)
            assert_int_equal(bench->devices[device].violations, 0);
        bench_close(bench);
    }
}

static void what_is_erased_reads_as_the_seam_says(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < KINDS; i++) {
        bench_devices(bench, kinds[i].kind, kinds[i].unit, kinds[i].write_size);
        bench_open(bench);
        const struct kedge_flash *flash = bench->port.boot.slots[1];
        uint8_t *bytes = calloc(2, flash->erase_size);
        const uint32_t size = 2 * flash->erase_size;
        assert_non_null(bytes);
        memset(bytes, 0x3C, size);
        assert_int_equal(flash->size % flash->erase_size, 0);
        assert_int_equal(flash->erase(flash->context, 0, size), KEDGE_OK);
        assert_int_equal(flash->write(flash->context, 0, bytes, size), KEDGE_OK);
        assert_int_equal(flash->erase(flash->context, flash->erase_size, flash->erase_size),
                         KEDGE_OK);
        assert_int_equal(flash->sync(flash->context), KEDGE_OK);
        assert_int_equal(flash->read(flash->context, 0, bytes, size), KEDGE_OK);
        for (uint32_t at = 0; at < size; at++)
            assert_int_equal(bytes[at], at < flash->erase_size ? 0x3C : flash->erased_value);
        free(bytes);
        bench_close(bench);
    }
}

static void two_copies_of_a_record_are_no_neighbours_on_a_block_device(void **state)
{
    struct bench *bench = *state;
    bench_devices(bench, SHIM_BLOCK, 512, 1);
    bench_open(bench);
    assert_int_equal(bench->port.boot.record->erase_size, KEDGE_PORT_RECORD_ERASE_SIZE);
    assert_int_equal(bench->port.boot.slots[0]->erase_size, 4096);
    bench_close(bench);
    bench_devices(bench, SHIM_BLOCK, 131072, 1);
    bench_open(bench);
    assert_int_equal(bench->port.boot.record->erase_size, 131072);
    bench_close(bench);
}

/* So nothing that the agent may do wrong reaches what it runs from. */
static void the_slot_that_runs_is_not_open_for_writing(void **state)
{
    struct bench *bench = *state;
    struct kedge_boot_decision decision;
    bench_factory(bench);
    assert_int_equal(kedge_boot_select(&bench->port.boot, &decision), KEDGE_OK);
    assert_int_equal(bench_install(bench, 1, 2), KEDGE_OK);
    assert_int_equal(bench->port.slots[0].device.writing, -1);
    assert_int_equal(fcntl(bench->port.slots[0].device.reading, F_GETFL) & O_ACCMODE, O_RDONLY);
    assert_true(bench->port.slots[1].device.writing >= 0);
    bench_close(bench);
}

static void looking_claims_nothing_and_writes_nothing(void **state)
{
    struct bench *bench = *state;
    bench_factory(bench);
    bench_close(bench);
    const uint32_t writes = bench->devices[1].writes;
    assert_int_equal(kedge_port_state_open(&bench->port, bench->state, &bench->trust,
                                           &bench->places, KEDGE_PORT_READ_ONLY),
                     KEDGE_OK);
    const struct kedge_flash *flash = bench->port.boot.slots[1];
    assert_int_equal(bench_verify(bench, 0), KEDGE_OK);
    assert_int_equal(flash->erase(flash->context, 0, flash->erase_size), KEDGE_E_SYSTEM);
    assert_int_equal(errno, EROFS);
    assert_int_equal(flash->write(flash->context, 0, "x", 1), KEDGE_E_SYSTEM);
    assert_int_equal(flash->sync(flash->context), KEDGE_OK);
    assert_int_equal(bench->devices[1].writes, writes);
    bench_close(bench);
}

/* ---- what is refused with a word ---- */

static void expect_trouble(struct bench *bench, const char *words)
{
    bench_open(bench);
    const char *trouble = kedge_port_state_trouble(&bench->port);
    assert_non_null(trouble);
    if (strstr(trouble, words) == NULL || strstr(trouble, bench->paths[1]) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", trouble, words);
    assert_int_equal(kedge_port_slot_ready(&bench->port, 1, &trouble), KEDGE_E_SYSTEM);
    assert_non_null(strstr(trouble, words));
    assert_int_equal(bench_verify(bench, 0), KEDGE_OK);
    assert_int_not_equal(bench_verify(bench, 1), KEDGE_OK);
    bench_close(bench);
}

static void a_device_that_is_no_slot_is_refused_by_name_and_the_other_one_runs(void **state)
{
    struct bench *bench = *state;
    static const struct {
        uint32_t kind, unit, write_size, type, uneven, size;
        const char *words;
    } cases[] = {
        {0, 0, 0, 0, 0, DEVICE_SIZE, "No such file"},
        {SHIM_MTD_BLOCK, 4096, 1, 0, 0, DEVICE_SIZE, "name the /dev/mtdN"},
        {9, 4096, 1, 0, 0, DEVICE_SIZE, "neither a block device nor NOR flash"},
        {SHIM_BLOCK, 4096, 1, 0, 0, 32768, "too small for a slot"},
        {SHIM_BLOCK, 0, 1, 0, 0, DEVICE_SIZE, "impossible size"},
        {SHIM_BLOCK, 3000, 1, 0, 0, DEVICE_SIZE, "impossible size"},
        {SHIM_MTD, 16384, 1, MTD_NANDFLASH, 0, DEVICE_SIZE, "NAND flash"},
        {SHIM_MTD, 16384, 2048, MTD_MLCNANDFLASH, 0, DEVICE_SIZE, "UBIFS"},
        {SHIM_MTD, 16384, 1, MTD_ROM, 0, DEVICE_SIZE, "no NOR flash"},
        {SHIM_MTD, 16384, 1, MTD_UBIVOLUME, 0, DEVICE_SIZE, "no NOR flash"},
        {SHIM_MTD, 16384, 1, MTD_NORFLASH, 1, DEVICE_SIZE, "different sizes"},
        {SHIM_MTD, 16384, 512, MTD_NORFLASH, 0, DEVICE_SIZE, "more than 256 bytes"},
        {SHIM_MTD, DEVICE_SIZE, 1, MTD_NORFLASH, 0, DEVICE_SIZE, "too small"},
        {SHIM_MTD, 4096, 1, MTD_NORFLASH, 0, 32768, "too small for a slot"},
        {SHIM_MTD, 4096, 24, MTD_NORFLASH, 0, DEVICE_SIZE, "make no sense"},
    };
    bench_factory(bench);
    bench_close(bench);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shim_device *device = &bench->devices[1];
        device->kind = cases[i].kind;
        device->erase_size = cases[i].unit;
        device->write_size = cases[i].write_size;
        device->type = cases[i].type;
        device->uneven = cases[i].uneven;
        assert_int_equal(truncate(bench->paths[1], cases[i].size), 0);
        expect_trouble(bench, cases[i].words);
    }
}

static void a_record_needs_room_for_two_copies(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(truncate(bench->paths[RECORD], 65536), 0);
    bench_open(bench);
    assert_non_null(strstr(kedge_port_state_trouble(&bench->port), "too small for a boot record"));
    bench_close(bench);
}

static void what_is_no_device_is_refused(void **state)
{
    struct bench *bench = *state;
    char path[128];
    static const char *const others[] = {"/dev/null", "/tmp"};
    snprintf(path, sizeof path, "%s/file", bench->folder);
    bench_make_file(path, 0, DEVICE_SIZE);
    for (size_t i = 0; i < 3; i++) {
        bench->places.slots[1] = i < 2 ? others[i] : path;
        bench_open(bench);
        assert_non_null(
            strstr(kedge_port_state_trouble(&bench->port), "neither a block device nor NOR"));
        bench_close(bench);
    }
}

static void two_slots_on_one_device_are_refused(void **state)
{
    struct bench *bench = *state;
    static const size_t pairs[][2] = {{0, 1}, {0, RECORD}, {1, RECORD}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const size_t a = pairs[i][0], b = pairs[i][1];
        const uint32_t number = bench->devices[b].number;
        bench->devices[b].number = (uint32_t)bench->devices[a].number;
        assert_int_equal(kedge_port_state_open(&bench->port, bench->state, &bench->trust,
                                               &bench->places, KEDGE_PORT_EXCLUSIVE),
                         KEDGE_E_CONFLICT);
        assert_non_null(
            strstr(kedge_port_state_words(&bench->port, KEDGE_E_CONFLICT), bench->paths[a]));
        bench->devices[b].number = number;
    }
}

/* ---- what goes wrong while it is written ---- */

/* Whatever is wrong with slot 1 now: an update of it fails so, slot 0 is as it was and boots, and
 * once the device is well the next update works. */
static void expect_failure(struct bench *bench, enum kedge_rc expected)
{
    struct kedge_boot_decision decision;
    const char *words;
    const uint32_t writes = bench->devices[0].writes;
    enum kedge_rc rc = kedge_port_slot_ready(&bench->port, 1, &words);
    if (rc == KEDGE_OK)
        rc = bench_install(bench, 1, 2);
    assert_int_equal(rc, expected);
    assert_int_equal(kedge_rc_update_result(rc), 8);
    assert_int_not_equal(kedge_boot_activate(&bench->port.boot, 1), KEDGE_OK);
    assert_int_equal(kedge_boot_select(&bench->port.boot, &decision), KEDGE_OK);
    assert_int_equal(decision.slot, 0);
    assert_false(decision.on_trial);
    assert_int_equal(bench->devices[0].writes, writes);
}

static void expect_next_update_works(struct bench *bench)
{
    const char *words;
    assert_int_equal(kedge_port_slot_ready(&bench->port, 1, &words), KEDGE_OK);
    assert_int_equal(bench_install(bench, 1, 3), KEDGE_OK);
    assert_int_equal(bench_verify(bench, 1), KEDGE_OK);
}

static const uint32_t places[] = {0, 31, 32, 200, 16384, 16385, 20000, 40000, 66383};

static void a_write_that_fails_anywhere_ends_the_update_and_no_more(void **state)
{
    struct bench *bench = *state;
    for (size_t kind = 1; kind < 4; kind += 2) /* sectors of 4096, and NOR of as much */
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            bench_devices(bench, kinds[kind].kind, 16384, 1);
            bench_factory(bench);
            bench->devices[1].bad_write_at = places[i];
            expect_failure(bench, KEDGE_E_SYSTEM);
            bench->devices[1].bad_write_at = SHIM_NOWHERE;
            expect_next_update_works(bench);
            bench_close(bench);
        }
}

static void a_bit_that_is_lost_anywhere_is_seen_by_reading_back(void **state)
{
    struct bench *bench = *state;
    for (size_t kind = 1; kind < 4; kind += 2)
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            bench_devices(bench, kinds[kind].kind, 16384, 1);
            bench_factory(bench);
            bench->devices[1].forgets_at = places[i];
            expect_failure(bench, KEDGE_E_FLASH);
            bench->devices[1].forgets_at = SHIM_NOWHERE;
            expect_next_update_works(bench);
            bench_close(bench);
        }
}

static void what_cannot_be_read_back_is_no_update(void **state)
{
    struct bench *bench = *state;
    bench_factory(bench);
    bench->devices[1].bad_read_at = 30000;
    expect_failure(bench, KEDGE_E_SYSTEM);
    bench->devices[1].bad_read_at = SHIM_NOWHERE;
    expect_next_update_works(bench);
    bench_close(bench);
}

static void an_erase_that_fails_ends_the_update_and_no_more(void **state)
{
    struct bench *bench = *state;
    bench_devices(bench, SHIM_MTD, 16384, 1);
    bench_factory(bench);
    bench->devices[1].erase_error = EIO;
    expect_failure(bench, KEDGE_E_SYSTEM);
    bench->devices[1].erase_error = 0;
    expect_next_update_works(bench);
    bench_close(bench);
}

static void a_sync_that_fails_ends_the_update_and_no_more(void **state)
{
    struct bench *bench = *state;
    bench_factory(bench);
    bench->devices[1].sync_error = EIO;
    expect_failure(bench, KEDGE_E_SYSTEM);
    bench->devices[1].sync_error = 0;
    expect_next_update_works(bench);
    bench_close(bench);
}

static void a_slot_that_somebody_else_has_is_read_and_not_written(void **state)
{
    struct bench *bench = *state;
    const char *words;
    bench_factory(bench);
    assert_int_equal(bench_install(bench, 1, 2), KEDGE_OK);
    bench_close(bench);
    bench_open(bench);
    bench->devices[1].in_use = 1;
    assert_int_equal(bench_verify(bench, 1), KEDGE_OK);
    assert_int_equal(kedge_port_slot_ready(&bench->port, 1, &words), KEDGE_E_SYSTEM);
    assert_non_null(strstr(words, "is in use"));
    /* Nobody has asked whether it is ready: it is not written all the same. */
    assert_int_equal(bench_install(bench, 1, 3), KEDGE_E_SYSTEM);
    assert_int_equal(bench_verify(bench, 1), KEDGE_OK);
    assert_int_equal(bench->port.work.manifest.sequence, 2);
    bench->devices[1].in_use = 0;
    expect_next_update_works(bench);
    assert_null(kedge_port_state_trouble(&bench->port));
    bench_close(bench);
}

static void a_read_only_device_is_said_to_be_one(void **state)
{
    struct bench *bench = *state;
    static const char *const said[] = {"Permission denied", "is read-only"};
    const char *words;
    for (uint32_t how = SHIM_READ_ONLY; how <= SHIM_READ_ONLY_OPENS; how++) {
        bench_devices(bench, SHIM_BLOCK, 4096, 1);
        bench_factory(bench);
        bench->devices[1].read_only = how;
        expect_failure(bench, KEDGE_E_SYSTEM);
        assert_int_equal(kedge_port_slot_ready(&bench->port, 1, &words), KEDGE_E_SYSTEM);
        assert_non_null(strstr(words, said[how - SHIM_READ_ONLY]));
        bench->devices[1].read_only = 0;
        expect_next_update_works(bench);
        bench_close(bench);
    }
}

static void a_device_that_vanishes_and_comes_back_takes_the_next_update(void **state)
{
    struct bench *bench = *state;
    const char *words;
    bench_factory(bench);
    assert_int_equal(kedge_port_slot_ready(&bench->port, 1, &words), KEDGE_OK);
    bench->devices[1].gone = 1;
    assert_int_equal(bench_install(bench, 1, 2), KEDGE_E_SYSTEM);
    expect_failure(bench, KEDGE_E_SYSTEM);
    bench->devices[1].gone = 0;
    expect_next_update_works(bench);
    bench_close(bench);
}

static void a_device_that_was_not_there_at_the_start_takes_an_update_later(void **state)
{
    struct bench *bench = *state;
    bench_factory(bench);
    bench_close(bench);
    bench->devices[1].kind = 0;
    bench_open(bench);
    assert_non_null(kedge_port_state_trouble(&bench->port));
    expect_failure(bench, KEDGE_E_SYSTEM);
    bench->devices[1].kind = SHIM_BLOCK;
    expect_next_update_works(bench);
    bench_close(bench);
}

static void another_device_under_the_same_name_is_not_written(void **state)
{
    struct bench *bench = *state;
    bench_factory(bench);
    bench->devices[1].number = 9;
    const uint32_t writes = bench->devices[1].writes;
    assert_int_equal(bench_install(bench, 1, 2), KEDGE_E_SYSTEM);
    assert_non_null(strstr(kedge_port_state_trouble(&bench->port), "not the device any more"));
    assert_int_equal(bench->devices[1].writes, writes);
    bench_close(bench);
}

static void a_record_that_cannot_be_written_switches_nothing(void **state)
{
    struct bench *bench = *state;
    for (uint32_t kind = SHIM_BLOCK; kind <= SHIM_MTD; kind++) {
        struct kedge_boot_decision decision;
        bench_devices(bench, kind, 65536, 1);
        bench_factory(bench);
        assert_int_equal(bench_install(bench, 1, 2), KEDGE_OK);
        bench->devices[RECORD].bad_write_at = 65536 + 100; /* its second copy is the next one */
        assert_int_equal(kedge_boot_activate(&bench->port.boot, 1), KEDGE_E_SYSTEM);
        assert_int_equal(kedge_boot_select(&bench->port.boot, &decision), KEDGE_OK);
        assert_int_equal(decision.slot, 0);
        bench->devices[RECORD].bad_write_at = SHIM_NOWHERE;
        assert_int_equal(kedge_boot_activate(&bench->port.boot, 1), KEDGE_OK);
        assert_int_equal(kedge_boot_select(&bench->port.boot, &decision), KEDGE_OK);
        assert_int_equal(decision.slot, 1);
        bench_close(bench);
    }
}

static void a_device_without_its_record_still_boots(void **state)
{
    struct bench *bench = *state;
    struct kedge_boot_decision decision;
    bench_factory(bench);
    assert_int_equal(bench_install(bench, 1, 2), KEDGE_OK);
    bench_close(bench);
    bench->devices[RECORD].kind = 0;
    bench_open(bench);
    assert_int_equal(kedge_boot_select(&bench->port.boot, &decision), KEDGE_OK);
    assert_int_equal(decision.slot, 0);
    assert_false(decision.on_trial);
    bench_close(bench);
}

/* ---- flash that a file system or UBI has: the kernel's own lists, in a namespace of ours ---- */

/* From here on mounts are seen by this process alone. Skips where that is not permitted. */
static void leave_namespace(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        skip();
}

static void put_class_file(const char *folder, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "/sys/class/%s", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "/sys/class/%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void flash_that_is_attached_to_ubi_is_not_written(void **state)
{
    struct bench *bench = *state;
    const char *words;
    leave_namespace();
    bench_devices(bench, SHIM_MTD, 4096, 1); /* the second one is mtd5 */
    bench_factory(bench);
    assert_int_equal(mount("none", "/sys/class", "tmpfs", 0, NULL), 0);
    assert_int_equal(mkdir("/sys/class/ubi", 0700), 0);
    put_class_file("ubi/ubi0", "mtd_num", "4\n");
    put_class_file("ubi/ubi0_0", "name", "a volume\n");
    assert_int_equal(kedge_port_slot_ready(&bench->port, 1, &words), KEDGE_OK);
    put_class_file("ubi/ubi1", "mtd_num", "5\n");
    assert_int_equal(kedge_port_slot_ready(&bench->port, 1, &words), KEDGE_E_SYSTEM);
    assert_non_null(strstr(words, "is in use"));
    assert_int_equal(umount("/sys/class"), 0);
    bench_close(bench);
}

static void flash_that_is_mounted_is_not_written(void **state)
{
    struct bench *bench = *state;
    static const char *const sources[] = {"mtd5", "/dev/mtdblock5", "/dev/mtd5", "mtd:spare"};
    const char *words;
    leave_namespace();
    bench_devices(bench, SHIM_MTD, 4096, 1); /* the second one is mtd5 */
    bench_factory(bench);
    assert_int_equal(mount("none", "/sys/class", "tmpfs", 0, NULL), 0);
    assert_int_equal(mkdir("/sys/class/mtd", 0700), 0);
    put_class_file("mtd/mtd5", "name", "spare\n");
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        assert_int_equal(mount(sources[i], "/mnt", "tmpfs", 0, NULL), 0);
        assert_int_equal(kedge_port_slot_ready(&bench->port, 0, &words), KEDGE_OK);
        assert_int_equal(kedge_port_slot_ready(&bench->port, 1, &words), KEDGE_E_SYSTEM);
        assert_non_null(strstr(words, "is in use"));
        assert_int_equal(umount("/mnt"), 0);
        assert_int_equal(kedge_port_slot_ready(&bench->port, 1, &words), KEDGE_OK);
    }
    assert_int_equal(umount("/sys/class"), 0);
    bench_close(bench);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_device_goes_through_its_updates),
        TEST(what_is_erased_reads_as_the_seam_says),
        TEST(two_copies_of_a_record_are_no_neighbours_on_a_block_device),
        TEST(the_slot_that_runs_is_not_open_for_writing),
        TEST(looking_claims_nothing_and_writes_nothing),
        TEST(a_device_that_is_no_slot_is_refused_by_name_and_the_other_one_runs),
        TEST(a_record_needs_room_for_two_copies),
        TEST(what_is_no_device_is_refused),
        TEST(two_slots_on_one_device_are_refused),
        TEST(a_write_that_fails_anywhere_ends_the_update_and_no_more),
        TEST(a_bit_that_is_lost_anywhere_is_seen_by_reading_back),
        TEST(what_cannot_be_read_back_is_no_update),
        TEST(an_erase_that_fails_ends_the_update_and_no_more),
        TEST(a_sync_that_fails_ends_the_update_and_no_more),
        TEST(a_slot_that_somebody_else_has_is_read_and_not_written),
        TEST(a_read_only_device_is_said_to_be_one),
        TEST(a_device_that_vanishes_and_comes_back_takes_the_next_update),
        TEST(a_device_that_was_not_there_at_the_start_takes_an_update_later),
        TEST(another_device_under_the_same_name_is_not_written),
        TEST(a_record_that_cannot_be_written_switches_nothing),
        TEST(a_device_without_its_record_still_boots),
        TEST(flash_that_is_attached_to_ubi_is_not_written), /* the last ones: a namespace stays */
        TEST(flash_that_is_mounted_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, bench_end);
}
