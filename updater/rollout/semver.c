/*
 * semver.c: Semantic Versioning 2.0.0.
 *
 * Numbers are compared as digits, the longer one first: SemVer sets them no limit, and leading
 * zeros are not allowed.
 */
#include "updater/rollout/semver.h"

#include <string.h>

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_identifier(uint8_t byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           byte == '-';
}

/* The run of bytes of a kind that begins at the cursor, which moves behind it. */
static struct kedge_slice take_run(struct kedge_cursor *cursor, bool (*kind)(uint8_t))
{
    struct kedge_cursor at = *cursor, end = *cursor;
    uint8_t byte;
    while (kedge_cursor_u8(&end, &byte) == KEDGE_OK && kind(byte))
        *cursor = end;
    struct kedge_slice run = {.size = 0};
    (void)!kedge_cursor_take(&at, cursor->offset - at.offset, &run); /* it is there */
    return run;
}

static bool is_number(struct kedge_slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!is_digit(text.data[i]))
            return false;
    return text.size > 0;
}

static bool has_leading_zero(struct kedge_slice text)
{
    return text.size > 1 && text.data[0] == '0' && is_number(text);
}

/* ---- the grammar ---- */

static bool take_number(struct kedge_cursor *cursor, struct kedge_slice *out)
{
    *out = take_run(cursor, is_digit);
    return out->size > 0 && !has_leading_zero(*out);
}

/* Identifiers between dots; those of a pre-release that are numbers have no leading zeros. */
static bool take_identifiers(struct kedge_cursor *cursor, bool numbers, struct kedge_slice *out)
{
    struct kedge_cursor begin = *cursor;
    do {
        struct kedge_slice identifier = take_run(cursor, is_identifier);
        if (identifier.size == 0 || (numbers && has_leading_zero(identifier)))
            return false;
    } while (kedge_cursor_accept(cursor, '.'));
    return kedge_cursor_take(&begin, cursor->offset - begin.offset, out) == KEDGE_OK;
}

bool kedge_semver_parse(struct kedge_slice text, struct kedge_semver *out)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    struct kedge_slice build;
    *out = (struct kedge_semver){.prerelease = {.size = 0}};
    for (size_t i = 0; i < 3; i++)
        if ((i > 0 && !kedge_cursor_accept(&cursor, '.')) ||
            !take_number(&cursor, &out->numbers[i]))
            return false;
    if (kedge_cursor_accept(&cursor, '-') && !take_identifiers(&cursor, true, &out->prerelease))
        return false;
    if (kedge_cursor_accept(&cursor, '+') && !take_identifiers(&cursor, false, &build))
        return false;
    return kedge_cursor_left(&cursor) == 0;
}

/* ---- the order ---- */

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static int compare_sizes(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare_bytes(struct kedge_slice a, struct kedge_slice b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared > 0 ? sign(memcmp(a.data, b.data, shared)) : 0;
    return order != 0 ? order : compare_sizes(a.size, b.size);
}

static int compare_numbers(struct kedge_slice a, struct kedge_slice b)
{
    int order = compare_sizes(a.size, b.size);
    return order != 0 ? order : compare_bytes(a, b);
}

/* Numbers are below words; words are in the order of ASCII. */
static int compare_identifiers(struct kedge_slice a, struct kedge_slice b)
{
    bool a_number = is_number(a), b_number = is_number(b);
    if (a_number && b_number)
        return compare_numbers(a, b);
    if (a_number != b_number)
        return a_number ? -1 : 1;
    return compare_bytes(a, b);
}

/* Identifier by identifier; where one ends first, it is the lower one. */
static int compare_prereleases(struct kedge_slice a, struct kedge_slice b)
{
    struct kedge_cursor left = kedge_cursor(a), right = kedge_cursor(b);
    while (kedge_cursor_left(&left) > 0 && kedge_cursor_left(&right) > 0) {
        int order =
            compare_identifiers(take_run(&left, is_identifier), take_run(&right, is_identifier));
        if (order != 0)
            return order;
        (void)kedge_cursor_accept(&left, '.');
        (void)kedge_cursor_accept(&right, '.');
    }
    return compare_sizes(kedge_cursor_left(&left), kedge_cursor_left(&right));
}

int kedge_semver_compare(const struct kedge_semver *a, const struct kedge_semver *b)
{
    for (size_t i = 0; i < 3; i++) {
        int order = compare_numbers(a->numbers[i], b->numbers[i]);
        if (order != 0)
            return order;
    }
    if (a->prerelease.size == 0 || b->prerelease.size == 0)
        return (a->prerelease.size == 0) - (b->prerelease.size == 0);
    return compare_prereleases(a->prerelease, b->prerelease);
}
