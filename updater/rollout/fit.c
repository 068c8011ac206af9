/* fit.c: hardware revisions and version windows. */
#include "updater/rollout/fit.h"
#include "updater/rollout/semver.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *code, *words;
} fits[KEDGE_FIT_COUNT] = {
#define KEDGE_FIT_ROW_(name, code, words) [name] = {code, words},
    KEDGE_FITS(KEDGE_FIT_ROW_)
#undef KEDGE_FIT_ROW_
};

const char *kedge_fit_code(enum kedge_fit fit)
{
    return (unsigned)fit < KEDGE_FIT_COUNT ? fits[fit].code : "unknown";
}

const char *kedge_fit_text(enum kedge_fit fit)
{
    return (unsigned)fit < KEDGE_FIT_COUNT ? fits[fit].words : "unknown";
}

static bool asked(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static bool on_a_line(const char *lines, const char *text)
{
    size_t size = strlen(text);
    while (*lines != '\0') {
        size_t line = strcspn(lines, "\n");
        if (line == size && memcmp(lines, text, size) == 0)
            return true;
        lines += line + (lines[line] == '\n');
    }
    return false;
}

/* Whether the order of `version` to the bound is the one of `side`, -1 or 1, or they are equal. */
static bool within(const char *bound, const char *version, int side)
{
    struct kedge_semver running, limit;
    if (!asked(bound))
        return true;
    return kedge_semver_parse(kedge_slice_text(version), &running) &&
           kedge_semver_parse(kedge_slice_text(bound), &limit) &&
           kedge_semver_compare(&running, &limit) != -side;
}

enum kedge_fit kedge_fit_check(const struct kedge_fit_conditions *conditions, const char *hardware,
                               const char *version, const struct kedge_fit_limits *limits)
{
    if (asked(conditions->hardware) && !on_a_line(conditions->hardware, hardware))
        return KEDGE_FIT_HARDWARE;
    if (!within(conditions->min_version, version, 1) ||
        !within(conditions->max_version, version, -1))
        return KEDGE_FIT_VERSION;
    if (conditions->sequence != 0 && conditions->sequence < limits->sequence_floor)
        return KEDGE_FIT_SEQUENCE;
    if (limits->slot_capacity != 0 && conditions->image_size > limits->slot_capacity)
        return KEDGE_FIT_SIZE;
    return KEDGE_FIT_OK;
}

void kedge_fit_words(enum kedge_fit fit, const struct kedge_fit_conditions *conditions,
                     const struct kedge_fit_limits *limits, char text[KEDGE_FIT_WORDS_MAX])
{
    if (fit == KEDGE_FIT_SEQUENCE)
        (void)snprintf(text, KEDGE_FIT_WORDS_MAX,
                       "takes no sequence number below %" PRIu64 ", and the package has %" PRIu64,
                       limits->sequence_floor, conditions->sequence);
    else if (fit == KEDGE_FIT_SIZE)
        (void)snprintf(text, KEDGE_FIT_WORDS_MAX,
                       "has room for an image of %" PRIu64
                       " bytes, and that of the package has %" PRIu64,
                       limits->slot_capacity, conditions->image_size);
    else
        (void)snprintf(text, KEDGE_FIT_WORDS_MAX, "%s", kedge_fit_text(fit));
}
