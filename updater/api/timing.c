/* timing.c: start times and windows in bodies and answers. */
#include "updater/api/timing.h"

#include "updater/rollout/moment.h"

#include <stdio.h>
#include <string.h>

bool timing_read_start(struct request *request, const char *text, bool start, uint64_t *at_ms)
{
    if (text == NULL)
        return true;
    if (!kedge_moment_parse(kedge_slice_text(text), at_ms)) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "start_at",
               "start_at must be a time as 2026-11-26T09:00:00Z or 2026-11-26T10:00:00+01:00, or a "
               "day");
        return false;
    }
    if (!start)
        return true;
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "start",
           "a rollout with a start time is not started at once: it starts by itself");
    return false;
}

bool timing_read_windows(struct request *request, const char *field, const json_t *list,
                         char lines[KEDGE_WINDOWS_LINES_MAX], const char **out)
{
    size_t used = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *text = json_string_value(item);
        size_t size = json_string_length(item);
        if (size == 0 || size > KEDGE_WINDOW_TEXT_MAX || strchr(text, '\n') != NULL) {
            refuse(request, MHD_HTTP_BAD_REQUEST, "argument", field,
                   "%s: window %zu must have 1 to %u bytes in one line", field, i + 1,
                   KEDGE_WINDOW_TEXT_MAX);
            return false;
        }
        if (i > 0)
            lines[used++] = '\n';
        memcpy(&lines[used], text, size);
        used += size;
    }
    if (list == NULL)
        return true;
    lines[used] = '\0';
    *out = lines;
    return true;
}

json_t *windows_json(const char *lines)
{
    json_t *list = json_array();
    while (*lines != '\0') {
        size_t size = strcspn(lines, "\n");
        json_add(&list, json_stringn(lines, size));
        lines += size + (lines[size] == '\n');
    }
    return list;
}
