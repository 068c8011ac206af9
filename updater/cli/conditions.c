/* conditions.c: --if-match and --idempotency-key: what a change rests on, and that it is made once. */
#include <string.h>

#include "updater/cli/cli.h"

#define VALUE_MAX 64u

static const struct {
    const char *option, *format;
} conditions[] = {
    {"if-match", "If-Match: \"%s\""},
    {"idempotency-key", "Idempotency-Key: %s"},
};

/* Nothing in it may end the header, or its quotes. */
static bool fits(const char *value)
{
    size_t size = strlen(value);
    for (size_t i = 0; i < size; i++)
        if (value[i] <= ' ' || value[i] >= 0x7f || value[i] == '"')
            return false;
    return size > 0 && size <= VALUE_MAX;
}

enum status conditions_add(struct cli *cli, const struct arguments *arguments)
{
    char line[VALUE_MAX + 32];
    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        const char *value = argument(arguments, conditions[i].option);
        if (value == NULL)
            continue;
        if (!fits(value)) {
            complain("--%s must be 1 to %u characters of ASCII without spaces and quotes",
                     conditions[i].option, VALUE_MAX);
            return STATUS_USAGE;
        }
        (void)snprintf(line, sizeof(line), conditions[i].format, value);
        if (!client_add_header(cli->client, line)) {
            complain("out of memory");
            return STATUS_UNREACHABLE;
        }
    }
    return STATUS_DONE;
}
