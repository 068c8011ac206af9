/* The boot record: its bytes, its two copies, and which of them counts. */
#include "tests/unit/boot/device.h"

static const struct kedge_boot_record full = {.number = 0x0102030405060708,
                                              .phase = KEDGE_BOOT_ON_TRIAL,
                                              .confirmed_slot = 1,
                                              .trial_slot = 0,
                                              .boots_used = 2,
                                              .outcome = KEDGE_BOOT_ROLLED_BACK,
                                              .reason = KEDGE_BOOT_REASON_HEALTH,
                                              .floor = 0x1112131415161718,
                                              .trial_sequence = 0x2122232425262728,
                                              .confirmed_count = 0x31323334,
                                              .rolled_back_count = 0x41424344,
                                              .text = "exit status 3"};

static void put_crc(uint8_t bytes[KEDGE_BOOT_RECORD_SIZE])
{
    uint32_t crc = kedge_crc32(0, kedge_slice(bytes, 252));
    for (size_t i = 0; i < 4; i++)
        bytes[252 + i] = (uint8_t)(crc >> (8 * (3 - i)));
}

static enum kedge_rc decode(const uint8_t bytes[KEDGE_BOOT_RECORD_SIZE])
{
    struct kedge_boot_record record;
    return kedge_boot_record_decode(kedge_slice(bytes, KEDGE_BOOT_RECORD_SIZE), &record);
}

/* The offsets are those of the diagram in docs/format.md. */
static void the_bytes_are_where_the_format_says(void **state)
{
    (void)state;
    uint8_t bytes[KEDGE_BOOT_RECORD_SIZE];
    static const uint8_t start[52] =
        "KEDGEREC\0\1\1\0\1\2\3\4\5\6\7\10\2\1\0\2\2\1\0\0\x11\x12\x13\x14\x15\x16\x17\x18"
        "\x21\x22\x23\x24\x25\x26\x27\x28\x31\x32\x33\x34\x41\x42\x43";
    kedge_boot_record_encode(&full, bytes);
    assert_memory_equal(bytes, start, 51);
    assert_int_equal(bytes[51], 0x44);
    assert_string_equal((const char *)bytes + 52, "exit status 3");
    for (size_t i = 65; i < 252; i++)
        assert_int_equal(bytes[i], 0);
}

static void a_record_survives_the_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[KEDGE_BOOT_RECORD_SIZE];
    struct kedge_boot_record back;
    kedge_boot_record_encode(&full, bytes);
    assert_int_equal(kedge_boot_record_decode(kedge_slice(bytes, sizeof bytes), &back), KEDGE_OK);
    assert_int_equal(back.number, full.number);
    assert_int_equal(back.phase, full.phase);
    assert_int_equal(back.confirmed_slot, full.confirmed_slot);
    assert_int_equal(back.trial_slot, full.trial_slot);
    assert_int_equal(back.boots_used, full.boots_used);
    assert_int_equal(back.outcome, full.outcome);
    assert_int_equal(back.reason, full.reason);
    assert_int_equal(back.floor, full.floor);
    assert_int_equal(back.trial_sequence, full.trial_sequence);
    assert_int_equal(back.confirmed_count, full.confirmed_count);
    assert_int_equal(back.rolled_back_count, full.rolled_back_count);
    assert_string_equal(back.text, full.text);
}

static void every_flipped_bit_is_found(void **state)
{
    (void)state;
    uint8_t bytes[KEDGE_BOOT_RECORD_SIZE];
    kedge_boot_record_encode(&full, bytes);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(decode(bytes), KEDGE_E_MALFORMED);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    assert_int_equal(decode(bytes), KEDGE_OK);
}

static void every_length_but_the_right_one_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[KEDGE_BOOT_RECORD_SIZE + 1] = {0};
    struct kedge_boot_record record;
    kedge_boot_record_encode(&full, bytes);
    for (size_t size = 0; size <= sizeof bytes; size++)
        if (size != KEDGE_BOOT_RECORD_SIZE)
            assert_int_equal(kedge_boot_record_decode(kedge_slice(bytes, size), &record),
                             KEDGE_E_MALFORMED);
}

/* With a right CRC, each field out of its range, and each contradiction, is refused all the same.
 */
static void nonsense_under_a_right_crc_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {
        {0, 'X'},   {9, 0},    {10, 2},  {20, 3},    {20, 0},  {20, 1}, {21, 2},
        {21, 0},    {22, 1},   {22, 2},  {22, 255},  {23, 0},  {23, 4}, {24, 3},
        {25, 8},    {25, 255}, {26, 1},  {27, 1},    {52, 10}, {55, 0}, {100, 'x'},
        {147, 'x'}, {148, 1},  {251, 1}, {53, 0x80},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t bytes[KEDGE_BOOT_RECORD_SIZE];
        kedge_boot_record_encode(&full, bytes);
        bytes[wrong[i].at] = wrong[i].value;
        put_crc(bytes);
        assert_int_equal(decode(bytes), KEDGE_E_MALFORMED);
    }
    uint8_t bytes[KEDGE_BOOT_RECORD_SIZE];
    struct kedge_boot_record record = full;
    record.number = 0;
    kedge_boot_record_encode(&record, bytes);
    assert_int_equal(decode(bytes), KEDGE_E_MALFORMED);
}

