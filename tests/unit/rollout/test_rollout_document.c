/*
 * test_rollout_document.c: docs/rollouts.md prints the state tables and the policy as the code has
 * them, and the boundaries of thresholds and gates as the engine behaves at them.
 * "test_rollout_document --print" prints all of it for the document.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/group_plans.h"
#include "updater/rollout/divide.h"
#include "updater/rollout/filter.h"
#include "updater/rollout/fit.h"
#include "updater/rollout/tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TABLE_MAX 16384u

struct text {
    char bytes[TABLE_MAX];
    size_t size;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text->bytes + text->size, TABLE_MAX - text->size, format, arguments);
    va_end(arguments);
    assert_true(size >= 0 && text->size + (size_t)size < TABLE_MAX);
    text->size += (size_t)size;
}

/* ---- the state tables: for each state, where each event leads ---- */

static const char *const rollout_events[KEDGE_ROLLOUT_EVENT_COUNT] = {
    [KEDGE_ON_START] = "start",
    [KEDGE_ON_PAUSE] = "pause",
    [KEDGE_ON_RESUME] = "resume",
    [KEDGE_ON_ABORT] = "abort",
    [KEDGE_ON_ROLL_BACK] = "roll back",
    [KEDGE_ON_APPROVE] = "approve",
    [KEDGE_ON_ERRORS_PAUSE] = "*errors, action pause*",
    [KEDGE_ON_ERRORS_ABORT] = "*errors, action abort*",
    [KEDGE_ON_ERRORS_ROLL_BACK] = "*errors, action roll_back*",
    [KEDGE_ON_DRAINED] = "*nothing in flight any more*",
    [KEDGE_ON_GROUPS_DONE] = "*all groups done*",
    [KEDGE_ON_MADE] = "*all devices written*",
    [KEDGE_ON_MADE_TO_APPROVE] = "*all devices written, approval asked for*",
    [KEDGE_ON_REVERTED] = "*its devices are back*",
};

static const char *const group_events[KEDGE_GROUP_EVENT_COUNT] = {
    [KEDGE_ON_GROUP_START] = "*its turn*",
    [KEDGE_ON_GROUP_ENDED] = "*all its deployments ended*",
    [KEDGE_ON_GROUP_SOAKED] = "*the soak is over*",
    [KEDGE_ON_GATE_PASSED] = "*the gate opens*",
    [KEDGE_ON_GATE_FAILED] = "*the gate stays shut*",
    [KEDGE_ON_GROUP_ABORTED] = "*the rollout was aborted*",
};

static const char *const deployment_events[KEDGE_DEPLOYMENT_EVENT_COUNT] = {
    [KEDGE_ON_OFFER] = "*a place is free*",
    [KEDGE_ON_ALREADY] = "*runs the version already*",
    [KEDGE_ON_DEADLINE] = "*deadline*",
    [KEDGE_ON_CANCEL] = "abort",
    [KEDGE_ON_SUPERSEDE] = "*a newer rollout starts*",
    [KEDGE_ON_ASLEEP] = "*its device falls asleep*",
    [KEDGE_ON_WITHDRAW] = "*its window comes too late*",
    [KEDGE_ON_FELL_BACK] = "*its device runs another version*",
    [KEDGE_ON_RETRY] = "*its attempt ends in error, and another one follows*",
    [KEDGE_ON_STEP] = "*its intermediate version is confirmed*",
    [KEDGE_ON_REPORT_OFFERED] = "report",
    [KEDGE_ON_REPORT_DOWNLOADING] = "report",
    [KEDGE_ON_REPORT_DOWNLOADED] = "report",
    [KEDGE_ON_REPORT_INSTALLING] = "report",
    [KEDGE_ON_REPORT_VERIFYING] = "report",
    [KEDGE_ON_REPORT_SUCCEEDED] = "report",
    [KEDGE_ON_REPORT_FAILED] = "report",
    [KEDGE_ON_REPORT_REJECTED] = "report",
    [KEDGE_ON_REPORT_TIMED_OUT] = "report",
    [KEDGE_ON_REPORT_CANCELED] = "report",
};

static const char *rollout_name(unsigned state)
{
    return kedge_rollout_state_name((enum kedge_rollout_state)state);
}

static const char *group_name(unsigned state)
{
    return kedge_group_state_name((enum kedge_group_state)state);
}

