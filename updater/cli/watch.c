/*
 * watch.c: kedge rollout watch: on a terminal a bar that moves and a line for each device that did
 * not make it; elsewhere a line for each change, from the rollout's history, so that none is missed
 * between two looks.
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "updater/cli/cli.h"
#include "updater/cli/json.h"
#include "updater/cli/progress.h"
#include "updater/cli/table.h"

#define ROLLOUTS "/api/v1/rollouts/"
#define LOOK_EVERY_MS 250
#define OUTAGE_LIMIT_S 60 /* a server that restarts is waited for */
#define LINE_MAX_BYTES 1024u
#define HTTP_BUSY 503

struct watch {
    struct cli *cli;
    const char *id;
    uint64_t history_seen; /* id of the last entry */
    bool reached;          /* the server has answered at least once */
    time_t silent_since;   /* 0: it answers */
    size_t width;          /* of the terminal; 0: none */
    bool drawn;
};

static time_t now_s(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void clear_line(struct watch *watch)
{
    if (watch->drawn)
        (void)printf("\r\033[K");
    watch->drawn = false;
}

/* ---- asking, through a restart of the server ---- */

enum look { LOOK_SEEN, LOOK_AGAIN, LOOK_FAILED };

static enum look missed(struct watch *watch, const struct client_answer *answer, bool refused,
                        enum status *status)
{
    bool may_pass = !refused || answer->http_status == HTTP_BUSY;
    *status = refused ? STATUS_REFUSED : STATUS_UNREACHABLE;
    if (watch->reached && may_pass) {
        if (watch->silent_since == 0) {
            clear_line(watch);
            complain("%s (waiting for it)", answer->error);
            watch->silent_since = now_s();
        }
        if (now_s() - watch->silent_since < OUTAGE_LIMIT_S)
            return LOOK_AGAIN;
    }
    clear_line(watch);
    complain("%s", answer->error);
    return LOOK_FAILED;
}

static enum look look(struct watch *watch, const char *suffix, json_t **out, enum status *status)
{
    struct client_answer answer;
    char *path = path_of(ROLLOUTS, watch->id, suffix);
    if (path == NULL) {
        complain("out of memory");
        *status = STATUS_UNREACHABLE;
        return LOOK_FAILED;
    }
    enum client_outcome outcome = client_ask(watch->cli->client, "GET", path, NULL, &answer);
    free(path);
    if (outcome != CLIENT_DONE)
        return missed(watch, &answer, outcome == CLIENT_REFUSED, status);
    watch->reached = true;
    watch->silent_since = 0;
    *out = answer.json;
    return LOOK_SEEN;
}

/* ---- showing ---- */

static void print_entry(struct watch *watch, const json_t *entry)
{
    char line[LINE_MAX_BYTES], when[32];
    if (watch->cli->json) {
        (void)json_dumpf(entry, stdout, JSON_COMPACT);
        (void)fputc('\n', stdout);
        return;
    }
    if (watch->width > 0 && !history_is_bad(entry))
        return;
    clear_line(watch);
    history_line(entry, line, sizeof(line));
    time_text(number_of(entry, "at_ms"), when, sizeof(when));
    say("%s  %s", when, line);
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

static enum look draw(struct watch *watch, const json_t *rollout, enum status *status)
{
    char line[LINE_MAX_BYTES];
    json_t *page = NULL;
    if (watch->width == 0)
        return LOOK_SEEN;
    enum look seen = look(watch, "/deployments?state=downloading&limit=100", &page, status);
    if (seen != LOOK_SEEN)
        return seen;
    watch->width = terminal_width(stdout);
    progress_line(rollout, downloads_average(json_object_get(page, "deployments")),
                  watch->width - 1, line, sizeof(line));
    json_decref(page);
    clear_line(watch);
    (void)printf("%s", line);
    watch->drawn = true;
    return LOOK_SEEN;
}

static enum status conclude(struct watch *watch, const json_t *rollout, enum watch_verdict verdict)
{
    char counts[256];
    clear_line(watch);
    if (watch->cli->json) {
        (void)json_dumpf(rollout, stdout, JSON_COMPACT);
        (void)fputc('\n', stdout);
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
static bool goes_on(struct watch *watch, enum status *status)
{
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
    struct watch watch = {.cli = cli, .id = arguments->positional[0]};
    enum status status = STATUS_DONE;
    if (!cli->json)
        watch.width = terminal_width(stdout);
    while (goes_on(&watch, &status)) {
        const struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
    }
    return status;
}
