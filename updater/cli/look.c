/* look.c: asking, through a restart of the server. */
#define _POSIX_C_SOURCE 200809L
#include "updater/cli/look.h"

#include <stdlib.h>

#include "updater/cli/json.h"
#include "updater/cli/progress.h"
#include "updater/cli/stream.h"
#include "updater/cli/table.h"

#define HTTP_BUSY 503
#define LINE_MAX_BYTES 1024u

static time_t now_s(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static enum look missed(struct looking *looking, const struct client_answer *answer, bool refused,
                        enum status *status)
{
    bool may_pass = !refused || answer->http_status == HTTP_BUSY;
    *status = refused ? STATUS_REFUSED : STATUS_UNREACHABLE;
    if (looking->reached && may_pass) {
        if (looking->silent_since == 0) {
            screen_clear(looking->screen);
            complain("%s (waiting for it)", answer->error);
            looking->silent_since = now_s();
        }
        if (now_s() - looking->silent_since < LOOK_OUTAGE_S)
            return LOOK_AGAIN;
    }
    screen_clear(looking->screen);
    complain("%s", answer->error);
    return LOOK_FAILED;
}

enum look look_at(struct looking *looking, char *path, json_t **out, enum status *status)
{
    struct client_answer answer;
    if (path == NULL) {
        complain("out of memory");
        *status = STATUS_UNREACHABLE;
        return LOOK_FAILED;
    }
    enum client_outcome outcome = client_ask(looking->cli->client, "GET", path, NULL, &answer);
    free(path);
    if (outcome != CLIENT_DONE)
        return missed(looking, &answer, outcome == CLIENT_REFUSED, status);
    looking->reached = true;
    looking->silent_since = 0;
    *out = answer.json;
    return LOOK_SEEN;
}

enum status look_in_rounds(struct looking *looking, char *path,
                           bool (*round)(void *watch, enum status *status), void *watch)
{
    enum status status = STATUS_DONE;
    struct stream *stream = path == NULL ? NULL : stream_open(looking->cli->client, path);
    free(path);
    if (stream == NULL) {
        complain("out of memory");
        return STATUS_UNREACHABLE;
    }
    if (!looking->cli->json)
        screen_measure(looking->screen);
    while (round(watch, &status))
        stream_wait(stream);
    stream_close(stream);
    return status;
}

void print_json_line(const json_t *record)
{
    (void)json_dumpf(record, stdout, JSON_COMPACT);
    (void)fputc('\n', stdout);
}

void print_history_line(struct screen *screen, const json_t *entry)
{
    char line[LINE_MAX_BYTES], when[32];
    screen_clear(screen);
    history_line(entry, line, sizeof(line));
    time_text(number_of(entry, "at_ms"), when, sizeof(when));
    say("%s  %s", when, line);
}
