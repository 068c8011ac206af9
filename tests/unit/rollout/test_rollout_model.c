/*
 * test_rollout_model.c: the invariants hold in every history of random fleets, failures, people and
 * crashes.
 *
 * The same files are compiled against engines with one line made wrong (see CMakeLists.txt): each
 * of those must break an invariant. Of a history that does, the shortest one that is found is
 * printed, step by step.
 *
 * KEDGE_MODEL_SEEDS=N runs so many histories, KEDGE_MODEL_LONG=1 fleets of up to a million devices,
 * and KEDGE_MODEL_SHRINK=0 leaves the first history that breaks something as long as it is, and
 * ends.
 */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/model.h"

#include <stdlib.h>
#include <string.h>

#define SHRINK_RUNS_MAX 1000u

static uint64_t asked_for(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value == NULL ? otherwise : strtoull(value, NULL, 10);
}

static void print_shortest(struct history *history, struct verdict *verdict)
{
    history_shrink(history, SHRINK_RUNS_MAX);
    (void)printf("the shortest history that was found has %zu steps%s, of %" PRIu32
                 " devices (seed %" PRIu64 ", slices of %" PRIu32 ", cut at commit %" PRIu64 "):\n",
                 history->count, history->ends ? " and the end of everything" : "",
                 history->devices, history->seed, history->slice_moves, history->cut_at);
    *verdict = history_run(history, true);
}

static void check(struct history *history)
{
    struct verdict verdict = history_run(history, false);
    uint64_t seed = history->seed;
    uint32_t devices = history->devices;
    if (!verdict.broken) {
        free(history->steps);
        return;
    }
    bool shrinks = asked_for("KEDGE_MODEL_SHRINK", 1) != 0;
    if (shrinks)
        print_shortest(history, &verdict);
    free(history->steps);
    print_message("invariant broken: %s (seed %" PRIu64 ", %" PRIu32 " devices, event %" PRIu64
                  ")\n",
                  verdict.text, seed, devices, verdict.events);
    if (!shrinks)
        exit(EXIT_FAILURE); /* one is enough of an engine that was made wrong */
    fail();
}

static void the_invariants_hold_in_every_history(void **state)
{
    (void)state;
    uint64_t count = asked_for("KEDGE_MODEL_SEEDS", 12);
    for (uint64_t seed = 1; seed <= count; seed++) {
        struct history history;
        history_make(&history, seed, 120, 6000);
        check(&history);
    }
}

static void they_hold_in_fleets_of_any_size(void **state)
{
    (void)state;
    static const struct {
        uint32_t devices;
        size_t steps;
    } fleets[] = {{1, 1500},    {2, 1500},    {3, 1500},    {10, 1500},    {11, 1500},
                  {1000, 1500}, {5000, 1000}, {20000, 600}, {100000, 600}, {1000000, 500}};
    bool all = asked_for("KEDGE_MODEL_LONG", 0) != 0;
    for (size_t i = 0; i < sizeof(fleets) / sizeof(fleets[0]); i++) {
        struct history history;
        if (fleets[i].devices > 5000 && !all)
            continue;
        history_make(&history, 1000 + i, fleets[i].devices, fleets[i].steps);
        check(&history);
    }
}

/* The server crashes at each commit of its store, before and after that is carried out: what is
 * durable then is all that there is. */
static void they_hold_wherever_the_store_is_cut(void **state)
{
    (void)state;
    uint64_t seeds = asked_for("KEDGE_MODEL_LONG", 0) != 0 ? 40 : 4, commits = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct history history;
        history_make(&history, 2000 + seed, 6, 500);
        struct verdict whole = history_run(&history, false);
        commits += whole.commits;
        for (uint64_t cut = 1; cut <= 2 * whole.commits && !whole.broken; cut++) {
            history.cut_at = (cut + 1) / 2;
            history.cut_is_told = cut % 2 == 0;
            struct history copy = history;
            copy.steps = calloc(history.count + 1, sizeof(struct step));
            assert_non_null(copy.steps);
            memcpy(copy.steps, history.steps, history.count * sizeof(struct step));
            check(&copy);
        }
        check(&history);
    }
    assert_true(commits > 30 * seeds); /* else there is little to cut */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_invariants_hold_in_every_history),
        cmocka_unit_test(they_hold_in_fleets_of_any_size),
        cmocka_unit_test(they_hold_wherever_the_store_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
