/* recent.c: see recent.h. */
#include "agent/client/recent.h"

#include <string.h>

uint8_t kedge_recent_find(const struct kedge_recent *recent, struct kedge_recent_key key,
                          uint64_t now_ms)
{
    for (size_t i = 0; i < KEDGE_RECENT_COUNT; i++) {
        const struct kedge_recent_entry *entry = &recent->entries[i];
        if (entry->code != 0 && entry->key.message_id == key.message_id &&
            entry->key.content == key.content && now_ms - entry->at_ms < KEDGE_RECENT_LIFETIME_MS)
            return entry->code;
    }
    return 0;
}

void kedge_recent_keep(struct kedge_recent *recent, struct kedge_recent_key key, uint8_t code,
                       uint64_t now_ms)
{
    recent->entries[recent->next] =
        (struct kedge_recent_entry){.key = key, .code = code, .at_ms = now_ms};
    recent->next = (recent->next + 1) % KEDGE_RECENT_COUNT;
}

void kedge_recent_clear(struct kedge_recent *recent)
{
    memset(recent, 0, sizeof *recent);
}
