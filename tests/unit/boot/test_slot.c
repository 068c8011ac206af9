/* A slot: written in any pieces, read back, and described by a header only when it is whole. */
#include "tests/unit/boot/device.h"

static const struct sim_geometry geometries[] = {
    {.name = "1", .write_size = 1, .erase_size = 512, .erased_value = 0x00},
    {.name = "4", .write_size = 4, .erase_size = 2048, .erased_value = 0xFF},
    {.name = "24", .write_size = 24, .erase_size = 480, .erased_value = 0xFF},
    {.name = "16", .write_size = 16, .erase_size = 8192, .erased_value = 0x00},
    {.name = "256", .write_size = 256, .erase_size = 4096, .erased_value = 0xFF},
};

static void any_pieces_on_any_geometry_verify(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 255, 256, 257, 4096, 5000, 8192};
    static const size_t pieces[] = {1, 3, 16, 300, 8192};
    for (size_t g = 0; g < sizeof geometries / sizeof geometries[0]; g++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
                struct device device;
                struct kedge_slot slot;
                uint8_t image[IMAGE_CAPACITY], read[IMAGE_CAPACITY];
                device_init_on(&device, &geometries[g]);
                fill_image(image, sizes[s], 5);
                struct made_package made =
                    maker_package(kedge_slice(image, sizes[s]), false, 5, "1.2.3", &device.key);
                assert_int_equal(kedge_slot_open(&slot, device.boot.slots[0], sizes[s]), KEDGE_OK);
                for (size_t at = 0; at < sizes[s]; at += pieces[p]) {
                    size_t take = sizes[s] - at < pieces[p] ? sizes[s] - at : pieces[p];
                    assert_int_equal(kedge_slot_write(&slot, kedge_slice(image + at, take)),
                                     KEDGE_OK);
                }
                struct kedge_slice head = kedge_slice(made.bytes, made.payload_offset);
                assert_int_equal(kedge_slot_finish(&slot, head, made.manifest.image_digest),
                                 KEDGE_OK);
                assert_int_equal(device_verify(&device, 0), KEDGE_OK);
                assert_int_equal(device.work.manifest.sequence, 5);
                assert_int_equal(device.work.image_size, sizes[s]);
                assert_int_equal(
                    kedge_slot_read(device.boot.slots[0], &device.work, 0, read, sizes[s]),
                    KEDGE_OK);
                assert_memory_equal(read, image, sizes[s]);
                maker_free(&made);
                device_free(&device);
            }
}

static void an_image_that_does_not_fit_is_refused_before_the_erase(void **state)
{
    (void)state;
    struct device device;
    struct kedge_slot slot;
    device_init(&device);
    device_put(&device, 0, 1, &device.key, 100);
    uint32_t capacity = kedge_slot_capacity(device.boot.slots[0]);
    assert_int_equal(kedge_slot_open(&slot, device.boot.slots[0], (uint64_t)capacity + 1),
                     KEDGE_E_SPACE);
    assert_int_equal(kedge_slot_open(&slot, device.boot.slots[0], UINT64_C(1) << 32),
                     KEDGE_E_SPACE);
    assert_int_equal(device_verify(&device, 0), KEDGE_OK);
    assert_int_equal(kedge_slot_open(&slot, device.boot.slots[0], capacity), KEDGE_OK);
    device_free(&device);
}

static void more_bytes_than_announced_are_refused(void **state)
{
    (void)state;
    struct device device;
    struct kedge_slot slot;
    uint8_t image[101] = {0};
    device_init(&device);
    assert_int_equal(kedge_slot_open(&slot, device.boot.slots[0], 100), KEDGE_OK);
    assert_int_equal(kedge_slot_write(&slot, kedge_slice(image, 101)), KEDGE_E_SPACE);
    assert_int_equal(kedge_slot_write(&slot, kedge_slice(image, 100)), KEDGE_OK);
    assert_int_equal(kedge_slot_write(&slot, kedge_slice(image, 1)), KEDGE_E_SPACE);
    device_free(&device);
}

