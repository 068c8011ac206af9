/*
 * test_firmware_table.c: the state table of object 5: that it is total, that it says what the
 * object's definition says, and that its numbers are the registry's.
 */
#include <ctype.h>
#include <kedge/lwm2m.h>
#include <string.h>

#include "tests/unit/vectors.h"

enum { KEEP = -1, OF_THE_EVENT = -2 };

static const struct kedge_firmware_transition *cell(int from, int event)
{
    return kedge_firmware_transition((enum kedge_firmware_state)from,
                                     (enum kedge_firmware_event)event);
}

static void assert_accepts(int from, int event, int next, int result)
{
    const struct kedge_firmware_transition *found = cell(from, event);
    assert_int_equal(found->action, KEDGE_FIRMWARE_ACCEPT);
    assert_int_equal(found->next, next);
    assert_int_equal(found->result, result);
}

/* A cell that was forgotten is all zero: "accept, go to Idle, Result 0". Only a reset is that. */
static void no_cell_was_forgotten(void **state)
{
    (void)state;
    for (int from = 0; from < KEDGE_FIRMWARE_STATE_COUNT; from++) {
        for (int event = 0; event < KEDGE_FIRMWARE_EVENT_COUNT; event++) {
            const struct kedge_firmware_transition *found = cell(from, event);
            bool zero = found->action == KEDGE_FIRMWARE_ACCEPT &&
                        found->next == KEDGE_FIRMWARE_IDLE && found->result == 0 &&
                        !found->drop_package;
            bool reset_in_idle =
                from == KEDGE_FIRMWARE_IDLE &&
                (event == KEDGE_FIRMWARE_URI_EMPTY || event == KEDGE_FIRMWARE_PACKAGE_NUL);
            if (zero != reset_in_idle)
                fail_msg("state %d, event %d", from, event);
        }
    }
}

static void every_cell_is_sound(void **state)
{
    (void)state;
    for (int from = 0; from < KEDGE_FIRMWARE_STATE_COUNT; from++) {
        for (int event = 0; event < KEDGE_FIRMWARE_EVENT_COUNT; event++) {
            const struct kedge_firmware_transition *found = cell(from, event);
            assert_true((int)found->next >= 0 && found->next < KEDGE_FIRMWARE_STATE_COUNT);
            if (found->action == KEDGE_FIRMWARE_ACCEPT) {
                assert_true(found->result == OF_THE_EVENT ||
                            (found->result >= 0 && found->result <= KEDGE_RESULT_DEFERRED));
                /* An image is dropped on the way to Idle, and nowhere kept on that way. */
                bool leaves = from != KEDGE_FIRMWARE_IDLE && found->next == KEDGE_FIRMWARE_IDLE;
                assert_int_equal(found->drop_package, leaves);
                continue;
            }
            assert_int_equal(found->next, from);
            assert_int_equal(found->result, KEEP);
            assert_false(found->drop_package);
        }
    }
}

static void a_server_is_always_answered_and_the_devices_own_events_never_are(void **state)
{
    (void)state;
    const int from_server[] = {KEDGE_FIRMWARE_URI_WRITTEN,     KEDGE_FIRMWARE_URI_EMPTY,
                               KEDGE_FIRMWARE_PACKAGE_WRITTEN, KEDGE_FIRMWARE_PACKAGE_NUL,
                               KEDGE_FIRMWARE_UPDATE_EXECUTED, KEDGE_FIRMWARE_UPDATE_DEFERRED,
                               KEDGE_FIRMWARE_CANCEL_EXECUTED};
    for (int from = 0; from < KEDGE_FIRMWARE_STATE_COUNT; from++) {
        for (int event = 0; event < KEDGE_FIRMWARE_EVENT_COUNT; event++) {
            bool server = false;
            for (size_t i = 0; i < sizeof from_server / sizeof from_server[0]; i++)
                server = server || from_server[i] == event;
            int action = (int)cell(from, event)->action;
            if (server)
                assert_int_not_equal(action, KEDGE_FIRMWARE_IGNORE);
            else
                assert_true(action == KEDGE_FIRMWARE_ACCEPT || action == KEDGE_FIRMWARE_IGNORE);
        }
    }
}

/* Object 5, resource 3 and 5; test cases 770 to 772 and 773 to 779 of the OMA's test specification.
 */
