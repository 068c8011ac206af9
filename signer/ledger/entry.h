/*
 * entry.h: one line of the ledger: a signature that was made. The format is docs/format.md,
 * "Ledger". Nothing here opens files.
 *
 * A line is a JSON object with its members in one order and no spaces, so that there is one way to
 * write an entry and a line that is taken is, byte for byte, what this program writes. "previous"
 * is the hash of the line before; "hash" is SHA-256 of everything in the line that stands before
 * it.
 */
#ifndef KEDGE_SIGNER_LEDGER_ENTRY_H
#define KEDGE_SIGNER_LEDGER_ENTRY_H

#include <kedge/suit.h>

#define KEDGE_LEDGER_LINE_MAX 1024u /* bytes of a line with its line end */
#define KEDGE_LEDGER_WHO_MAX 128u   /* bytes */

/* Where the private key was. X(name, word in the file) */
#define KEDGE_LEDGER_MEANS_LIST(X) \
    X(KEDGE_LEDGER_FILE, "file")   \
    X(KEDGE_LEDGER_TOKEN, "token") \
    X(KEDGE_LEDGER_ELSEWHERE, "elsewhere")

enum kedge_ledger_means {
#define KEDGE_LEDGER_MEANS_ENUM(name, word) name,
    KEDGE_LEDGER_MEANS_LIST(KEDGE_LEDGER_MEANS_ENUM)
#undef KEDGE_LEDGER_MEANS_ENUM
        KEDGE_LEDGER_MEANS_COUNT
};

/** kedge_ledger_means_word() is the word in the file; static storage. */
const char *kedge_ledger_means_word(enum kedge_ledger_means means);

/** One signature. */
struct kedge_ledger_entry {
    uint64_t number;                     /* 1 for the first line */
    uint8_t previous[KEDGE_SHA256_SIZE]; /* hash of the line before; zeros in the first */
    uint64_t time_s;                     /* Unix time */
    char who[KEDGE_LEDGER_WHO_MAX + 1];  /* printable UTF-8 without quotation mark and backslash */
    enum kedge_ledger_means means;
    uint8_t key_id[KEDGE_KEY_ID_SIZE];
    uint8_t manifest_digest[KEDGE_SHA256_SIZE];
    char version[KEDGE_SUIT_VERSION_TEXT_MAX]; /* the firmware's */
    uint64_t sequence;                         /* the manifest's */
    uint8_t hash[KEDGE_SHA256_SIZE];
};

/** kedge_ledger_who_set() takes `text` as far as it fits, with "?" for what may not stand there. */
void kedge_ledger_who_set(struct kedge_ledger_entry *entry, struct kedge_slice text);

/** kedge_ledger_entry_write() writes the line, with its line end, and fills in entry->hash. */
enum kedge_rc kedge_ledger_entry_write(struct kedge_ledger_entry *entry,
                                       struct kedge_writer *out) KEDGE_MUST_USE;

/**
 * kedge_ledger_entry_read() reads a line without its line end. KEDGE_E_DIGEST when it does not have
 * the hash that it states; anything else: it is no such line.
 */
enum kedge_rc kedge_ledger_entry_read(struct kedge_slice line,
                                      struct kedge_ledger_entry *entry) KEDGE_MUST_USE;

/**
 * kedge_ledger_begins_line() says whether `text` is how the line after `last` (NULL: the first
 * line) begins, as far as that is known: what a write that was cut short leaves behind.
 */
bool kedge_ledger_begins_line(struct kedge_slice text, const struct kedge_ledger_entry *last);

/** kedge_ledger_time_text() writes "2026-11-25T19:35:14Z". */
#define KEDGE_LEDGER_TIME_SIZE 21 /* with a NUL */
void kedge_ledger_time_text(uint64_t time_s, char text[KEDGE_LEDGER_TIME_SIZE]);

#endif