static void the_longest_text_fits_and_a_longer_one_is_cut(void **state)
{
    (void)state;
    struct device device;
    char text[KEDGE_BOOT_TEXT_MAX + 10];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    text[1] = '\n';
    device_init(&device);
    struct kedge_boot_record record = trial(4, 0, 1, 2);
    device_put_record(&device, 0, &record);
    assert_int_equal(kedge_boot_reject(&device.boot, KEDGE_BOOT_REASON_HEALTH, text), KEDGE_OK);
    record = device_record(&device);
    assert_int_equal(strlen(record.text), KEDGE_BOOT_TEXT_MAX);
    assert_memory_equal(record.text, "a?a", 3);
    device_free(&device);
}

static void the_newest_valid_copy_counts_wherever_it_is(void **state)
{
    (void)state;
    for (int newer = 0; newer < 2; newer++) {
        struct device device;
        device_init(&device);
        struct kedge_boot_record old = steady(7, 0, 1), young = steady(8, 1, 2);
        device_put_record(&device, 1 - newer, &old);
        device_put_record(&device, newer, &young);
        assert_int_equal(device_record(&device).number, 8);
        /* The newest is damaged: the one before it counts. */
        size_t half = device.sim.flash[SIM_RECORD].size / 2;
        sim_bytes(&device.sim, SIM_RECORD)[(size_t)newer * half + 40] ^= 1;
        assert_int_equal(device_record(&device).number, 7);
        sim_bytes(&device.sim, SIM_RECORD)[(size_t)(1 - newer) * half + 40] ^= 1;
        struct kedge_boot_record record;
        assert_int_equal(kedge_boot_record_read(&device.boot, &record), KEDGE_E_NOT_FOUND);
        device.sim.fail_reads[SIM_RECORD] = true;
        assert_int_equal(kedge_boot_record_read(&device.boot, &record), KEDGE_E_FLASH);
        device_free(&device);
    }
}

/* Ten records in a row: each one leaves the one before it whole in the other copy. */
static void each_writing_spares_the_newest_copy(void **state)
{
    (void)state;
    struct device device;
    device_init(&device);
    device_put(&device, 0, 1, &device.key, 100);
    device_put(&device, 1, 2, &device.key, 100);
    assert_int_equal(kedge_boot_factory(&device.boot, 0), KEDGE_OK);
    size_t half = device.sim.flash[SIM_RECORD].size / 2;
    for (int i = 0; i < 10; i++) {
        uint64_t before = device_record(&device).number;
        if (i % 2 == 0)
            assert_int_equal(kedge_boot_activate(&device.boot, 1), KEDGE_OK);
        else
            assert_int_equal(kedge_boot_reject(&device.boot, KEDGE_BOOT_REASON_CANCELED, NULL),
                             KEDGE_OK);
        assert_int_equal(device_record(&device).number, before + 1);
        bool spared = false;
        for (size_t copy = 0; copy < 2; copy++) {
            struct kedge_boot_record record;
            const uint8_t *at = sim_bytes(&device.sim, SIM_RECORD) + copy * half;
            if (kedge_boot_record_decode(kedge_slice(at, KEDGE_BOOT_RECORD_SIZE), &record) ==
                KEDGE_OK)
                spared = spared || record.number == before;
        }
        assert_true(spared);
    }
    device_free(&device);
}

/* The power went in the last unit of the newest copy: its cells read now as this, now as that. */
static void a_copy_that_reads_now_so_and_now_so_is_none(void **state)
{
    (void)state;
    struct device device;
    struct kedge_boot_record record, old = steady(7, 0, 1), young = steady(8, 1, 2);
    bool seen_whole = false, seen_torn = false;
    device_init(&device);
    device_put_record(&device, 0, &old);
    device_put_record(&device, 1, &young);
    const struct kedge_flash *flash = device.boot.record;
    const struct sim_op copy = {
        .region = SIM_RECORD, .offset = flash->size / 2, .size = KEDGE_BOOT_RECORD_SIZE};
    sim_mark(&device.sim, device.sim.state, &copy, KEDGE_BOOT_RECORD_SIZE - flash->write_size,
             KEDGE_BOOT_RECORD_SIZE, SIM_UNIT_UNSTABLE);
    for (int i = 0; i < 100; i++) {
        uint8_t bytes[KEDGE_BOOT_RECORD_SIZE];
        assert_int_equal(flash->read(flash->context, copy.offset, bytes, sizeof bytes), KEDGE_OK);
        enum kedge_rc rc = kedge_boot_record_decode(kedge_slice(bytes, sizeof bytes), &record);
        seen_whole = seen_whole || rc == KEDGE_OK;
        seen_torn = seen_torn || rc != KEDGE_OK;
        assert_int_equal(device_record(&device).number, 7);
    }
    assert_true(seen_whole && seen_torn);
    device_free(&device);
}

