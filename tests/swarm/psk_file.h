/*
 * psk_file.h: the keys of a fleet, one device a line: endpoint,identity,hexkey. It is the file that
 * `kedge device enroll --psk-file` takes.
 */
#ifndef KEDGE_SWARM_PSK_FILE_H
#define KEDGE_SWARM_PSK_FILE_H

#include <kedge/base.h>

#define PSK_IDENTITY_MAX 128u
#define PSK_KEY_MAX 64u                          /* bytes */
#define PSK_FILE_MAX ((size_t)1 << 30)           /* bytes of a file that is read */
#define PSK_MADE_KEY_SIZE 16u                    /* bytes of a key that is made here */
#define PSK_FILE_HEAD "endpoint,identity,hexkey" /* may be the first line */

/** Slices borrow the file's text. */
struct psk_row {
    struct kedge_slice endpoint, identity, key /* hex */;
    size_t line; /* counted from 1 */
};

struct psk_file {
    uint8_t *text;
    size_t size;
    struct psk_row *rows;
    size_t count;
};

/**
 * Takes rows apart; blank lines, and blanks around a field, do not count. KEDGE_E_MALFORMED when a
 * line is none, KEDGE_E_EXISTS when two are for one endpoint: *line and *words then say what is
 * wrong. KEDGE_E_MEMORY. The rows are the caller's to free; they borrow `text`.
 */
enum kedge_rc psk_file_parse(struct kedge_slice text, struct psk_row **rows, size_t *count,
                             size_t *line, const char **words) KEDGE_MUST_USE;

/** Reads the file at `path`. What is wrong has been said on standard error. */
bool psk_file_read(const char *path, struct psk_file *out);
/** Wipes and frees. */
void psk_file_free(struct psk_file *file);
/** The key of a row; returns its size in bytes, at most PSK_KEY_MAX. */
size_t psk_row_key(const struct psk_row *row, uint8_t key[PSK_KEY_MAX]);

/**
 * Makes `path`, readable by its owner alone, with a random key for each of `prefix`0, `prefix`1 ...
 * A file that is there already is left alone. What is wrong has been said on standard error.
 */
bool psk_file_make(const char *path, const char *prefix, uint32_t devices);

#endif