static const char *deployment_name(unsigned state)
{
    return kedge_deployment_state_name((enum kedge_deployment_state)state);
}

/* One row: "| `running` | pause: `paused`; ... | start, resume |". */
static void put_row(struct text *text, const uint8_t *cells, const char *const *events,
                    unsigned count, const char *(*name)(unsigned), const char *state)
{
    const char *between = " ";
    put(text, "| `%s` |", state);
    for (unsigned i = 0; i < count; i++)
        if (cells[i] >= KEDGE_CELL_GO) {
            put(text, "%s%s: `%s`", between, events[i], name(cells[i] - KEDGE_CELL_GO));
            between = "; ";
        }
    put(text, " |");
    between = " ";
    for (unsigned i = 0; i < count; i++)
        if (cells[i] == KEDGE_CELL_REFUSE) {
            put(text, "%s%s", between, events[i]);
            between = ", ";
        }
    put(text, " |\n");
}

static const char state_heading[] = "| state | what leads where | refused |\n|---|---|---|\n";

static void render_rollouts(struct text *text)
{
    put(text, "%s", state_heading);
    for (unsigned i = 0; i < KEDGE_ROLLOUT_STATE_COUNT; i++)
        put_row(text, kedge_rollout_table[i], rollout_events, KEDGE_ROLLOUT_EVENT_COUNT,
                rollout_name, rollout_name(i));
}

static void render_groups(struct text *text)
{
    put(text, "%s", state_heading);
    for (unsigned i = 0; i < KEDGE_GROUP_STATE_COUNT; i++)
        put_row(text, kedge_group_table[i], group_events, KEDGE_GROUP_EVENT_COUNT, group_name,
                group_name(i));
}

/* All reports of a busy deployment are believed, so they are one entry of their own. */
static void render_deployments(struct text *text)
{
    put(text, "| state | what leads where | reports | holds a place |\n|---|---|---|---|\n");
    for (unsigned i = 0; i < KEDGE_DEPLOYMENT_STATE_COUNT; i++) {
        const uint8_t *cells = kedge_deployment_table[i];
        const char *between = " ";
        unsigned believed = 0;
        put(text, "| `%s` |", deployment_name(i));
        for (unsigned e = 0; e < KEDGE_ON_REPORT_OFFERED; e++)
            if (cells[e] >= KEDGE_CELL_GO) {
                put(text, "%s%s: `%s`", between, deployment_events[e],
                    deployment_name(cells[e] - KEDGE_CELL_GO));
                between = "; ";
            }
        for (unsigned e = KEDGE_ON_REPORT_OFFERED; e < KEDGE_DEPLOYMENT_EVENT_COUNT; e++)
            believed +=
                cells[e] == KEDGE_CELL_GO + KEDGE_DEPLOYMENT_OFFERED + e - KEDGE_ON_REPORT_OFFERED;
        assert_true(believed == 0 || believed == 10);
        put(text, " | %s | %s |\n", believed == 10 ? "believed" : "ignored",
            kedge_deployment_state_busy((enum kedge_deployment_state)i) ? "yes" : "no");
    }
}

/* ---- filters ---- */

static void render_attributes_of(struct text *text, enum kedge_filter_of of)
{
    put(text, "| attribute | what it is | compared by |\n|---|---|---|\n");
    for (size_t i = 0; i < KEDGE_FILTER_ATTRIBUTE_COUNT; i++) {
        const struct kedge_filter_row *row = &kedge_filter_rows[i];
        if (row->meanings[of] == NULL)
            continue;
        put(text, "| `%s` | %s |", row->name, row->meanings[of]);
        for (unsigned j = 0; j < KEDGE_FILTER_OPERATOR_COUNT; j++)
            if ((row->operators & 1u << j) != 0)
                put(text, " `%s`", kedge_filter_operator_name((enum kedge_filter_operator)j));
        put(text, " |\n");
    }
}

static void render_attributes(struct text *text)
{
    render_attributes_of(text, KEDGE_FILTER_OF_DEVICE);
}

static void render_package_attributes(struct text *text)
{
    render_attributes_of(text, KEDGE_FILTER_OF_PACKAGE);
}

