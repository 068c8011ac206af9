/* Firmware that another bootloader has started: record and selection are brought together, whatever
 * they hold. */
#include "tests/powercut/uboot_model.h"
#include "tests/unit/boot/device.h"

#define BOOTS_MAX 12 /* three of a trial, each with a reboot that the firmware asks for */

/* The environment, in memory. */
struct environment {
    struct kedge_selection selection; /* count 0: lost */
    bool fails;
    unsigned writes;
};

static enum kedge_rc read_environment(void *context, struct kedge_selection *selection)
{
    const struct environment *environment = context;
    *selection = environment->selection;
    return environment->selection.count > 0 ? KEDGE_OK : KEDGE_E_NOT_FOUND;
}

static enum kedge_rc write_environment(void *context, const struct kedge_selection *selection)
{
    struct environment *environment = context;
    if (environment->fails)
        return KEDGE_E_SYSTEM;
    environment->writes++;
    environment->selection = *selection;
    return KEDGE_OK;
}

static bool save(void *context, const struct kedge_selection *selection)
{
    return write_environment(context, selection) == KEDGE_OK;
}

struct machine {
    struct device device;
    struct environment environment;
    struct kedge_selector selector;
};

static void machine_init(struct machine *machine)
{
    *machine = (struct machine){0};
    device_init(&machine->device);
    machine->selector = (struct kedge_selector){
        .context = &machine->environment, .read = read_environment, .write = write_environment};
    machine->device.boot.selector = &machine->selector;
}

/* Version 10 in slot 0, confirmed; version 20 in slot 1, installed. */
static void machine_installed(struct machine *machine)
{
    machine_init(machine);
    device_put(&machine->device, 0, 10, &machine->device.key, 600);
    assert_int_equal(kedge_boot_factory(&machine->device.boot, 0), KEDGE_OK);
    assert_int_equal(kedge_boot_retire(&machine->device.boot, 1), KEDGE_OK);
    device_put(&machine->device, 1, 20, &machine->device.key, 600);
}

static uint8_t power_on(struct machine *machine)
{
    bool loads[KEDGE_SLOTS];
    for (uint8_t slot = 0; slot < KEDGE_SLOTS; slot++)
        loads[slot] = kedge_slot_manifest(machine->device.boot.slots[slot], slot,
                                          &machine->device.work) == KEDGE_OK;
    struct kedge_selection selection = machine->environment.selection;
    return uboot_model_boot(&selection, loads, save, &machine->environment);
}

static struct kedge_boot_start started(struct machine *machine, uint8_t slot)
{
    struct kedge_boot_start start;
    assert_int_equal(kedge_boot_started(&machine->device.boot, slot, &start), KEDGE_OK);
    return start;
}

static void expect(const struct machine *machine, struct kedge_selection wanted)
{
    const struct kedge_selection *there = &machine->environment.selection;
    assert_int_equal(there->count, wanted.count);
    assert_memory_equal(there->order, wanted.order, wanted.count);
    assert_memory_equal(there->left, wanted.left, sizeof wanted.left);
    assert_int_equal(there->trial, wanted.trial);
}

static struct kedge_selection only(uint8_t slot)
{
    struct kedge_selection selection = {.count = 1, .order = {slot}, .trial = KEDGE_SLOT_NONE};
    selection.left[slot] = 3;
    return selection;
}

static struct kedge_selection both(uint8_t first, uint8_t left, uint8_t trial_slot)
{
    struct kedge_selection selection = {
        .count = 2, .order = {first, (uint8_t)(1 - first)}, .left = {3, 3}, .trial = trial_slot};
    selection.left[first] = left;
    return selection;
}

/* ---- the life of an update ---- */

static void an_update_goes_from_slot_to_slot(void **state)
{
    (void)state;
    struct machine machine;
    machine_installed(&machine);
    struct kedge_boot *boot = &machine.device.boot;
    expect(&machine, only(0));
    assert_int_equal(kedge_boot_activate(boot, 1), KEDGE_OK);
    expect(&machine, both(1, 3, 1));
    assert_int_equal(power_on(&machine), 1);
    struct kedge_boot_start start = started(&machine, 1);
    assert_int_equal(start.slot, 1);
    assert_true(start.on_trial);
    assert_int_equal(device_record(&machine.device).boots_used, 1);
    assert_int_equal(device_record(&machine.device).floor, 10);
    assert_int_equal(kedge_boot_confirm(boot), KEDGE_OK);
    expect(&machine, both(1, 3, KEDGE_SLOT_NONE));
    assert_int_equal(device_record(&machine.device).floor, 20);
    assert_int_equal(power_on(&machine), 1);
    unsigned writes = machine.environment.writes;
    start = started(&machine, 1);
    assert_false(start.on_trial || start.changed);
    assert_int_equal(machine.environment.writes, writes);
    device_free(&machine.device);
}