static void what_the_definition_says_of_the_way_to_an_update_holds(void **state)
{
    (void)state;
    assert_accepts(KEDGE_FIRMWARE_IDLE, KEDGE_FIRMWARE_URI_WRITTEN, KEDGE_FIRMWARE_DOWNLOADING,
                   KEDGE_RESULT_INITIAL);
    assert_accepts(KEDGE_FIRMWARE_IDLE, KEDGE_FIRMWARE_PACKAGE_WRITTEN, KEDGE_FIRMWARE_DOWNLOADING,
                   KEDGE_RESULT_INITIAL);
    assert_accepts(KEDGE_FIRMWARE_DOWNLOADING, KEDGE_FIRMWARE_DOWNLOAD_DONE,
                   KEDGE_FIRMWARE_DOWNLOADED, KEDGE_RESULT_INITIAL);
    assert_accepts(KEDGE_FIRMWARE_DOWNLOADING, KEDGE_FIRMWARE_DOWNLOAD_FAILED, KEDGE_FIRMWARE_IDLE,
                   OF_THE_EVENT);
    assert_accepts(KEDGE_FIRMWARE_DOWNLOADED, KEDGE_FIRMWARE_UPDATE_EXECUTED,
                   KEDGE_FIRMWARE_UPDATING, KEDGE_RESULT_INITIAL);
    assert_accepts(KEDGE_FIRMWARE_DOWNLOADED, KEDGE_FIRMWARE_UPDATE_DEFERRED,
                   KEDGE_FIRMWARE_DOWNLOADED, KEDGE_RESULT_DEFERRED);
    assert_accepts(KEDGE_FIRMWARE_UPDATING, KEDGE_FIRMWARE_TRIAL_CONFIRMED, KEDGE_FIRMWARE_IDLE,
                   KEDGE_RESULT_SUCCESS);
    assert_accepts(KEDGE_FIRMWARE_UPDATING, KEDGE_FIRMWARE_INSTALL_FAILED,
                   KEDGE_FIRMWARE_DOWNLOADED, KEDGE_RESULT_FAILED);
    assert_accepts(KEDGE_FIRMWARE_UPDATING, KEDGE_FIRMWARE_TRIAL_ROLLED_BACK, KEDGE_FIRMWARE_IDLE,
                   KEDGE_RESULT_FAILED);
    for (int from = 0; from < KEDGE_FIRMWARE_STATE_COUNT; from++)
        if (from != KEDGE_FIRMWARE_DOWNLOADED) {
            assert_int_equal(cell(from, KEDGE_FIRMWARE_UPDATE_EXECUTED)->action,
                             KEDGE_FIRMWARE_METHOD_NOT_ALLOWED);
            assert_int_equal(cell(from, KEDGE_FIRMWARE_UPDATE_DEFERRED)->action,
                             KEDGE_FIRMWARE_METHOD_NOT_ALLOWED);
        }
}

static void what_the_definition_says_of_the_two_resets_and_cancel_holds(void **state)
{
    (void)state;
    for (int from = KEDGE_FIRMWARE_IDLE; from <= KEDGE_FIRMWARE_DOWNLOADED; from++) {
        assert_accepts(from, KEDGE_FIRMWARE_URI_EMPTY, KEDGE_FIRMWARE_IDLE, KEDGE_RESULT_INITIAL);
        assert_accepts(from, KEDGE_FIRMWARE_PACKAGE_NUL, KEDGE_FIRMWARE_IDLE, KEDGE_RESULT_INITIAL);
    }
    for (int from = KEDGE_FIRMWARE_DOWNLOADING; from <= KEDGE_FIRMWARE_DOWNLOADED; from++) {
        assert_accepts(from, KEDGE_FIRMWARE_CANCEL_EXECUTED, KEDGE_FIRMWARE_IDLE,
                       KEDGE_RESULT_CANCELED);
        assert_true(cell(from, KEDGE_FIRMWARE_CANCEL_EXECUTED)->drop_package);
    }
    assert_int_equal(cell(KEDGE_FIRMWARE_UPDATING, KEDGE_FIRMWARE_CANCEL_EXECUTED)->action,
                     KEDGE_FIRMWARE_METHOD_NOT_ALLOWED);
    assert_int_equal(cell(KEDGE_FIRMWARE_IDLE, KEDGE_FIRMWARE_CANCEL_EXECUTED)->action,
                     KEDGE_FIRMWARE_METHOD_NOT_ALLOWED);
}

static void nothing_that_a_server_does_ends_an_update_that_has_begun(void **state)
{
    (void)state;
    const int own[] = {KEDGE_FIRMWARE_INSTALL_FAILED, KEDGE_FIRMWARE_TRIAL_CONFIRMED,
                       KEDGE_FIRMWARE_TRIAL_ROLLED_BACK};
    for (int event = 0; event < KEDGE_FIRMWARE_EVENT_COUNT; event++) {
        bool ends = false;
        for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
            ends = ends || own[i] == event;
        assert_int_equal(cell(KEDGE_FIRMWARE_UPDATING, event)->action == KEDGE_FIRMWARE_ACCEPT,
                         ends);
    }
}

static void success_is_reported_after_a_confirmed_trial_alone(void **state)
{
    (void)state;
    for (int from = 0; from < KEDGE_FIRMWARE_STATE_COUNT; from++)
        for (int event = 0; event < KEDGE_FIRMWARE_EVENT_COUNT; event++)
            assert_int_equal(cell(from, event)->result == KEDGE_RESULT_SUCCESS,
                             from == KEDGE_FIRMWARE_UPDATING &&
                                 event == KEDGE_FIRMWARE_TRIAL_CONFIRMED);
}

