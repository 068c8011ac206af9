/*
 * record.h: what the agent keeps in a file, as one record: four bytes of magic, a CBOR map whose
 * keys are unsigned and in their order, and CRC-32 over both. Keys that a later agent added are
 * skipped, so that the agent that a rollback brings back still knows what it needs.
 */
#ifndef KEDGE_AGENT_RECORD_H
#define KEDGE_AGENT_RECORD_H

#include <kedge/cbor.h>

#define KEDGE_RECORD_KEYS_MAX 23u

/* ---- writing: begin, one _put for each key, end ---- */

/** `magic` has four characters; `start` is where the record begins in `out`. */
enum kedge_rc kedge_record_begin(struct kedge_writer *out, const char *magic, uint64_t key_count,
                                 size_t *start) KEDGE_MUST_USE;
enum kedge_rc kedge_record_put_number(struct kedge_writer *out, uint64_t key,
                                      uint64_t value) KEDGE_MUST_USE;
enum kedge_rc kedge_record_put_text(struct kedge_writer *out, uint64_t key,
                                    const char *text) KEDGE_MUST_USE;
enum kedge_rc kedge_record_put_bytes(struct kedge_writer *out, uint64_t key,
                                     struct kedge_slice bytes) KEDGE_MUST_USE;
enum kedge_rc kedge_record_end(struct kedge_writer *out, size_t start) KEDGE_MUST_USE;

/* ---- reading: open, one _get for each key in the same order, close ---- */

struct kedge_record {
    struct kedge_cursor cursor;
    struct kedge_cbor_map map;
};

/**
 * kedge_record_open() checks CRC and magic. KEDGE_E_MALFORMED for fewer than `key_count` keys,
 * KEDGE_E_LIMIT for more than KEDGE_RECORD_KEYS_MAX.
 */
enum kedge_rc kedge_record_open(struct kedge_record *record, struct kedge_slice bytes,
                                const char *magic, size_t key_count) KEDGE_MUST_USE;
/** Whether `key` comes next: one that need not be there. */
bool kedge_record_has(const struct kedge_record *record, uint64_t key);
/* KEDGE_E_MALFORMED when the next key is another one, KEDGE_E_LIMIT when the value does not fit. */
enum kedge_rc kedge_record_get_number(struct kedge_record *record, uint64_t key, uint64_t limit,
                                      uint64_t *value) KEDGE_MUST_USE;
/** A text without NUL; `capacity` counts the NUL that is put behind it. */
enum kedge_rc kedge_record_get_text(struct kedge_record *record, uint64_t key, char *text,
                                    size_t capacity) KEDGE_MUST_USE;
enum kedge_rc kedge_record_get_bytes(struct kedge_record *record, uint64_t key, uint8_t *bytes,
                                     size_t capacity, size_t *size) KEDGE_MUST_USE;
/** Skips the keys of a later agent; nothing else may follow. */
enum kedge_rc kedge_record_close(struct kedge_record *record) KEDGE_MUST_USE;

#endif