static void missing_bytes_write_no_header(void **state)
{
    (void)state;
    struct device device;
    struct kedge_slot slot;
    uint8_t image[100] = {0}, digest[KEDGE_SHA256_SIZE];
    device_init(&device);
    kedge_sha256(kedge_slice(image, sizeof image), digest);
    assert_int_equal(kedge_slot_open(&slot, device.boot.slots[0], 100), KEDGE_OK);
    assert_int_equal(kedge_slot_write(&slot, kedge_slice(image, 99)), KEDGE_OK);
    assert_int_equal(kedge_slot_finish(&slot, kedge_slice("x", 1), digest), KEDGE_E_TRUNCATED);
    assert_int_equal(kedge_slot_manifest(device.boot.slots[0], 0, &device.work), KEDGE_E_NOT_FOUND);
    device_free(&device);
}

static void opening_takes_the_old_header_away(void **state)
{
    (void)state;
    struct device device;
    struct kedge_slot slot;
    device_init(&device);
    device_put(&device, 0, 1, &device.key, 100);
    assert_int_equal(kedge_slot_manifest(device.boot.slots[0], 0, &device.work), KEDGE_OK);
    assert_int_equal(kedge_slot_open(&slot, device.boot.slots[0], 1), KEDGE_OK);
    assert_int_equal(kedge_slot_manifest(device.boot.slots[0], 0, &device.work), KEDGE_E_NOT_FOUND);
    assert_int_equal(device_verify(&device, 0), KEDGE_E_NOT_FOUND);
    device_free(&device);
}

/* Every write of an installation in turn loses a bit: the read-back finds each one. */
static void a_bit_that_does_not_hold_is_found_by_reading_back(void **state)
{
    (void)state;
    for (size_t weak = 0;; weak++) {
        struct device device;
        struct kedge_slot slot;
        uint8_t image[5000];
        device_init(&device);
        fill_image(image, sizeof image, 3);
        struct made_package made =
            maker_package(kedge_slice(image, sizeof image), false, 3, "1.0.0", &device.key);
        device.sim.weak_op = weak;
        assert_int_equal(kedge_slot_open(&slot, device.boot.slots[0], sizeof image), KEDGE_OK);
        assert_int_equal(kedge_slot_write(&slot, kedge_slice(image, sizeof image)), KEDGE_OK);
        enum kedge_rc rc = kedge_slot_finish(&slot, kedge_slice(made.bytes, made.payload_offset),
                                             made.manifest.image_digest);
        bool all_tried = weak >= device.sim.log_count;
        bool was_write = !all_tried && device.sim.log[weak].kind == SIM_WRITE;
        assert_int_equal(rc, was_write ? KEDGE_E_FLASH : KEDGE_OK);
        maker_free(&made);
        device_free(&device);
        if (all_tried)
            break;
    }
}

static void every_flipped_bit_of_header_head_and_image_is_found(void **state)
{
    (void)state;
    struct device device;
    device_init(&device);
    device_put(&device, 0, 1, &device.key, 300);
    assert_int_equal(device_verify(&device, 0), KEDGE_OK);
    uint8_t *bytes = sim_bytes(&device.sim, SIM_SLOT(0));
    uint32_t head_end = KEDGE_SLOT_HEADER_SIZE + (uint32_t)device.work.head_size;
    uint32_t image = device.work.image_offset;
    for (uint32_t at = 0; at < image + 300; at++) {
        if (at == head_end)
            at = image;
        bytes[at] ^= (uint8_t)(1u << (at % 8));
        enum kedge_rc rc = device_verify(&device, 0);
        bytes[at] ^= (uint8_t)(1u << (at % 8));
        assert_int_equal(rc, at < head_end ? KEDGE_E_NOT_FOUND : KEDGE_E_DIGEST);
    }
    assert_int_equal(device_verify(&device, 0), KEDGE_OK);
    device_free(&device);
}