static void put_later_format(struct device *device, int copy, uint64_t number)
{
    struct kedge_boot_record record = steady(number, 0, 1);
    device_put_record(device, copy, &record);
    uint8_t *bytes =
        sim_bytes(&device->sim, SIM_RECORD) + (size_t)copy * device->sim.flash[SIM_RECORD].size / 2;
    bytes[9] = 2;
    bytes[20] = 77; /* a phase that only the later format knows */
    put_crc(bytes);
}

static void a_record_of_a_later_format_is_left_alone(void **state)
{
    (void)state;
    struct device device;
    struct kedge_boot_record record = steady(3, 0, 1);
    struct kedge_boot_decision decision;
    device_init(&device);
    device_put(&device, 0, 1, &device.key, 100);
    device_put(&device, 1, 2, &device.key, 100);
    device_put_record(&device, 0, &record);
    put_later_format(&device, 1, 9);
    uint8_t *before = malloc(device.sim.state_size);
    assert_non_null(before);
    memcpy(before, device.sim.state, device.sim.state_size);
    assert_int_equal(kedge_boot_record_read(&device.boot, &record), KEDGE_E_UNSUPPORTED);
    assert_int_equal(kedge_boot_confirm(&device.boot), KEDGE_E_UNSUPPORTED);
    assert_int_equal(kedge_boot_factory(&device.boot, 0), KEDGE_E_UNSUPPORTED);
    assert_int_equal(kedge_boot_select(&device.boot, &decision), KEDGE_OK);
    assert_int_equal(decision.slot, 0);
    assert_int_equal(decision.record_rc, KEDGE_E_UNSUPPORTED);
    assert_memory_equal(before, device.sim.state, device.sim.state_size);
    free(before);
    /* An update begins one of ours beside it, which is the newer one. */
    assert_int_equal(kedge_boot_activate(&device.boot, 1), KEDGE_OK);
    record = device_record(&device);
    assert_int_equal(record.number, 10);
    assert_int_equal(record.phase, KEDGE_BOOT_TRIAL_REQUESTED);
    assert_int_equal(record.confirmed_slot, 0);
    assert_int_equal(record.floor, 1);
    /* An older one of a later format is history. */
    record = steady(3, 0, 1);
    device_put_record(&device, 0, &record);
    put_later_format(&device, 1, 2);
    assert_int_equal(device_record(&device).number, 3);
    device_free(&device);
}

static void a_record_needs_room_for_two_copies(void **state)
{
    (void)state;
    struct device device;
    struct kedge_boot_record record;
    device_init(&device);
    device.sim.flash[SIM_RECORD].size /= 2;
    assert_int_equal(kedge_boot_record_read(&device.boot, &record), KEDGE_E_ARGUMENT);
    device_free(&device);
}

static void every_reason_has_words_and_a_result(void **state)
{
    (void)state;
    for (int i = 0; i < KEDGE_BOOT_REASON_COUNT; i++) {
        assert_true(kedge_boot_reason_text((enum kedge_boot_reason)i)[0] != '\0');
        if (i != KEDGE_BOOT_REASON_NONE)
            assert_int_not_equal(
                kedge_rc_update_result(kedge_boot_reason_rc((enum kedge_boot_reason)i)), 0);
    }
    assert_string_equal(kedge_boot_reason_text((enum kedge_boot_reason)99), "unknown reason");
    assert_int_equal(kedge_rc_update_result(kedge_boot_reason_rc(KEDGE_BOOT_REASON_HEALTH)), 8);
    assert_int_equal(kedge_rc_update_result(kedge_boot_reason_rc(KEDGE_BOOT_REASON_BOOTS)), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_where_the_format_says),
        cmocka_unit_test(a_record_survives_the_round_trip),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(every_length_but_the_right_one_is_refused),
        cmocka_unit_test(nonsense_under_a_right_crc_is_refused),
        cmocka_unit_test(the_longest_text_fits_and_a_longer_one_is_cut),
        cmocka_unit_test(the_newest_valid_copy_counts_wherever_it_is),
        cmocka_unit_test(each_writing_spares_the_newest_copy),
        cmocka_unit_test(a_copy_that_reads_now_so_and_now_so_is_none),
        cmocka_unit_test(a_record_of_a_later_format_is_left_alone),
        cmocka_unit_test(a_record_needs_room_for_two_copies),
        cmocka_unit_test(every_reason_has_words_and_a_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
