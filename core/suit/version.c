/*
 * version.c: versions as draft-ietf-suit-update-management writes them: integers, where a
 * pre-release is a negative one (-1 release candidate, -2 beta, -3 alpha) that may be followed by
 * its number. SemVer's precedence then is the order of the integers, 0 standing for what is
 * missing.
 */
#include <kedge/suit.h>
#include <string.h>

#define VERSION_NUMBER_MAX 4294967295u

static const struct {
    const char *name;
    int64_t part;
} stages[] = {{"rc", -1}, {"beta", -2}, {"alpha", -3}};

#define STAGE_COUNT (sizeof stages / sizeof stages[0])

/* SemVer 2.0 section 2: digits without leading zeros. */
static enum kedge_rc take_number(struct kedge_cursor *text, struct kedge_suit_version *version)
{
    uint64_t number;
    if (kedge_cursor_decimal(text, VERSION_NUMBER_MAX, &number) != KEDGE_OK)
        return KEDGE_E_UNSUPPORTED;
    version->parts[version->count++] = (int64_t)number;
    return KEDGE_OK;
}

static enum kedge_rc take_stage(struct kedge_cursor *text, struct kedge_suit_version *version)
{
    for (size_t i = 0; i < STAGE_COUNT; i++) {
        struct kedge_slice name = kedge_slice_text(stages[i].name);
        struct kedge_cursor at = *text;
        struct kedge_slice word;
        if (kedge_cursor_take(&at, name.size, &word) == KEDGE_OK && kedge_slice_equal(word, name)) {
            *text = at;
            version->parts[version->count++] = stages[i].part;
            return KEDGE_OK;
        }
    }
    return KEDGE_E_UNSUPPORTED;
}

enum kedge_rc kedge_suit_version_parse(struct kedge_slice text, struct kedge_suit_version *out)
{
    struct kedge_suit_version version = {0};
    struct kedge_cursor cursor = kedge_cursor(text);
    KEDGE_TRY(take_number(&cursor, &version));
    for (int i = 0; i < 2; i++) {
        if (!kedge_cursor_accept(&cursor, '.'))
            return KEDGE_E_UNSUPPORTED;
        KEDGE_TRY(take_number(&cursor, &version));
    }
    if (kedge_cursor_accept(&cursor, '-')) {
        KEDGE_TRY(take_stage(&cursor, &version));
        if (kedge_cursor_accept(&cursor, '.'))
            KEDGE_TRY(take_number(&cursor, &version));
    }
    if (kedge_cursor_left(&cursor) > 0)
        return KEDGE_E_UNSUPPORTED;
    *out = version;
    return KEDGE_OK;
}

static enum kedge_rc put_stage(struct kedge_writer *out, int64_t part)
{
    for (size_t i = 0; i < STAGE_COUNT; i++)
        if (stages[i].part == part)
            return kedge_writer_put(out, kedge_slice_text(stages[i].name));
    return KEDGE_E_UNSUPPORTED;
}

enum kedge_rc kedge_suit_version_text(const struct kedge_suit_version *version,
                                      char text[KEDGE_SUIT_VERSION_TEXT_MAX])
{
    struct kedge_writer out = kedge_writer(text, KEDGE_SUIT_VERSION_TEXT_MAX - 1);
    if (version->count == 0 || version->count > KEDGE_SUIT_VERSION_PARTS_MAX)
        return KEDGE_E_ARGUMENT;
    for (size_t i = 0; i < version->count; i++) {
        int64_t part = version->parts[i];
        if (i > 0)
            KEDGE_TRY(kedge_writer_u8(&out, part < 0 ? '-' : '.'));
        if (part < 0)
            KEDGE_TRY(put_stage(&out, part));
        else
            KEDGE_TRY(kedge_writer_decimal(&out, (uint64_t)part));
    }
    text[out.size] = '\0';
    return KEDGE_OK;
}

int kedge_suit_version_compare(const struct kedge_suit_version *a,
                               const struct kedge_suit_version *b)
{
    size_t count = a->count > b->count ? a->count : b->count;
    for (size_t i = 0; i < count; i++) {
        int64_t left = i < a->count ? a->parts[i] : 0;
        int64_t right = i < b->count ? b->parts[i] : 0;
        if (left != right)
            return left < right ? -1 : 1;
        /* SemVer section 11: with all before equal, "rc" is older than "rc.0". */
        if (i >= a->count || i >= b->count) {
            bool after_stage = i > 0 && (i < a->count ? a->parts[i - 1] : b->parts[i - 1]) < 0;
            if (after_stage)
                return i >= a->count ? -1 : 1;
        }
    }
    return 0;
}
