// links: kedge-rollout
/*
 * fuzz_window.c: any bytes as a window. It parses or says where it does not; what parses is written
 * in one way that parses to the same, and stands as it says until it changes.
 */
#include "tests/fuzz/fuzz.h"
#include "updater/rollout/window.h"

#include <string.h>

/* Clocks that change every four months, by an odd number of seconds. */
static bool fuzz_offset(void *context, const char *zone, uint64_t at_s,
                        struct kedge_zone_offset *out)
{
    uint64_t third = at_s / 10512000u;
    (void)context;
    *out = (struct kedge_zone_offset){.offset_s = (int32_t)(third % 3) * 3661 - 7000,
                                      .until_s = (third + 1) * 10512000u};
    return strcmp(zone, "No/Where") != 0;
}

static const struct kedge_zones zones = {.offset = fuzz_offset};

static void check_standing(const struct kedge_window *window, uint64_t at_ms)
{
    struct kedge_windows windows = {.items = {*window}, .count = 1};
    struct kedge_window_state now, later;
    kedge_windows_state(&windows, &zones, "Fuzz/Zone", at_ms, &now);
    if (now.changes_at_ms == KEDGE_WINDOW_NEVER)
        return;
    FUZZ_REQUIRE(now.changes_at_ms > at_ms);
    kedge_windows_state(&windows, &zones, "Fuzz/Zone", now.changes_at_ms - 1, &later);
    FUZZ_REQUIRE(later.open == now.open);
    FUZZ_REQUIRE(later.changes_at_ms == now.changes_at_ms);
    kedge_windows_state(&windows, &zones, "Fuzz/Zone", now.changes_at_ms, &later);
    FUZZ_REQUIRE(later.open != now.open);
}

/* Member by member: what is between them, and behind the zone's end, is anything. */
static bool is_same(const struct kedge_window *a, const struct kedge_window *b)
{
    return a->days == b->days && a->fixed == b->fixed && a->start_s == b->start_s &&
           a->length_s == b->length_s && strcmp(a->zone, b->zone) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_window window;
    struct kedge_windows again;
    struct kedge_window_problem problem;
    char text[KEDGE_WINDOW_TEXT_MAX + 1];
    if (kedge_window_parse(kedge_slice(data, size), &zones, &window, &problem) != KEDGE_OK) {
        FUZZ_REQUIRE(problem.column >= 1 && problem.text[0] != '\0');
        FUZZ_REQUIRE(memchr(problem.text, '\0', sizeof(problem.text)) != NULL);
        return 0;
    }
    FUZZ_REQUIRE(window.days != 0 && window.length_s >= 60);
    FUZZ_REQUIRE(window.length_s <= KEDGE_WINDOW_LENGTH_MAX_S && window.start_s < 86400);
    kedge_window_text(&window, text);
    FUZZ_REQUIRE(kedge_windows_load(text, &again) == KEDGE_OK && again.count == 1);
    FUZZ_REQUIRE(is_same(&again.items[0], &window));
    for (size_t i = 0; i < size; i++)
        check_standing(&window, (uint64_t)data[i] * 97654321u * 1000);
    return 0;
}
