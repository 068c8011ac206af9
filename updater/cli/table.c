/* table.c: tables that fit the terminal. */
#define _DEFAULT_SOURCE
#include "updater/cli/table.h"

#include <inttypes.h>
#include <kedge/base.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define GAP 2u
#define SHORTEST 8u /* a column is not cut below this */
#define CELLS_FIRST 64u

/* ---- text ---- */

size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        if (((unsigned char)*text & 0xc0) != 0x80) /* not a UTF-8 continuation byte */
            width++;
    return width;
}

void size_text(uint64_t bytes, char *out, size_t out_size)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) {
        (void)snprintf(out, out_size, "%" PRIu64 " B", bytes);
        return;
    }
    size_t unit = 0;
    double value = (double)bytes / 1024;
    for (; value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
        value /= 1024;
    (void)snprintf(out, out_size, "%.1f %s", value, units[unit]);
}

void time_text(uint64_t at_ms, char *out, size_t out_size)
{
    time_t at_s = (time_t)(at_ms / 1000);
    struct tm local;
    if (at_ms == 0 || localtime_r(&at_s, &local) == NULL ||
        strftime(out, out_size, "%Y-%m-%d %H:%M:%S", &local) == 0)
        (void)snprintf(out, out_size, "-");
}

size_t terminal_width(FILE *out)
{
    struct winsize size;
    int file = fileno(out);
    if (file < 0 || isatty(file) != 1)
        return 0;
    if (ioctl(file, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

/* ---- the table ---- */

void table_init(struct table *table, const struct column *columns, size_t column_count)
{
    *table = (struct table){.columns = columns, .column_count = column_count};
}

static bool make_room(struct table *table)
{
    if (table->cell_count < table->cell_capacity)
        return true;
    size_t capacity = table->cell_capacity == 0 ? CELLS_FIRST : 2 * table->cell_capacity;
    char **grown = realloc(table->cells, capacity * sizeof(*grown));
    if (grown == NULL)
        return false;
    table->cells = grown;
    table->cell_capacity = capacity;
    return true;
}

void table_add(struct table *table, const char *text)
{
    const char *from = text == NULL ? "" : text;
    size_t size = strlen(from) + 1;
    char *cell = make_room(table) ? malloc(size) : NULL;
    if (cell == NULL) {
        table->failed = true;
        return;
    }
    kedge_printable(kedge_slice_text(from), cell, size);
    table->cells[table->cell_count++] = cell;
}

void table_add_number(struct table *table, uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu64, value);
    table_add(table, text);
}

static void measure(const struct table *table, size_t widths[TABLE_COLUMNS_MAX])
{
    for (size_t i = 0; i < table->column_count; i++)
        widths[i] = text_width(table->columns[i].title);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t width = text_width(table->cells[i]);
        if (width > widths[i % table->column_count])
            widths[i % table->column_count] = width;
    }
}

/* Takes from the widest column that may be cut, one character at a time, until all fits. */
static void fit(const struct table *table, size_t widths[TABLE_COLUMNS_MAX], size_t most)
{
    size_t total = GAP * (table->column_count - 1);
    for (size_t i = 0; i < table->column_count; i++)
        total += widths[i];
    while (most > 0 && total > most) {
        size_t widest = table->column_count;
        for (size_t i = 0; i < table->column_count; i++)
            if (table->columns[i].shortened && widths[i] > SHORTEST &&
                (widest == table->column_count || widths[i] > widths[widest]))
                widest = i;
        if (widest == table->column_count)
            return;
        widths[widest]--;
        total--;
    }
}

/* One line on its way out: spaces wait until something follows them. */
struct line {
    FILE *out;
    size_t pending;
};

static void print_text(struct line *line, const char *text, size_t size)
{
    if (size == 0)
        return;
    (void)fprintf(line->out, "%*s%.*s", (int)line->pending, "", (int)size, text);
    line->pending = 0;
}

/* The bytes of the first `width` characters. */
static size_t prefix_size(const char *text, size_t width)
{
    size_t size = 0;
    for (size_t seen = 0; text[size] != '\0'; size++)
        if (((unsigned char)text[size] & 0xc0) != 0x80 && seen++ == width)
            break;
    return size;
}

static void print_cell(struct line *line, const struct column *column, const char *text,
                       size_t width)
{
    size_t has = text_width(text);
    if (has > width) {
        size_t kept = width > 3 ? width - 3 : 0;
        print_text(line, text, prefix_size(text, kept));
        print_text(line, "...", width - kept);
        has = width;
    } else {
        line->pending += column->right ? width - has : 0;
        print_text(line, text, strlen(text));
    }
    line->pending += GAP + (column->right ? 0 : width - has);
}

static void print_row(FILE *out, const struct table *table, const size_t *widths,
                      char *const *cells)
{
    struct line line = {.out = out};
    for (size_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        print_cell(&line, column, cells == NULL ? column->title : cells[i], widths[i]);
    }
    (void)fputc('\n', out);
}

static void table_free(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
    table_init(table, table->columns, table->column_count);
}

void table_print(struct table *table, FILE *out, size_t width)
{
    size_t widths[TABLE_COLUMNS_MAX];
    measure(table, widths);
    fit(table, widths, width);
    print_row(out, table, widths, NULL);
    for (size_t i = 0; i + table->column_count <= table->cell_count; i += table->column_count)
        print_row(out, table, widths, &table->cells[i]);
    if (table->failed)
        (void)fprintf(stderr, "kedge: out of memory: the table is not complete\n");
    table_free(table);
}
