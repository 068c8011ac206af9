/* test_client_reconcile.c: a starting agent's answer to whatever state file and boot record say. */
#include "agent/client/reconcile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define NOW_S 1700000000u
#define NUMBER 7u

static struct kedge_boot_record steady(enum kedge_boot_outcome outcome,
                                       enum kedge_boot_reason reason)
{
    return (struct kedge_boot_record){.number = NUMBER,
                                      .phase = KEDGE_BOOT_STEADY,
                                      .confirmed_slot = 0,
                                      .trial_slot = KEDGE_SLOT_NONE,
                                      .outcome = outcome,
                                      .reason = reason};
}

static struct kedge_boot_record trial(enum kedge_boot_phase phase)
{
    return (struct kedge_boot_record){
        .number = NUMBER, .phase = phase, .confirmed_slot = 0, .trial_slot = 1};
}

static struct kedge_agent_state file(enum kedge_firmware_state state, uint64_t boot_number)
{
    return (struct kedge_agent_state){
        .state = state, .boot_number = boot_number, .begun = 1, .uri = "coap://h/fw"};
}

/* ---- the stories ---- */

static void a_confirmed_update_that_the_file_missed_is_a_success(void **state)
{
    (void)state;
    struct kedge_boot_record record = steady(KEDGE_BOOT_CONFIRMED, KEDGE_BOOT_REASON_NONE);
    struct kedge_agent_state agent = file(KEDGE_FIRMWARE_UPDATING, NUMBER - 1);
    snprintf(agent.reason, sizeof agent.reason, "an old story");
    assert_int_equal(kedge_reconcile(&agent, &record, 0, NOW_S), KEDGE_START_NORMAL);
    assert_int_equal(agent.state, KEDGE_FIRMWARE_IDLE);
    assert_int_equal(agent.result, KEDGE_RESULT_SUCCESS);
    assert_string_equal(agent.reason, "");
    assert_string_equal(agent.uri, "");
    assert_int_equal(agent.changed_at_s, NOW_S);
}

static void a_trial_that_was_rolled_back_is_result_8_with_its_words(void **state)
{
    (void)state;
    struct kedge_boot_record record = steady(KEDGE_BOOT_ROLLED_BACK, KEDGE_BOOT_REASON_HEALTH);
    snprintf(record.text, sizeof record.text, "health command exit status 3");
    struct kedge_agent_state agent = file(KEDGE_FIRMWARE_UPDATING, NUMBER - 1);
    assert_int_equal(kedge_reconcile(&agent, &record, 0, NOW_S), KEDGE_START_NORMAL);
    assert_int_equal(agent.state, KEDGE_FIRMWARE_IDLE);
    assert_int_equal(agent.result, KEDGE_RESULT_FAILED);
    assert_string_equal(agent.reason, "the health check failed: health command exit status 3");
}

static void an_end_that_was_reported_is_not_reported_again(void **state)
{
    (void)state;
    struct kedge_boot_record record = steady(KEDGE_BOOT_ROLLED_BACK, KEDGE_BOOT_REASON_BOOTS);
    struct kedge_agent_state agent = file(KEDGE_FIRMWARE_DOWNLOADING, NUMBER);
    assert_int_equal(kedge_reconcile(&agent, &record, 0, NOW_S), KEDGE_START_DOWNLOAD);
    assert_int_equal(agent.result, KEDGE_RESULT_INITIAL);
    assert_string_equal(agent.reason, "");
}

static void a_switch_that_was_never_written_leaves_the_package_downloaded(void **state)
{
    (void)state;
    struct kedge_boot_record record = steady(KEDGE_BOOT_OUTCOME_NONE, KEDGE_BOOT_REASON_NONE);
    struct kedge_agent_state agent = file(KEDGE_FIRMWARE_UPDATING, NUMBER);
    assert_int_equal(kedge_reconcile(&agent, &record, 0, NOW_S), KEDGE_START_DOWNLOADED);
    assert_int_equal(agent.state, KEDGE_FIRMWARE_DOWNLOADED);
    assert_int_equal(agent.result, KEDGE_RESULT_FAILED);
    assert_true(strlen(agent.reason) > 0);
}

static void a_trial_is_updating_until_it_is_confirmed(void **state)
{
    (void)state;
    struct kedge_boot_record record = trial(KEDGE_BOOT_ON_TRIAL);
    struct kedge_agent_state agent = file(KEDGE_FIRMWARE_UPDATING, NUMBER - 1);
    assert_int_equal(kedge_reconcile(&agent, &record, 1, NOW_S), KEDGE_START_TRIAL);
    assert_int_equal(agent.state, KEDGE_FIRMWARE_UPDATING);
    assert_int_equal(agent.result, KEDGE_RESULT_INITIAL);
}

