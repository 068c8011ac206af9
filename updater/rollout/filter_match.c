/*
 * filter_match.c: whether a device or a package is one of those that a filter means.
 *
 * There are two answers, and each comparison gives one of them: what is not known is equal to
 * nothing but "", and neither before nor after anything. `!=`, `not in`, `not like` and `not ilike`
 * are the opposite of `==`, `in`, `like` and `ilike`, always.
 */
#include "updater/rollout/filter.h"

#include <string.h>

bool kedge_filter_uses(const struct kedge_filter *filter, enum kedge_filter_attribute attribute)
{
    return (filter->uses & 1u << attribute) != 0;
}

/* ---- patterns ---- */

static const char *next_character(const char *text)
{
    do
        text++;
    while (((unsigned char)*text & 0xC0u) == 0x80u);
    return text;
}

static char small(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

/* Only the last "*" is ever tried anew: an earlier one could gain nothing by taking more. */
bool kedge_filter_like(const char *text, const char *pattern, bool either_case)
{
    const char *star = NULL, *tried = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            tried = text;
        } else if (*pattern == '?') {
            pattern++;
            text = next_character(text);
        } else if (*pattern == *text || (either_case && small(*pattern) == small(*text))) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star;
            text = ++tried;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* ---- one comparison ---- */

static const char *text_of(const struct kedge_filter *filter,
                           const struct kedge_filter_value *value)
{
    return &filter->texts[value->offset];
}

static bool same_version(const struct kedge_filter_value *value, const char *version)
{
    struct kedge_semver parsed;
    return value->is_version && kedge_semver_parse(kedge_slice_text(version), &parsed) &&
           kedge_semver_compare(&parsed, &value->version) == 0;
}

static bool is_as_wanted(enum kedge_filter_operator operator_, const char *text,
                         const char *wanted)
{
    if (operator_ == KEDGE_FILTER_LIKE || operator_ == KEDGE_FILTER_ILIKE)
        return kedge_filter_like(text, wanted, operator_ == KEDGE_FILTER_ILIKE);
    return strcmp(text, wanted) == 0;
}

/* Whether `text` is (or is like) one of the values. */
static bool is_one_of(const struct kedge_filter *filter, const struct kedge_filter_node *test,
                      const char *text)
{
    for (unsigned i = 0; i < test->value_count; i++) {
        const struct kedge_filter_value *value = &filter->values[test->first_value + i];
        if (is_as_wanted(test->operator_, text, text_of(filter, value)))
            return true;
        if (test->attribute == KEDGE_FILTER_VERSION && same_version(value, text))
            return true;
    }
    return false;
}

#define PAIR_MAX 2048u /* longer than all tags of a device together */
#define LINES_MAX 512u /* longer than all revisions of a package together */

static bool has_tag(const struct kedge_filter *filter, const struct kedge_filter_node *test,
                    const struct kedge_filter_subject *subject)
{
    char pair[PAIR_MAX];
    for (size_t i = 0; i < subject->tag_count; i++) {
        const struct kedge_filter_tag *tag = &subject->tags[i];
        size_t name = strlen(tag->name), value = strlen(tag->value);
        if (is_one_of(filter, test, tag->name))
            return true;
        if (name + value + 2 > sizeof(pair))
            continue;
        memcpy(pair, tag->name, name);
        pair[name] = '=';
        memcpy(&pair[name + 1], tag->value, value + 1);
        if (is_one_of(filter, test, pair))
            return true;
    }
    return false;
}

static bool tag_value_is(const struct kedge_filter *filter, const struct kedge_filter_node *test,
                         const struct kedge_filter_subject *subject)
{
    for (size_t i = 0; i < subject->tag_count; i++)
        if (strcmp(subject->tags[i].name, &filter->texts[test->tag]) == 0)
            return is_one_of(filter, test, subject->tags[i].value);
    return false;
}

/* One that is for every revision has none: its only line is "". */
static bool has_revision(const struct kedge_filter *filter, const struct kedge_filter_node *test,
                         const char *lines)
{
    char line[LINES_MAX];
    do {
        size_t size = strcspn(lines, "\n");
        if (size < sizeof(line)) {
            memcpy(line, lines, size);
            line[size] = '\0';
            if (is_one_of(filter, test, line))
                return true;
        }
        lines += size + (lines[size] == '\n');
    } while (*lines != '\0');
    return false;
}

static bool order_holds(enum kedge_filter_operator operator_, int order)
{
    switch (operator_) {
    case KEDGE_FILTER_LESS:
        return order < 0;
    case KEDGE_FILTER_LESS_EQUAL:
        return order <= 0;
    case KEDGE_FILTER_GREATER:
        return order > 0;
    default:
        return order >= 0;
    }
}

static bool version_holds(const struct kedge_filter_node *test,
                          const struct kedge_filter_value *value, const char *version)
{
    struct kedge_semver parsed;
    return kedge_semver_parse(kedge_slice_text(version), &parsed) &&
           order_holds(test->operator_, kedge_semver_compare(&parsed, &value->version));
}

static bool time_holds(const struct kedge_filter_node *test, const struct kedge_filter_value *value,
                       uint64_t seen_ms, uint64_t now_ms)
{
    uint64_t time_ms = value->time_ms;
    if (value->before_now)
        time_ms = now_ms > time_ms ? now_ms - time_ms : 0;
    return seen_ms != 0 && order_holds(test->operator_, (seen_ms > time_ms) - (seen_ms < time_ms));
}

static bool ordered(enum kedge_filter_operator operator_)
{
    return operator_ >= KEDGE_FILTER_LESS && operator_ <= KEDGE_FILTER_GREATER_EQUAL;
}

/* Whether the comparison holds, `!=` taken for `==`. */
static bool compare(const struct kedge_filter *filter, const struct kedge_filter_node *test,
                    const struct kedge_filter_subject *subject)
{
    const struct kedge_filter_value *value = &filter->values[test->first_value];
    const char *text = "";
    switch (test->attribute) {
    case KEDGE_FILTER_TAG:
        return has_tag(filter, test, subject);
    case KEDGE_FILTER_TAG_VALUE:
        return tag_value_is(filter, test, subject);
    case KEDGE_FILTER_REGISTERED:
        return subject->registered == (test->value_count == 0 || value->flag);
    case KEDGE_FILTER_FIRST_SEEN:
        return time_holds(test, value, subject->first_seen_ms, subject->now_ms);
    case KEDGE_FILTER_LAST_SEEN:
        return time_holds(test, value, subject->last_seen_ms, subject->now_ms);
    case KEDGE_FILTER_UPLOADED:
        return time_holds(test, value, subject->uploaded_ms, subject->now_ms);
    case KEDGE_FILTER_REVISION:
        return has_revision(filter, test, subject->revisions != NULL ? subject->revisions : "");
    default:
        if (subject->texts[test->attribute] != NULL)
            text = subject->texts[test->attribute];
        return ordered(test->operator_) ? version_holds(test, value, text)
                                        : is_one_of(filter, test, text);
    }
}

/* ---- the tree; it is as deep as the parser let it become ---- */

static bool node_holds(const struct kedge_filter *filter, uint16_t index,
                       const struct kedge_filter_subject *subject)
{
    const struct kedge_filter_node *node = &filter->nodes[index];
    if (node->kind == KEDGE_FILTER_NODE_TEST)
        return compare(filter, node, subject) == (node->operator_ != KEDGE_FILTER_NOT_EQUAL);
    if (node->kind == KEDGE_FILTER_NODE_NOT)
        return !node_holds(filter, node->first_child, subject);
    bool decides = node->kind == KEDGE_FILTER_NODE_OR;
    for (uint16_t i = node->first_child; i != 0; i = filter->nodes[i].next)
        if (node_holds(filter, i, subject) == decides)
            return decides;
    return !decides;
}

bool kedge_filter_matches(const struct kedge_filter *filter,
                          const struct kedge_filter_subject *subject)
{
    return filter->node_count == 0 || node_holds(filter, filter->root, subject);
}

/* ---- what a store may look for first ---- */

static const char *required_by(const struct kedge_filter *filter,
                               const struct kedge_filter_node *node,
                               enum kedge_filter_attribute attribute)
{
    if (node->kind != KEDGE_FILTER_NODE_TEST || node->attribute != attribute ||
        node->operator_ != KEDGE_FILTER_EQUAL)
        return NULL;
    return text_of(filter, &filter->values[node->first_value]);
}

const char *kedge_filter_requires(const struct kedge_filter *filter,
                                  enum kedge_filter_attribute attribute)
{
    if (filter->node_count == 0)
        return NULL;
    const struct kedge_filter_node *root = &filter->nodes[filter->root];
    if (root->kind != KEDGE_FILTER_NODE_AND)
        return required_by(filter, root, attribute);
    for (uint16_t i = root->first_child; i != 0; i = filter->nodes[i].next) {
        const char *text = required_by(filter, &filter->nodes[i], attribute);
        if (text != NULL)
            return text;
    }
    return NULL;
}
