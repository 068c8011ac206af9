/* window_parse.c: windows out of texts, and back. */
#include "updater/rollout/moment.h"
#include "updater/rollout/window.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EVERY_DAY 0x7fu
#define DAY_NAME_SIZE 3u

static const char day_names[7][DAY_NAME_SIZE + 1] = {"Mon", "Tue", "Wed", "Thu",
                                                     "Fri", "Sat", "Sun"};

struct parser {
    struct kedge_cursor cursor;
    struct kedge_slice word; /* the one that is read */
    size_t word_offset;
    struct kedge_window_problem *problem;
};

/* ---- what is wrong, and where ---- */

static enum kedge_rc fail_at(struct parser *parser, size_t offset, enum kedge_rc rc,
                             const char *text)
{
    parser->problem->column = (unsigned)offset + 1;
    (void)snprintf(parser->problem->text, sizeof(parser->problem->text), "%s", text);
    return rc;
}

/* `inside`: how far the word was read. */
static enum kedge_rc fail_in_word(struct parser *parser, size_t inside, const char *expected)
{
    char shown[32], text[KEDGE_WINDOW_PROBLEM_MAX];
    struct kedge_slice rest = kedge_slice(parser->word.data + inside, parser->word.size - inside);
    kedge_printable(rest, shown, sizeof(shown));
    if (rest.size == 0)
        (void)snprintf(text, sizeof(text), "%s is missing", expected);
    else
        (void)snprintf(text, sizeof(text), "\"%s\" stands where %s was expected", shown, expected);
    return fail_at(parser, parser->word_offset + inside, KEDGE_E_MALFORMED, text);
}

/* ---- words ---- */

/* False at the end. */
static bool next_word(struct parser *parser)
{
    uint8_t byte;
    size_t size = 0;
    while (kedge_cursor_accept(&parser->cursor, ' '))
        continue;
    struct kedge_cursor begin = parser->cursor;
    while (kedge_cursor_left(&parser->cursor) > 0) {
        struct kedge_cursor here = parser->cursor;
        if (kedge_cursor_u8(&parser->cursor, &byte) != KEDGE_OK || byte == ' ') {
            parser->cursor = here;
            break;
        }
        size++;
    }
    parser->word_offset = begin.offset;
    return kedge_cursor_take(&begin, size, &parser->word) == KEDGE_OK && size > 0;
}

static bool word_is(const struct parser *parser, const char *text)
{
    return kedge_slice_equal(parser->word, kedge_slice_text(text));
}

/* ---- days ---- */

static bool take_day(struct kedge_cursor *cursor, unsigned *day)
{
    struct kedge_slice name;
    struct kedge_cursor at = *cursor;
    if (kedge_cursor_take(&at, DAY_NAME_SIZE, &name) != KEDGE_OK)
        return false;
    for (*day = 0; *day < 7; (*day)++)
        if (kedge_slice_equal(name, kedge_slice_text(day_names[*day]))) {
            *cursor = at;
            return true;
        }
    return false;
}

/* Mon, Mon-Fri, Sat-Mon, or several of them. */
static enum kedge_rc take_days(struct parser *parser, uint8_t *days)
{
    static const char expected[] = "a day (Mon, Tue, Wed, Thu, Fri, Sat, Sun) or daily";
    struct kedge_cursor cursor = kedge_cursor(parser->word);
    unsigned first, last;
    *days = EVERY_DAY;
    if (word_is(parser, "daily"))
        return KEDGE_OK;
    *days = 0;
    do {
        if (!take_day(&cursor, &first))
            return fail_in_word(parser, cursor.offset, expected);
        last = first;
        if (kedge_cursor_accept(&cursor, '-') && !take_day(&cursor, &last))
            return fail_in_word(parser, cursor.offset, expected);
        for (unsigned day = first; day != last; day = (day + 1) % 7)
            *days |= (uint8_t)(1u << day);
        *days |= (uint8_t)(1u << last);
    } while (kedge_cursor_accept(&cursor, ','));
    return kedge_cursor_left(&cursor) == 0
               ? KEDGE_OK
               : fail_in_word(parser, cursor.offset, "a comma, or a blank before the times,");
}

/* ---- times ---- */

static bool take_time(struct kedge_cursor *cursor, uint32_t most_s, uint32_t *time_s)
{
    struct kedge_cursor at = *cursor;
    uint64_t hours, minutes;
    if (!kedge_moment_digits(&at, 2, &hours) || !kedge_cursor_accept(&at, ':') ||
        !kedge_moment_digits(&at, 2, &minutes) || minutes > 59 ||
        hours * 3600 + minutes * 60 > most_s)
        return false;
    *time_s = (uint32_t)(hours * 3600 + minutes * 60);
    *cursor = at;
    return true;
}

