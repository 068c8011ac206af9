/* forwarded.c: X-Forwarded-For, read from its end. */
#include "updater/api/forwarded.h"

#include <string.h>

#include "updater/api/scan.h"

static void add(struct forwarded *forwarded, struct kedge_slice entry)
{
    if (forwarded->count == FORWARDED_MAX) {
        memmove(&forwarded->last[0], &forwarded->last[1],
                (FORWARDED_MAX - 1) * sizeof(forwarded->last[0]));
        forwarded->count--;
    }
    forwarded->last[forwarded->count++] = entry;
}

void forwarded_take(struct forwarded *forwarded, struct kedge_slice value)
{
    struct kedge_cursor cursor = kedge_cursor(value);
    do {
        add(forwarded, scan_until(&cursor, ","));
    } while (kedge_cursor_accept(&cursor, ','));
}

static size_t count_colons(struct kedge_slice text)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    size_t count = 0;
    uint8_t byte;
    while (kedge_cursor_u8(&cursor, &byte) == KEDGE_OK)
        count += byte == ':';
    return count;
}

/* "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711" */
static enum kedge_rc parse_entry(struct kedge_slice entry, struct host *host)
{
    struct kedge_cursor cursor = kedge_cursor(entry);
    scan_blanks(&cursor);
    if (kedge_cursor_accept(&cursor, '['))
        return host_parse(scan_until(&cursor, "]"), host);
    struct kedge_slice word = scan_until(&cursor, " \t");
    cursor = kedge_cursor(word);
    return host_parse(count_colons(word) == 1 ? scan_until(&cursor, ":") : word, host);
}

struct host forwarded_client(const struct forwarded *forwarded, const struct networks *trusted,
                             const struct host *peer)
{
    struct host client = *peer, before;
    for (size_t i = forwarded->count; i > 0 && networks_hold(trusted, &client); i--) {
        if (parse_entry(forwarded->last[i - 1], &before) != KEDGE_OK)
            break;
        client = before;
    }
    return client;
}
