/*
 * filter_parse.c: a filter's text becomes a tree of comparisons.
 *
 *     filter = term { "or" term }
 *     term   = factor { "and" factor }
 *     factor = "not" factor | "(" filter ")" | test
 *
 * Recursive descent: "not" and "(" count the depth, so it ends at KEDGE_FILTER_DEPTH_MAX.
 */
#include "updater/rollout/filter.h"
#include "updater/rollout/filter_tokens.h"
#include "updater/rollout/filter_values.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BIT(operator_) (1u << KEDGE_FILTER_##operator_)
#define EQUALITY (BIT(EQUAL) | BIT(NOT_EQUAL))
#define ORDER (BIT(LESS) | BIT(LESS_EQUAL) | BIT(GREATER) | BIT(GREATER_EQUAL))
#define TEXTS (EQUALITY | BIT(LIKE) | BIT(ILIKE) | BIT(IN))

const struct kedge_filter_row kedge_filter_rows[KEDGE_FILTER_ATTRIBUTE_COUNT] = {
    [KEDGE_FILTER_ENDPOINT] = {"endpoint", {"its endpoint name", NULL}, TEXTS},
    [KEDGE_FILTER_VENDOR] = {"vendor",
                             {"its vendor domain (/3/0/0)", "the vendor domain it is for"},
                             TEXTS},
    [KEDGE_FILTER_CLASS] = {"class", {"its class (/3/0/1)", "the class it is for"}, TEXTS},
    [KEDGE_FILTER_HARDWARE] = {"hardware", {"its hardware revision (/3/0/18)", NULL}, TEXTS},
    [KEDGE_FILTER_SERIAL] = {"serial", {"its serial number, as it was enrolled", NULL}, TEXTS},
    [KEDGE_FILTER_BATCH] = {"batch", {"the batch it was made in, as it was enrolled", NULL}, TEXTS},
    [KEDGE_FILTER_VERSION] = {"version",
                              {"the version it runs (/3/0/3)", "the version it brings"},
                              TEXTS | ORDER},
    [KEDGE_FILTER_ID] = {"id", {NULL, "its id, the digest of its manifest"}, TEXTS},
    [KEDGE_FILTER_UPLOADER] = {"uploader", {NULL, "whose token uploaded it"}, TEXTS},
    [KEDGE_FILTER_TAG] = {"tag",
                          {"the names of its tags, and each tag as NAME=VALUE", NULL},
                          TEXTS},
    [KEDGE_FILTER_TAG_VALUE] = {"tag.NAME", {"the value of its tag of that name", NULL}, TEXTS},
    [KEDGE_FILTER_REVISION] = {"hardware", {NULL, "the hardware revisions it is for"}, TEXTS},
    [KEDGE_FILTER_REGISTERED] = {"registered", {"whether it is registered now", NULL}, EQUALITY},
    [KEDGE_FILTER_FIRST_SEEN] = {"first_seen", {"when it came for the first time", NULL}, ORDER},
    [KEDGE_FILTER_LAST_SEEN] = {"last_seen", {"when it was heard of last", NULL}, ORDER},
    [KEDGE_FILTER_UPLOADED] = {"uploaded", {NULL, "when it was uploaded"}, ORDER},
};

static const char *const operator_names[KEDGE_FILTER_OPERATOR_COUNT] = {
    [KEDGE_FILTER_EQUAL] = "==",  [KEDGE_FILTER_NOT_EQUAL] = "!=",
    [KEDGE_FILTER_LESS] = "<",    [KEDGE_FILTER_LESS_EQUAL] = "<=",
    [KEDGE_FILTER_GREATER] = ">", [KEDGE_FILTER_GREATER_EQUAL] = ">=",
    [KEDGE_FILTER_LIKE] = "like", [KEDGE_FILTER_ILIKE] = "ilike",
    [KEDGE_FILTER_IN] = "in",
};

const char *kedge_filter_operator_name(enum kedge_filter_operator operator_)
{
    return (unsigned)operator_ < KEDGE_FILTER_OPERATOR_COUNT ? operator_names[operator_]
                                                             : "unknown";
}

struct parser {
    enum kedge_filter_of of;
    struct kedge_cursor cursor;
    struct filter_token token; /* not taken yet */
    struct kedge_filter *filter;
    struct kedge_filter_problem *problem;
    unsigned depth;
};

/* ---- problems ---- */

__attribute__((format(printf, 4, 5))) static enum kedge_rc
refuse_at(struct parser *parser, size_t offset, enum kedge_rc rc, const char *format, ...)
{
    struct kedge_filter_problem *problem = parser->problem;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(problem->text, sizeof(problem->text), format, arguments);
    va_end(arguments);
    problem->offset = offset;
    filter_token_place(parser->cursor.bytes, offset, &problem->line, &problem->column);
    return rc;
}