static void render_fits(struct text *text)
{
    put(text, "| reason | the device |\n|---|---|\n");
    for (unsigned i = KEDGE_FIT_OK + 1; i < KEDGE_FIT_COUNT; i++)
        put(text, "| `%s` | %s |\n", kedge_fit_code((enum kedge_fit)i),
            kedge_fit_text((enum kedge_fit)i));
}

static void render_limits(struct text *text)
{
    put(text, "| of a filter | at most |\n|---|---|\n");
    put(text, "| bytes | %u |\n", KEDGE_FILTER_TEXT_MAX);
    put(text, "| parentheses and `not` within each other | %u |\n", KEDGE_FILTER_DEPTH_MAX);
    put(text, "| comparisons | %u |\n", KEDGE_FILTER_TESTS_MAX);
    put(text, "| values | %u |\n", KEDGE_FILTER_VALUES_MAX);
}

/* ---- the policy ---- */

static void render_policy(struct text *text)
{
    struct kedge_rollout_policy policy;
    kedge_rollout_policy_default(&policy);
    put(text, "| field | least | most | default |\n|---|---|---|---|\n");
    for (size_t i = 0; i < KEDGE_POLICY_FIELD_COUNT; i++) {
        const struct kedge_policy_field *field = &kedge_policy_fields[i];
        put(text, "| `%s` | %" PRIu32 " | %" PRIu32 " | %" PRIu32 " |\n", field->name, field->least,
            field->most, kedge_policy_get(&policy, field));
    }
    put(text, "| `error_action` | | | `%s` |\n", kedge_error_action_name(policy.error_action));
    put(text, "| `approval` | | | `%s` |\n", kedge_approval_name(policy.approval));
    assert_int_equal(policy.severity, KEDGE_SEVERITY_UNSET);
    assert_int_equal(policy.max_defer_s, KEDGE_DEFER_UNSET);
    put(text, "| `severity` | | | not told |\n| `max_defer_s` | 0 | %u | not told |\n",
        KEDGE_SPAN_MAX_S);
}

/* ---- the boundaries, by running the engine up to them ---- */

#define NOW_MS 1700000000000u
#define SIZE_MAX_HERE 1000u

struct trial {
    struct kedge_engine *engine;
    struct kedge_engine_output output;
};

static void handle(struct trial *trial, const struct kedge_engine_event *event)
{
    assert_int_equal(kedge_engine_handle(trial->engine, NOW_MS, event, &trial->output), KEDGE_OK);
}

/* A running rollout of one group whose `size` devices have all been offered the package. */
static void trial_begin(struct trial *trial, uint32_t size, uint32_t error_percent,
                        uint32_t minimum_sample, uint32_t success_percent)
{
    static char endpoints[SIZE_MAX_HERE][16];
    static struct kedge_rollout_target targets[SIZE_MAX_HERE];
    static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    struct kedge_engine_ids last = {0};
    for (uint32_t i = 0; i < size; i++) {
        (void)snprintf(endpoints[i], sizeof(endpoints[i]), "d%" PRIu32, i);
        targets[i] = (struct kedge_rollout_target){.endpoint = endpoints[i],
                                                   .known = true,
                                                   .vendor = "v",
                                                   .class_name = "c",
                                                   .version = "1",
                                                   .present = true};
    }
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_ROLLOUT_CREATE,
                                       .create = {.name = "n",
                                                  .package_id = id,
                                                  .vendor = "v",
                                                  .class_name = "c",
                                                  .version = "2",
                                                  .group_count = 1,
                                                  .targets = targets,
                                                  .target_count = size}};
    kedge_rollout_policy_default(&event.create.policy);
    event.create.policy.in_flight_max = size;
    event.create.policy.error_threshold_percent = error_percent;
    event.create.policy.error_minimum_sample = minimum_sample;
    event.create.policy.success_threshold_percent = success_percent;
    kedge_engine_output_init(&trial->output);
    assert_int_equal(kedge_engine_create(&last, &trial->engine), KEDGE_OK);
    assert_int_equal(kedge_engine_load_done(trial->engine, NOW_MS, &trial->output), KEDGE_OK);
    handle(trial, &event);
    event = (struct kedge_engine_event){.kind = KEDGE_EVENT_ROLLOUT_START, .rollout_id = 1};
    handle(trial, &event);
}

static void trial_end(struct trial *trial)
{
    kedge_engine_output_clear(&trial->output);
    kedge_engine_destroy(trial->engine);
}

