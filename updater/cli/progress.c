/* progress.c: what `kedge rollout watch` makes of the server's answers. */
#include "updater/cli/progress.h"

#include <kedge/base.h>
#include <stdio.h>
#include <string.h>

#include "updater/cli/json.h"
#include "updater/cli/table.h"

#define BAR_MAX 40u
#define BAR_MIN 10u
#define COUNTS_MAX 256u

static bool one_of(const char *text, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, texts[i]) == 0)
            return true;
    return false;
}

enum watch_verdict watch_verdict(const char *state)
{
    static const char *const stopped[] = {"paused", "aborted", "rolled_back"};
    if (strcmp(state, "finished") == 0)
        return WATCH_FINISHED;
    return one_of(state, stopped, sizeof(stopped) / sizeof(stopped[0])) ? WATCH_STOPPED
                                                                        : WATCH_GOES_ON;
}

/* What share of its way a deployment has behind it; a state that is not here has ended. */
static const struct {
    const char *state;
    double begin, end; /* the download moves between the two */
} shares[] = {
    {"pending", 0, 0},          {"offered", 0.02, 0.02},  {"downloading", 0.05, 0.6},
    {"downloaded", 0.65, 0.65}, {"installing", 0.7, 0.7}, {"verifying", 0.9, 0.9},
};

static double share_of(const char *state, double downloaded)
{
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
        if (strcmp(shares[i].state, state) == 0)
            return shares[i].begin + (shares[i].end - shares[i].begin) * downloaded;
    return 1;
}

unsigned progress_percent(const json_t *counts, double downloaded)
{
    const char *state;
    json_t *value;
    double done = 0, total = 0;
    json_object_foreach((json_t *)(uintptr_t)counts, state, value)
    {
        double count = (double)json_integer_value(value);
        total += count;
        done += count * share_of(state, downloaded);
    }
    return total <= 0 ? 0 : (unsigned)(100 * done / total);
}

double downloads_average(const json_t *deployments)
{
    size_t index, count = 0;
    json_t *deployment;
    double sum = 0;
    json_array_foreach(deployments, index, deployment)
    {
        double total = (double)number_of(deployment, "bytes_total");
        double done = (double)number_of(deployment, "bytes_done");
        if (total <= 0)
            continue;
        sum += done < total ? done / total : 1;
        count++;
    }
    return count == 0 ? 0 : sum / (double)count;
}

void progress_line(const json_t *rollout, double downloaded, size_t width, char *out,
                   size_t out_size)
{
    char counts[COUNTS_MAX], bar[BAR_MAX + 1], text[COUNTS_MAX + BAR_MAX + 64];
    const json_t *figures = json_object_get(rollout, "counts");
    unsigned percent = progress_percent(figures, downloaded);
    size_t length = width / 4;
    length = length > BAR_MAX ? BAR_MAX : length < BAR_MIN ? BAR_MIN : length;
    for (size_t i = 0; i < length; i++)
        bar[i] = i * 100 < percent * length ? '#' : '.';
    bar[length] = '\0';
    counts_text(figures, counts, sizeof(counts));
    (void)snprintf(text, sizeof(text), "[%s] %3u %%  %s: %s", bar, percent,
                   text_of(rollout, "state"), counts);
    kedge_printable(kedge_slice_text(text), out, out_size);
    if (width > 0 && strlen(out) > width) /* counts and states are ASCII */
        out[width] = '\0';
}

void history_line(const json_t *entry, char *out, size_t out_size)
{
    char text[1024], what[192];
    const char *endpoint = text_of(entry, "endpoint"), *from = text_of(entry, "from");
    const char *to = text_of(entry, "to");
    const char *words = text_of(entry, "text");
    const json_t *group = json_object_get(entry, "group_index");
    if (endpoint[0] != '\0')
        (void)snprintf(what, sizeof(what), "%s", endpoint);
    else if (json_is_integer(group))
        (void)snprintf(what, sizeof(what), "group %lld", (long long)json_integer_value(group) + 1);
    else
        (void)snprintf(what, sizeof(what), "rollout");
    if (strcmp(from, to) == 0)
        from = "";
    (void)snprintf(text, sizeof(text), "%s: %s%s%s%s%s", what, from, from[0] == '\0' ? "" : " -> ",
                   to, words[0] == '\0' ? "" : ": ", words);
    kedge_printable(kedge_slice_text(text), out, out_size);
}

bool history_is_bad(const json_t *entry)
{
    static const char *const bad[] = {"failed", "rejected", "timed_out"};
    return text_of(entry, "endpoint")[0] != '\0' &&
           one_of(text_of(entry, "to"), bad, sizeof(bad) / sizeof(bad[0]));
}