static void a_rejected_trial_boots_the_old_slot_alone(void **state)
{
    (void)state;
    struct machine machine;
    machine_installed(&machine);
    assert_int_equal(kedge_boot_activate(&machine.device.boot, 1), KEDGE_OK);
    assert_int_equal(power_on(&machine), 1);
    started(&machine, 1);
    assert_int_equal(
        kedge_boot_reject(&machine.device.boot, KEDGE_BOOT_REASON_HEALTH, "exit status 1"),
        KEDGE_OK);
    expect(&machine, only(0));
    assert_int_equal(power_on(&machine), 0);
    started(&machine, 0);
    struct kedge_boot_record record = device_record(&machine.device);
    assert_int_equal(record.outcome, KEDGE_BOOT_ROLLED_BACK);
    assert_int_equal(record.reason, KEDGE_BOOT_REASON_HEALTH);
    assert_string_equal(record.text, "exit status 1");
    device_free(&machine.device);
}

/* The firmware of the trial never gets as far as to be heard of. */
static void three_boots_are_counted_by_the_bootloader_alone(void **state)
{
    (void)state;
    struct machine machine;
    machine_installed(&machine);
    assert_int_equal(kedge_boot_activate(&machine.device.boot, 1), KEDGE_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(power_on(&machine), 1);
    assert_int_equal(power_on(&machine), 0);
    struct kedge_boot_start start = started(&machine, 0);
    assert_int_equal(start.slot, 0);
    assert_int_equal(start.reason, KEDGE_BOOT_REASON_BOOTS);
    assert_int_equal(device_record(&machine.device).outcome, KEDGE_BOOT_ROLLED_BACK);
    expect(&machine, only(0));
    device_free(&machine.device);
}

/* ... or does, and the bootloader's own count never moves: the record's does. */
static void three_starts_are_counted_by_the_record_alone(void **state)
{
    (void)state;
    struct machine machine;
    machine_installed(&machine);
    assert_int_equal(kedge_boot_activate(&machine.device.boot, 1), KEDGE_OK);
    for (int i = 0; i < 3; i++) {
        machine.environment.selection = both(1, 3, 1);
        assert_true(started(&machine, 1).on_trial);
    }
    machine.environment.selection = both(1, 3, 1);
    struct kedge_boot_start start = started(&machine, 1);
    assert_false(start.on_trial);
    assert_int_equal(start.slot, 0);
    assert_int_equal(start.reason, KEDGE_BOOT_REASON_BOOTS);
    device_free(&machine.device);
}

static void a_trial_whose_image_rotted_is_not_confirmed(void **state)
{
    (void)state;
    struct machine machine;
    machine_installed(&machine);
    assert_int_equal(kedge_boot_activate(&machine.device.boot, 1), KEDGE_OK);
    const struct kedge_flash *flash = machine.device.boot.slots[1];
    sim_bytes(&machine.device.sim, SIM_SLOT(1))[flash->size - kedge_slot_capacity(flash) + 77] ^= 1;
    struct kedge_boot_start start = started(&machine, 1);
    assert_int_equal(start.slot, 0);
    assert_int_equal(start.reason, KEDGE_BOOT_REASON_IMAGE);
    assert_int_equal(start.slot_rc[1], KEDGE_E_DIGEST);
    device_free(&machine.device);
}

static void a_switch_that_was_never_made_is_taken_back(void **state)
{
    (void)state;
    struct machine machine;
    machine_installed(&machine);
    assert_int_equal(kedge_boot_activate(&machine.device.boot, 1), KEDGE_OK);
    machine.environment.selection = only(0); /* the power went between record and selection */
    assert_int_equal(power_on(&machine), 0);
    struct kedge_boot_start start = started(&machine, 0);
    assert_int_equal(start.slot, 0);
    assert_int_equal(device_record(&machine.device).phase, KEDGE_BOOT_STEADY);
    assert_int_equal(device_record(&machine.device).outcome, KEDGE_BOOT_OUTCOME_NONE);
    assert_int_equal(kedge_boot_activate(&machine.device.boot, 1), KEDGE_OK);
    device_free(&machine.device);
}

static void a_switch_that_cannot_be_made_is_not_asked_for_either(void **state)
{
    (void)state;
    struct machine machine;
    machine_installed(&machine);
    machine.environment.fails = true;
    assert_int_equal(kedge_boot_activate(&machine.device.boot, 1), KEDGE_E_SYSTEM);
    assert_int_equal(device_record(&machine.device).phase, KEDGE_BOOT_STEADY);
    machine.environment.fails = false;
    assert_int_equal(kedge_boot_activate(&machine.device.boot, 1), KEDGE_OK);
    device_free(&machine.device);
}

static void a_confirmation_that_cannot_be_selected_does_not_raise_the_floor(void **state)
{
    (void)state;
    struct machine machine;
    machine_installed(&machine);
    assert_int_equal(kedge_boot_activate(&machine.device.boot, 1), KEDGE_OK);
    started(&machine, 1);
    machine.environment.fails = true;
    assert_int_equal(kedge_boot_confirm(&machine.device.boot), KEDGE_E_SYSTEM);
    assert_int_equal(device_record(&machine.device).floor, 10);
    assert_int_equal(device_record(&machine.device).phase, KEDGE_BOOT_ON_TRIAL);
    device_free(&machine.device);
}

static void the_spare_slot_is_retired_before_it_is_written(void **state)
{
    (void)state;
    struct machine machine;
    machine_init(&machine);
    machine.environment.selection = both(0, 3, KEDGE_SLOT_NONE);
    assert_int_equal(kedge_boot_retire(&machine.device.boot, 0), KEDGE_OK); /* no record yet */
    expect(&machine, both(0, 3, KEDGE_SLOT_NONE));
    device_put(&machine.device, 0, 10, &machine.device.key, 600);
    assert_int_equal(kedge_boot_factory(&machine.device.boot, 0), KEDGE_OK);
    machine.environment.selection = both(0, 3, KEDGE_SLOT_NONE);
    assert_int_equal(kedge_boot_retire(&machine.device.boot, 0), KEDGE_E_STATE);
    assert_int_equal(kedge_boot_retire(&machine.device.boot, 1), KEDGE_OK);
    expect(&machine, only(0));
    machine.environment.selection = both(0, 3, KEDGE_SLOT_NONE);
    machine.environment.fails = true;
    assert_int_equal(kedge_boot_retire(&machine.device.boot, 1), KEDGE_E_SYSTEM);
    device_free(&machine.device);
}

static void what_the_bootloader_fell_back_to_is_confirmed(void **state)
{
    (void)state;
    struct machine machine;
    machine_installed(&machine);
    machine.environment.selection = only(0);
    sim_bytes(&machine.device.sim, SIM_SLOT(0))[9] ^= 1; /* its header */
    assert_int_equal(power_on(&machine), 1);
    struct kedge_boot_start start = started(&machine, 1);
    assert_int_equal(start.slot, 1);
    assert_int_equal(start.reason, KEDGE_BOOT_REASON_FALLBACK);
    struct kedge_boot_record record = device_record(&machine.device);
    assert_int_equal(record.confirmed_slot, 1);
    assert_int_equal(record.floor, 10);
    expect(&machine, only(1));
    device_free(&machine.device);
}

static void firmware_whose_header_is_gone_makes_way_for_the_other_slot(void **state)
{
    (void)state;
    struct machine machine;
    machine_installed(&machine);
    sim_bytes(&machine.device.sim, SIM_SLOT(0))[20] ^= 1;
    struct kedge_boot_start start = started(&machine, 0);
    assert_int_equal(start.slot, 1);
    assert_int_equal(start.reason, KEDGE_BOOT_REASON_FALLBACK);
    assert_int_equal(device_record(&machine.device).confirmed_slot, 1);
    sim_bytes(&machine.device.sim, SIM_SLOT(1))[20] ^=
        1; /* neither: it runs for what it is worth */
    assert_int_equal(started(&machine, 1).slot, 1);
    device_free(&machine.device);
}

/* It was confirmed at its third boot, and then the newer copy of the selection was lost. */
static void an_older_selection_is_not_taken_for_a_slot_that_does_not_boot(void **state)
{
    (void)state;
    struct machine machine;
    machine_installed(&machine);
    assert_int_equal(kedge_boot_activate(&machine.device.boot, 1), KEDGE_OK);
    started(&machine, 1);
    assert_int_equal(kedge_boot_confirm(&machine.device.boot), KEDGE_OK);
    machine.environment.selection = both(1, 0, 1);
    assert_int_equal(power_on(&machine), 0);
    struct kedge_boot_start start = started(&machine, 0);
    assert_int_equal(start.slot, 1);
    assert_int_equal(device_record(&machine.device).confirmed_slot, 1);
    assert_int_equal(power_on(&machine), 1);
    device_free(&machine.device);
}

static void tries_that_a_bootloader_counts_at_each_boot_are_given_back(void **state)
{
    (void)state;
    struct machine machine;
    machine_installed(&machine);
    machine.environment.selection = both(0, 1, KEDGE_SLOT_NONE);
    started(&machine, 0);
    expect(&machine, both(0, 3, KEDGE_SLOT_NONE));
    device_free(&machine.device);
}

static void a_lost_record_is_made_anew_around_what_the_selection_is_sure_of(void **state)
{
    (void)state;
    static const struct {
        struct kedge_selection selection;
        uint8_t running, confirmed;
    } cases[] = {
        {{.count = 2, .order = {1, 0}, .left = {3, 3}, .trial = KEDGE_SLOT_NONE}, 1, 1},
        {{.count = 2, .order = {1, 0}, .left = {3, 2}, .trial = 1}, 1, 0},
        {{.count = 1, .order = {0}, .left = {3, 0}, .trial = KEDGE_SLOT_NONE}, 0, 0},
        {{.count = 0, .trial = KEDGE_SLOT_NONE}, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct machine machine;
        machine_init(&machine);
        device_put(&machine.device, 0, 10, &machine.device.key, 600);
        device_put(&machine.device, 1, 20, &machine.device.key, 600);
        machine.environment.selection = cases[i].selection;
        struct kedge_boot_start start = started(&machine, cases[i].running);
        assert_int_equal(start.slot, cases[i].confirmed);
        assert_int_equal(start.reason, KEDGE_BOOT_REASON_RECORD);
        struct kedge_boot_record record = device_record(&machine.device);
        assert_int_equal(record.confirmed_slot, cases[i].confirmed);
        assert_int_equal(record.floor, 20);
        device_free(&machine.device);
    }
}

static void a_blank_device_has_nothing_to_start(void **state)
{
    (void)state;
    struct machine machine;
    struct kedge_boot_start start;
    machine_init(&machine);
    assert_int_equal(kedge_boot_started(&machine.device.boot, 0, &start), KEDGE_E_NO_SLOT);
    assert_int_equal(kedge_boot_started(&machine.device.boot, 2, &start), KEDGE_E_ARGUMENT);
    machine.device.boot.selector = NULL;
    assert_int_equal(kedge_boot_started(&machine.device.boot, 0, &start), KEDGE_E_ARGUMENT);
    device_free(&machine.device);
}

/* ---- every record with every selection ---- */

struct combination {
    unsigned
        record; /* 0: steady; 1: a trial asked for; 2 to 4: that many boots less one; 5: lost */
    unsigned confirmed; /* slot */
    unsigned selection; /* see make_selection() */
    unsigned contents;  /* bits: slot 0 and slot 1 hold an image that verifies */
    bool environment_fails;
};

/* Lost; each order of one slot or both, with each count of tries, on trial or not. */
static bool make_selection(unsigned number, struct kedge_selection *selection)
{
    unsigned first = number % 2, left = number / 2 % 4, second = number / 8 % 2,
             on_trial = number / 16 % 2;
    if (number == 32)
        *selection = (struct kedge_selection){.count = 0, .trial = KEDGE_SLOT_NONE};
    else
        *selection =
            both((uint8_t)first, (uint8_t)left, on_trial != 0 ? (uint8_t)first : KEDGE_SLOT_NONE);
    if (number < 32 && second == 0)
        selection->count = 1;
    return number <= 32;
}

static void put_combination(struct machine *machine, const struct combination *all)
{
    machine_init(machine);
    for (uint8_t slot = 0; slot < KEDGE_SLOTS; slot++)
        if ((all->contents >> slot & 1) != 0)
            device_put(&machine->device, slot, slot == all->confirmed ? 10 : 20,
                       &machine->device.key, 600);
    struct kedge_boot_record record = steady(7, (uint8_t)all->confirmed, 10);
    if (all->record >= 1 && all->record <= 4)
        record = trial(7, (uint8_t)all->confirmed, (uint8_t)(all->record - 1), 20);
    record.floor = 10;
    if (all->record != 5)
        device_put_record(&machine->device, 0, &record);
    make_selection(all->selection, &machine->environment.selection);
    machine->environment.fails = all->environment_fails;
}

/* Boots until the firmware neither asks for a reboot nor is on trial; never for ever. */
static void settle(struct machine *machine, const struct combination *all)
{
    struct kedge_boot_start start;
    uint8_t running = KEDGE_SLOT_NONE;
    for (int boot = 0; boot < BOOTS_MAX; boot++) {
        running = power_on(machine);
        if (running == KEDGE_SLOT_NONE) {
            assert_int_equal(all->contents, 0);
            return;
        }
        assert_true((all->contents >> running & 1) != 0);
        assert_int_equal(kedge_boot_started(&machine->device.boot, running, &start), KEDGE_OK);
        assert_true(start.slot < KEDGE_SLOTS);
        if (!start.on_trial && start.slot == running)
            break;
    }
    assert_false(start.on_trial);
    assert_int_equal(start.slot, running);
    struct kedge_boot_record record = device_record(&machine->device);
    assert_true(record.floor >= 10);
    if (all->environment_fails)
        return; /* it runs, and cannot be switched */
    assert_int_equal(record.phase, KEDGE_BOOT_STEADY);
    assert_int_equal(record.confirmed_slot, running);
    assert_int_equal(power_on(machine), running);
}

static void whatever_they_hold_a_device_settles_on_one_slot(void **state)
{
    (void)state;
    unsigned count = 0;
    struct combination all = {0};
    struct kedge_selection selection;
    for (all.record = 0; all.record <= 5; all.record++)
        for (all.confirmed = 0; all.confirmed < 2; all.confirmed++)
            for (all.selection = 0; make_selection(all.selection, &selection); all.selection++)
                for (all.contents = 0; all.contents < 4; all.contents++)
                    for (int fails = 0; fails < 2; fails++) {
                        struct machine machine;
                        all.environment_fails = fails != 0;
                        put_combination(&machine, &all);
                        settle(&machine, &all);
                        device_free(&machine.device);
                        count++;
                    }
    assert_int_equal(count, 6 * 2 * 33 * 4 * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_goes_from_slot_to_slot),
        cmocka_unit_test(a_rejected_trial_boots_the_old_slot_alone),
        cmocka_unit_test(three_boots_are_counted_by_the_bootloader_alone),
        cmocka_unit_test(three_starts_are_counted_by_the_record_alone),
        cmocka_unit_test(a_trial_whose_image_rotted_is_not_confirmed),
        cmocka_unit_test(a_switch_that_was_never_made_is_taken_back),
        cmocka_unit_test(a_switch_that_cannot_be_made_is_not_asked_for_either),
        cmocka_unit_test(a_confirmation_that_cannot_be_selected_does_not_raise_the_floor),
        cmocka_unit_test(the_spare_slot_is_retired_before_it_is_written),
        cmocka_unit_test(what_the_bootloader_fell_back_to_is_confirmed),
        cmocka_unit_test(firmware_whose_header_is_gone_makes_way_for_the_other_slot),
        cmocka_unit_test(an_older_selection_is_not_taken_for_a_slot_that_does_not_boot),
        cmocka_unit_test(tries_that_a_bootloader_counts_at_each_boot_are_given_back),
        cmocka_unit_test(a_lost_record_is_made_anew_around_what_the_selection_is_sure_of),
        cmocka_unit_test(a_blank_device_has_nothing_to_start),
        cmocka_unit_test(whatever_they_hold_a_device_settles_on_one_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
