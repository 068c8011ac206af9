/*
 * filter_values.c: texts, versions, points in time, true and false.
 */
#include "updater/rollout/filter_values.h"

#include "updater/rollout/moment.h"

#include <string.h>

#define SECOND_MS 1000u

void filter_text_keep(struct kedge_filter *filter, const struct filter_token *token,
                      struct kedge_filter_value *value)
{
    struct kedge_cursor cursor = kedge_cursor(token->bytes);
    uint8_t byte;
    *value = (struct kedge_filter_value){.offset = filter->text_size};
    while (kedge_cursor_u8(&cursor, &byte) == KEDGE_OK) {
        if (byte == '\\' && kedge_cursor_u8(&cursor, &byte) != KEDGE_OK)
            break;
        filter->texts[filter->text_size++] = (char)byte;
    }
    value->size = (uint16_t)(filter->text_size - value->offset);
    filter->texts[filter->text_size++] = '\0';
}

/* ---- points in time ---- */

/* Seconds of one of its units; 0: it is none. */
static uint64_t unit_s(uint8_t unit)
{
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return KEDGE_DAY_S;
    case 'w':
        return 7 * (uint64_t)KEDGE_DAY_S;
    default:
        return 0;
    }
}

/* now, or now-90d. */
static bool read_before_now(struct kedge_slice text, uint64_t *before_ms)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    struct kedge_slice now;
    uint64_t count = 0;
    uint8_t unit = 0;
    *before_ms = 0;
    if (kedge_cursor_take(&cursor, 3, &now) != KEDGE_OK ||
        !kedge_slice_equal(now, kedge_slice_text("now")))
        return false;
    if (kedge_cursor_left(&cursor) == 0)
        return true;
    size_t left = kedge_cursor_left(&cursor);
    if (left < 3 || left > 8 || !kedge_cursor_accept(&cursor, '-') ||
        !kedge_moment_digits(&cursor, left - 2, &count) ||
        kedge_cursor_u8(&cursor, &unit) != KEDGE_OK)
        return false;
    *before_ms = count * unit_s(unit) * SECOND_MS;
    return unit_s(unit) > 0;
}

static bool take_time(const struct filter_token *token, struct kedge_filter_value *value,
                      const char **what)
{
    *what = "a time: \"2026-11-26T09:00:00Z\", 2026-11-26, now or as now-7d (s m h d w)";
    value->before_now =
        token->kind == FILTER_WORD && read_before_now(token->bytes, &value->time_ms);
    return value->before_now ||
           (!token->escaped && kedge_moment_parse(token->bytes, &value->time_ms));
}

/* ---- the others ---- */

static bool take_text(struct kedge_filter *filter, const struct filter_token *token,
                      struct kedge_filter_value *value, const char **what)
{
    *what = "a text in quotes, as \"pilot\"";
    if (token->kind != FILTER_TEXT)
        return false;
    filter_text_keep(filter, token, value);
    return true;
}

/* In quotes, any text can be asked for; what is compared by order must be a version. */
static bool take_version(struct kedge_filter *filter, const struct filter_token *token,
                         bool ordered, struct kedge_filter_value *value, const char **what)
{
    *what = ordered ? "a version, MAJOR.MINOR.PATCH as 1.4.0 or 2.0.0-rc.1"
                    : "a version as 1.4.0, or any other text in quotes";
    filter_text_keep(filter, token, value);
    value->is_version = kedge_semver_parse(kedge_slice(&filter->texts[value->offset], value->size),
                                           &value->version);
    return value->is_version || (!ordered && token->kind == FILTER_TEXT);
}

static bool take_flag(const struct filter_token *token, struct kedge_filter_value *value,
                      const char **what)
{
    *what = "true or false";
    value->flag = filter_token_is(token, FILTER_WORD, "true");
    return value->flag || filter_token_is(token, FILTER_WORD, "false");
}

bool filter_value_take(struct kedge_filter *filter, const struct filter_token *token,
                       const struct kedge_filter_node *test, struct kedge_filter_value *value,
                       const char **what)
{
    bool ordered =
        test->operator_ >= KEDGE_FILTER_LESS && test->operator_ <= KEDGE_FILTER_GREATER_EQUAL;
    *value = (struct kedge_filter_value){.size = 0};
    switch (test->attribute) {
    case KEDGE_FILTER_REGISTERED:
        return take_flag(token, value, what);
    case KEDGE_FILTER_FIRST_SEEN:
    case KEDGE_FILTER_LAST_SEEN:
    case KEDGE_FILTER_UPLOADED:
        return take_time(token, value, what);
    case KEDGE_FILTER_VERSION:
        if (test->operator_ != KEDGE_FILTER_LIKE && test->operator_ != KEDGE_FILTER_ILIKE)
            return take_version(filter, token, ordered, value, what);
        return take_text(filter, token, value, what);
    default:
        return take_text(filter, token, value, what);
    }
}
