/* audit.c: the hash that ties each audit row to all rows before it, and how it is followed. */
#include "updater/store/audit.h"

#include <kedge/crypto.h>

#include <string.h>

static void put_number(struct kedge_sha256 *hash, uint64_t number, size_t size)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(number >> (8 * (size - 1 - i)));
    kedge_sha256_update(hash, kedge_slice(bytes, size));
}

static void put_text(struct kedge_sha256 *hash, const char *text)
{
    put_number(hash, strlen(text), 4);
    kedge_sha256_update(hash, kedge_slice_text(text));
}

void kedge_audit_hash(const uint8_t previous[32], const struct kedge_audit_entry *entry,
                      uint8_t out[32])
{
    struct kedge_sha256 hash;
    kedge_sha256_init(&hash);
    kedge_sha256_update(&hash, kedge_slice(previous, 32));
    put_number(&hash, entry->sequence, 8);
    put_number(&hash, entry->at_ms, 8);
    put_text(&hash, entry->who);
    put_text(&hash, entry->what);
    put_text(&hash, entry->subject);
    put_text(&hash, entry->before);
    put_text(&hash, entry->after);
    kedge_sha256_final(&hash, out);
}

static void clean(char *text, size_t size)
{
    if (!kedge_utf8_valid(kedge_slice_text(text)))
        kedge_printable(kedge_slice_text(text), text, size);
}

void kedge_audit_clean(struct kedge_audit_entry *entry)
{
    clean(entry->who, sizeof(entry->who));
    clean(entry->what, sizeof(entry->what));
    clean(entry->subject, sizeof(entry->subject));
    clean(entry->before, sizeof(entry->before));
    clean(entry->after, sizeof(entry->after));
}

enum kedge_audit_verdict kedge_audit_follow(struct kedge_audit_head *head,
                                            const struct kedge_audit_entry *entry)
{
    uint8_t hash[KEDGE_AUDIT_HASH_SIZE];
    if (entry->sequence <= head->sequence)
        return KEDGE_AUDIT_PUT_IN;
    if (entry->sequence != head->sequence + 1)
        return KEDGE_AUDIT_MISSING;
    kedge_audit_hash(head->hash, entry, hash);
    if (memcmp(hash, entry->hash, sizeof(hash)) != 0)
        return KEDGE_AUDIT_ALTERED;
    head->sequence = entry->sequence;
    memcpy(head->hash, hash, sizeof(hash));
    return KEDGE_AUDIT_FOLLOWS;
}
