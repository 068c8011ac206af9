/* timing.c: --start-at, --window, --gate-window and --download-in-window. */
#include "updater/cli/timing.h"

#include "updater/rollout/moment.h"

static bool add_list(const struct arguments *arguments, const char *option, const char *field,
                     json_t *body)
{
    json_t *list = json_array();
    size_t at = 0;
    const char *text;
    while ((text = argument_next(arguments, option, &at)) != NULL)
        if (json_array_append_new(list, json_string(text)) != 0) {
            complain("--%s: it is not UTF-8", option);
            json_decref(list);
            return false;
        }
    if (json_array_size(list) > 0)
        return json_object_set_new(body, field, list) == 0;
    json_decref(list);
    return true;
}

bool add_timing(const struct arguments *arguments, json_t *body)
{
    const char *start_at = argument(arguments, "start-at");
    uint64_t at_ms;
    if (start_at != NULL && !kedge_moment_parse(kedge_slice_text(start_at), &at_ms)) {
        complain("--start-at %s: a time is 2026-11-26T09:00:00Z, 2026-11-26T10:00:00+01:00 or a "
                 "day",
                 start_at);
        return false;
    }
    if (start_at != NULL && json_object_set_new(body, "start_at", json_string(start_at)) != 0)
        return false;
    if (argument(arguments, "download-in-window") != NULL &&
        json_object_set_new(body, "download_in_window", json_true()) != 0)
        return false;
    return add_list(arguments, "window", "windows", body) &&
           add_list(arguments, "gate-window", "gate_windows", body);
}

static void print_list(const char *label, const json_t *list)
{
    size_t index;
    json_t *window;
    json_array_foreach(list, index, window)
    {
        say("  %-9s %s", index == 0 ? label : "", json_string_value(window));
    }
}

void print_timing(const json_t *rollout)
{
    char time[KEDGE_MOMENT_TEXT_MAX];
    if (number_of(rollout, "start_at_ms") != 0) {
        kedge_moment_text(number_of(rollout, "start_at_ms"), time);
        say("  starts at %s", time);
    }
    print_list(json_is_true(json_object_get(rollout, "download_in_window")) ? "windows *"
                                                                            : "windows",
               json_object_get(rollout, "windows"));
    print_list("gates", json_object_get(rollout, "gate_windows"));
    if (json_is_integer(json_object_get(rollout, "window_changes_at_ms"))) {
        kedge_moment_text(number_of(rollout, "window_changes_at_ms"), time);
        say("  window    %s", json_is_true(json_object_get(rollout, "window_open"))
                                  ? "open at its start, and shuts"
                                  : "shut at its start, and opens");
        say("            at %s, for devices without a time zone of their own", time);
    }
}