/* +6h, +90m, +1h30m */
static bool take_length(struct kedge_cursor *cursor, uint32_t *length_s)
{
    uint64_t number, sum_s = 0;
    if (kedge_cursor_decimal(cursor, 10000, &number) != KEDGE_OK)
        return false;
    if (kedge_cursor_accept(cursor, 'h')) {
        sum_s = number * 3600;
        if (kedge_cursor_left(cursor) == 0) {
            *length_s = (uint32_t)sum_s;
            return true;
        }
        if (kedge_cursor_decimal(cursor, 10000, &number) != KEDGE_OK)
            return false;
    }
    *length_s = (uint32_t)(sum_s + number * 60);
    return kedge_cursor_accept(cursor, 'm');
}

static enum kedge_rc check_length(struct parser *parser, size_t inside, uint32_t length_s)
{
    if (length_s == 0)
        return fail_at(parser, parser->word_offset + inside, KEDGE_E_ARGUMENT,
                       "the window ends when it begins, so it never opens; a whole day is "
                       "00:00-24:00 or +24h");
    if (length_s > KEDGE_WINDOW_LENGTH_MAX_S)
        return fail_at(parser, parser->word_offset + inside, KEDGE_E_LIMIT,
                       "the window is longer than a week (+168h)");
    return KEDGE_OK;
}

static enum kedge_rc take_times(struct parser *parser, struct kedge_window *window)
{
    struct kedge_cursor cursor = kedge_cursor(parser->word);
    uint32_t end_s;
    if (!take_time(&cursor, KEDGE_DAY_S - 60, &window->start_s))
        return fail_in_word(parser, cursor.offset, "a time of day from 00:00 to 23:59");
    size_t inside = cursor.offset;
    if (kedge_cursor_accept(&cursor, '+')) {
        if (!take_length(&cursor, &window->length_s))
            return fail_in_word(parser, inside + 1, "a length as 6h, 90m or 1h30m");
    } else if (kedge_cursor_accept(&cursor, '-')) {
        if (!take_time(&cursor, KEDGE_DAY_S, &end_s))
            return fail_in_word(parser, cursor.offset, "a time of day from 00:00 to 24:00");
        window->length_s = end_s >= window->start_s ? end_s - window->start_s
                                                    : end_s + KEDGE_DAY_S - window->start_s;
    } else {
        return fail_in_word(parser, inside, "-HH:MM, when it ends, or +6h, how long it is,");
    }
    if (kedge_cursor_left(&cursor) > 0)
        return fail_in_word(parser, cursor.offset, "a blank, or the end,");
    return check_length(parser, inside, window->length_s);
}

/* ---- zones ---- */