static void an_image_signed_by_a_stranger_is_shown_but_not_run(void **state)
{
    (void)state;
    struct device device;
    device_init(&device);
    device_put(&device, 1, 9, &device.stranger, 300);
    assert_int_equal(kedge_slot_manifest(device.boot.slots[1], 1, &device.work), KEDGE_OK);
    assert_int_equal(device.work.manifest.sequence, 9);
    assert_int_equal(device_verify(&device, 1), KEDGE_E_SIGNATURE);
    device_free(&device);
}

/* A header that its CRC calls whole may still point outside the flash: an attacker has a CRC too.
 */
static void a_header_that_points_outside_is_no_header(void **state)
{
    (void)state;
    static const struct {
        size_t at, size;
        uint32_t value;
    } wrong[] = {
        {8, 2, 2},           {8, 2, 0},   {10, 2, 8193},       {10, 2, 0xFFFF},
        {12, 4, 0},          {12, 4, 31}, {12, 4, 0xFFFFFFFF}, {16, 4, 0xFFFFFFFF},
        {16, 4, 0x7FFFFFFF}, {20, 4, 1},  {24, 4, 1},
    };
    struct device device;
    device_init(&device);
    device_put(&device, 0, 1, &device.key, 300);
    assert_int_equal(kedge_slot_manifest(device.boot.slots[0], 0, &device.work), KEDGE_OK);
    size_t head_size = device.work.head_size;
    uint8_t *bytes = sim_bytes(&device.sim, SIM_SLOT(0));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t kept[KEDGE_SLOT_HEADER_SIZE];
        memcpy(kept, bytes, sizeof kept);
        for (size_t k = 0; k < wrong[i].size; k++)
            bytes[wrong[i].at + k] = (uint8_t)(wrong[i].value >> (8 * (wrong[i].size - 1 - k)));
        uint32_t crc = kedge_crc32(0, kedge_slice(bytes, 28));
        crc = kedge_crc32(crc, kedge_slice(bytes + KEDGE_SLOT_HEADER_SIZE, head_size));
        for (size_t k = 0; k < 4; k++)
            bytes[28 + k] = (uint8_t)(crc >> (8 * (3 - k)));
        assert_int_equal(device_verify(&device, 0), KEDGE_E_NOT_FOUND);
        memcpy(bytes, kept, sizeof kept);
    }
    device_free(&device);
}

static void reading_beyond_the_image_is_refused(void **state)
{
    (void)state;
    struct device device;
    uint8_t out[8];
    device_init(&device);
    device_put(&device, 0, 1, &device.key, 300);
    assert_int_equal(device_verify(&device, 0), KEDGE_OK);
    const struct kedge_flash *flash = device.boot.slots[0];
    assert_int_equal(kedge_slot_read(flash, &device.work, 292, out, 8), KEDGE_OK);
    assert_int_equal(kedge_slot_read(flash, &device.work, 293, out, 8), KEDGE_E_ARGUMENT);
    assert_int_equal(kedge_slot_read(flash, &device.work, UINT32_MAX, out, 8), KEDGE_E_ARGUMENT);
    device_free(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_pieces_on_any_geometry_verify),
        cmocka_unit_test(an_image_that_does_not_fit_is_refused_before_the_erase),
        cmocka_unit_test(more_bytes_than_announced_are_refused),
        cmocka_unit_test(missing_bytes_write_no_header),
        cmocka_unit_test(opening_takes_the_old_header_away),
        cmocka_unit_test(a_bit_that_does_not_hold_is_found_by_reading_back),
        cmocka_unit_test(every_flipped_bit_of_header_head_and_image_is_found),
        cmocka_unit_test(an_image_signed_by_a_stranger_is_shown_but_not_run),
        cmocka_unit_test(a_header_that_points_outside_is_no_header),
        cmocka_unit_test(reading_beyond_the_image_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
