/* bench.h: a device with factory firmware in slot 0, and an installation into slot 1. */
#ifndef KEDGE_TESTS_INSTALL_BENCH_H
#define KEDGE_TESTS_INSTALL_BENCH_H

#include "agent/install/install.h"
#include "tests/powercut/sim_flash.h"
#include "tests/unit/package_maker.h"

#define BENCH_CAPACITY (96u * 1024u)
#define BENCH_FLOOR 10u

struct bench {
    struct sim_flash sim;
    struct kedge_private_key key, stranger;
    struct kedge_public_key trusted;
    struct kedge_suit_trust trust;
    struct kedge_slot_image work;
    struct kedge_boot boot;
    struct kedge_install_identity identity;
    struct kedge_install install;
    size_t ops; /* asked of the flash before the installation began */
};

static inline void bench_image(uint8_t *image, size_t size)
{
    for (size_t i = 0; i < size; i++)
        image[i] = (uint8_t)((i * i >> 5) + i);
}

static inline enum kedge_rc bench_install(struct bench *bench, uint8_t slot,
                                          struct kedge_slice bytes, size_t piece)
{
    KEDGE_TRY(kedge_install_begin(&bench->install, &bench->boot, &bench->identity, slot));
    for (size_t at = 0; at < bytes.size; at += piece) {
        size_t take = bytes.size - at < piece ? bytes.size - at : piece;
        KEDGE_TRY(kedge_install_push(&bench->install, kedge_slice(bytes.data + at, take)));
    }
    return kedge_install_end(&bench->install);
}

static inline struct bench *bench_new_on(const struct sim_geometry *geometry)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    sim_init(&bench->sim, geometry, BENCH_CAPACITY);
    maker_key(KEDGE_ED25519, 1, &bench->key);
    maker_key(KEDGE_ESP256, 2, &bench->stranger);
    bench->trusted = bench->key.public_key;
    bench->trust =
        (struct kedge_suit_trust){.keys = &bench->trusted, .key_count = 1, .required = 1};
    bench->boot = (struct kedge_boot){
        .record = &bench->sim.flash[SIM_RECORD],
        .slots = {&bench->sim.flash[SIM_SLOT(0)], &bench->sim.flash[SIM_SLOT(1)]},
        .trust = &bench->trust,
        .work = &bench->work};
    kedge_vendor_uuid(kedge_slice_text("example.com"), bench->identity.vendor);
    kedge_class_uuid(bench->identity.vendor, kedge_slice_text("board-a"), bench->identity.class_id);
    bench->identity.hardware = kedge_slice_text("B");
    assert_int_equal(kedge_suit_version_parse(kedge_slice_text("1.0.0"), &bench->identity.running),
                     KEDGE_OK);

    uint8_t image[1000];
    bench_image(image, sizeof image);
    struct made_package factory =
        maker_package(kedge_slice(image, sizeof image), false, BENCH_FLOOR, "1.0.0", &bench->key);
    assert_int_equal(bench_install(bench, 0, kedge_slice(factory.bytes, factory.size), 4096),
                     KEDGE_OK);
    assert_int_equal(kedge_boot_factory(&bench->boot, 0), KEDGE_OK);
    maker_free(&factory);
    bench->ops = bench->sim.log_count;
    return bench;
}

static inline struct bench *bench_new(void)
{
    static const struct sim_geometry geometry = {
        .name = "nor-8", .write_size = 8, .erase_size = 4096, .erased_value = 0xFF};
    return bench_new_on(&geometry);
}

static inline void bench_free(struct bench *bench)
{
    assert_null(bench->sim.violation);
    sim_free(&bench->sim);
    free(bench);
}

/* The update that every test begins with: `size` bytes of image, sequence 20, version 1.1.0. */
static inline struct made_package bench_update(const struct bench *bench, size_t size,
                                               bool compress)
{
    uint8_t *image = malloc(size);
    assert_non_null(image);
    bench_image(image, size);
    struct made_package made =
        maker_package(kedge_slice(image, size), compress, 20, "1.1.0", &bench->key);
    free(image);
    return made;
}

#endif
