/*
 * table.h: what people see: tables that fit the terminal, sizes, times, and text from outside that
 * cannot steer a terminal.
 */
#ifndef KEDGE_UPDATER_TABLE_H
#define KEDGE_UPDATER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12u

/** Whether a column may be cut, with "...", where the terminal is too narrow. */
enum column_cut {
    CUT_NEVER = false,
    CUT = true,
    CUT_LAST /* when the others are as short as they may be */
};

struct column {
    const char *title;
    bool right; /* numbers */
    enum column_cut cut;
};

/** Rows are kept until they are printed. `cells` is NULL when there was no memory. */
struct table {
    const struct column *columns;
    size_t column_count;
    char **cells;
    size_t cell_count, cell_capacity;
    bool failed;
};

void table_init(struct table *table, const struct column *columns, size_t column_count);
/** Adds the next cell, row by row. Control characters become "?"; NULL is "". */
void table_add(struct table *table, const char *text);
void table_add_number(struct table *table, uint64_t value);
/**
 * Prints within `width` columns (0: as wide as it comes) and frees the rows. Where they do not fit,
 * however they are cut, each row is a block with a line for each of its cells that is not empty.
 */
void table_print(struct table *table, FILE *out, size_t width);

/** How many columns a line of `out` has; 0 when it is no terminal. */
size_t terminal_width(FILE *out);

/** The columns that UTF-8 takes on a terminal: two for each character of Chinese, none for an
 * accent. */
size_t text_width(const char *text);
/** The bytes of its beginning that fit into `width` columns. */
size_t text_prefix(const char *text, size_t width);
/** "17 B", "1.4 MiB". */
void size_text(uint64_t bytes, char *out, size_t out_size);
/** Local time, "2026-01-31 23:59:59"; "-" for 0. */
void time_text(uint64_t at_ms, char *out, size_t out_size);

#endif
