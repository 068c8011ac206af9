/* The bootloader's question: whatever the flash holds, the answer is defined and safe. */
#include "tests/unit/boot/device.h"

enum content { EMPTY, TORN, FOREIGN, OLD, NEW, CONTENTS };
enum paper { LOST, UNREADABLE, LATER, STEADY, REQUESTED, BOOTS_1, BOOTS_2, BOOTS_3, PAPERS };

#define OLD_SEQUENCE 1
#define NEW_SEQUENCE 2

static void put_content(struct device *device, uint8_t slot, enum content content)
{
    if (content == EMPTY)
        return;
    device_put(device, slot, content == OLD ? OLD_SEQUENCE : NEW_SEQUENCE,
               content == FOREIGN ? &device->stranger : &device->key, 600);
    if (content == TORN)
        sim_bytes(&device->sim, SIM_SLOT(slot))[3 * 4096 + 17] ^= 0x10;
}

static void put_paper(struct device *device, enum paper paper, uint8_t confirmed)
{
    struct kedge_boot_record record = steady(5, confirmed, 1);
    if (paper >= REQUESTED)
        record = trial(5, confirmed, (uint8_t)(paper - REQUESTED), NEW_SEQUENCE);
    if (paper == LOST)
        return;
    device_put_record(device, 0, &record);
    if (paper == UNREADABLE)
        device->sim.fail_reads[SIM_RECORD] = true;
    if (paper != LATER)
        return;
    uint8_t *bytes = sim_bytes(&device->sim, SIM_RECORD);
    bytes[9] = 2;
    uint32_t crc = kedge_crc32(0, kedge_slice(bytes, 252));
    for (size_t i = 0; i < 4; i++)
        bytes[252 + i] = (uint8_t)(crc >> (8 * (3 - i)));
}

static bool good(enum content content)
{
    return content == OLD || content == NEW;
}

/* What the table in select.c says; `held` is whether writing works. */
static void expect(enum paper paper, uint8_t confirmed, const enum content contents[KEDGE_SLOTS],
                   bool held, const struct kedge_boot_decision *decision)
{
    uint8_t other = (uint8_t)(1 - confirmed);
    bool confirmed_good = good(contents[confirmed]), other_good = good(contents[other]);
    if (paper < STEADY) {
        bool both = good(contents[0]) && good(contents[1]);
        uint8_t lower = contents[1] == OLD && contents[0] == NEW ? 1 : 0;
        assert_int_equal(decision->slot, both ? lower : good(contents[0]) ? 0 : 1);
        assert_false(decision->on_trial);
        return;
    }
    bool trial_runs = paper >= REQUESTED && paper < BOOTS_3 && contents[other] == NEW &&
                      (held || !confirmed_good);
    assert_int_equal(decision->on_trial, trial_runs);
    if (trial_runs)
        assert_int_equal(decision->slot, other);
    else
        assert_int_equal(decision->slot, confirmed_good || !other_good ? confirmed : other);
}

/* From here on nobody confirms: within four boots the device is steady and stays where it is. */
static void settles(struct device *device)
{
    struct kedge_boot_decision decision = {0}, again;
    for (int boot = 0; boot < 4; boot++)
        assert_int_equal(kedge_boot_select(&device->boot, &decision), KEDGE_OK);
    assert_false(decision.on_trial);
    assert_int_equal(kedge_boot_select(&device->boot, &again), KEDGE_OK);
    assert_int_equal(again.slot, decision.slot);
    assert_false(again.changed);
}

static void try_combination(enum paper paper, uint8_t confirmed, enum content first,
                            enum content second, bool held)
{
    struct device device;
    struct kedge_boot_decision decision;
    const enum content contents[KEDGE_SLOTS] = {first, second};
    device_init(&device);
    put_content(&device, 0, first);
    put_content(&device, 1, second);
    put_paper(&device, paper, confirmed);
    device.sim.fail_writes[SIM_RECORD] = !held;

