/*
 * reader.h: a query that is put together from fixed pieces, and walked page by page.
 *
 * A listing is keyset pagination: "WHERE key > cursor ORDER BY key LIMIT n + 1"; the row beyond the
 * page only tells that there is another page.
 */
#ifndef KEDGE_UPDATER_STORE_SQLITE_READER_H
#define KEDGE_UPDATER_STORE_SQLITE_READER_H

#include "updater/store/sqlite/sql.h"

struct kedge_reader {
    sqlite3 *database;
    /* Kept prepared: every handshake asks these; NULL: not asked yet. */
    sqlite3_stmt *credential, *issued, *bootstrap, *class_of;
    char error[KEDGE_STORE_ERROR_MAX];
};

struct query {
    struct kedge_reader *reader;
    struct kedge_page *page; /* NULL: all rows */
    sqlite3_stmt *statement;
    bool kept; /* the statement is the reader's */
    struct sql_binder binder;
    uint32_t left;
};

/** Leaves words for kedge_reader_error() and hands `rc` back. */
enum kedge_rc reader_failed(struct kedge_reader *reader, enum kedge_rc rc, const char *words);

/** Checks the page and prepares `sql`; bind through query->binder afterwards. */
enum kedge_rc query_begin(struct query *query, struct kedge_reader *reader, struct kedge_page *page,
                          const char *sql) KEDGE_MUST_USE;
/** The same for a query of one row that is asked often: `*statement` stays prepared. */
enum kedge_rc query_begin_kept(struct query *query, struct kedge_reader *reader,
                               sqlite3_stmt **statement, const char *sql) KEDGE_MUST_USE;
/** The limit to bind: one more than the page has, or all. */
int64_t query_limit(const struct kedge_page *page);
/**
 * The next row as `columns`; false at the end of the page, at the end of the rows, and on a
 * failure. When another page follows, its cursor is `last_key`, the key of the row before.
 */
bool query_row(struct query *query, struct sql_columns *columns, const char *last_key);
/** Ends the query: KEDGE_E_MALFORMED when a row was damaged, or what SQLite says. */
enum kedge_rc query_end(struct query *query, bool damaged) KEDGE_MUST_USE;
/**
 * Ends a query of one row. When it gave none, KEDGE_E_NOT_FOUND with these words (NULL: none are
 * left, for it is nothing that anybody is told).
 */
enum kedge_rc query_end_one(struct query *query, bool damaged, bool found,
                            const char *words) KEDGE_MUST_USE;
/** A callback asked to stop after `last_key`: the next page begins there. */
void query_stop(struct query *query, const char *last_key);

/** Reads DEVICE_COLUMNS; false: the row is damaged. */
bool reader_take_device(struct sql_columns *from, struct kedge_device_record *out);

/**
 * Begins a listing of packages, newest first, behind the page's cursor; KEDGE_E_ARGUMENT for one of
 * another listing. `limit` is of rows, -1: all.
 */
enum kedge_rc reader_begin_packages(struct query *query, struct kedge_reader *reader,
                                    struct kedge_page *page, int64_t limit) KEDGE_MUST_USE;
/** Reads a row of it, and its `key`; false: the row is damaged. */
bool reader_take_package(struct sql_columns *from, struct kedge_package_record *out,
                         char key[KEDGE_STORE_CURSOR_MAX]);

/** A cursor that is a number above 0: `fallback` for the empty one; KEDGE_E_ARGUMENT for others. */
enum kedge_rc reader_cursor_number(struct kedge_reader *reader, const struct kedge_page *page,
                                   int64_t fallback, int64_t *out) KEDGE_MUST_USE;

#endif
