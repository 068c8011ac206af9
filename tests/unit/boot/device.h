/* device.h: a device in memory for the tests of core/boot: simulated flash, keys, packages in
 * slots. */
#ifndef KEDGE_TESTS_BOOT_DEVICE_H
#define KEDGE_TESTS_BOOT_DEVICE_H

#include "tests/powercut/sim_flash.h"
#include "tests/unit/package_maker.h"

#define IMAGE_CAPACITY 8192u

struct device {
    struct sim_flash sim;
    struct kedge_private_key key, stranger;
    struct kedge_suit_trust trust;
    struct kedge_slot_image work;
    struct kedge_boot boot;
};

static const struct sim_geometry plain_nor = {
    .name = "nor-4", .write_size = 4, .erase_size = 4096, .erased_value = 0xFF};

static inline void device_init_on(struct device *device, const struct sim_geometry *geometry)
{
    sim_init(&device->sim, geometry, IMAGE_CAPACITY);
    maker_key(KEDGE_ED25519, 1, &device->key);
    maker_key(KEDGE_ED25519, 2, &device->stranger);
    device->trust =
        (struct kedge_suit_trust){.keys = &device->key.public_key, .key_count = 1, .required = 1};
    device->boot = (struct kedge_boot){
        .record = &device->sim.flash[SIM_RECORD],
        .slots = {&device->sim.flash[SIM_SLOT(0)], &device->sim.flash[SIM_SLOT(1)]},
        .trust = &device->trust,
        .work = &device->work};
}

static inline void device_init(struct device *device)
{
    device_init_on(device, &plain_nor);
}

static inline void device_free(struct device *device)
{
    assert_null(device->sim.violation);
    sim_free(&device->sim);
}

static inline void fill_image(uint8_t *image, size_t size, uint64_t sequence)
{
    for (size_t i = 0; i < size; i++)
        image[i] = (uint8_t)(i * 7 + sequence * 31 + i / 251);
}

/* Puts a package of `size` bytes of image into a slot as an installation would leave it. */
static inline void device_put(struct device *device, uint8_t slot, uint64_t sequence,
                              const struct kedge_private_key *key, size_t size)
{
    uint8_t image[IMAGE_CAPACITY];
    struct kedge_slot writer;
    fill_image(image, size, sequence);
    struct made_package made =
        maker_package(kedge_slice(image, size), false, sequence, "1.0.0", key);
    assert_int_equal(kedge_slot_open(&writer, device->boot.slots[slot], size), KEDGE_OK);
    assert_int_equal(kedge_slot_write(&writer, kedge_slice(image, size)), KEDGE_OK);
    assert_int_equal(kedge_slot_finish(&writer, kedge_slice(made.bytes, made.payload_offset),
                                       made.manifest.image_digest),
                     KEDGE_OK);
    maker_free(&made);
}

static inline enum kedge_rc device_verify(struct device *device, uint8_t slot)
{
    return kedge_slot_verify(device->boot.slots[slot], slot, &device->trust, &device->work);
}

/* Writes one copy of the record as it is told, valid or not. */
static inline void device_put_record(struct device *device, int copy,
                                     const struct kedge_boot_record *record)
{
    uint8_t *at =
        sim_bytes(&device->sim, SIM_RECORD) + (size_t)copy * device->sim.flash[SIM_RECORD].size / 2;
    kedge_boot_record_encode(record, at);
}

static inline struct kedge_boot_record device_record(struct device *device)
{
    struct kedge_boot_record record;
    assert_int_equal(kedge_boot_record_read(&device->boot, &record), KEDGE_OK);
    return record;
}

static inline struct kedge_boot_record steady(uint64_t number, uint8_t confirmed, uint64_t floor)
{
    return (struct kedge_boot_record){.number = number,
                                      .phase = KEDGE_BOOT_STEADY,
                                      .confirmed_slot = confirmed,
                                      .trial_slot = KEDGE_SLOT_NONE,
                                      .floor = floor};
}

static inline struct kedge_boot_record trial(uint64_t number, uint8_t confirmed, uint8_t boots,
                                             uint64_t sequence)
{
    return (struct kedge_boot_record){.number = number,
                                      .phase = boots == 0 ? KEDGE_BOOT_TRIAL_REQUESTED
                                                          : KEDGE_BOOT_ON_TRIAL,
                                      .confirmed_slot = confirmed,
                                      .trial_slot = (uint8_t)(1 - confirmed),
                                      .boots_used = boots,
                                      .floor = 1,
                                      .trial_sequence = sequence};
}

#endif
