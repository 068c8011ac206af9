/* progress.c: what those who watch make of the server's answers. */
#include "updater/cli/progress.h"

#include <kedge/base.h>
#include <stdio.h>
#include <string.h>

#include "updater/cli/json.h"
#include "updater/cli/table.h"

#define BAR_MAX 40u
#define BAR_MIN 10u
#define COUNTS_MAX 256u
#define BAR_TEXT_MAX (BAR_MAX + 16u)
#define NAME_MAX_BYTES 128u

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

/* "[####....]  50 %", for a line of `width` columns. */
static void bar_text(unsigned percent, size_t width, char out[BAR_TEXT_MAX])
{
    char bar[BAR_MAX + 1];
    size_t length = width / 4;
    length = length > BAR_MAX ? BAR_MAX : length < BAR_MIN ? BAR_MIN : length;
    for (size_t i = 0; i < length; i++)
        bar[i] = i * 100 < percent * length ? '#' : '.';
    bar[length] = '\0';
    (void)snprintf(out, BAR_TEXT_MAX, "[%s] %3u %%", bar, percent);
}

/* What came from outside cannot steer the terminal, and the line is no longer than `width`. */
static void finish_line(const char *text, size_t width, char *out, size_t out_size)
{
    kedge_printable(kedge_slice_text(text), out, out_size);
    if (width > 0)
        out[text_prefix(out, width)] = '\0';
}

void progress_line(const json_t *rollout, double downloaded, size_t width, char *out,
                   size_t out_size)
{
    char counts[COUNTS_MAX], bar[BAR_TEXT_MAX], text[COUNTS_MAX + BAR_TEXT_MAX + 64];
    const json_t *figures = json_object_get(rollout, "counts");
    bar_text(progress_percent(figures, downloaded), width, bar);
    counts_text(figures, counts, sizeof(counts));
    (void)snprintf(text, sizeof(text), "%s  %s: %s", bar, text_of(rollout, "state"), counts);
    finish_line(text, width, out, out_size);
}

void named_line(const char *name, size_t name_width, const json_t *record, double downloaded,
                size_t width, char *out, size_t out_size)
{
    char shown[NAME_MAX_BYTES], line[COUNTS_MAX + BAR_TEXT_MAX + 64];
    char text[sizeof(shown) + sizeof(line) + NAME_MAX_BYTES];
    kedge_printable(kedge_slice_text(name), shown, sizeof(shown));
    shown[text_prefix(shown, name_width)] = '\0';
    size_t gap = name_width - text_width(shown) + 2;
    progress_line(record, downloaded, width > name_width + 2 ? width - name_width - 2 : 1, line,
                  sizeof(line));
    (void)snprintf(text, sizeof(text), "%s%*s%s", shown, (int)gap, "", line);
    finish_line(text, width, out, out_size);
}

size_t groups_first(const json_t *groups, size_t room)
{
    static const char *const ended[] = {"succeeded", "failed"};
    size_t count = json_array_size(groups), first = 0;
    while (first < count && one_of(text_of(json_array_get(groups, first), "state"), ended,
                                   sizeof(ended) / sizeof(ended[0])))
        first++;
    first -= first > 0 && room > 1 ? 1 : 0;
    size_t last_start = count > room ? count - room : 0;
    return first < last_start ? first : last_start;
}

void deployment_line(const json_t *deployment, size_t width, char *out, size_t out_size)
{
    char bar[BAR_TEXT_MAX], text[1024], bytes[80] = "", done[32], total[32];
    const char *state = text_of(deployment, "state"), *why = text_of(deployment, "explanation");
    uint64_t bytes_total = number_of(deployment, "bytes_total");
    uint64_t bytes_done = number_of(deployment, "bytes_done");
    double downloaded = bytes_total == 0 ? 0 : (double)bytes_done / (double)bytes_total;
    bar_text((unsigned)(100 * share_of(state, downloaded > 1 ? 1 : downloaded)), width, bar);
    if (bytes_total > 0 && strcmp(state, "downloading") == 0) {
        size_text(bytes_done, done, sizeof(done));
        size_text(bytes_total, total, sizeof(total));
        (void)snprintf(bytes, sizeof(bytes), " %s of %s", done, total);
    }
    (void)snprintf(text, sizeof(text), "%s  %s%s%s%s", bar, state, bytes,
                   why[0] == '\0' ? "" : ": ", why);
    finish_line(text, width, out, out_size);
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
