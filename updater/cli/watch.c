/*
 * watch.c: kedge rollout watch: on a terminal bars that move, of the rollout and of its groups, and
 * a line for each device that did not make it; elsewhere a line for each change, from the rollout's
 * history, so that none is missed between two looks.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "updater/cli/json.h"
#include "updater/cli/look.h"
#include "updater/cli/progress.h"
#include "updater/cli/table.h"

#define ROLLOUTS "/api/v1/rollouts/"
#define LINE_MAX_BYTES 1024u
#define NAME_WIDTH_MAX 20u
#define LINES_KEPT_FREE 2u /* of the terminal: what was said before stays in sight */

struct watch {
    struct looking looking;
    struct screen screen; /* width 0: no terminal, or none that is drawn on */
    const char *id;
    uint64_t history_seen; /* id of the last entry */
};

static enum look look(struct watch *watch, const char *suffix, json_t **out, enum status *status)
{
    return look_at(&watch->looking, path_of(ROLLOUTS, watch->id, suffix), out, status);
}

/* ---- what happened ---- */

static void print_entry(struct watch *watch, const json_t *entry)
{
    if (watch->looking.cli->json) {
        print_json_line(entry);
        return;
    }
    if (watch->screen.width > 0 && !history_is_bad(entry))
        return;
    print_history_line(&watch->screen, entry);
}

/* All that has happened since the last look. */
static enum look show_history(struct watch *watch, enum status *status)
{
    for (bool more = true; more;) {
        char suffix[96];
        json_t *page = NULL, *entry;
        size_t index;
        (void)snprintf(suffix, sizeof(suffix), "/history?limit=500&cursor=%" PRIu64,
                       watch->history_seen);
        enum look seen = look(watch, suffix, &page, status);
        if (seen != LOOK_SEEN)
            return seen;
        json_array_foreach(json_object_get(page, "history"), index, entry)
        {
            print_entry(watch, entry);
            watch->history_seen = number_of(entry, "id");
        }
        more = json_is_string(json_object_get(page, "next"));
        json_decref(page);
    }
    return LOOK_SEEN;
}

/* ---- where it stands ---- */

static size_t widest_name(const json_t *groups)
{
    size_t index, widest = 1;
    json_t *group;
    json_array_foreach(groups, index, group)
    {
        size_t width = text_width(text_of(group, "name"));
        widest = width > widest ? width : widest;
    }
    return widest > NAME_WIDTH_MAX ? NAME_WIDTH_MAX : widest;
}

/* One group says nothing that the rollout does not. */
static void draw_groups(struct watch *watch, const json_t *groups, double downloaded)
{
    char line[LINE_MAX_BYTES];
    size_t count = json_array_size(groups), name_width = widest_name(groups);
    size_t room =
        watch->screen.height > LINES_KEPT_FREE + 1 ? watch->screen.height - LINES_KEPT_FREE - 1 : 1;
    if (count < 2)
        return;
    size_t first = groups_first(groups, room);
    for (size_t i = first; i < count && i - first < room; i++) {
        const json_t *group = json_array_get(groups, i);
        named_line(text_of(group, "name"), name_width, group, downloaded, watch->screen.width - 1,
                   line, sizeof(line));
        screen_add(&watch->screen, line);
    }
}

static enum look draw(struct watch *watch, const json_t *rollout, enum status *status)
{
    char line[LINE_MAX_BYTES];
    json_t *deployments = NULL, *groups = NULL;
    if (watch->screen.width == 0)
        return LOOK_SEEN;
    enum look seen = look(watch, "/deployments?state=downloading&limit=100", &deployments, status);
    if (seen == LOOK_SEEN)
        seen = look(watch, "/groups", &groups, status);
    if (seen == LOOK_SEEN) {
        double downloaded = downloads_average(json_object_get(deployments, "deployments"));
        screen_clear(&watch->screen);
        screen_measure(&watch->screen);
        progress_line(rollout, downloaded, watch->screen.width - 1, line, sizeof(line));
        screen_add(&watch->screen, line);
        draw_groups(watch, json_object_get(groups, "groups"), downloaded);
    }
    json_decref(deployments);
    json_decref(groups);
    return seen;
}

static enum status conclude(struct watch *watch, const json_t *rollout, enum watch_verdict verdict)
{
    char counts[256];
    screen_clear(&watch->screen);
    if (watch->looking.cli->json) {
        print_json_line(rollout);
        return verdict == WATCH_FINISHED ? STATUS_DONE : STATUS_REFUSED;
    }
    counts_text(json_object_get(rollout, "counts"), counts, sizeof(counts));
    say("rollout %s \"%s\" %s: %s", watch->id, text_of(rollout, "name"), text_of(rollout, "state"),
        counts);
    if (verdict == WATCH_FINISHED)
        return STATUS_DONE;
    say("%s", text_of(rollout, "explanation"));
    say("see kedge rollout show %s --devices", watch->id);
    return STATUS_REFUSED;
}

/* One round: what happened, where it stands, whether that is the end. */
static bool goes_on(void *watched, enum status *status)
{
    struct watch *watch = watched;
    json_t *rollout = NULL;
    /* The rollout first: the history that is read after it is at least as new. */
    enum look seen = look(watch, "", &rollout, status);
    if (seen == LOOK_SEEN)
        seen = show_history(watch, status);
    enum watch_verdict verdict = watch_verdict(text_of(rollout, "state"));
    if (seen == LOOK_SEEN && verdict == WATCH_GOES_ON)
        seen = draw(watch, rollout, status);
    else if (seen == LOOK_SEEN)
        *status = conclude(watch, rollout, verdict);
    (void)fflush(stdout);
    json_decref(rollout);
    return seen == LOOK_AGAIN || (seen == LOOK_SEEN && verdict == WATCH_GOES_ON);
}

enum status rollout_watch(struct cli *cli, const struct arguments *arguments)
{
    struct watch watch = {.looking = {.cli = cli}, .id = arguments->positional[0]};
    watch.looking.screen = &watch.screen;
    return look_in_rounds(&watch.looking,
                          path_of("/api/v1/events?kinds=rollout,group&rollout=", watch.id, ""),
                          goes_on, &watch);
}
