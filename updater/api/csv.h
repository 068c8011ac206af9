/* csv.h: comma-separated values (RFC 4180), row by row. Pure. */
#ifndef KEDGE_UPDATER_CSV_H
#define KEDGE_UPDATER_CSV_H

#include <kedge/base.h>

#define CSV_FIELDS_MAX 16u /* of a row */
#define CSV_ROW_MAX 8192u  /* bytes of its fields */

/** A walk over the rows of one text; begin with csv(). */
struct csv {
    struct kedge_cursor cursor;
    size_t line; /* where the next row begins, from 1 */
};

/** One row. The fields are strings, each with its NUL, and borrow the scratch. */
struct csv_row {
    size_t line; /* where it began */
    const char *fields[CSV_FIELDS_MAX];
    size_t count;
    const char *wrong; /* of one that is refused: why */
};

struct csv csv(struct kedge_slice text);
/**
 * The next row, of which `scratch` (CSV_ROW_MAX bytes are enough) holds the fields: quotes are
 * taken away, and blanks around what stands without. Rows without anything are left out.
 * KEDGE_E_NOT_FOUND at the end; KEDGE_E_MALFORMED for one that is refused: the walk goes on behind
 * it.
 */
enum kedge_rc csv_next(struct csv *csv, struct kedge_writer *scratch,
                       struct csv_row *row) KEDGE_MUST_USE;

#endif
