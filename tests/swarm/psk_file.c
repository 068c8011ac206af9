/* psk_file.c: see psk_file.h. */
#define _GNU_SOURCE
#include "tests/swarm/psk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <kedge/lwm2m.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- rows ---- */

/* What stands before the next `end`, or before the end of all; moves past both. */
static struct kedge_slice take_until(struct kedge_cursor *cursor, uint8_t end)
{
    struct kedge_cursor ahead = *cursor;
    struct kedge_slice rest, taken;
    if (kedge_cursor_take(&ahead, kedge_cursor_left(cursor), &rest) != KEDGE_OK || rest.size == 0)
        return kedge_slice(NULL, 0);
    const uint8_t *at = memchr(rest.data, end, rest.size);
    size_t size = at != NULL ? (size_t)(at - rest.data) : rest.size;
    if (kedge_cursor_take(cursor, size, &taken) != KEDGE_OK)
        return kedge_slice(NULL, 0);
    (void)kedge_cursor_accept(cursor, end);
    return taken;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static struct kedge_slice trim(struct kedge_slice text)
{
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    while (text.size > 0 && is_blank(text.data[0]))
        text = kedge_slice(text.data + 1, text.size - 1);
    return text;
}

static bool is_key(struct kedge_slice hex)
{
    uint8_t key[PSK_KEY_MAX];
    bool good = hex.size > 0 && hex.size % 2 == 0 && hex.size / 2 <= sizeof key &&
                kedge_hex_decode(hex, key, hex.size / 2) == KEDGE_OK;
    kedge_wipe(key, sizeof key);
    return good;
}

/* NULL when it is a row, or what is wrong with it. */
static const char *read_row(struct kedge_slice line, struct psk_row *row)
{
    struct kedge_cursor cursor = kedge_cursor(line);
    row->endpoint = trim(take_until(&cursor, ','));
    row->identity = trim(take_until(&cursor, ','));
    row->key = trim(take_until(&cursor, '\n'));
    if (!kedge_name_valid(row->endpoint, KEDGE_LWM2M_ENDPOINT_MAX))
        return "the endpoint is not a name of 1 to 128 bytes; endpoint,identity,hexkey is expected";
    if (!kedge_name_valid(row->identity, PSK_IDENTITY_MAX))
        return "the identity is not a name of 1 to 128 bytes; endpoint,identity,hexkey is expected";
    if (!is_key(row->key))
        return "the key is not 1 to 64 bytes in hex; endpoint,identity,hexkey is expected";
    return NULL;
}

static int by_endpoint(const void *a, const void *b)
{
    const struct psk_row *left = *(const struct psk_row *const *)a;
    const struct psk_row *right = *(const struct psk_row *const *)b;
    size_t least =
        left->endpoint.size < right->endpoint.size ? left->endpoint.size : right->endpoint.size;
    int order = memcmp(left->endpoint.data, right->endpoint.data, least);
    if (order == 0)
        order = (left->endpoint.size > right->endpoint.size) -
                (left->endpoint.size < right->endpoint.size);
    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

static enum kedge_rc find_doubles(const struct psk_row *rows, size_t count, size_t *line)
{
    const struct psk_row **sorted = calloc(count + 1, sizeof *sorted);
    enum kedge_rc rc = KEDGE_OK;
    if (sorted == NULL)
        return KEDGE_E_MEMORY;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &rows[i];
    qsort(sorted, count, sizeof *sorted, by_endpoint);
    for (size_t i = 1; i < count && rc == KEDGE_OK; i++)
        if (kedge_slice_equal(sorted[i]->endpoint, sorted[i - 1]->endpoint)) {
            *line = sorted[i]->line;
            rc = KEDGE_E_EXISTS;
        }
    free(sorted);
    return rc;
}

static size_t count_lines(struct kedge_slice text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == '\n';
    return count;
}

enum kedge_rc psk_file_parse(struct kedge_slice text, struct psk_row **rows, size_t *count,
                             size_t *line, const char **words)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    *count = *line = 0;
    *words = NULL;
    *rows = calloc(count_lines(text), sizeof **rows);
    if (*rows == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = KEDGE_OK;
    while (kedge_cursor_left(&cursor) > 0 && rc == KEDGE_OK) {
        struct kedge_slice one = trim(take_until(&cursor, '\n'));
        ++*line;
        if (one.size == 0 ||
            (*line == 1 && kedge_slice_equal(one, kedge_slice_text(PSK_FILE_HEAD))))
            continue;
        (*rows)[*count].line = *line;
        *words = read_row(one, &(*rows)[*count]);
        if (*words != NULL)
            rc = KEDGE_E_MALFORMED;
        else
            ++*count;
    }
    if (rc == KEDGE_OK)
        rc = find_doubles(*rows, *count, line);
    if (rc == KEDGE_E_EXISTS)
        *words = "this endpoint is there twice";
    if (rc != KEDGE_OK) {
        free(*rows);
        *rows = NULL;
        *count = 0;
    }
    return rc;
}

size_t psk_row_key(const struct psk_row *row, uint8_t key[PSK_KEY_MAX])
{
    size_t size = row->key.size / 2;
    return kedge_hex_decode(row->key, key, size) == KEDGE_OK ? size : 0;
}

/* ---- the file ---- */

static bool complain(const char *path, const char *words)
{
    fprintf(stderr, "kedge-swarm: %s: %s\n", path, words);
    return false;
}

static bool read_all(const char *path, int file, struct psk_file *out)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return complain(path, strerror(errno));
    if (!S_ISREG(status.st_mode) || (size_t)status.st_size > PSK_FILE_MAX)
        return complain(path, "a regular file of at most 1 GiB is expected");
    out->text = malloc((size_t)status.st_size + 1);
    if (out->text == NULL)
        return complain(path, kedge_rc_text(KEDGE_E_MEMORY));
    while (out->size < (size_t)status.st_size) {
        ssize_t got = read(file, out->text + out->size, (size_t)status.st_size - out->size);
        if (got == 0)
            break;
        if (got < 0)
            return complain(path, strerror(errno));
        out->size += (size_t)got;
    }
    return true;
}

bool psk_file_read(const char *path, struct psk_file *out)
{
    size_t line;
    const char *words;
    *out = (struct psk_file){.count = 0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return complain(path, strerror(errno));
    bool done = read_all(path, file, out);
    close(file);
    if (!done)
        return false;
    enum kedge_rc rc =
        psk_file_parse(kedge_slice(out->text, out->size), &out->rows, &out->count, &line, &words);
    if (rc == KEDGE_OK)
        return out->count > 0 || complain(path, "there is no device in it");
    if (words == NULL)
        return complain(path, kedge_rc_text(rc));
    fprintf(stderr, "kedge-swarm: %s:%zu: %s\n", path, line, words);
    return false;
}

void psk_file_free(struct psk_file *file)
{
    if (file->text != NULL)
        kedge_wipe(file->text, file->size);
    free(file->text);
    free(file->rows);
    *file = (struct psk_file){.count = 0};
}

static bool write_rows(FILE *out, const char *prefix, uint32_t devices)
{
    uint8_t key[PSK_MADE_KEY_SIZE];
    char hex[2 * PSK_MADE_KEY_SIZE + 1];
    bool done = true;
    for (uint32_t i = 0; i < devices && done; i++) {
        done = gnutls_rnd(GNUTLS_RND_KEY, key, sizeof key) == 0;
        kedge_hex_encode(kedge_slice(key, sizeof key), hex);
        done =
            done && fprintf(out, "%s%" PRIu32 ",%s%" PRIu32 ",%s\n", prefix, i, prefix, i, hex) > 0;
    }
    kedge_wipe(key, sizeof key);
    kedge_wipe(hex, sizeof hex);
    return done;
}

bool psk_file_make(const char *path, const char *prefix, uint32_t devices)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    FILE *out = file >= 0 ? fdopen(file, "w") : NULL;
    if (out == NULL) {
        complain(path, strerror(errno));
        if (file >= 0)
            close(file);
        return false;
    }
    bool done = write_rows(out, prefix, devices);
    done = fclose(out) == 0 && done;
    return done || complain(path, "it could not be written");
}