static bool zone_character(char c, bool first)
{
    bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return letter || (!first && ((c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+'));
}

/* The database's own names. Others that it understands are rules of clocks that never change. */
bool kedge_zone_name_valid(const char *name)
{
    size_t size = strlen(name);
    bool first = true, has_area = false;
    if (strcmp(name, KEDGE_ZONE_UTC) == 0)
        return true;
    if (size == 0 || size > KEDGE_ZONE_NAME_MAX)
        return false;
    for (size_t i = 0; i < size; i++) {
        bool slash = name[i] == '/' && !first;
        if (!slash && !zone_character(name[i], first))
            return false;
        has_area = has_area || slash;
        first = slash;
    }
    return has_area && !first;
}

static enum kedge_rc take_zone(struct parser *parser, const struct kedge_zones *zones,
                               struct kedge_window *window)
{
    struct kedge_zone_offset offset;
    if (parser->word.size > KEDGE_ZONE_NAME_MAX)
        return fail_in_word(parser, 0, "a time zone as Europe/Berlin or UTC");
    memcpy(window->zone, parser->word.data, parser->word.size);
    window->zone[parser->word.size] = '\0';
    if (memchr(window->zone, '\0', parser->word.size) != NULL ||
        !kedge_zone_name_valid(window->zone))
        return fail_in_word(parser, 0, "a time zone as Europe/Berlin or UTC");
    if (zones == NULL || zones->offset(zones->context, window->zone, 0, &offset))
        return KEDGE_OK;
    char text[KEDGE_WINDOW_PROBLEM_MAX];
    (void)snprintf(text, sizeof(text), "there is no time zone \"%s\"", window->zone);
    return fail_at(parser, parser->word_offset, KEDGE_E_NOT_FOUND, text);
}

/* ---- all of it ---- */

static enum kedge_rc parse(struct parser *parser, const struct kedge_zones *zones,
                           struct kedge_window *window)
{
    *window = (struct kedge_window){.zone = KEDGE_ZONE_UTC};
    (void)next_word(parser);
    KEDGE_TRY(take_days(parser, &window->days));
    (void)next_word(parser);
    KEDGE_TRY(take_times(parser, window));
    if (!next_word(parser))
        return KEDGE_OK;
    KEDGE_TRY(take_zone(parser, zones, window));
    if (!next_word(parser))
        return KEDGE_OK;
    window->fixed = word_is(parser, "fixed");
    if (!window->fixed)
        return fail_in_word(parser, 0, "\"fixed\", or the end,");
    return next_word(parser) ? fail_in_word(parser, 0, "the end") : KEDGE_OK;
}

enum kedge_rc kedge_window_parse(struct kedge_slice text, const struct kedge_zones *zones,
                                 struct kedge_window *window, struct kedge_window_problem *problem)
{
    struct parser parser = {.cursor = kedge_cursor(text), .problem = problem};
    *problem = (struct kedge_window_problem){.column = 1};
    if (text.size > KEDGE_WINDOW_TEXT_MAX)
        return fail_at(&parser, KEDGE_WINDOW_TEXT_MAX, KEDGE_E_LIMIT,
                       "a window has at most 96 bytes");
    return parse(&parser, zones, window);
}

/* ---- and back ---- */

/* Runs of three days and more as Mon-Wed. */
static size_t put_days(uint8_t days, char *text, size_t size)
{
    size_t used = 0;
    if (days == EVERY_DAY)
        return (size_t)snprintf(text, size, "daily");
    for (unsigned day = 0; day < 7 && used < size; day++) {
        unsigned last = day;
        if ((days & (1u << day)) == 0)
            continue;
        while (last < 6 && (days & (1u << (last + 1))) != 0)
            last++;
        if (last - day < 2)
            last = day;
        used += (size_t)snprintf(&text[used], size - used, "%s%s%s%s", used > 0 ? "," : "",
                                 day_names[day], last > day ? "-" : "",
                                 last > day ? day_names[last] : "");
        day = last;
    }
    return used;
}

void kedge_window_text(const struct kedge_window *window, char text[KEDGE_WINDOW_TEXT_MAX + 1])
{
    char times[24];
    uint32_t start_m = window->start_s / 60, length_m = window->length_s / 60;
    uint32_t end_m = (start_m + length_m) % (24 * 60);
    size_t used = put_days(window->days, text, KEDGE_WINDOW_TEXT_MAX);
    bool to_midnight = start_m + length_m == 24 * 60;
    if (length_m < 24 * 60 || to_midnight)
        (void)snprintf(times, sizeof(times), "-%02u:%02u", to_midnight ? 24 : end_m / 60,
                       end_m % 60);
    else if (length_m % 60 == 0)
        (void)snprintf(times, sizeof(times), "+%uh", length_m / 60);
    else
        (void)snprintf(times, sizeof(times), "+%uh%um", length_m / 60, length_m % 60);
    (void)snprintf(&text[used], KEDGE_WINDOW_TEXT_MAX + 1 - used, " %02u:%02u%s %s%s", start_m / 60,
                   start_m % 60, times, window->zone, window->fixed ? " fixed" : "");
}

enum kedge_rc kedge_windows_text(const struct kedge_windows *windows,
                                 char text[KEDGE_WINDOWS_TEXT_MAX + 1])
{
    size_t used = 0;
    char one[KEDGE_WINDOW_TEXT_MAX + 1];
    text[0] = '\0';
    for (uint32_t i = 0; i < windows->count; i++) {
        kedge_window_text(&windows->items[i], one);
        used += (size_t)snprintf(&text[used], KEDGE_WINDOWS_TEXT_MAX + 1 - used, "%s%s",
                                 i > 0 ? "\n" : "", one);
        if (used > KEDGE_WINDOWS_TEXT_MAX)
            return KEDGE_E_LIMIT;
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_windows_load(const char *text, struct kedge_windows *windows)
{
    struct kedge_window_problem problem;
    *windows = (struct kedge_windows){.count = 0};
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        if (windows->count == KEDGE_WINDOWS_MAX ||
            kedge_window_parse(kedge_slice(text, size), NULL, &windows->items[windows->count],
                               &problem) != KEDGE_OK)
            return KEDGE_E_MALFORMED;
        windows->count++;
        text += size + (text[size] == '\n');
    }
    return KEDGE_OK;
}