static void an_old_slot_that_runs_while_a_trial_waits_has_to_reboot(void **state)
{
    (void)state;
    struct kedge_boot_record record = trial(KEDGE_BOOT_TRIAL_REQUESTED);
    struct kedge_agent_state agent = file(KEDGE_FIRMWARE_UPDATING, NUMBER);
    assert_int_equal(kedge_reconcile(&agent, &record, 0, NOW_S), KEDGE_START_REBOOT);
    record = trial(KEDGE_BOOT_ON_TRIAL);
    assert_int_equal(kedge_reconcile(&agent, &record, 0, NOW_S), KEDGE_START_REBOOT);
    assert_int_equal(agent.state, KEDGE_FIRMWARE_UPDATING);
}

static void a_lost_state_file_learns_how_the_latest_update_ended(void **state)
{
    (void)state;
    struct kedge_agent_state agent;
    kedge_agent_state_init(&agent);
    struct kedge_boot_record record = steady(KEDGE_BOOT_CONFIRMED, KEDGE_BOOT_REASON_NONE);
    kedge_reconcile(&agent, &record, 0, NOW_S);
    assert_int_equal(agent.result, KEDGE_RESULT_SUCCESS);
    kedge_agent_state_init(&agent);
    record = steady(KEDGE_BOOT_ROLLED_BACK, KEDGE_BOOT_REASON_TIME);
    kedge_reconcile(&agent, &record, 0, NOW_S);
    assert_int_equal(agent.result, KEDGE_RESULT_FAILED);
    kedge_agent_state_init(&agent);
    record = steady(KEDGE_BOOT_OUTCOME_NONE, KEDGE_BOOT_REASON_NONE);
    assert_int_equal(kedge_reconcile(&agent, &record, 0, NOW_S), KEDGE_START_NORMAL);
    assert_int_equal(agent.result, KEDGE_RESULT_INITIAL);
}

static void a_fallback_of_the_bootloader_is_told(void **state)
{
    (void)state;
    struct kedge_boot_record record = steady(KEDGE_BOOT_OUTCOME_NONE, KEDGE_BOOT_REASON_FALLBACK);
    struct kedge_agent_state agent = file(KEDGE_FIRMWARE_IDLE, NUMBER - 1);
    agent.result = KEDGE_RESULT_SUCCESS;
    assert_int_equal(kedge_reconcile(&agent, &record, 0, NOW_S), KEDGE_START_NORMAL);
    assert_string_equal(agent.reason, kedge_boot_reason_text(KEDGE_BOOT_REASON_FALLBACK));
}

static void a_download_that_is_cut_short_is_begun_again_but_not_for_ever(void **state)
{
    (void)state;
    struct kedge_boot_record record = steady(KEDGE_BOOT_OUTCOME_NONE, KEDGE_BOOT_REASON_NONE);
    struct kedge_agent_state agent = file(KEDGE_FIRMWARE_DOWNLOADING, NUMBER);
    for (; agent.begun < KEDGE_DOWNLOAD_BEGUN_MAX; agent.begun++) {
        assert_int_equal(kedge_reconcile(&agent, &record, 0, NOW_S), KEDGE_START_DOWNLOAD);
        assert_int_equal(agent.state, KEDGE_FIRMWARE_DOWNLOADING);
    }
    assert_int_equal(kedge_reconcile(&agent, &record, 0, NOW_S), KEDGE_START_NORMAL);
    assert_int_equal(agent.state, KEDGE_FIRMWARE_IDLE);
    assert_int_equal(agent.result, KEDGE_RESULT_CONNECTION_LOST);
    assert_true(strlen(agent.reason) > 0);
}

static void words_that_do_not_fit_are_cut(void **state)
{
    (void)state;
    struct kedge_boot_record record = steady(KEDGE_BOOT_ROLLED_BACK, KEDGE_BOOT_REASON_HEALTH);
    memset(record.text, 'x', sizeof record.text - 1);
    char words[20];
    kedge_reconcile_words(&record, words, sizeof words);
    assert_int_equal(strlen(words), sizeof words - 1);
}

/* ---- every combination ---- */

