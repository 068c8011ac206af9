/* moment.c: dates and times of day. */
#include "updater/rollout/moment.h"

#include <inttypes.h>
#include <stdio.h>

#define DAYS_OF_400_YEARS 146097u
#define DAYS_BEFORE_1970 719468u /* from 0000-03-01 */

bool kedge_moment_digits(struct kedge_cursor *cursor, size_t count, uint64_t *out)
{
    uint8_t byte;
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        if (kedge_cursor_u8(cursor, &byte) != KEDGE_OK || byte < '0' || byte > '9')
            return false;
        *out = *out * 10 + (uint64_t)(byte - '0');
    }
    return true;
}

static bool leap_year(uint64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint64_t days_of_month(uint64_t year, uint64_t month)
{
    static const uint64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && leap_year(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01; false for a day that the calendar does not have. */
static bool count_days(uint64_t year, uint64_t month, uint64_t day, uint64_t *days)
{
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
        return false;
    *days = day - 1;
    for (uint64_t y = 1970; y < year; y++)
        *days += leap_year(y) ? 366u : 365u;
    for (uint64_t m = 1; m < month; m++)
        *days += days_of_month(year, m);
    return true;
}

/* Z, or how far the clock is ahead of UTC: +01:00, -03:30. */
static bool take_offset(struct kedge_cursor *cursor, bool *behind, uint64_t *offset_s)
{
    uint64_t hours, minutes;
    *behind = false;
    *offset_s = 0;
    if (kedge_cursor_accept(cursor, 'Z'))
        return true;
    *behind = kedge_cursor_accept(cursor, '-');
    if ((!*behind && !kedge_cursor_accept(cursor, '+')) ||
        !kedge_moment_digits(cursor, 2, &hours) || !kedge_cursor_accept(cursor, ':') ||
        !kedge_moment_digits(cursor, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *offset_s = hours * 3600 + minutes * 60;
    return true;
}

static bool take_time(struct kedge_cursor *cursor, uint64_t *time_s)
{
    uint64_t hour, minute, second, offset_s;
    bool behind;
    if (!kedge_cursor_accept(cursor, 'T') || !kedge_moment_digits(cursor, 2, &hour) ||
        !kedge_cursor_accept(cursor, ':') || !kedge_moment_digits(cursor, 2, &minute) ||
        !kedge_cursor_accept(cursor, ':') || !kedge_moment_digits(cursor, 2, &second) ||
        hour > 23 || minute > 59 || second > 59 || !take_offset(cursor, &behind, &offset_s))
        return false;
    *time_s += hour * 3600 + minute * 60 + second;
    if (!behind && offset_s > *time_s)
        return false;
    *time_s = behind ? *time_s + offset_s : *time_s - offset_s;
    return true;
}

bool kedge_moment_parse(struct kedge_slice text, uint64_t *time_ms)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    uint64_t year, month, day, days, time_s;
    if (!kedge_moment_digits(&cursor, 4, &year) || !kedge_cursor_accept(&cursor, '-') ||
        !kedge_moment_digits(&cursor, 2, &month) || !kedge_cursor_accept(&cursor, '-') ||
        !kedge_moment_digits(&cursor, 2, &day) || !count_days(year, month, day, &days))
        return false;
    time_s = days * KEDGE_DAY_S;
    if (kedge_cursor_left(&cursor) > 0 && !take_time(&cursor, &time_s))
        return false;
    *time_ms = time_s * 1000;
    return kedge_cursor_left(&cursor) == 0;
}

/*
 * Method: years that begin in March have their leap day at the end, so the day of such a year tells
 * month and day by one line through the months' lengths (153 days are five months), and the year
 * follows from the days by the calendar's cycles of 4, 100 and 400 years.
 */
struct kedge_moment kedge_moment_of(uint64_t at_s)
{
    uint64_t days = at_s / KEDGE_DAY_S + DAYS_BEFORE_1970, left_s = at_s % KEDGE_DAY_S;
    uint64_t cycle = days / DAYS_OF_400_YEARS, in_cycle = days % DAYS_OF_400_YEARS;
    uint64_t year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
    uint64_t in_year = in_cycle - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * in_year + 2) / 153; /* 0: March */
    bool next_year = month >= 10;
    return (struct kedge_moment){.year = (unsigned)(cycle * 400 + year + next_year),
                                 .month = (unsigned)(next_year ? month - 9 : month + 3),
                                 .day = (unsigned)(in_year - (153 * month + 2) / 5 + 1),
                                 .hour = (unsigned)(left_s / 3600),
                                 .minute = (unsigned)(left_s / 60 % 60),
                                 .second = (unsigned)(left_s % 60)};
}

void kedge_moment_text(uint64_t time_ms, char text[KEDGE_MOMENT_TEXT_MAX])
{
    uint64_t shown_ms = time_ms < KEDGE_MOMENT_MAX_MS ? time_ms : KEDGE_MOMENT_MAX_MS;
    struct kedge_moment at = kedge_moment_of(shown_ms / 1000);
    (void)snprintf(text, KEDGE_MOMENT_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02uZ", at.year % 10000u,
                   at.month % 100u, at.day % 100u, at.hour % 100u, at.minute % 100u,
                   at.second % 100u);
}

void kedge_span_text(uint64_t span_ms, char text[KEDGE_SPAN_TEXT_MAX])
{
    uint64_t seconds = span_ms / 1000, minutes = seconds / 60, hours = minutes / 60;
    if (minutes == 0)
        (void)snprintf(text, KEDGE_SPAN_TEXT_MAX, "%" PRIu64 " s", seconds);
    else if (hours == 0)
        (void)snprintf(text, KEDGE_SPAN_TEXT_MAX, "%" PRIu64 " min", minutes);
    else if (hours < 48)
        (void)snprintf(text, KEDGE_SPAN_TEXT_MAX, "%" PRIu64 " h %" PRIu64 " min", hours,
                       minutes % 60);
    else
        (void)snprintf(text, KEDGE_SPAN_TEXT_MAX, "%" PRIu64 " d %" PRIu64 " h", hours / 24,
                       hours % 24);
}
