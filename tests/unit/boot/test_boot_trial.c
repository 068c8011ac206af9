/* What firmware does to the boot record: factory, activate, confirm, reject. */
#include "tests/unit/boot/device.h"

static void begin_trial(struct device *device)
{
    struct kedge_boot_decision decision;
    device_init(device);
    device_put(device, 0, 10, &device->key, 600);
    device_put(device, 1, 20, &device->key, 600);
    assert_int_equal(kedge_boot_factory(&device->boot, 0), KEDGE_OK);
    assert_int_equal(kedge_boot_activate(&device->boot, 1), KEDGE_OK);
    assert_int_equal(kedge_boot_select(&device->boot, &decision), KEDGE_OK);
    assert_true(decision.on_trial);
}

static void the_factory_makes_the_first_slot_the_confirmed_one(void **state)
{
    (void)state;
    struct device device;
    device_init(&device);
    assert_int_equal(kedge_boot_factory(&device.boot, 0), KEDGE_E_NOT_FOUND);
    device_put(&device, 0, 10, &device.stranger, 600);
    assert_int_equal(kedge_boot_factory(&device.boot, 0), KEDGE_E_SIGNATURE);
    device_put(&device, 0, 10, &device.key, 600);
    assert_int_equal(kedge_boot_factory(&device.boot, 0), KEDGE_OK);
    assert_int_equal(kedge_boot_factory(&device.boot, 0), KEDGE_OK);
    struct kedge_boot_record record = device_record(&device);
    assert_int_equal(record.number, 1);
    assert_int_equal(record.floor, 10);
    device_put(&device, 1, 20, &device.key, 600);
    assert_int_equal(kedge_boot_factory(&device.boot, 1), KEDGE_E_EXISTS);
    assert_int_equal(kedge_boot_factory(&device.boot, 2), KEDGE_E_ARGUMENT);
    device_free(&device);
}

static void the_floor_rises_at_confirm_and_no_sooner(void **state)
{
    (void)state;
    struct device device;
    begin_trial(&device);
    assert_int_equal(device_record(&device).floor, 10);
    assert_int_equal(kedge_boot_confirm(&device.boot), KEDGE_OK);
    struct kedge_boot_record record = device_record(&device);
    assert_int_equal(record.floor, 20);
    assert_int_equal(record.confirmed_slot, 1);
    assert_int_equal(record.phase, KEDGE_BOOT_STEADY);
    assert_int_equal(record.outcome, KEDGE_BOOT_CONFIRMED);
    assert_int_equal(record.confirmed_count, 1);
    assert_int_equal(kedge_boot_confirm(&device.boot), KEDGE_E_STATE);
    device_free(&device);
}

static void a_rejected_trial_leaves_the_floor_and_says_why(void **state)
{
    (void)state;
    struct device device;
    struct kedge_boot_decision decision;
    begin_trial(&device);
    assert_int_equal(kedge_boot_reject(&device.boot, KEDGE_BOOT_REASON_HEALTH, "exit status 3"),
                     KEDGE_OK);
    struct kedge_boot_record record = device_record(&device);
    assert_int_equal(record.floor, 10);
    assert_int_equal(record.outcome, KEDGE_BOOT_ROLLED_BACK);
    assert_int_equal(record.reason, KEDGE_BOOT_REASON_HEALTH);
    assert_string_equal(record.text, "exit status 3");
    assert_int_equal(record.rolled_back_count, 1);
    assert_int_equal(kedge_boot_reject(&device.boot, KEDGE_BOOT_REASON_HEALTH, NULL),
                     KEDGE_E_STATE);
    assert_int_equal(kedge_boot_confirm(&device.boot), KEDGE_E_STATE);
    assert_int_equal(kedge_boot_select(&device.boot, &decision), KEDGE_OK);
    assert_int_equal(decision.slot, 0);
    assert_false(decision.changed);
    device_free(&device);
}

static void a_trial_that_was_only_asked_for_can_be_called_off(void **state)
{
    (void)state;
    struct device device;
    device_init(&device);
    device_put(&device, 0, 10, &device.key, 600);
    device_put(&device, 1, 20, &device.key, 600);
    assert_int_equal(kedge_boot_factory(&device.boot, 0), KEDGE_OK);
    assert_int_equal(kedge_boot_activate(&device.boot, 1), KEDGE_OK);
    assert_int_equal(kedge_boot_confirm(&device.boot), KEDGE_E_STATE);
    assert_int_equal(kedge_boot_reject(&device.boot, KEDGE_BOOT_REASON_CANCELED, ""), KEDGE_OK);
    assert_int_equal(device_record(&device).phase, KEDGE_BOOT_STEADY);
    device_free(&device);
}

static void activation_wants_a_verified_spare_slot(void **state)
{
    (void)state;
    struct device device;
    device_init(&device);
    assert_int_equal(kedge_boot_activate(&device.boot, 1), KEDGE_E_NOT_FOUND);
    device_put(&device, 0, 10, &device.key, 600);
    assert_int_equal(kedge_boot_factory(&device.boot, 0), KEDGE_OK);
    assert_int_equal(kedge_boot_activate(&device.boot, 0), KEDGE_E_STATE);
    assert_int_equal(kedge_boot_activate(&device.boot, 1), KEDGE_E_NOT_FOUND);
    assert_int_equal(kedge_boot_activate(&device.boot, 2), KEDGE_E_ARGUMENT);
    device_put(&device, 1, 20, &device.stranger, 600);
    assert_int_equal(kedge_boot_activate(&device.boot, 1), KEDGE_E_SIGNATURE);
    assert_int_equal(device_record(&device).number, 1);
    device_free(&device);
}

