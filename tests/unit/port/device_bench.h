/* device_bench.h: a state folder whose slots and boot record are devices of flash_shim.c. */
#ifndef KEDGE_TESTS_DEVICE_BENCH_H
#define KEDGE_TESTS_DEVICE_BENCH_H

#include "agent/install/install.h"
#include "agent/port/port.h"
#include "tests/e2e/flash_shim.h"
#include "tests/unit/package_maker.h"

#include <fcntl.h>
#include <ftw.h>
#include <mtd/mtd-user.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEVICE_SIZE (512u * 1024u)
#define IMAGE_SIZE 50000u
#define RECORD 2 /* the devices: two slots, and the record */

struct bench {
    char folder[64], state[96], paths[SHIM_DEVICES][96];
    struct shim_device *devices;
    struct kedge_port_places places;
    struct kedge_private_key key;
    struct kedge_suit_trust trust;
    struct kedge_port_state port;
    struct kedge_install install;
    uint8_t image[IMAGE_SIZE];
};

static inline int bench_remove(const char *path, const struct stat *status, int type,
                               struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static inline void bench_make_file(const char *path, uint8_t value, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < size; i++)
        fputc(value, file);
    assert_int_equal(fclose(file), 0);
}

/* All devices are of the one kind. `unit` is the erase unit, or the physical sector. */
static inline void bench_devices(struct bench *bench, uint32_t kind, uint32_t unit,
                                 uint32_t write_size)
{
    char units[sizeof bench->paths[0] + 8];
    for (uint32_t i = 0; i < SHIM_DEVICES; i++) {
        snprintf(units, sizeof units, "%s.units", bench->paths[i]);
        unlink(units);
        bench_make_file(bench->paths[i], kind == SHIM_MTD ? 0xFF : 0xA5, DEVICE_SIZE);
        bench->devices[i] = (struct shim_device){.kind = kind,
                                                 .number = i + 4,
                                                 .erase_size = unit,
                                                 .write_size = write_size,
                                                 .type = MTD_NORFLASH,
                                                 .bad_write_at = SHIM_NOWHERE,
                                                 .bad_read_at = SHIM_NOWHERE,
                                                 .forgets_at = SHIM_NOWHERE};
    }
}

/* Each bench has files of its own; the shim keeps to the page of the first, which all share. */
static inline struct shim_device *bench_page(const struct bench *bench)
{
    static struct shim_device *page;
    static char path[96];
    if (page == NULL) {
        snprintf(path, sizeof path, "%s-page", bench->folder);
        int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_true(file >= 0);
        assert_int_equal(ftruncate(file, 4096), 0);
        page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        assert_true(page != MAP_FAILED);
        close(file);
        setenv("KEDGE_TEST_FLASH", path, 1);
    }
    return page;
}

static inline int bench_set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    char names[SHIM_DEVICES * sizeof bench->paths[0]];
    assert_non_null(bench);
    snprintf(bench->folder, sizeof bench->folder, "/tmp/kedge-device-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->state, sizeof bench->state, "%s/state", bench->folder);
    for (size_t i = 0; i < SHIM_DEVICES; i++)
        snprintf(bench->paths[i], sizeof bench->paths[i], "%s/device%zu", bench->folder, i);
    snprintf(names, sizeof names, "%s:%s:%s", bench->paths[0], bench->paths[1], bench->paths[2]);
    bench->devices = bench_page(bench);
    setenv("KEDGE_TEST_FLASH_FILES", names, 1);
    bench->places = (struct kedge_port_places){.record = bench->paths[RECORD],
                                               .slots = {bench->paths[0], bench->paths[1]}};
    maker_key(KEDGE_ED25519, 1, &bench->key);
    bench->trust =
        (struct kedge_suit_trust){.keys = &bench->key.public_key, .key_count = 1, .required = 1};
    bench_devices(bench, SHIM_BLOCK, 4096, 1);
    *state = bench;
    return 0;
}

static inline int bench_tear_down(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < SHIM_DEVICES; i++)
        assert_int_equal(bench->devices[i].violations, 0);
    nftw(bench->folder, bench_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(bench);
    return 0;
}

static inline int bench_end(void **state)
{
    (void)state;
    if (getenv("KEDGE_TEST_FLASH") != NULL)
        unlink(getenv("KEDGE_TEST_FLASH"));
    return 0;
}

static inline void bench_open(struct bench *bench)
{
    assert_int_equal(kedge_port_state_open(&bench->port, bench->state, &bench->trust,
                                           &bench->places, KEDGE_PORT_EXCLUSIVE),
                     KEDGE_OK);
}

static inline void bench_close(struct bench *bench)
{
    kedge_port_state_close(&bench->port);
}

/* Installs an image whose sequence number is `sequence`, as the agent does. */
static inline enum kedge_rc bench_install(struct bench *bench, uint8_t slot, uint64_t sequence)
{
    struct kedge_install_identity identity = {0};
    for (size_t i = 0; i < IMAGE_SIZE; i++)
        bench->image[i] = (uint8_t)(i * 7 + sequence * 31 + i / 251);
    struct made_package made =
        maker_package(kedge_slice(bench->image, IMAGE_SIZE), true, sequence, "1.0.0", &bench->key);
    kedge_vendor_uuid(kedge_slice_text("example.com"), identity.vendor);
    kedge_class_uuid(identity.vendor, kedge_slice_text("board-a"), identity.class_id);
    enum kedge_rc rc = kedge_install_begin(&bench->install, &bench->port.boot, &identity, slot);
    if (rc == KEDGE_OK)
        rc = kedge_install_push(&bench->install, kedge_slice(made.bytes, made.size));
    if (rc == KEDGE_OK)
        rc = kedge_install_end(&bench->install);
    maker_free(&made);
    return rc;
}

static inline enum kedge_rc bench_verify(struct bench *bench, uint8_t slot)
{
    return kedge_slot_verify(bench->port.boot.slots[slot], slot, &bench->trust, &bench->port.work);
}

/* A device with confirmed firmware of sequence number 1 in slot 0, open. */
static inline void bench_factory(struct bench *bench)
{
    bench_open(bench);
    assert_int_equal(bench_install(bench, 0, 1), KEDGE_OK);
    assert_int_equal(kedge_boot_factory(&bench->port.boot, 0), KEDGE_OK);
    bench_close(bench);
    bench_open(bench);
}

#endif
