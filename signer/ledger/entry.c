/* entry.c: see entry.h. */
#define _GNU_SOURCE
#include "signer/ledger/entry.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define TIME_MAX UINT64_C(253402300799) /* the last second of the year 9999 */
#define HASH_MEMBER ",\"hash\":\""

static const char *const means_words[KEDGE_LEDGER_MEANS_COUNT] = {
#define MEANS_WORD(name, word) word,
    KEDGE_LEDGER_MEANS_LIST(MEANS_WORD)
#undef MEANS_WORD
};

const char *kedge_ledger_means_word(enum kedge_ledger_means means)
{
    return means < KEDGE_LEDGER_MEANS_COUNT ? means_words[means] : "unknown";
}

void kedge_ledger_time_text(uint64_t time_s, char text[KEDGE_LEDGER_TIME_SIZE])
{
    time_t when = (time_t)(time_s <= TIME_MAX ? time_s : TIME_MAX);
    struct tm utc;
    gmtime_r(&when, &utc);
    strftime(text, KEDGE_LEDGER_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* What needs no escape in a JSON string. */
static bool plain(uint8_t byte)
{
    return byte >= 0x20 && byte != 0x7F && byte != '"' && byte != '\\';
}

static bool all_plain(struct kedge_slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!plain(text.data[i]))
            return false;
    return kedge_utf8_valid(text);
}

void kedge_ledger_who_set(struct kedge_ledger_entry *entry, struct kedge_slice text)
{
    bool valid = kedge_utf8_valid(text) && text.size <= KEDGE_LEDGER_WHO_MAX;
    size_t size = text.size < KEDGE_LEDGER_WHO_MAX ? text.size : KEDGE_LEDGER_WHO_MAX;
    for (size_t i = 0; i < size; i++) {
        bool keep = plain(text.data[i]) && (valid || text.data[i] < 0x80);
        entry->who[i] = keep ? (char)text.data[i] : '?';
    }
    entry->who[size] = '\0';
}

/* ---- writing ---- */

static enum kedge_rc put(struct kedge_writer *out, const char *text)
{
    return kedge_writer_put(out, kedge_slice_text(text));
}

static enum kedge_rc put_hex(struct kedge_writer *out, const char *before, const uint8_t bytes[32])
{
    char digits[65];
    kedge_hex_encode(kedge_slice(bytes, 32), digits);
    KEDGE_TRY(put(out, before));
    return put(out, digits);
}

static enum kedge_rc put_beginning(uint64_t number, const uint8_t previous[32],
                                   struct kedge_writer *out)
{
    KEDGE_TRY(put(out, "{\"entry\":"));
    KEDGE_TRY(kedge_writer_decimal(out, number));
    return put_hex(out, ",\"previous\":\"", previous);
}

static enum kedge_rc put_members(const struct kedge_ledger_entry *entry, struct kedge_writer *out)
{
    char when[KEDGE_LEDGER_TIME_SIZE];
    kedge_ledger_time_text(entry->time_s, when);
    KEDGE_TRY(put_beginning(entry->number, entry->previous, out));
    KEDGE_TRY(put(out, "\",\"time\":\""));
    KEDGE_TRY(put(out, when));
    KEDGE_TRY(put(out, "\",\"who\":\""));
    KEDGE_TRY(put(out, entry->who));
    KEDGE_TRY(put(out, "\",\"key\":\""));
    KEDGE_TRY(put(out, kedge_ledger_means_word(entry->means)));
    KEDGE_TRY(put_hex(out, "\",\"key_id\":\"", entry->key_id));
    KEDGE_TRY(put_hex(out, "\",\"manifest_digest\":\"", entry->manifest_digest));
    KEDGE_TRY(put(out, "\",\"version\":\""));
    KEDGE_TRY(put(out, entry->version));
    KEDGE_TRY(put(out, "\",\"sequence\":"));
    return kedge_writer_decimal(out, entry->sequence);
}

enum kedge_rc kedge_ledger_entry_write(struct kedge_ledger_entry *entry, struct kedge_writer *out)
{
    size_t start = out->size;
    KEDGE_TRY(put_members(entry, out));
    kedge_sha256(kedge_slice(out->data + start, out->size - start), entry->hash);
    KEDGE_TRY(put_hex(out, HASH_MEMBER, entry->hash));
    return put(out, "\"}\n");
}

/* ---- reading ---- */

static enum kedge_rc take(struct kedge_cursor *cursor, const char *text)
{
    struct kedge_slice expected = kedge_slice_text(text), found;
    KEDGE_TRY(kedge_cursor_take(cursor, expected.size, &found));
    return kedge_slice_equal(expected, found) ? KEDGE_OK : KEDGE_E_MALFORMED;
}

static enum kedge_rc take_hex(struct kedge_cursor *cursor, const char *before, uint8_t bytes[32])
{
    struct kedge_slice digits;
    KEDGE_TRY(take(cursor, before));
    KEDGE_TRY(kedge_cursor_take(cursor, 64, &digits));
    return kedge_hex_decode(digits, bytes, 32);
}

/* Takes what stands before the next quotation mark. */
static enum kedge_rc take_string(struct kedge_cursor *cursor, const char *before, char *out,
                                 size_t capacity)
{
    KEDGE_TRY(take(cursor, before));
    struct kedge_cursor end = *cursor;
    uint8_t byte = 0;
    size_t size = 0;
    for (; byte != '"'; size++)
        KEDGE_TRY(kedge_cursor_u8(&end, &byte));
    struct kedge_slice text;
    KEDGE_TRY(kedge_cursor_take(cursor, size - 1, &text));
    if (text.size >= capacity)
        return KEDGE_E_LIMIT;
    if (!all_plain(text))
        return KEDGE_E_MALFORMED;
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    return KEDGE_OK;
}

static enum kedge_rc take_time(struct kedge_cursor *cursor, uint64_t *time_s)
{
    char text[KEDGE_LEDGER_TIME_SIZE];
    struct tm utc = {0};
    KEDGE_TRY(take_string(cursor, "\",\"time\":\"", text, sizeof text));
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    time_t when = end != NULL && *end == '\0' ? timegm(&utc) : -1;
    if (when < 0)
        return KEDGE_E_MALFORMED;
    *time_s = (uint64_t)when;
    return KEDGE_OK;
}

static enum kedge_rc take_means(struct kedge_cursor *cursor, enum kedge_ledger_means *means)
{
    char word[16];
    KEDGE_TRY(take_string(cursor, "\",\"key\":\"", word, sizeof word));
    for (int i = 0; i < KEDGE_LEDGER_MEANS_COUNT; i++) {
        if (strcmp(word, means_words[i]) == 0) {
            *means = (enum kedge_ledger_means)i;
            return KEDGE_OK;
        }
    }
    return KEDGE_E_UNSUPPORTED;
}

static enum kedge_rc take_members(struct kedge_cursor *cursor, struct kedge_ledger_entry *entry)
{
    KEDGE_TRY(take(cursor, "{\"entry\":"));
    KEDGE_TRY(kedge_cursor_decimal(cursor, UINT64_MAX, &entry->number));
    KEDGE_TRY(take_hex(cursor, ",\"previous\":\"", entry->previous));
    KEDGE_TRY(take_time(cursor, &entry->time_s));
    KEDGE_TRY(take_string(cursor, "\",\"who\":\"", entry->who, sizeof entry->who));
    KEDGE_TRY(take_means(cursor, &entry->means));
    KEDGE_TRY(take_hex(cursor, "\",\"key_id\":\"", entry->key_id));
    KEDGE_TRY(take_hex(cursor, "\",\"manifest_digest\":\"", entry->manifest_digest));
    KEDGE_TRY(take_string(cursor, "\",\"version\":\"", entry->version, sizeof entry->version));
    KEDGE_TRY(take(cursor, "\",\"sequence\":"));
    return kedge_cursor_decimal(cursor, UINT64_MAX, &entry->sequence);
}

/* Whatever reads alike and is written in another way is none of ours. */
static bool is_canonical(struct kedge_slice line, const struct kedge_ledger_entry *entry)
{
    struct kedge_ledger_entry again = *entry;
    uint8_t bytes[KEDGE_LEDGER_LINE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    return kedge_ledger_entry_write(&again, &out) == KEDGE_OK &&
           kedge_slice_equal(line, kedge_slice(bytes, out.size - 1));
}

enum kedge_rc kedge_ledger_entry_read(struct kedge_slice line, struct kedge_ledger_entry *entry)
{
    struct kedge_ledger_entry read = {0};
    struct kedge_cursor cursor = kedge_cursor(line);
    uint8_t hash[KEDGE_SHA256_SIZE];
    if (line.size >= KEDGE_LEDGER_LINE_MAX)
        return KEDGE_E_LIMIT;
    KEDGE_TRY(take_members(&cursor, &read));
    kedge_sha256(kedge_slice(line.data, cursor.offset), hash);
    KEDGE_TRY(take_hex(&cursor, HASH_MEMBER, read.hash));
    KEDGE_TRY(take(&cursor, "\"}"));
    if (kedge_cursor_left(&cursor) != 0)
        return KEDGE_E_TRAILING;
    if (memcmp(hash, read.hash, sizeof hash) != 0)
        return KEDGE_E_DIGEST;
    if (!is_canonical(line, &read))
        return KEDGE_E_NOT_CANONICAL;
    *entry = read;
    return KEDGE_OK;
}

bool kedge_ledger_begins_line(struct kedge_slice text, const struct kedge_ledger_entry *last)
{
    static const uint8_t zeros[KEDGE_SHA256_SIZE];
    uint8_t bytes[KEDGE_LEDGER_LINE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    if (put_beginning(last != NULL ? last->number + 1 : 1, last != NULL ? last->hash : zeros,
                      &out) != KEDGE_OK)
        return false;
    size_t size = text.size < out.size ? text.size : out.size;
    return text.size < KEDGE_LEDGER_LINE_MAX &&
           kedge_slice_equal(kedge_slice(text.data, size), kedge_slice(bytes, size));
}