static void end_one(struct trial *trial, uint32_t number, enum kedge_deployment_state state)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEPLOYMENT_REPORT,
                                       .report = {.deployment_id = number,
                                                  .state = state,
                                                  .update_result = KEDGE_UPDATE_RESULT_NONE}};
    handle(trial, &event);
}

/* How many errors stop it when every device that is tried fails; 0: all of them do not. */
static uint32_t errors_that_stop(uint32_t size, uint32_t percent, uint32_t minimum_sample)
{
    struct trial trial;
    uint32_t errors = 0;
    trial_begin(&trial, size, percent, minimum_sample, 0);
    while (errors < size && kedge_engine_rollout(trial.engine, 1)->state == KEDGE_ROLLOUT_RUNNING)
        end_one(&trial, ++errors, KEDGE_DEPLOYMENT_FAILED);
    bool stopped = kedge_engine_rollout(trial.engine, 1)->state == KEDGE_ROLLOUT_PAUSED;
    trial_end(&trial);
    return stopped ? errors : 0;
}

static bool gate_opens(uint32_t size, uint32_t percent, uint32_t succeeded)
{
    struct trial trial;
    trial_begin(&trial, size, 100, 0, percent);
    for (uint32_t i = 1; i <= size; i++)
        end_one(&trial, i, i <= succeeded ? KEDGE_DEPLOYMENT_SUCCEEDED : KEDGE_DEPLOYMENT_FAILED);
    enum kedge_group_state state = kedge_engine_group(trial.engine, 1, 0)->state;
    trial_end(&trial);
    assert_true(state == KEDGE_GROUP_SUCCEEDED || state == KEDGE_GROUP_FAILED);
    return state == KEDGE_GROUP_SUCCEEDED;
}

static uint32_t successes_that_open(uint32_t size, uint32_t percent)
{
    uint32_t least = 0;
    while (!gate_opens(size, percent, least))
        least++;
    return least;
}

static void render_boundaries(struct text *text)
{
    static const struct {
        uint32_t size, percent, minimum_sample;
    } errors[] = {{5, 0, 0},    {5, 20, 0},   {5, 20, 10},   {10, 20, 0}, {10, 20, 5},
                  {10, 29, 0},  {10, 30, 0},  {3, 33, 0},    {3, 34, 0},  {100, 1, 0},
                  {100, 1, 10}, {1000, 0, 0}, {1000, 0, 50}, {4, 100, 0}};
    static const struct {
        uint32_t size, percent;
    } gates[] = {{5, 0}, {5, 80}, {5, 81}, {3, 66}, {3, 67}, {10, 95}, {10, 100}, {100, 99}};
    put(text, "| devices in the group | error threshold | minimum sample | stops at error number "
              "|\n|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        uint32_t at = errors_that_stop(errors[i].size, errors[i].percent, errors[i].minimum_sample);
        put(text, "| %" PRIu32 " | %" PRIu32 " %% | %" PRIu32 " | ", errors[i].size,
            errors[i].percent, errors[i].minimum_sample);
        put(text, at == 0 ? "never |\n" : "%" PRIu32 " |\n", at);
    }
    put(text, "\n| devices in the group | success threshold | opens from so many successes |\n"
              "|---|---|---|\n");
    for (size_t i = 0; i < sizeof(gates) / sizeof(gates[0]); i++)
        put(text, "| %" PRIu32 " | %" PRIu32 " %% | %" PRIu32 " |\n", gates[i].size,
            gates[i].percent, successes_that_open(gates[i].size, gates[i].percent));
}

/* ---- groups, as large as they come out ---- */

static void put_plan(struct text *text, const struct kedge_group_plan *plan, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        put(text, i == 0 ? " " : ", ");
        if (plan[i].share == KEDGE_GROUP_FILTER)
            put(text, "a filter that means %" PRIu32, plan[i].size);
        else if (plan[i].share == KEDGE_GROUP_REST)
            put(text, "rest");
        else
            put(text, plan[i].share == KEDGE_GROUP_PERCENT ? "%" PRIu32 " %%" : "%" PRIu32,
                plan[i].size);
    }
    put(text, " |");
}

