/* table.c: tables that fit the terminal. */
#define _GNU_SOURCE
#include "updater/cli/table.h"

#include <inttypes.h>
#include <kedge/base.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#define GAP 2u
#define SHORTEST 8u /* a column is not cut below this */
#define CELLS_FIRST 64u

/* ---- text ---- */

/* Asked of the C library in a locale that knows more than ASCII, whatever the user's is. */
static int columns_of(wchar_t character)
{
    static locale_t everything;
    if (everything == (locale_t)0)
        everything = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = everything != (locale_t)0 ? uselocale(everything) : (locale_t)0;
    int width = wcwidth(character);
    if (before != (locale_t)0)
        (void)uselocale(before);
    return width < 0 ? 1 : width;
}

/* One character of UTF-8: its bytes, and the columns that it takes; what is none counts as one. */
static size_t character_at(const char *text, size_t *columns)
{
    static const struct {
        unsigned char mask, lead;
        size_t size;
    } forms[] = {{0x80, 0x00, 1}, {0xe0, 0xc0, 2}, {0xf0, 0xe0, 3}, {0xf8, 0xf0, 4}};
    const unsigned char *bytes = (const unsigned char *)text;
    *columns = 1;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if ((bytes[0] & forms[i].mask) != forms[i].lead)
            continue;
        unsigned value = bytes[0] & (unsigned char)~forms[i].mask;
        for (size_t at = 1; at < forms[i].size; at++) {
            if ((bytes[at] & 0xc0) != 0x80)
                return 1;
            value = value << 6 | (bytes[at] & 0x3fu);
        }
        *columns = (size_t)columns_of((wchar_t)value);
        return forms[i].size;
    }
    return 1;
}

size_t text_width(const char *text)
{
    size_t width = 0, columns;
    while (*text != '\0') {
        text += character_at(text, &columns);
        width += columns;
    }
    return width;
}

size_t text_prefix(const char *text, size_t width)
{
    size_t size = 0, columns;
    while (text[size] != '\0') {
        size_t more = character_at(&text[size], &columns);
        if (columns > width)
            break;
        width -= columns;
        size += more;
    }
    return size;
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

/* The widest of the columns that may be cut so; their count when there is none. */
static size_t widest_of(const struct table *table, const size_t widths[TABLE_COLUMNS_MAX],
                        enum column_cut cut)
{
    size_t widest = table->column_count;
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].cut == cut && widths[i] > SHORTEST &&
            (widest == table->column_count || widths[i] > widths[widest]))
            widest = i;
    return widest;
}

/* Takes from the widest column that may be cut, one character at a time, until all fits; false: it
 * cannot. */
static bool fit(const struct table *table, size_t widths[TABLE_COLUMNS_MAX], size_t most)
{
    size_t total = GAP * (table->column_count - 1);
    for (size_t i = 0; i < table->column_count; i++)
        total += widths[i];
    while (most > 0 && total > most) {
        size_t widest = widest_of(table, widths, CUT);
        if (widest == table->column_count)
            widest = widest_of(table, widths, CUT_LAST);
        if (widest == table->column_count)
            return false;
        widths[widest]--;
        total--;
    }
    return true;
}

/* The columns that the first `size` bytes take. */
static size_t prefix_width(const char *text, size_t size)
{
    size_t width = 0, columns;
    for (size_t at = 0; at < size; width += columns)
        at += character_at(&text[at], &columns);
    return width;
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

static void print_cell(struct line *line, const struct column *column, const char *text,
                       size_t width)
{
    size_t has = text_width(text);
    if (has > width) {
        size_t size = text_prefix(text, width > 3 ? width - 3 : 0);
        print_text(line, text, size);
        print_text(line, "...", width < 3 ? width : 3);
        /* A character of two columns that did not fit leaves one of them over. */
        has = width > 3 ? prefix_width(text, size) + 3 : width;
        line->pending += width - has;
    } else if (column->right) {
        line->pending += width - has;
        print_text(line, text, strlen(text));
    } else {
        print_text(line, text, strlen(text));
        line->pending += width - has;
    }
    line->pending += GAP;
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

/* ---- where no table fits: a line for each cell, whole ---- */

/* Goes on below its own beginning, not below the title. */
static void print_wrapped(FILE *out, const char *text, size_t indent, size_t width)
{
    size_t room = width > indent + SHORTEST ? width - indent : SHORTEST;
    for (size_t size = text_prefix(text, room); text[size] != '\0';
         size = text_prefix(text, room)) {
        (void)fprintf(out, "%.*s\n%*s", (int)size, text, (int)indent, "");
        text += size;
    }
    (void)fprintf(out, "%s\n", text);
}

static void print_records(FILE *out, const struct table *table, size_t width)
{
    size_t title_width = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        size_t has = text_width(table->columns[i].title);
        title_width = has > title_width ? has : title_width;
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        const struct column *column = &table->columns[i % table->column_count];
        if (i > 0 && column == table->columns)
            (void)fputc('\n', out);
        if (table->cells[i][0] == '\0')
            continue;
        (void)fprintf(out, "%-*s", (int)(title_width + GAP), column->title);
        print_wrapped(out, table->cells[i], title_width + GAP, width);
    }
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
    if (!fit(table, widths, width) && table->cell_count > 0) {
        print_records(out, table, width);
    } else {
        print_row(out, table, widths, NULL);
        for (size_t i = 0; i + table->column_count <= table->cell_count; i += table->column_count)
            print_row(out, table, widths, &table->cells[i]);
    }
    if (table->failed)
        (void)fprintf(stderr, "kedge: out of memory: the table is not complete\n");
    table_free(table);
}
