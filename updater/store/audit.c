/*
 * audit.c: the hash that ties each audit row to all rows before it.
 */
#include "updater/store/store.h"

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
