/* Slots on real block devices: loop devices, where the system gives them to us. */
#define _GNU_SOURCE
#include "agent/install/install.h"
#include "agent/port/port.h"
#include "tests/unit/package_maker.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/blkpg.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DEVICE_SIZE (1024u * 1024u)
#define SLOTS KEDGE_SLOTS

struct bench {
    char folder[64], state[96], files[SLOTS][96], loops[SLOTS][32];
    int held[SLOTS]; /* keeps the loop device: it goes with its last user */
    bool there;
    struct kedge_port_places places;
    struct kedge_private_key key;
    struct kedge_suit_trust trust;
    struct kedge_port_state port;
};

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

/* Others take loop devices at the same time: the number is only ours once it is configured. */
static int attach(const char *path, uint32_t flags, char name[32])
{
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int file =
        open(path, (flags & LO_FLAGS_READ_ONLY) != 0 ? O_RDONLY | O_CLOEXEC : O_RDWR | O_CLOEXEC);
    int loop = -1;
    assert_true(file >= 0);
    for (int tries = 0; control >= 0 && loop < 0 && tries < 100; tries++) {
        struct loop_config config = {.fd = (uint32_t)file,
                                     .info.lo_flags = LO_FLAGS_AUTOCLEAR | flags};
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0)
            break;
        snprintf(name, 32, "/dev/loop%d", number);
        loop = open(name, O_RDWR | O_CLOEXEC);
        if (loop < 0)
            break;
        if (ioctl(loop, LOOP_CONFIGURE, &config) != 0) {
            const bool taken = errno == EBUSY;
            close(loop);
            loop = -1;
            if (!taken)
                break;
        }
    }
    close(file);
    if (control >= 0)
        close(control);
    return loop;
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    snprintf(bench->folder, sizeof bench->folder, "/tmp/kedge-loop-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->state, sizeof bench->state, "%s/state", bench->folder);
    bench->there = true;
    for (size_t i = 0; i < SLOTS; i++) {
        snprintf(bench->files[i], sizeof bench->files[i], "%s/slot%zu", bench->folder, i);
        int file = open(bench->files[i], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_true(file >= 0);
        assert_int_equal(ftruncate(file, DEVICE_SIZE), 0);
        close(file);
        bench->held[i] = attach(bench->files[i], LO_FLAGS_PARTSCAN, bench->loops[i]);
        bench->there = bench->there && bench->held[i] >= 0;
        bench->places.slots[i] = bench->loops[i];
    }
    maker_key(KEDGE_ED25519, 1, &bench->key);
    bench->trust =
        (struct kedge_suit_trust){.keys = &bench->key.public_key, .key_count = 1, .required = 1};
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < SLOTS; i++)
        if (bench->held[i] >= 0)
            close(bench->held[i]);
    nftw(bench->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(bench);
    return 0;
}

/* The bench, with its state folder open; skips by name where there are no loop devices for us. */
static struct bench *opened(void **state)
{
    struct bench *bench = *state;
    if (!bench->there)
        skip();
    assert_int_equal(kedge_port_state_open(&bench->port, bench->state, &bench->trust,
                                           &bench->places, KEDGE_PORT_EXCLUSIVE),
                     KEDGE_OK);
    assert_null(kedge_port_state_trouble(&bench->port));
    return bench;
}

static enum kedge_rc install(struct bench *bench, uint8_t slot, uint64_t sequence)
{
    static struct kedge_install installing;
    static uint8_t image[200000];
    struct kedge_install_identity identity = {0};
    for (size_t i = 0; i < sizeof image; i++)
        image[i] = (uint8_t)(i * 7 + sequence * 31 + i / 251);
    struct made_package made =
        maker_package(kedge_slice(image, sizeof image), true, sequence, "1.0.0", &bench->key);
    kedge_vendor_uuid(kedge_slice_text("example.com"), identity.vendor);
    kedge_class_uuid(identity.vendor, kedge_slice_text("board-a"), identity.class_id);
    enum kedge_rc rc = kedge_install_begin(&installing, &bench->port.boot, &identity, slot);
    if (rc == KEDGE_OK)
        rc = kedge_install_push(&installing, kedge_slice(made.bytes, made.size));
    if (rc == KEDGE_OK)
        rc = kedge_install_end(&installing);
    maker_free(&made);
    return rc;
}

static enum kedge_rc verify(struct bench *bench, uint8_t slot)
{
    return kedge_slot_verify(bench->port.boot.slots[slot], slot, &bench->trust, &bench->port.work);
}

static void updates_go_round_on_loop_devices(void **state)
{
    struct bench *bench = opened(state);
    struct kedge_boot_decision decision;
    assert_int_equal(bench->port.boot.slots[0]->size, DEVICE_SIZE);
    assert_int_equal(install(bench, 0, 1), KEDGE_OK);
    assert_int_equal(kedge_boot_factory(&bench->port.boot, 0), KEDGE_OK);
    for (uint8_t update = 1; update <= 3; update++) {
        assert_int_equal(install(bench, update % 2, update + 1u), KEDGE_OK);
        assert_int_equal(kedge_boot_activate(&bench->port.boot, update % 2), KEDGE_OK);
        kedge_port_state_close(&bench->port);
        opened(state);
        assert_int_equal(kedge_boot_select(&bench->port.boot, &decision), KEDGE_OK);
        assert_int_equal(decision.slot, update % 2);
        assert_int_equal(kedge_boot_confirm(&bench->port.boot), KEDGE_OK);
    }
    kedge_port_state_close(&bench->port);
}

/* What is in the page cache of the device says nothing about the device. */
static void what_is_read_after_a_sync_comes_from_the_device(void **state)
{
    struct bench *bench = opened(state);
    const struct kedge_flash *flash = bench->port.boot.slots[1];
    uint8_t bytes[8192], seen[8192];
    memset(bytes, 0x11, sizeof bytes);
    assert_int_equal(flash->erase(flash->context, 0, sizeof bytes), KEDGE_OK);
    assert_int_equal(flash->write(flash->context, 0, bytes, sizeof bytes), KEDGE_OK);
    assert_int_equal(flash->read(flash->context, 0, seen, sizeof seen), KEDGE_OK);
    assert_int_equal(flash->sync(flash->context), KEDGE_OK);
    int below = open(bench->files[1], O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(below, seen, sizeof seen, 0), sizeof seen);
    assert_memory_equal(seen, bytes, sizeof seen);
    assert_int_equal(pwrite(below, "\x22", 1, 5000), 1);
    close(below);
    assert_int_equal(flash->read(flash->context, 0, seen, sizeof seen), KEDGE_OK);
    assert_int_equal(seen[5000], 0x22);
    kedge_port_state_close(&bench->port);
}

static void a_device_that_is_held_by_another_is_not_written(void **state)
{
    struct bench *bench = opened(state);
    const char *words;
    assert_int_equal(install(bench, 1, 1), KEDGE_OK);
    kedge_port_state_close(&bench->port);
    opened(state);
    int holder = open(bench->loops[1], O_RDONLY | O_EXCL | O_CLOEXEC); /* as a mount holds it */
    assert_true(holder >= 0);
    assert_int_equal(kedge_port_slot_ready(&bench->port, 1, &words), KEDGE_E_SYSTEM);
    assert_non_null(strstr(words, "is in use"));
    assert_int_equal(install(bench, 1, 2), KEDGE_E_SYSTEM);
    assert_int_equal(verify(bench, 1), KEDGE_OK);
    assert_int_equal(bench->port.work.manifest.sequence, 1);
    close(holder);
    assert_int_equal(kedge_port_slot_ready(&bench->port, 1, &words), KEDGE_OK);
    assert_int_equal(open(bench->loops[1], O_RDONLY | O_EXCL | O_CLOEXEC), -1);
    assert_int_equal(errno, EBUSY);
    assert_int_equal(install(bench, 1, 2), KEDGE_OK);
    kedge_port_state_close(&bench->port);
}

static void a_read_only_device_is_read(void **state)
{
    struct bench *bench = opened(state);
    char name[32];
    const char *words;
    assert_int_equal(install(bench, 1, 1), KEDGE_OK);
    kedge_port_state_close(&bench->port);
    int loop = attach(bench->files[1], LO_FLAGS_READ_ONLY, name);
    if (loop < 0)
        skip();
    bench->places.slots[1] = name;
    opened(state);
    assert_int_equal(verify(bench, 1), KEDGE_OK);
    assert_int_equal(kedge_port_slot_ready(&bench->port, 1, &words), KEDGE_E_SYSTEM);
    assert_non_null(strstr(words, name));
    assert_int_equal(install(bench, 1, 2), KEDGE_E_SYSTEM);
    assert_int_equal(verify(bench, 1), KEDGE_OK);
    kedge_port_state_close(&bench->port);
    close(loop);
}

/* Cuts the loop device into partitions by hand, and makes a node for the first. */
static bool add_partition(struct bench *bench, char path[96])
{
    struct blkpg_partition part = {.start = 65536, .length = DEVICE_SIZE / 2, .pno = 1};
    struct blkpg_ioctl_arg request = {
        .op = BLKPG_ADD_PARTITION, .datalen = sizeof part, .data = &part};
    const char *name = bench->loops[0] + strlen("/dev/");
    char number[96];
    unsigned high, low;
    if (ioctl(bench->held[0], BLKPG, &request) != 0)
        return false;
    snprintf(number, sizeof number, "/sys/block/%s/%sp1/dev", name, name);
    FILE *file = fopen(number, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%u:%u", &high, &low), 2);
    fclose(file);
    snprintf(path, 96, "%s/partition", bench->folder);
    return mknod(path, S_IFBLK | 0600, makedev(high, low)) == 0;
}

static void a_disk_and_its_partition_are_no_two_slots(void **state)
{
    struct bench *bench = *state;
    char partition[96];
    if (!bench->there || !add_partition(bench, partition))
        skip();
    bench->places.slots[1] = partition;
    assert_int_equal(kedge_port_state_open(&bench->port, bench->state, &bench->trust,
                                           &bench->places, KEDGE_PORT_EXCLUSIVE),
                     KEDGE_E_CONFLICT);
    assert_non_null(strstr(bench->port.trouble, partition));
    bench->places.slots[0] = bench->loops[1]; /* of another disk */
    opened(state);
    assert_int_equal(bench->port.boot.slots[1]->size, DEVICE_SIZE / 2);
    assert_int_equal(install(bench, 1, 1), KEDGE_OK);
    kedge_port_state_close(&bench->port);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(updates_go_round_on_loop_devices),
        TEST(what_is_read_after_a_sync_comes_from_the_device),
        TEST(a_device_that_is_held_by_another_is_not_written),
        TEST(a_read_only_device_is_read),
        TEST(a_disk_and_its_partition_are_no_two_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
