/* conditions.c: entity tags and byte ranges, read by their grammar. */
#include "updater/api/conditions.h"

#include "updater/api/scan.h"

#include <string.h>
#include <strings.h>

/* ---- lists (section 5.6.1) ---- */

/* Between two elements, or at the end; a recipient takes empty elements too (section 5.6.1.2). */
static bool end_element(struct kedge_cursor *cursor)
{
    scan_blanks(cursor);
    bool comma = false;
    while (kedge_cursor_accept(cursor, ',')) {
        comma = true;
        scan_blanks(cursor);
    }
    return comma || kedge_cursor_left(cursor) == 0;
}

/* ---- entity tags (section 8.8.3) ---- */

struct entity_tag {
    struct kedge_slice opaque;
    bool weak;
};

static bool is_tag_character(uint8_t byte)
{
    return byte == 0x21 || (byte >= 0x23 && byte <= 0x7E) || byte >= 0x80;
}

static bool take_tag(struct kedge_cursor *cursor, struct entity_tag *tag)
{
    uint8_t byte = 0;
    tag->weak = kedge_cursor_accept(cursor, 'W');
    if ((tag->weak && !kedge_cursor_accept(cursor, '/')) || !kedge_cursor_accept(cursor, '"'))
        return false;
    struct kedge_cursor begin = *cursor;
    size_t size = 0;
    while (kedge_cursor_u8(cursor, &byte) == KEDGE_OK && is_tag_character(byte))
        size++;
    return byte == '"' && kedge_cursor_take(&begin, size, &tag->opaque) == KEDGE_OK;
}

/* Whether a list of tags, or "*", holds ours; what stands behind a malformed one is not read. */
static bool tag_is_listed(struct kedge_slice list, struct kedge_slice ours, bool weak_too)
{
    struct kedge_cursor cursor = kedge_cursor(list);
    struct entity_tag tag;
    scan_blanks(&cursor);
    if (kedge_cursor_accept(&cursor, '*')) {
        scan_blanks(&cursor);
        return kedge_cursor_left(&cursor) == 0;
    }
    (void)end_element(&cursor);
    while (take_tag(&cursor, &tag) && end_element(&cursor))
        if ((weak_too || !tag.weak) && kedge_slice_equal(tag.opaque, ours))
            return true;
    return false;
}

static bool is_our_strong_tag(struct kedge_slice value, struct kedge_slice ours)
{
    struct kedge_cursor cursor = kedge_cursor(value);
    struct entity_tag tag;
    return take_tag(&cursor, &tag) && kedge_cursor_left(&cursor) == 0 && !tag.weak &&
           kedge_slice_equal(tag.opaque, ours);
}

/* ---- byte ranges (section 14.1.2) ---- */

/* A number of any length: what does not fit is beyond every end. */
static bool take_number(struct kedge_cursor *cursor, uint64_t *out)
{
    struct kedge_cursor at = *cursor;
    uint64_t number = 0;
    size_t digits = 0;
    uint8_t byte;
    for (; kedge_cursor_u8(&at, &byte) == KEDGE_OK && byte >= '0' && byte <= '9'; digits++) {
        uint64_t digit = (uint64_t)(byte - '0');
        number = number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : number * 10 + digit;
    }
    *out = number;
    return digits > 0 && kedge_cursor_skip(cursor, digits) == KEDGE_OK;
}

static bool take_unit(struct kedge_cursor *cursor)
{
    static const char unit[] = "bytes=";
    struct kedge_slice text;
    return kedge_cursor_take(cursor, sizeof(unit) - 1, &text) == KEDGE_OK &&
           strncasecmp((const char *)text.data, unit, sizeof(unit) - 1) == 0;
}

static enum conditions_verdict suffix(uint64_t length, uint64_t size, struct byte_range *range)
{
    if (length == 0)
        return CONDITIONS_UNSATISFIABLE;
    range->size = length < size ? length : size;
    range->first = size - range->size;
    return CONDITIONS_PART;
}

static enum conditions_verdict read_range(struct kedge_slice value, uint64_t size,
                                          struct byte_range *range)
{
    struct kedge_cursor cursor = kedge_cursor(value);
    uint64_t first = 0, last = UINT64_MAX;
    if (!take_unit(&cursor))
        return CONDITIONS_WHOLE;
    bool from_start = take_number(&cursor, &first);
    if (!kedge_cursor_accept(&cursor, '-'))
        return CONDITIONS_WHOLE;
    bool to_last = take_number(&cursor, &last);
    /* What is left is another range, or nothing that is one. */
    if (!end_element(&cursor) || kedge_cursor_left(&cursor) > 0 || (!from_start && !to_last))
        return CONDITIONS_WHOLE;
    if (!from_start)
        return suffix(last, size, range);
    if (to_last && last < first)
        return CONDITIONS_WHOLE;
    if (first >= size)
        return CONDITIONS_UNSATISFIABLE;
    range->first = first;
    range->size = (to_last && last < size ? last + 1 : size) - first;
    return CONDITIONS_PART;
}

/* ---- all of them ---- */

void conditions_take(struct conditions *conditions, const char *name, struct kedge_slice value)
{
    if (strcasecmp(name, "If-Match") == 0) {
        conditions->match_given = true;
        conditions->match = conditions->match || tag_is_listed(value, conditions->tag, false);
    } else if (strcasecmp(name, "If-None-Match") == 0) {
        conditions->none_match =
            conditions->none_match || tag_is_listed(value, conditions->tag, true);
    } else if (strcasecmp(name, "Range") == 0) {
        conditions->ranges++;
        conditions->range = value;
    } else if (strcasecmp(name, "If-Range") == 0) {
        conditions->if_ranges++;
        conditions->if_range = value;
    }
}

static bool range_applies(const struct conditions *conditions)
{
    if (conditions->ranges != 1 || conditions->if_ranges > 1)
        return false;
    return conditions->if_ranges == 0 || is_our_strong_tag(conditions->if_range, conditions->tag);
}

enum conditions_verdict conditions_judge(const struct conditions *conditions, bool head,
                                         uint64_t size, struct byte_range *range)
{
    if (conditions->match_given && !conditions->match)
        return CONDITIONS_FAILED;
    if (conditions->none_match)
        return CONDITIONS_NOT_MODIFIED;
    if (head || !range_applies(conditions))
        return CONDITIONS_WHOLE;
    return read_range(conditions->range, size, range);
}