static enum kedge_rc expected(struct parser *parser, const char *what)
{
    const struct filter_token *token = &parser->token;
    char found[48] = "the filter ends here";
    int shown = token->bytes.size > 24 ? 24 : (int)token->bytes.size;
    if (token->kind == FILTER_TEXT)
        (void)snprintf(found, sizeof(found), "this is a text in quotes");
    else if (token->kind != FILTER_END)
        (void)snprintf(found, sizeof(found), "this is \"%.*s\"", shown,
                       (const char *)token->bytes.data);
    return refuse_at(parser, token->offset, KEDGE_E_MALFORMED, "%s, expected was %s", found, what);
}

/* ---- tokens ---- */

static enum kedge_rc advance(struct parser *parser)
{
    const char *why = "";
    if (filter_token_next(&parser->cursor, &parser->token, &why) == KEDGE_OK)
        return KEDGE_OK;
    return refuse_at(parser, parser->token.offset, KEDGE_E_MALFORMED, "%s", why);
}

/* *is: whether it was there, and was taken. */
static enum kedge_rc accept(struct parser *parser, enum filter_token_kind kind, const char *text,
                            bool *is)
{
    *is = filter_token_is(&parser->token, kind, text);
    return *is ? advance(parser) : KEDGE_OK;
}

static enum kedge_rc expect_sign(struct parser *parser, const char *sign, const char *what)
{
    bool is;
    KEDGE_TRY(accept(parser, FILTER_SIGN, sign, &is));
    return is ? KEDGE_OK : expected(parser, what);
}

/* ---- the tree ---- */

static enum kedge_rc add_node(struct parser *parser, enum kedge_filter_node_kind kind,
                              uint16_t *out)
{
    struct kedge_filter *filter = parser->filter;
    *out = 0;
    if (filter->node_count == KEDGE_FILTER_NODES_MAX)
        return refuse_at(parser, parser->token.offset, KEDGE_E_LIMIT,
                         "a filter has at most %u parts", KEDGE_FILTER_NODES_MAX - 1);
    *out = filter->node_count++;
    filter->nodes[*out] = (struct kedge_filter_node){.kind = kind};
    return KEDGE_OK;
}

static enum kedge_rc enter(struct parser *parser)
{
    if (parser->depth == KEDGE_FILTER_DEPTH_MAX)
        return refuse_at(parser, parser->token.offset, KEDGE_E_LIMIT,
                         "parentheses and \"not\" stand within each other at most %u times",
                         KEDGE_FILTER_DEPTH_MAX);
    parser->depth++;
    return KEDGE_OK;
}

/* ---- one comparison ---- */

static bool has_attribute(const struct parser *parser, unsigned attribute)
{
    return kedge_filter_rows[attribute].meanings[parser->of] != NULL;
}

static bool find_attribute(const struct parser *parser, enum kedge_filter_attribute *out)
{
    for (unsigned i = 0; i < KEDGE_FILTER_ATTRIBUTE_COUNT; i++) {
        *out = (enum kedge_filter_attribute)i;
        if (i != KEDGE_FILTER_TAG_VALUE && has_attribute(parser, i) &&
            kedge_slice_equal(parser->token.bytes, kedge_slice_text(kedge_filter_rows[i].name)))
            return true;
    }
    return false;
}

static enum kedge_rc refuse_attribute(struct parser *parser)
{
    static const char *const things[KEDGE_FILTER_OF_COUNT] = {"a device", "a package"};
    char names[KEDGE_FILTER_PROBLEM_MAX] = "";
    size_t used = 0;
    const char *last = "";
    for (unsigned i = 0; i < KEDGE_FILTER_ATTRIBUTE_COUNT && used < sizeof(names); i++) {
        if (!has_attribute(parser, i))
            continue;
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used > 0 ? ", " : "",
                                 last);
        last = kedge_filter_rows[i].name;
    }
    return refuse_at(parser, parser->token.offset, KEDGE_E_TYPE,
                     "this is no attribute of %s: there are %s and %s", things[parser->of], names,
                     last);
}

