/* names.c: what nobody could see about a name. */
#include "updater/api/names.h"

#include <glib.h>
#include <kedge/base.h>
#include <string.h>

#define NON_JOINER 0x200Cu
#define JOINER 0x200Du
#define VIRAMA_CLASS 9 /* Canonical_Combining_Class */

struct range {
    gunichar first, last;
};

static bool is_within(gunichar point, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    return false;
}

/* Default_Ignorable_Code_Point of DerivedCoreProperties.txt, but for what is of category Cf or not
 * assigned; and the pattern of Braille without dots. */
static bool is_not_shown(gunichar point)
{
    static const struct range hidden[] = {
        {0x034F, 0x034F}, {0x115F, 0x1160}, {0x17B4, 0x17B5}, {0x180B, 0x180F},   {0x2800, 0x2800},
        {0x3164, 0x3164}, {0xFE00, 0xFE0F}, {0xFFA0, 0xFFA0}, {0xE0100, 0xE01EF},
    };
    return g_unichar_type(point) == G_UNICODE_FORMAT ||
           is_within(point, hidden, sizeof(hidden) / sizeof(hidden[0]));
}

/* ---- the joiners ---- */

/* Joining_Type of U+0620..U+06FF, by ArabicShaping.txt: those that join what stands before them
 * only, and letters that join nothing. */
static bool joins_backward_only(gunichar point)
{
    static const struct range right[] = {
        {0x0622, 0x0625}, {0x0627, 0x0627}, {0x0629, 0x0629}, {0x062F, 0x0632}, {0x0648, 0x0648},
        {0x0671, 0x0673}, {0x0675, 0x0677}, {0x0688, 0x0699}, {0x06C0, 0x06C0}, {0x06C3, 0x06CB},
        {0x06CD, 0x06CD}, {0x06CF, 0x06CF}, {0x06D2, 0x06D3}, {0x06D5, 0x06D5}, {0x06EE, 0x06EF},
    };
    return is_within(point, right, sizeof(right) / sizeof(right[0]));
}

static bool is_joined_letter(gunichar point)
{
    return point >= 0x0620 && point <= 0x06FF && g_unichar_type(point) == G_UNICODE_OTHER_LETTER &&
           point != 0x0621 && point != 0x0674;
}

static bool is_mark(const char *at)
{
    return g_unichar_type(g_utf8_get_char(at)) == G_UNICODE_NON_SPACING_MARK;
}

/* The letter before `at` and its marks; NULL: there is none. */
static const char *letter_before(const char *text, const char *at)
{
    do
        at = g_utf8_find_prev_char(text, at);
    while (at != NULL && is_mark(at));
    return at;
}

static bool joiner_is_seen(const char *text, const char *at)
{
    const char *before = g_utf8_find_prev_char(text, at);
    if (before == NULL)
        return false;
    if (g_unichar_combining_class(g_utf8_get_char(before)) == VIRAMA_CLASS)
        return true;
    const char *left = letter_before(text, at), *right = g_utf8_next_char(at);
    while (*right != '\0' && is_mark(right))
        right = g_utf8_next_char(right);
    return g_utf8_get_char(at) == NON_JOINER && left != NULL &&
           is_joined_letter(g_utf8_get_char(left)) && !joins_backward_only(g_utf8_get_char(left)) &&
           is_joined_letter(g_utf8_get_char(right));
}

/* ---- all of it ---- */

static const char *fault_at(const char *text, const char *at)
{
    gunichar point = g_utf8_get_char(at);
    GUnicodeType type = g_unichar_type(point);
    if (point == NON_JOINER || point == JOINER)
        return joiner_is_seen(text, at) ? NULL
                                        : "must have U+200C and U+200D only where they can be seen";
    if (is_not_shown(point))
        return "must have no characters that are not shown, as U+200B";
    if (type == G_UNICODE_PRIVATE_USE || type == G_UNICODE_UNASSIGNED)
        return "must have no characters of private use or without meaning";
    if (type == G_UNICODE_SPACE_SEPARATOR && point != ' ')
        return "must have no spaces other than U+0020";
    return NULL;
}

static bool is_composed(const char *text)
{
    char *composed = g_utf8_normalize(text, -1, G_NORMALIZE_NFC);
    bool same = composed != NULL && strcmp(composed, text) == 0;
    g_free(composed);
    return same;
}

const char *names_text_fault(const char *text)
{
    if (!kedge_utf8_printable(kedge_slice_text(text)))
        return "must have no control characters, and none that turn the direction of text";
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        const char *fault = fault_at(text, at);
        if (fault != NULL)
            return fault;
    }
    return is_composed(text) ? NULL : "must be in the composed form of Unicode (NFC)";
}

const char *names_fault(const char *name)
{
    const char *fault = names_text_fault(name);
    size_t size = strlen(name);
    if (fault != NULL)
        return fault;
    if (name[0] == ' ' || (size > 0 && name[size - 1] == ' '))
        return "must have no space at its ends";
    return strstr(name, "  ") != NULL ? "must have no two spaces beside each other" : NULL;
}
