/*
 * watch_device.c: kedge device watch: the deployment that a device has now, or the next one that it
 * gets, to its end. On a terminal a bar that moves; elsewhere a line for each change, from the
 * device's history.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "updater/cli/json.h"
#include "updater/cli/look.h"
#include "updater/cli/progress.h"
#include "updater/cli/table.h"

#define DEVICES "/api/v1/devices/"
#define LINE_MAX_BYTES 1024u
#define CURSOR_MAX 192u

struct watch {
    struct looking looking;
    struct screen screen;
    const char *endpoint;
    uint64_t deployment; /* that is watched; 0: none yet */
    bool waiting_said;
    char history_cursor[CURSOR_MAX];
};

/* ---- pages of a listing of the device ---- */

static char *page_path(const struct watch *watch, const char *listing, const char *cursor)
{
    char suffix[CURSOR_MAX + 64];
    char *escaped = path_of(cursor[0] == '\0' ? "" : "&cursor=", cursor, "");
    if (escaped == NULL)
        return NULL;
    (void)snprintf(suffix, sizeof(suffix), "/%s?limit=500%s", listing, escaped);
    free(escaped);
    return path_of(DEVICES, watch->endpoint, suffix);
}

/* ---- which deployment ---- */

static bool has_ended(const json_t *deployment)
{
    return json_is_integer(json_object_get(deployment, "ended_at_ms"));
}

/* The one that is watched, or else the last that has not ended; NULL: none. The caller's. */
static enum look find(struct watch *watch, json_t **found, enum status *status)
{
    char cursor[CURSOR_MAX] = "";
    for (bool more = true; more;) {
        json_t *page = NULL, *deployment;
        size_t index;
        enum look seen =
            look_at(&watch->looking, page_path(watch, "deployments", cursor), &page, status);
        if (seen != LOOK_SEEN)
            return seen;
        json_array_foreach(json_object_get(page, "deployments"), index, deployment)
        {
            bool fits = watch->deployment == 0 ? !has_ended(deployment)
                                               : number_of(deployment, "id") == watch->deployment;
            if (!fits)
                continue;
            json_decref(*found);
            *found = json_incref(deployment);
        }
        (void)snprintf(cursor, sizeof(cursor), "%s", text_of(page, "next"));
        more = cursor[0] != '\0';
        json_decref(page);
    }
    return LOOK_SEEN;
}

/* ---- what happened ---- */

static void print_entry(struct watch *watch, const json_t *entry)
{
    if (number_of(entry, "deployment_id") != watch->deployment)
        return;
    if (watch->looking.cli->json) {
        print_json_line(entry);
        return;
    }
    print_history_line(&watch->screen, entry);
}

static enum look show_history(struct watch *watch, enum status *status)
{
    for (bool more = true; more;) {
        json_t *page = NULL, *entry;
        size_t index;
        enum look seen = look_at(&watch->looking,
                                 page_path(watch, "history", watch->history_cursor), &page, status);
        if (seen != LOOK_SEEN)
            return seen;
        json_array_foreach(json_object_get(page, "history"), index, entry)
        {
            print_entry(watch, entry);
            (void)snprintf(watch->history_cursor, sizeof(watch->history_cursor), "%" PRIu64,
                           number_of(entry, "id"));
        }
        more = json_is_string(json_object_get(page, "next"));
        json_decref(page);
    }
    return LOOK_SEEN;
}

/* ---- where it stands ---- */

static void draw(struct watch *watch, const json_t *deployment)
{
    char line[LINE_MAX_BYTES];
    if (watch->screen.width == 0)
        return;
    screen_clear(&watch->screen);
    screen_measure(&watch->screen);
    deployment_line(deployment, watch->screen.width - 1, line, sizeof(line));
    screen_add(&watch->screen, line);
}

static void say_waiting(struct watch *watch)
{
    if (watch->waiting_said || watch->looking.cli->json)
        return;
    say("%s has no deployment under way: waiting for one", watch->endpoint);
    watch->waiting_said = true;
}

static enum status conclude(struct watch *watch, const json_t *deployment)
{
    const char *state = text_of(deployment, "state"), *why = text_of(deployment, "explanation");
    screen_clear(&watch->screen);
    if (watch->looking.cli->json)
        print_json_line(deployment);
    else
        say("%s %s in rollout %" PRIu64 "%s%s", watch->endpoint, state,
            number_of(deployment, "rollout_id"), why[0] == '\0' ? "" : ": ", why);
    return strcmp(state, "succeeded") == 0 ? STATUS_DONE : STATUS_REFUSED;
}

static bool goes_on(void *watched, enum status *status)
{
    struct watch *watch = watched;
    json_t *deployment = NULL;
    /* The deployment first: the history that is read after it is at least as new. */
    enum look seen = find(watch, &deployment, status);
    bool ended = deployment != NULL && has_ended(deployment);
    if (seen == LOOK_SEEN && deployment == NULL)
        say_waiting(watch);
    if (seen == LOOK_SEEN && deployment != NULL) {
        watch->deployment = number_of(deployment, "id");
        seen = show_history(watch, status);
    }
    if (seen == LOOK_SEEN && ended)
        *status = conclude(watch, deployment);
    else if (seen == LOOK_SEEN && deployment != NULL)
        draw(watch, deployment);
    (void)fflush(stdout);
    json_decref(deployment);
    return seen == LOOK_AGAIN || (seen == LOOK_SEEN && !ended);
}

enum status device_watch(struct cli *cli, const struct arguments *arguments)
{
    struct watch watch = {.looking = {.cli = cli}, .endpoint = arguments->positional[0]};
    watch.looking.screen = &watch.screen;
    return look_in_rounds(
        &watch.looking,
        path_of("/api/v1/events?kinds=device,deployment&endpoint=", watch.endpoint, ""), goes_on,
        &watch);
}
