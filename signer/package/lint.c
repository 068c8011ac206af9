/* lint.c: see lint.h. */
#include "signer/package/lint.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "signer/package/steps.h"

/* The two releases, and what has been found. */
struct comparison {
    const struct kedge_suit_manifest *next, *previous;
    const struct kedge_lint_rules *rules;
    const struct kedge_lint_sink *sink;
    size_t findings;
};

static void find(struct comparison *comparison, const char *rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void find(struct comparison *comparison, const char *rule, const char *format, ...)
{
    char words[KEDGE_FINDING_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    comparison->sink->find(comparison->sink->context, rule, words);
    comparison->findings++;
}

static void version_text(const struct kedge_suit_version *version,
                         char text[KEDGE_SUIT_VERSION_TEXT_MAX])
{
    if (kedge_suit_version_text(version, text) != KEDGE_OK)
        snprintf(text, KEDGE_SUIT_VERSION_TEXT_MAX, "(none)");
}

static void look_at_sequence(struct comparison *comparison)
{
    if (comparison->next->sequence <= comparison->previous->sequence)
        find(comparison, "sequence",
             "the sequence number is %" PRIu64 ", not above the previous release's %" PRIu64
             ": devices that confirmed that one may refuse it",
             comparison->next->sequence, comparison->previous->sequence);
}

static void look_at_version(struct comparison *comparison)
{
    char next[KEDGE_SUIT_VERSION_TEXT_MAX], previous[KEDGE_SUIT_VERSION_TEXT_MAX];
    if (comparison->rules->allow_downgrade ||
        kedge_suit_version_compare(&comparison->next->version, &comparison->previous->version) > 0)
        return;
    version_text(&comparison->next->version, next);
    version_text(&comparison->previous->version, previous);
    find(comparison, "version",
         "the version is %s, not above the previous release's %s (--allow-downgrade when that is "
         "meant)",
         next, previous);
}

static void look_at_uuid(struct comparison *comparison, const char *rule, const uint8_t next[16],
                         const uint8_t previous[16])
{
    char next_text[37], previous_text[37];
    if (memcmp(next, previous, 16) == 0)
        return;
    kedge_uuid_text(next, next_text);
    kedge_uuid_text(previous, previous_text);
    find(comparison, rule, "the %s is %s, and the previous release's was %s", rule, next_text,
         previous_text);
}

static void look_at_window(struct comparison *comparison)
{
    const struct kedge_suit_version *running = &comparison->previous->version;
    const struct kedge_suit_version *min = &comparison->next->min_version;
    const struct kedge_suit_version *max = &comparison->next->max_version;
    char previous[KEDGE_SUIT_VERSION_TEXT_MAX], bound[KEDGE_SUIT_VERSION_TEXT_MAX];
    version_text(running, previous);
    if (min->count > 0 && kedge_suit_version_compare(running, min) < 0) {
        version_text(min, bound);
        find(comparison, "window", "--min-version %s closes out devices that run %s", bound,
             previous);
    }
    if (max->count > 0 && kedge_suit_version_compare(running, max) > 0) {
        version_text(max, bound);
        find(comparison, "window", "--max-version %s closes out devices that run %s", bound,
             previous);
    }
}

static bool names_hardware(const struct kedge_suit_manifest *manifest, struct kedge_slice revision)
{
    for (size_t i = 0; i < manifest->hardware_count; i++)
        if (kedge_slice_equal(manifest->hardware[i], revision))
            return true;
    return manifest->hardware_count == 0;
}

static void look_at_hardware(struct comparison *comparison)
{
    const struct kedge_suit_manifest *previous = comparison->previous;
    if (previous->hardware_count == 0 && comparison->next->hardware_count > 0)
        find(comparison, "hardware",
             "it names hardware revisions, and the previous release ran on all of them");
    for (size_t i = 0; i < previous->hardware_count; i++) {
        char revision[KEDGE_SUIT_HARDWARE_TEXT_MAX + 1];
        kedge_printable(previous->hardware[i], revision, sizeof revision);
        if (!names_hardware(comparison->next, previous->hardware[i]))
            find(comparison, "hardware",
                 "hardware revision %s is closed out, and the previous release ran on it",
                 revision);
    }
}

static void look_at_size(struct comparison *comparison)
{
    uint64_t slot_size = comparison->rules->slot_size;
    if (slot_size != 0 && comparison->next->image_size > slot_size)
        find(comparison, "slot-size",
             "the image has %" PRIu64 " bytes, and the slot room for %" PRIu64,
             comparison->next->image_size, slot_size);
}

size_t kedge_lint(const struct kedge_suit_manifest *next,
                  const struct kedge_suit_manifest *previous, const struct kedge_lint_rules *rules,
                  const struct kedge_lint_sink *sink)
{
    struct comparison comparison = {
        .next = next, .previous = previous, .rules = rules, .sink = sink};
    look_at_size(&comparison);
    if (previous == NULL)
        return comparison.findings;
    look_at_sequence(&comparison);
    look_at_version(&comparison);
    look_at_uuid(&comparison, "vendor", next->vendor, previous->vendor);
    look_at_uuid(&comparison, "class", next->class_id, previous->class_id);
    look_at_window(&comparison);
    look_at_hardware(&comparison);
    return comparison.findings;
}