/* tag.NAME, or tag."NAME" where that is no word. */
static enum kedge_rc take_tag(struct parser *parser, struct kedge_filter_node *test, bool *is)
{
    struct kedge_cursor word = kedge_cursor(parser->token.bytes);
    struct kedge_slice head, name;
    *is = has_attribute(parser, KEDGE_FILTER_TAG_VALUE) && parser->token.kind == FILTER_WORD &&
          kedge_cursor_take(&word, 4, &head) == KEDGE_OK &&
          kedge_slice_equal(head, kedge_slice_text("tag."));
    if (!*is)
        return KEDGE_OK;
    KEDGE_TRY(kedge_cursor_take(&word, kedge_cursor_left(&word), &name));
    struct filter_token token = parser->token;
    token.bytes = name;
    test->attribute = KEDGE_FILTER_TAG_VALUE;
    if (name.size == 0) {
        KEDGE_TRY(advance(parser));
        if (parser->token.kind != FILTER_TEXT || parser->token.bytes.size == 0)
            return expected(parser, "the name of a tag behind \"tag.\"");
        token = parser->token;
    }
    struct kedge_filter_value value;
    filter_text_keep(parser->filter, &token, &value);
    test->tag = value.offset;
    return advance(parser);
}

static enum kedge_rc take_attribute(struct parser *parser, struct kedge_filter_node *test)
{
    bool is;
    KEDGE_TRY(take_tag(parser, test, &is));
    if (is)
        return KEDGE_OK;
    if (parser->token.kind != FILTER_WORD)
        return expected(parser, "an attribute, \"not\" or \"(\"");
    return find_attribute(parser, &test->attribute) ? advance(parser) : refuse_attribute(parser);
}

static const char *name_of(const struct kedge_filter_node *test)
{
    return kedge_filter_rows[test->attribute].name;
}

static bool is_word(enum kedge_filter_operator operator_)
{
    return operator_ >= KEDGE_FILTER_LIKE;
}

static bool find_operator(const struct filter_token *token, enum kedge_filter_operator *out)
{
    for (unsigned i = 0; i < KEDGE_FILTER_OPERATOR_COUNT; i++) {
        *out = (enum kedge_filter_operator)i;
        if (filter_token_is(token, is_word(*out) ? FILTER_WORD : FILTER_SIGN, operator_names[i]))
            return true;
    }
    return false;
}

static void list_operators(unsigned operators, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < KEDGE_FILTER_OPERATOR_COUNT; i++)
        if ((operators & 1u << i) != 0 && used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? " " : "",
                                     operator_names[i]);
}

static enum kedge_rc take_operator(struct parser *parser, struct kedge_filter_node *test)
{
    unsigned operators = kedge_filter_rows[test->attribute].operators;
    char names[48];
    list_operators(operators, names, sizeof(names));
    if (find_operator(&parser->token, &test->operator_)) {
        if ((operators & 1u << test->operator_) != 0)
            return advance(parser);
        return refuse_at(parser, parser->token.offset, KEDGE_E_TYPE,
                         "%s cannot be asked by \"%s\", only by one of %s", name_of(test),
                         operator_names[test->operator_], names);
    }
    char what[96];
    (void)snprintf(what, sizeof(what), "how %s is compared, one of %s", name_of(test), names);
    return expected(parser, what);
}

static enum kedge_rc take_value(struct parser *parser, struct kedge_filter_node *test)
{
    struct kedge_filter *filter = parser->filter;
    const char *what = NULL;
    if (filter->value_count == KEDGE_FILTER_VALUES_MAX)
        return refuse_at(parser, parser->token.offset, KEDGE_E_LIMIT,
                         "a filter has at most %u values", KEDGE_FILTER_VALUES_MAX);
    struct kedge_filter_value *value = &filter->values[filter->value_count];
    if (!filter_value_take(filter, &parser->token, test, value, &what))
        return expected(parser, what);
    filter->value_count++;
    test->value_count++;
    return advance(parser);
}

static enum kedge_rc take_values(struct parser *parser, struct kedge_filter_node *test)
{
    bool more;
    test->first_value = parser->filter->value_count;
    if (test->operator_ != KEDGE_FILTER_IN)
        return take_value(parser, test);
    KEDGE_TRY(expect_sign(parser, "(", "\"(\" and a list of values"));
    do {
        KEDGE_TRY(take_value(parser, test));
        KEDGE_TRY(accept(parser, FILTER_SIGN, ",", &more));
    } while (more);
    return expect_sign(parser, ")", "\",\" or \")\"");
}

static bool ends_test(const struct filter_token *token)
{
    return token->kind == FILTER_END || filter_token_is(token, FILTER_WORD, "and") ||
           filter_token_is(token, FILTER_WORD, "or") || filter_token_is(token, FILTER_SIGN, ")");
}

