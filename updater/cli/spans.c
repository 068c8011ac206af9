/* spans.c: --retry-after 10m, and --retry failed=2,timed-out=3. */
#include "updater/cli/spans.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 9u
#define SECONDS_MAX 999999999u

bool span_read(const char *text, uint32_t *span_s)
{
    static const struct {
        const char *name;
        uint32_t seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > DIGITS_MAX)
        return false;
    uint64_t number = strtoull(text, NULL, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(&text[digits], units[i].name) != 0 || number * units[i].seconds > SECONDS_MAX)
            continue;
        *span_s = (uint32_t)(number * units[i].seconds);
        return true;
    }
    return false;
}

static const struct {
    const char *name, *field;
} kinds[] = {
    {"failed", "retry_failed"}, {"rejected", "retry_rejected"}, {"timed-out", "retry_timed_out"}};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

/* One "failed=2", which ends at `size`. */
static bool add_attempt(const char *text, size_t size, json_t *policy)
{
    const char *equals = memchr(text, '=', size);
    size_t name_size = equals == NULL ? 0 : (size_t)(equals - text);
    size_t digits = equals == NULL ? 0 : strspn(equals + 1, "0123456789");
    if (digits == 0 || digits > DIGITS_MAX || name_size + 1 + digits != size)
        return false;
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (strlen(kinds[i].name) == name_size && memcmp(kinds[i].name, text, name_size) == 0 &&
            json_object_get(policy, kinds[i].field) == NULL)
            return json_object_set_new(policy, kinds[i].field,
                                       json_integer(strtoll(equals + 1, NULL, 10))) == 0;
    return false;
}

bool add_attempts(const struct arguments *arguments, json_t *policy)
{
    const char *text = argument(arguments, "retry");
    for (const char *at = text; at != NULL; at = *at == ',' ? at + 1 : NULL) {
        size_t size = strcspn(at, ",");
        if (!add_attempt(at, size, policy)) {
            complain("--retry %s: say of each kind once how many more attempts a device has after "
                     "it, as failed=2,rejected=1,timed-out=3",
                     text);
            return false;
        }
        at += size;
    }
    return true;
}