static void check(const struct kedge_agent_state *before, const struct kedge_boot_record *record,
                  uint8_t slot)
{
    struct kedge_agent_state after = *before;
    enum kedge_start start = kedge_reconcile(&after, record, slot, NOW_S);

    bool is_steady = record->phase == KEDGE_BOOT_STEADY;
    bool runs_trial = record->phase == KEDGE_BOOT_ON_TRIAL && record->trial_slot == slot;
    assert_int_equal(start == KEDGE_START_TRIAL, runs_trial);
    assert_int_equal(start == KEDGE_START_REBOOT, !is_steady && !runs_trial);
    assert_int_equal(after.state == KEDGE_FIRMWARE_UPDATING, !is_steady);
    assert_int_equal(after.state == KEDGE_FIRMWARE_DOWNLOADING, start == KEDGE_START_DOWNLOAD);
    assert_int_equal(after.state == KEDGE_FIRMWARE_DOWNLOADED, start == KEDGE_START_DOWNLOADED);
    assert_int_equal(after.state == KEDGE_FIRMWARE_IDLE, start == KEDGE_START_NORMAL);
    assert_int_equal(after.boot_number, record->number);
    assert_in_range(after.result, 0, KEDGE_RESULT_DEFERRED);
    assert_int_equal(after.changed_at_s, after.state != before->state || after.changed_at_s == NOW_S
                                             ? NOW_S
                                             : before->changed_at_s);
    /* No success that the record does not vouch for, and no failure that it denies. */
    if (after.result == KEDGE_RESULT_SUCCESS && before->result != KEDGE_RESULT_SUCCESS)
        assert_int_equal(record->outcome, KEDGE_BOOT_CONFIRMED);
    if (is_steady && before->state == KEDGE_FIRMWARE_UPDATING &&
        before->boot_number != record->number && record->outcome == KEDGE_BOOT_ROLLED_BACK)
        assert_int_equal(after.result, KEDGE_RESULT_FAILED);

    /* An agent that is killed right here comes to the same conclusion. */
    struct kedge_agent_state again = after;
    assert_int_equal(kedge_reconcile(&again, record, slot, NOW_S + 1), start);
    assert_memory_equal(&again, &after, sizeof after);
}

static unsigned check_records(const struct kedge_agent_state *before)
{
    unsigned count = 0;
    for (unsigned bits = 0; bits < 3 * 3 * KEDGE_BOOT_REASON_COUNT * 2 * 2; bits++) {
        unsigned rest = bits;
        struct kedge_boot_record record = {.number = NUMBER};
        record.phase = (enum kedge_boot_phase)(rest % 3), rest /= 3;
        record.outcome = (enum kedge_boot_outcome)(rest % 3), rest /= 3;
        record.reason = (enum kedge_boot_reason)(rest % KEDGE_BOOT_REASON_COUNT);
        rest /= KEDGE_BOOT_REASON_COUNT;
        record.confirmed_slot = (uint8_t)(rest % 2), rest /= 2;
        record.trial_slot = record.phase == KEDGE_BOOT_STEADY
                                ? KEDGE_SLOT_NONE
                                : (uint8_t)(1 - record.confirmed_slot);
        check(before, &record, (uint8_t)rest);
        count++;
    }
    return count;
}

static void every_combination_of_file_and_record_has_an_answer(void **state)
{
    (void)state;
    unsigned count = 0;
    const uint64_t numbers[] = {0, NUMBER - 1, NUMBER};
    const uint64_t begun[] = {0, 1, KEDGE_DOWNLOAD_BEGUN_MAX};
    for (unsigned firmware = 0; firmware < KEDGE_FIRMWARE_STATE_COUNT; firmware++)
        for (int result = 0; result <= KEDGE_RESULT_DEFERRED; result++)
            for (size_t i = 0; i < 9; i++) {
                struct kedge_agent_state before =
                    file((enum kedge_firmware_state)firmware, numbers[i % 3]);
                before.result = result;
                before.begun = begun[i / 3];
                count += check_records(&before);
            }
    print_message("%u combinations\n", count);
    assert_int_equal(count, 4 * 12 * 9 * 3 * 3 * KEDGE_BOOT_REASON_COUNT * 2 * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_confirmed_update_that_the_file_missed_is_a_success),
        cmocka_unit_test(a_trial_that_was_rolled_back_is_result_8_with_its_words),
        cmocka_unit_test(an_end_that_was_reported_is_not_reported_again),
        cmocka_unit_test(a_switch_that_was_never_written_leaves_the_package_downloaded),
        cmocka_unit_test(a_trial_is_updating_until_it_is_confirmed),
        cmocka_unit_test(an_old_slot_that_runs_while_a_trial_waits_has_to_reboot),
        cmocka_unit_test(a_lost_state_file_learns_how_the_latest_update_ended),
        cmocka_unit_test(a_fallback_of_the_bootloader_is_told),
        cmocka_unit_test(a_download_that_is_cut_short_is_begun_again_but_not_for_ever),
        cmocka_unit_test(words_that_do_not_fit_are_cut),
        cmocka_unit_test(every_combination_of_file_and_record_has_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