static void numbers_outside_the_table_change_nothing(void **state)
{
    (void)state;
    assert_int_equal(cell(KEDGE_FIRMWARE_STATE_COUNT, 0)->action, KEDGE_FIRMWARE_IGNORE);
    assert_int_equal(cell(0, KEDGE_FIRMWARE_EVENT_COUNT)->action, KEDGE_FIRMWARE_IGNORE);
    assert_int_equal(cell(-1, -1)->action, KEDGE_FIRMWARE_IGNORE);
    assert_string_equal(kedge_firmware_state_name((enum kedge_firmware_state)4), "unknown");
    assert_string_equal(kedge_firmware_result_name(12), "unknown");
    assert_string_equal(kedge_firmware_result_name(-1), "unknown");
}

static void every_state_and_result_has_a_name_of_its_own(void **state)
{
    (void)state;
    const char *states[] = {"idle", "downloading", "downloaded", "updating"};
    for (int i = 0; i < KEDGE_FIRMWARE_STATE_COUNT; i++)
        assert_string_equal(kedge_firmware_state_name((enum kedge_firmware_state)i), states[i]);
    for (int i = 0; i <= KEDGE_RESULT_DEFERRED; i++) {
        assert_string_not_equal(kedge_firmware_result_name(i), "unknown");
        for (int k = 0; k < i; k++)
            assert_string_not_equal(kedge_firmware_result_name(i), kedge_firmware_result_name(k));
    }
}

/* ---- against the registry's own file ---- */

static bool same_letters(const char *text, const char *wanted)
{
    for (; *wanted != '\0'; text++, wanted++)
        if (tolower((unsigned char)*text) != tolower((unsigned char)*wanted))
            return false;
    return true;
}

static char *registry(void)
{
    struct kedge_slice file = vector_read("lwm2m/5.xml");
    char *text = (char *)(uintptr_t)file.data;
    text[file.size] = '\0';
    return text;
}

static void the_words_of_results_are_those_of_the_registry(void **state)
{
    (void)state;
    char *xml = registry();
    const char *results = strstr(xml, "Contains the result of downloading");
    assert_non_null(results);
    for (int i = 0; i <= KEDGE_RESULT_DEFERRED; i++) {
        char number[8];
        snprintf(number, sizeof number, "\n%d: ", i);
        const char *line = strstr(results, number);
        assert_non_null(line);
        if (!same_letters(line + strlen(number), kedge_firmware_result_name(i)))
            fail_msg("result %d: %s", i, kedge_firmware_result_name(i));
    }
    free(xml);
}

static void the_numbers_of_resources_are_those_of_the_registry(void **state)
{
    (void)state;
    const struct {
        enum kedge_firmware_resource id;
        const char *name;
    } resources[] = {
        {KEDGE_FIRMWARE_PACKAGE, "Package"},
        {KEDGE_FIRMWARE_PACKAGE_URI, "Package URI"},
        {KEDGE_FIRMWARE_UPDATE, "Update"},
        {KEDGE_FIRMWARE_STATE, "State"},
        {KEDGE_FIRMWARE_RESULT, "Update Result"},
        {KEDGE_FIRMWARE_PACKAGE_NAME, "PkgName"},
        {KEDGE_FIRMWARE_PACKAGE_VERSION, "PkgVersion"},
        {KEDGE_FIRMWARE_PROTOCOLS, "Firmware Update Protocol Support"},
        {KEDGE_FIRMWARE_DELIVERY, "Firmware Update Delivery Method"},
        {KEDGE_FIRMWARE_CANCEL, "Cancel"},
        {KEDGE_FIRMWARE_SEVERITY, "Severity"},
        {KEDGE_FIRMWARE_LAST_STATE_CHANGE_TIME, "Last State Change Time"},
        {KEDGE_FIRMWARE_MAXIMUM_DEFER_PERIOD, "Maximum Defer Period"},
    };
    char *xml = registry();
    for (size_t i = 0; i < sizeof resources / sizeof resources[0]; i++) {
        char item[32];
        char name[64];
        snprintf(item, sizeof item, "<Item ID=\"%d\">", (int)resources[i].id);
        snprintf(name, sizeof name, "<Name>%s</Name>", resources[i].name);
        const char *at = strstr(xml, item);
        assert_non_null(at);
        at = strstr(at, "<Name>");
        assert_non_null(at);
        assert_true(strncmp(at, name, strlen(name)) == 0);
    }
    free(xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_cell_was_forgotten),
        cmocka_unit_test(every_cell_is_sound),
        cmocka_unit_test(a_server_is_always_answered_and_the_devices_own_events_never_are),
        cmocka_unit_test(what_the_definition_says_of_the_way_to_an_update_holds),
        cmocka_unit_test(what_the_definition_says_of_the_two_resets_and_cancel_holds),
        cmocka_unit_test(nothing_that_a_server_does_ends_an_update_that_has_begun),
        cmocka_unit_test(success_is_reported_after_a_confirmed_trial_alone),
        cmocka_unit_test(numbers_outside_the_table_change_nothing),
        cmocka_unit_test(every_state_and_result_has_a_name_of_its_own),
        cmocka_unit_test(the_words_of_results_are_those_of_the_registry),
        cmocka_unit_test(the_numbers_of_resources_are_those_of_the_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
