/*
 * watch_rollouts.c: kedge rollout list --watch: the newest rollouts, as they go. On a terminal a
 * bar for each; elsewhere a line whenever one of them has changed.
 */
#include "updater/cli/watch_rollouts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "updater/cli/json.h"
#include "updater/cli/look.h"
#include "updater/cli/progress.h"
#include "updater/cli/table.h"

#define LINE_MAX_BYTES 1024u
#define NAME_MAX_BYTES 160u
#define NAME_WIDTH_MAX 28u
#define SHOWN_MAX 100u
#define LINES_KEPT_FREE 2u /* of the terminal */

struct watch {
    struct looking looking;
    struct screen screen;
    json_t *told; /* by a rollout's id: what was printed of it last */
};

/* "7 spring" */
static void name_of(const json_t *rollout, char *out, size_t size)
{
    (void)snprintf(out, size, "%" PRIu64 " %s", number_of(rollout, "id"), text_of(rollout, "name"));
}

static void draw(struct watch *watch, const json_t *rollouts)
{
    char line[LINE_MAX_BYTES], name[NAME_MAX_BYTES];
    size_t index, name_width = 1;
    json_t *rollout;
    screen_clear(&watch->screen);
    screen_measure(&watch->screen);
    json_array_foreach(rollouts, index, rollout)
    {
        name_of(rollout, name, sizeof(name));
        size_t width = text_width(name);
        name_width = width > name_width ? width : name_width;
    }
    name_width = name_width > NAME_WIDTH_MAX ? NAME_WIDTH_MAX : name_width;
    json_array_foreach(rollouts, index, rollout)
    {
        name_of(rollout, name, sizeof(name));
        named_line(name, name_width, rollout, 0, watch->screen.width - 1, line, sizeof(line));
        screen_add(&watch->screen, line);
    }
}

/* Prints the rollout when it is not as it was printed last. */
static void tell(struct watch *watch, const json_t *rollout)
{
    char key[24], counts[256], now[320], when[32];
    counts_text(json_object_get(rollout, "counts"), counts, sizeof(counts));
    (void)snprintf(key, sizeof(key), "%" PRIu64, number_of(rollout, "id"));
    (void)snprintf(now, sizeof(now), "%s: %s", text_of(rollout, "state"), counts);
    if (strcmp(text_of(watch->told, key), now) == 0)
        return;
    (void)json_object_set_new(watch->told, key, json_string(now));
    if (watch->looking.cli->json) {
        print_json_line(rollout);
        return;
    }
    time_text((uint64_t)time(NULL) * 1000, when, sizeof(when));
    say("%s  rollout %s \"%s\" %s", when, key, text_of(rollout, "name"), now);
}

static bool goes_on(void *watched, enum status *status)
{
    struct watch *watch = watched;
    json_t *page = NULL;
    char query[64];
    size_t room =
        watch->screen.height > LINES_KEPT_FREE ? watch->screen.height - LINES_KEPT_FREE : SHOWN_MAX;
    (void)snprintf(query, sizeof(query), "/api/v1/rollouts?limit=%zu",
                   room < SHOWN_MAX ? room : SHOWN_MAX);
    enum look seen = look_at(&watch->looking, path_of(query, "", ""), &page, status);
    json_t *rollouts = json_object_get(page, "rollouts");
    if (seen == LOOK_SEEN && watch->screen.width > 0)
        draw(watch, rollouts);
    for (size_t i = json_array_size(rollouts); i > 0 && watch->screen.width == 0; i--)
        tell(watch, json_array_get(rollouts, i - 1)); /* the oldest first, as they came */
    (void)fflush(stdout);
    json_decref(page);
    return seen != LOOK_FAILED;
}

enum status rollouts_watch(struct cli *cli)
{
    struct watch watch = {.looking = {.cli = cli}, .told = json_object()};
    char *path = watch.told == NULL ? NULL : path_of("/api/v1/events?kinds=rollout", "", "");
    watch.looking.screen = &watch.screen;
    enum status status = look_in_rounds(&watch.looking, path, goes_on, &watch);
    json_decref(watch.told);
    return status;
}