static void render_groups_size(struct text *text)
{
    static const struct {
        uint32_t devices, count;
        struct kedge_group_plan plan[3];
    } rows[] = {
        {1000, 3, {PERCENT(10), PERCENT(30), PERCENT(60)}},
        {1000, 3, {PERCENT(10), PERCENT(30), REST}},
        {11, 3, {PERCENT(10), PERCENT(30), REST}},
        {5, 3, {PERCENT(10), PERCENT(30), REST}},
        {3, 3, {PERCENT(33), PERCENT(33), REST}},
        {7, 2, {PERCENT(50), PERCENT(50), REST}},
        {1000000, 2, {PERCENT(1), REST, REST}},
        {250, 3, {DEVICES(1), PERCENT(10), REST}},
        {120, 2, {DEVICES(100), REST, REST}},
        {5, 3, {PERCENT(10), PERCENT(10), REST}},
        {100, 2, {PERCENT(10), PERCENT(30), REST}},
        {100, 3, {FILTER(15), PERCENT(10), REST}},
        {100, 3, {FILTER(15), PERCENT(40), PERCENT(60)}},
        {100, 3, {PERCENT(10), FILTER(15), REST}},
        {100, 2, {FILTER(15), FILTER(85), REST}},
        {100, 2, {FILTER(15), FILTER(80), REST}},
        {100, 2, {FILTER(0), REST, REST}},
        {100, 3, {FILTER(15), PERCENT(40), PERCENT(50)}},
        {100, 3, {FILTER(15), DEVICES(90), REST}},
        {100, 2, {PERCENT(50), PERCENT(60), REST}},
        {100, 2, {DEVICES(150), REST, REST}},
    };
    put(text, "| devices | groups | so many devices in each |\n|---|---|---|\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t sizes[KEDGE_ROLLOUT_GROUPS_MAX];
        char words[KEDGE_DIVIDE_TEXT_MAX];
        put(text, "| %" PRIu32 " |", rows[i].devices);
        put_plan(text, rows[i].plan, rows[i].count);
        for (uint32_t g = 0; g < rows[i].count; g++)
            sizes[g] = rows[i].plan[g].size; /* of filters, what they take */
        if (kedge_groups_size(rows[i].plan, rows[i].count, rows[i].devices, sizes, words) ==
            KEDGE_OK)
            for (uint32_t g = 0; g < rows[i].count; g++)
                put(text, "%s%" PRIu32, g == 0 ? " " : ", ", sizes[g]);
        else
            put(text, " refused: %s", words);
        put(text, " |\n");
    }
}

/* ---- comparing ---- */

static const struct part {
    const char *marker;
    void (*render)(struct text *text);
} parts[] = {
    {"<!-- the table of rollouts -->\n", render_rollouts},
    {"<!-- the table of groups -->\n", render_groups},
    {"<!-- the table of deployments -->\n", render_deployments},
    {"<!-- the attributes of filters -->\n", render_attributes},
    {"<!-- the limits of filters -->\n", render_limits},
    {"<!-- the attributes of filters of packages -->\n", render_package_attributes},
    {"<!-- why devices are left out -->\n", render_fits},
    {"<!-- the table of the policy -->\n", render_policy},
    {"<!-- the boundaries -->\n", render_boundaries},
    {"<!-- the sizes of groups -->\n", render_groups_size},
};

#define PART_COUNT (sizeof(parts) / sizeof(parts[0]))

static void the_document_prints_the_tables_as_they_are(void **state)
{
    (void)state;
    static char document[1u << 18];
    static struct text text;
    FILE *file = fopen(KEDGE_ROLLOUT_DOCUMENT, "rb");
    assert_non_null(file);
    size_t size = fread(document, 1, sizeof(document) - 1, file);
    (void)fclose(file);
    document[size] = '\0';
    for (size_t i = 0; i < PART_COUNT; i++) {
        const char *printed = strstr(document, parts[i].marker);
        if (printed == NULL)
            fail_msg("docs/rollouts.md has no line %s", parts[i].marker);
        printed += strlen(parts[i].marker);
        text.size = 0;
        parts[i].render(&text);
        if (strncmp(printed, text.bytes, text.size) != 0 || printed[text.size] == '|')
            fail_msg("docs/rollouts.md should have:\n%s%s", parts[i].marker, text.bytes);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        static struct text text;
        for (size_t i = 0; i < PART_COUNT; i++) {
            text.size = 0;
            parts[i].render(&text);
            printf("%s%s\n", parts[i].marker, text.bytes);
        }
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_prints_the_tables_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