static void asking_twice_before_the_reboot_is_once(void **state)
{
    (void)state;
    struct device device;
    device_init(&device);
    device_put(&device, 0, 10, &device.key, 600);
    device_put(&device, 1, 20, &device.key, 600);
    assert_int_equal(kedge_boot_factory(&device.boot, 0), KEDGE_OK);
    assert_int_equal(kedge_boot_activate(&device.boot, 1), KEDGE_OK);
    uint64_t number = device_record(&device).number;
    assert_int_equal(kedge_boot_activate(&device.boot, 1), KEDGE_OK);
    assert_int_equal(device_record(&device).number, number);
    device_free(&device);
}

static void no_activation_while_a_trial_runs(void **state)
{
    (void)state;
    struct device device;
    begin_trial(&device);
    assert_int_equal(kedge_boot_activate(&device.boot, 1), KEDGE_E_STATE);
    assert_int_equal(kedge_boot_activate(&device.boot, 0), KEDGE_E_STATE);
    device_free(&device);
}

/* After an update the other slot holds older firmware that verifies: a fallback, not an update. */
static void an_image_below_the_floor_is_not_activated(void **state)
{
    (void)state;
    struct device device;
    begin_trial(&device);
    assert_int_equal(kedge_boot_confirm(&device.boot), KEDGE_OK);
    assert_int_equal(device_verify(&device, 0), KEDGE_OK);
    assert_int_equal(kedge_boot_activate(&device.boot, 0), KEDGE_E_SEQUENCE);
    assert_int_equal(device_record(&device).phase, KEDGE_BOOT_STEADY);
    device_free(&device);
}

static void activation_forgets_the_outcome_before(void **state)
{
    (void)state;
    struct device device;
    begin_trial(&device);
    assert_int_equal(kedge_boot_reject(&device.boot, KEDGE_BOOT_REASON_HEALTH, "no"), KEDGE_OK);
    assert_int_equal(kedge_boot_activate(&device.boot, 1), KEDGE_OK);
    struct kedge_boot_record record = device_record(&device);
    assert_int_equal(record.outcome, KEDGE_BOOT_OUTCOME_NONE);
    assert_int_equal(record.reason, KEDGE_BOOT_REASON_NONE);
    assert_string_equal(record.text, "");
    assert_int_equal(record.rolled_back_count, 1);
    device_free(&device);
}

static void a_record_that_does_not_hold_is_reported(void **state)
{
    (void)state;
    struct device device;
    begin_trial(&device);
    uint64_t number = device_record(&device).number;
    for (size_t i = 0; i < 4; i++) {
        sim_clear_log(&device.sim);
        device.sim.weak_op = 1; /* the erase is 0, the write 1 */
        assert_int_equal(kedge_boot_confirm(&device.boot), KEDGE_E_FLASH);
        assert_int_equal(device_record(&device).number, number);
    }
    device.sim.weak_op = SIZE_MAX;
    assert_int_equal(kedge_boot_confirm(&device.boot), KEDGE_OK);
    device_free(&device);
}

static void a_factory_begins_where_no_record_can_be_read_but_a_torn_first_one(void **state)
{
    (void)state;
    const struct sim_geometry ecc = {
        .name = "ecc", .write_size = 16, .erase_size = 4096, .erased_value = 0xFF, .ecc = true};
    struct device device;
    device_init_on(&device, &ecc);
    assert_int_equal(kedge_boot_blank(&device.boot), KEDGE_OK);
    device_put(&device, 0, 5, &device.key, 5000);
    assert_int_equal(kedge_boot_factory(&device.boot, 0), KEDGE_OK);
    assert_int_equal(kedge_boot_blank(&device.boot), KEDGE_E_EXISTS);

    const struct sim_op first = {.kind = SIM_WRITE, .region = SIM_RECORD};
    sim_mark(&device.sim, device.sim.state, &first, 0, KEDGE_BOOT_RECORD_SIZE, SIM_UNIT_TORN);
    assert_int_equal(kedge_boot_blank(&device.boot), KEDGE_OK);

    /* With an update in its second slot it is no device that comes from a factory. */
    device_put(&device, 1, 6, &device.key, 5000);
    assert_int_equal(kedge_boot_blank(&device.boot), KEDGE_E_FLASH);
    device_free(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_factory_makes_the_first_slot_the_confirmed_one),
        cmocka_unit_test(a_factory_begins_where_no_record_can_be_read_but_a_torn_first_one),
        cmocka_unit_test(the_floor_rises_at_confirm_and_no_sooner),
        cmocka_unit_test(a_rejected_trial_leaves_the_floor_and_says_why),
        cmocka_unit_test(a_trial_that_was_only_asked_for_can_be_called_off),
        cmocka_unit_test(activation_wants_a_verified_spare_slot),
        cmocka_unit_test(asking_twice_before_the_reboot_is_once),
        cmocka_unit_test(no_activation_while_a_trial_runs),
        cmocka_unit_test(an_image_below_the_floor_is_not_activated),
        cmocka_unit_test(activation_forgets_the_outcome_before),
        cmocka_unit_test(a_record_that_does_not_hold_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