    enum kedge_rc rc = kedge_boot_select(&device.boot, &decision);
    if (!good(first) && !good(second)) {
        assert_int_equal(rc, KEDGE_E_NO_SLOT);
        device_free(&device);
        return;
    }
    assert_int_equal(rc, KEDGE_OK);
    assert_true(decision.slot < KEDGE_SLOTS);
    assert_true(good(contents[decision.slot]));
    assert_int_equal(device.work.manifest.sequence,
                     contents[decision.slot] == OLD ? OLD_SEQUENCE : NEW_SEQUENCE);
    expect(paper, confirmed, contents, held, &decision);
    if (decision.changed)
        assert_int_not_equal(decision.reason, KEDGE_BOOT_REASON_NONE);
    if (held && paper != UNREADABLE && paper != LATER) {
        assert_true(device_record(&device).floor >= 1);
        settles(&device);
    }
    device_free(&device);
}

static void every_combination_has_a_safe_answer(void **state)
{
    (void)state;
    for (int paper = 0; paper < PAPERS; paper++)
        for (uint8_t confirmed = 0; confirmed < KEDGE_SLOTS; confirmed++)
            for (int first = 0; first < CONTENTS; first++)
                for (int second = 0; second < CONTENTS; second++)
                    for (int held = 0; held < 2; held++)
                        try_combination((enum paper)paper, confirmed, (enum content)first,
                                        (enum content)second, held == 1);
}

static void steady_boots_write_nothing(void **state)
{
    (void)state;
    struct device device;
    struct kedge_boot_decision decision;
    device_init(&device);
    device_put(&device, 0, 1, &device.key, 600);
    assert_int_equal(kedge_boot_factory(&device.boot, 0), KEDGE_OK);
    sim_clear_log(&device.sim);
    for (int i = 0; i < 20; i++)
        assert_int_equal(kedge_boot_select(&device.boot, &decision), KEDGE_OK);
    assert_int_equal(device.sim.log_count, 0);
    device_free(&device);
}

static void three_boots_and_then_back_with_the_reason(void **state)
{
    (void)state;
    struct device device;
    struct kedge_boot_decision decision;
    device_init(&device);
    device_put(&device, 0, 1, &device.key, 600);
    device_put(&device, 1, 2, &device.key, 600);
    assert_int_equal(kedge_boot_factory(&device.boot, 0), KEDGE_OK);
    assert_int_equal(kedge_boot_activate(&device.boot, 1), KEDGE_OK);
    for (uint8_t boot = 1; boot <= KEDGE_BOOT_TRIAL_BOOTS; boot++) {
        assert_int_equal(kedge_boot_select(&device.boot, &decision), KEDGE_OK);
        assert_int_equal(decision.slot, 1);
        assert_true(decision.on_trial);
        assert_int_equal(decision.boots_used, boot);
        assert_false(decision.changed);
    }
    assert_int_equal(kedge_boot_select(&device.boot, &decision), KEDGE_OK);
    assert_int_equal(decision.slot, 0);
    assert_false(decision.on_trial);
    assert_true(decision.changed);
    assert_int_equal(decision.reason, KEDGE_BOOT_REASON_BOOTS);
    struct kedge_boot_record record = device_record(&device);
    assert_int_equal(record.outcome, KEDGE_BOOT_ROLLED_BACK);
    assert_int_equal(record.rolled_back_count, 1);
    assert_int_equal(record.floor, 1);
    device_free(&device);
}

static void a_trial_image_that_rots_is_rejected_with_its_reason(void **state)
{
    (void)state;
    struct device device;
    struct kedge_boot_decision decision;
    device_init(&device);
    device_put(&device, 0, 1, &device.key, 600);
    device_put(&device, 1, 2, &device.key, 600);
    assert_int_equal(kedge_boot_factory(&device.boot, 0), KEDGE_OK);
    assert_int_equal(kedge_boot_activate(&device.boot, 1), KEDGE_OK);
    sim_bytes(&device.sim, SIM_SLOT(1))[3 * 4096] ^= 1;
    assert_int_equal(kedge_boot_select(&device.boot, &decision), KEDGE_OK);
    assert_int_equal(decision.slot, 0);
    assert_int_equal(decision.reason, KEDGE_BOOT_REASON_IMAGE);
    assert_int_equal(decision.slot_rc[1], KEDGE_E_DIGEST);
    assert_string_equal(device_record(&device).text, kedge_rc_text(KEDGE_E_DIGEST));
    device_free(&device);
}