/* "x not in (...)" is "not x in (...)"; *index becomes the node of all of it. */
static enum kedge_rc negate(struct parser *parser, uint16_t *index)
{
    uint16_t outer;
    KEDGE_TRY(add_node(parser, KEDGE_FILTER_NODE_NOT, &outer));
    parser->filter->nodes[outer].first_child = *index;
    *index = outer;
    return KEDGE_OK;
}

static enum kedge_rc take_test(struct parser *parser, uint16_t *index)
{
    struct kedge_filter *filter = parser->filter;
    bool negated = false;
    if (filter->test_count++ == KEDGE_FILTER_TESTS_MAX)
        return refuse_at(parser, parser->token.offset, KEDGE_E_LIMIT,
                         "a filter has at most %u comparisons", KEDGE_FILTER_TESTS_MAX);
    KEDGE_TRY(add_node(parser, KEDGE_FILTER_NODE_TEST, index));
    struct kedge_filter_node *test = &filter->nodes[*index];
    KEDGE_TRY(take_attribute(parser, test));
    filter->uses |= 1u << test->attribute;
    if (test->attribute == KEDGE_FILTER_REGISTERED && ends_test(&parser->token))
        return KEDGE_OK; /* alone, it asks whether it is so */
    KEDGE_TRY(accept(parser, FILTER_WORD, "not", &negated));
    if (negated && !(find_operator(&parser->token, &test->operator_) && is_word(test->operator_)))
        return expected(parser, "\"in\", \"like\" or \"ilike\" behind \"not\"");
    KEDGE_TRY(take_operator(parser, test));
    KEDGE_TRY(take_values(parser, test));
    return negated ? negate(parser, index) : KEDGE_OK;
}

/* ---- what ties them together ---- */

static enum kedge_rc take_filter(struct parser *parser, uint16_t *index);

static enum kedge_rc take_factor(struct parser *parser, uint16_t *index)
{
    bool is;
    KEDGE_TRY(accept(parser, FILTER_WORD, "not", &is));
    if (is) {
        KEDGE_TRY(enter(parser));
        KEDGE_TRY(take_factor(parser, index));
        parser->depth--;
        return negate(parser, index);
    }
    KEDGE_TRY(accept(parser, FILTER_SIGN, "(", &is));
    if (!is)
        return take_test(parser, index);
    KEDGE_TRY(enter(parser));
    KEDGE_TRY(take_filter(parser, index));
    parser->depth--;
    return expect_sign(parser, ")", "\"and\", \"or\" or \")\"");
}

/* One child or more with `word` between them; one alone needs no node around it. */
static enum kedge_rc take_chain(struct parser *parser, const char *word,
                                enum kedge_filter_node_kind kind,
                                enum kedge_rc (*child)(struct parser *, uint16_t *),
                                uint16_t *index)
{
    bool more;
    uint16_t last = 0;
    KEDGE_TRY(child(parser, &last));
    *index = last;
    KEDGE_TRY(accept(parser, FILTER_WORD, word, &more));
    if (!more)
        return KEDGE_OK;
    KEDGE_TRY(add_node(parser, kind, index));
    parser->filter->nodes[*index].first_child = last;
    do {
        uint16_t next = 0;
        KEDGE_TRY(child(parser, &next));
        parser->filter->nodes[last].next = next;
        last = next;
        KEDGE_TRY(accept(parser, FILTER_WORD, word, &more));
    } while (more);
    return KEDGE_OK;
}

static enum kedge_rc take_term(struct parser *parser, uint16_t *index)
{
    return take_chain(parser, "and", KEDGE_FILTER_NODE_AND, take_factor, index);
}

static enum kedge_rc take_filter(struct parser *parser, uint16_t *index)
{
    return take_chain(parser, "or", KEDGE_FILTER_NODE_OR, take_term, index);
}

enum kedge_rc kedge_filter_parse(enum kedge_filter_of of, struct kedge_slice text,
                                 struct kedge_filter *filter, struct kedge_filter_problem *problem)
{
    memset(filter, 0, sizeof(*filter));
    memset(problem, 0, sizeof(*problem));
    struct parser parser = {
        .of = of, .cursor = kedge_cursor(text), .filter = filter, .problem = problem};
    if (text.size > KEDGE_FILTER_TEXT_MAX)
        return refuse_at(&parser, KEDGE_FILTER_TEXT_MAX, KEDGE_E_LIMIT,
                         "a filter has at most %u bytes", KEDGE_FILTER_TEXT_MAX);
    filter->node_count = 1; /* 0 is nobody's number */
    KEDGE_TRY(advance(&parser));
    KEDGE_TRY(take_filter(&parser, &filter->root));
    if (parser.token.kind != FILTER_END)
        return expected(&parser, "\"and\", \"or\" or the end");
    return KEDGE_OK;
}
