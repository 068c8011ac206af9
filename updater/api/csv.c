/* csv.c: rows of comma-separated values. */
#include "updater/api/csv.h"

#include <string.h>

struct csv csv(struct kedge_slice text)
{
    static const uint8_t mark[] = {0xEF, 0xBB, 0xBF}; /* that some programs begin UTF-8 with */
    struct csv walk = {.cursor = kedge_cursor(text), .line = 1};
    if (text.size >= sizeof mark && memcmp(text.data, mark, sizeof mark) == 0)
        walk.cursor.offset = sizeof mark;
    return walk;
}

/* ---- one field ---- */

static enum kedge_rc refuse(struct csv_row *row, const char *why)
{
    row->wrong = why;
    return KEDGE_E_MALFORMED;
}

static enum kedge_rc keep(struct kedge_writer *scratch, struct csv_row *row, uint8_t byte)
{
    if (byte == '\0')
        return refuse(row, "has a NUL in it");
    return kedge_writer_u8(scratch, byte) == KEDGE_OK ? KEDGE_OK : refuse(row, "is too long");
}

/* Behind the opening quote, to behind the closing one. */
static enum kedge_rc read_quoted(struct csv *csv, struct kedge_writer *scratch, struct csv_row *row)
{
    uint8_t byte;
    while (kedge_cursor_u8(&csv->cursor, &byte) == KEDGE_OK) {
        if (byte == '"' && !kedge_cursor_accept(&csv->cursor, '"'))
            return KEDGE_OK;
        if (byte == '\n')
            csv->line++;
        KEDGE_TRY(keep(scratch, row, byte));
    }
    return refuse(row, "ends within quotes");
}

static bool peek(const struct csv *csv, uint8_t *byte)
{
    struct kedge_cursor ahead = csv->cursor;
    return kedge_cursor_u8(&ahead, byte) == KEDGE_OK;
}

static enum kedge_rc read_bare(struct csv *csv, struct kedge_writer *scratch, struct csv_row *row)
{
    uint8_t byte;
    size_t begin = scratch->size;
    while (peek(csv, &byte) && byte != ',' && byte != '\n') {
        (void)kedge_cursor_accept(&csv->cursor, byte);
        if (byte == '"')
            return refuse(row, "has a quote within a value");
        if (scratch->size > begin || strchr(" \t\r", byte) == NULL || byte == '\0')
            KEDGE_TRY(keep(scratch, row, byte));
    }
    while (scratch->size > begin && strchr(" \t\r", scratch->data[scratch->size - 1]) != NULL)
        scratch->size--;
    return KEDGE_OK;
}

static enum kedge_rc read_field(struct csv *csv, struct kedge_writer *scratch, struct csv_row *row)
{
    if (row->count == CSV_FIELDS_MAX)
        return refuse(row, "has more than 16 values");
    row->fields[row->count++] = (const char *)scratch->data + scratch->size;
    while (kedge_cursor_accept(&csv->cursor, ' ') || kedge_cursor_accept(&csv->cursor, '\t'))
        continue;
    if (!kedge_cursor_accept(&csv->cursor, '"')) {
        KEDGE_TRY(read_bare(csv, scratch, row));
    } else {
        KEDGE_TRY(read_quoted(csv, scratch, row));
        while (kedge_cursor_accept(&csv->cursor, ' ') || kedge_cursor_accept(&csv->cursor, '\t') ||
               kedge_cursor_accept(&csv->cursor, '\r'))
            continue;
    }
    return kedge_writer_u8(scratch, '\0') == KEDGE_OK ? KEDGE_OK : refuse(row, "is too long");
}

/* ---- one row ---- */

static enum kedge_rc read_row(struct csv *csv, struct kedge_writer *scratch, struct csv_row *row)
{
    do
        KEDGE_TRY(read_field(csv, scratch, row));
    while (kedge_cursor_accept(&csv->cursor, ','));
    if (kedge_cursor_left(&csv->cursor) == 0)
        return KEDGE_OK;
    if (!kedge_cursor_accept(&csv->cursor, '\n'))
        return refuse(row, "has something behind quotes");
    csv->line++;
    return KEDGE_OK;
}

static void skip_line(struct csv *csv)
{
    uint8_t byte;
    while (kedge_cursor_u8(&csv->cursor, &byte) == KEDGE_OK && byte != '\n')
        continue;
    csv->line++;
}

enum kedge_rc csv_next(struct csv *csv, struct kedge_writer *scratch, struct csv_row *row)
{
    while (kedge_cursor_left(&csv->cursor) > 0) {
        scratch->size = 0;
        *row = (struct csv_row){.line = csv->line};
        enum kedge_rc rc = read_row(csv, scratch, row);
        if (rc != KEDGE_OK) {
            skip_line(csv);
            return rc;
        }
        if (row->count > 1 || row->fields[0][0] != '\0')
            return KEDGE_OK;
    }
    return KEDGE_E_NOT_FOUND;
}
