// links: kedge-rollout
/*
 * fuzz_filter.c: any bytes as a filter. It parses or says where it does not; what parses is judged
 * the same each time, its opposite is its opposite, and what it requires is required.
 */
#include "tests/fuzz/fuzz.h"
#include "updater/rollout/filter.h"

#include <string.h>

static const struct kedge_filter_tag tags[] = {{"eu", ""}, {"site", "hamburg"}, {"", "\xff"}};

static const struct kedge_filter_subject subjects[] = {
    {.now_ms = 0},
    {.texts = {"edge-1", "acme.example", "board-a", "C", "SN-1", "B-2", "1.4.0-rc.1+x"},
     .tags = tags,
     .tag_count = 3,
     .registered = true,
     .first_seen_ms = 1,
     .last_seen_ms = 1800000000000u,
     .now_ms = 1800000000001u},
    {.texts = {"", "", "board-b", "***", "?", "\xc3\xa4", "factory"}, .tags = tags, .tag_count = 1},
};

static void check_problem(const struct kedge_filter_problem *problem, size_t size)
{
    FUZZ_REQUIRE(problem->offset <= size);
    FUZZ_REQUIRE(problem->line >= 1 && problem->column >= 1);
    FUZZ_REQUIRE(memchr(problem->text, '\0', sizeof(problem->text)) != NULL);
    FUZZ_REQUIRE(problem->text[0] != '\0');
}

static void check_requires(const struct kedge_filter *filter,
                           const struct kedge_filter_subject *subject)
{
    const char *required = kedge_filter_requires(filter, KEDGE_FILTER_CLASS);
    const char *class_name = subject->texts[KEDGE_FILTER_CLASS];
    if (required != NULL && kedge_filter_matches(filter, subject))
        FUZZ_REQUIRE(strcmp(required, class_name == NULL ? "" : class_name) == 0);
}

static void check_opposite(struct kedge_slice text, const struct kedge_filter *filter)
{
    static struct kedge_filter opposite;
    static char words[KEDGE_FILTER_TEXT_MAX + 8];
    struct kedge_filter_problem problem;
    memcpy(words, "not (", 5);
    memcpy(&words[5], text.data, text.size);
    words[5 + text.size] = ')';
    if (kedge_filter_parse(KEDGE_FILTER_OF_DEVICE, kedge_slice(words, text.size + 6), &opposite,
                           &problem) != KEDGE_OK)
        return; /* one deeper or longer than may be */
    for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
        FUZZ_REQUIRE(kedge_filter_matches(filter, &subjects[i]) !=
                     kedge_filter_matches(&opposite, &subjects[i]));
}

/* Of a package it is one filter or none, and what it means is the same each time. */
static void check_package(struct kedge_slice text)
{
    static const struct kedge_filter_subject package = {
        .texts = {[KEDGE_FILTER_ID] = "c0ffee", [KEDGE_FILTER_VERSION] = "1.4.0"},
        .revisions = "A\n\n\xc3\xa4",
        .uploaded_ms = 1,
        .now_ms = 2};
    static struct kedge_filter filter;
    struct kedge_filter_problem problem;
    if (kedge_filter_parse(KEDGE_FILTER_OF_PACKAGE, text, &filter, &problem) != KEDGE_OK)
        check_problem(&problem, text.size);
    else
        FUZZ_REQUIRE(kedge_filter_matches(&filter, &package) ==
                     kedge_filter_matches(&filter, &package));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kedge_filter filter;
    struct kedge_filter_problem problem;
    struct kedge_slice text = kedge_slice(data, size);
    check_package(text);
    if (kedge_filter_parse(KEDGE_FILTER_OF_DEVICE, text, &filter, &problem) != KEDGE_OK) {
        check_problem(&problem, size);
        return 0;
    }
    FUZZ_REQUIRE(size > 0 && size <= KEDGE_FILTER_TEXT_MAX);
    for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
        check_requires(&filter, &subjects[i]);
    check_opposite(text, &filter);
    return 0;
}