static void an_image_swapped_under_the_trial_is_not_run(void **state)
{
    (void)state;
    struct device device;
    struct kedge_boot_decision decision;
    device_init(&device);
    device_put(&device, 0, 1, &device.key, 600);
    device_put(&device, 1, 2, &device.key, 600);
    assert_int_equal(kedge_boot_factory(&device.boot, 0), KEDGE_OK);
    assert_int_equal(kedge_boot_activate(&device.boot, 1), KEDGE_OK);
    device_put(&device, 1, 3, &device.key, 600);
    assert_int_equal(kedge_boot_select(&device.boot, &decision), KEDGE_OK);
    assert_int_equal(decision.slot, 0);
    assert_int_equal(decision.reason, KEDGE_BOOT_REASON_IMAGE);
    device_free(&device);
}

/* The dead slot must be able to take a new image, so the other one becomes the confirmed one. */
static void a_fallback_becomes_the_confirmed_slot(void **state)
{
    (void)state;
    struct device device;
    struct kedge_boot_decision decision;
    device_init(&device);
    device_put(&device, 0, 7, &device.key, 600);
    device_put(&device, 1, 6, &device.key, 600);
    assert_int_equal(kedge_boot_factory(&device.boot, 0), KEDGE_OK);
    sim_bytes(&device.sim, SIM_SLOT(0))[3 * 4096] ^= 1;
    assert_int_equal(kedge_boot_select(&device.boot, &decision), KEDGE_OK);
    assert_int_equal(decision.slot, 1);
    assert_int_equal(decision.reason, KEDGE_BOOT_REASON_FALLBACK);
    struct kedge_boot_record record = device_record(&device);
    assert_int_equal(record.confirmed_slot, 1);
    assert_int_equal(record.floor, 7);
    device_free(&device);
}

static void a_lost_record_is_made_anew_with_the_highest_floor(void **state)
{
    (void)state;
    for (uint8_t older = 0; older < KEDGE_SLOTS; older++) {
        struct device device;
        struct kedge_boot_decision decision;
        device_init(&device);
        device_put(&device, older, 4, &device.key, 600);
        device_put(&device, (uint8_t)(1 - older), 9, &device.key, 600);
        assert_int_equal(kedge_boot_select(&device.boot, &decision), KEDGE_OK);
        assert_int_equal(decision.slot, older);
        assert_int_equal(device.work.manifest.sequence, 4);
        assert_int_equal(decision.record_rc, KEDGE_E_NOT_FOUND);
        assert_int_equal(decision.reason, KEDGE_BOOT_REASON_RECORD);
        assert_int_equal(device_record(&device).floor, 9);
        assert_int_equal(device_record(&device).confirmed_slot, older);
        device_free(&device);
    }
}

static void a_blank_device_has_nothing_to_run(void **state)
{
    (void)state;
    struct device device;
    struct kedge_boot_decision decision;
    device_init(&device);
    assert_int_equal(kedge_boot_select(&device.boot, &decision), KEDGE_E_NO_SLOT);
    assert_int_equal(decision.slot_rc[0], KEDGE_E_NOT_FOUND);
    assert_int_equal(decision.slot_rc[1], KEDGE_E_NOT_FOUND);
    assert_int_equal(device.sim.log_count, 0);
    device_free(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_has_a_safe_answer),
        cmocka_unit_test(steady_boots_write_nothing),
        cmocka_unit_test(three_boots_and_then_back_with_the_reason),
        cmocka_unit_test(a_trial_image_that_rots_is_rejected_with_its_reason),
        cmocka_unit_test(an_image_swapped_under_the_trial_is_not_run),
        cmocka_unit_test(a_fallback_becomes_the_confirmed_slot),
        cmocka_unit_test(a_lost_record_is_made_anew_with_the_highest_floor),
        cmocka_unit_test(a_blank_device_has_nothing_to_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
