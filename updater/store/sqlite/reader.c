/*
 * reader.c: read-only connections, queries and pages.
 */
#define _POSIX_C_SOURCE 200809L
#include "updater/store/sqlite/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kedge_rc kedge_reader_open(const char *folder, struct kedge_reader **out,
                                char error[KEDGE_STORE_ERROR_MAX])
{
    error[0] = '\0';
    struct kedge_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "out of memory");
        return KEDGE_E_MEMORY;
    }
    enum kedge_rc rc = sql_open_reader(folder, &reader->database, error);
    if (rc != KEDGE_OK) {
        free(reader);
        return rc;
    }
    *out = reader;
    return KEDGE_OK;
}

void kedge_reader_close(struct kedge_reader *reader)
{
    if (reader == NULL)
        return;
    (void)sqlite3_finalize(reader->credential);
    (void)sqlite3_finalize(reader->issued);
    (void)sqlite3_finalize(reader->bootstrap);
    (void)sqlite3_finalize(reader->class_of);
    (void)sqlite3_close(reader->database);
    free(reader);
}

const char *kedge_reader_error(const struct kedge_reader *reader)
{
    return reader->error;
}

enum kedge_rc reader_failed(struct kedge_reader *reader, enum kedge_rc rc, const char *words)
{
    (void)snprintf(reader->error, sizeof(reader->error), "%s", words);
    return rc;
}

static bool page_valid(const struct kedge_page *page)
{
    return page == NULL || (page->limit >= 1 && page->limit <= KEDGE_STORE_PAGE_MAX &&
                            memchr(page->cursor, '\0', sizeof(page->cursor)) != NULL);
}

enum kedge_rc query_begin(struct query *query, struct kedge_reader *reader, struct kedge_page *page,
                          const char *sql)
{
    *query = (struct query){.reader = reader, .page = page};
    if (!page_valid(page))
        return reader_failed(reader, KEDGE_E_ARGUMENT, "the limit of a page must be 1 to 500");
    if (page != NULL) {
        page->next[0] = '\0';
        query->left = page->limit;
    }
    int code = sqlite3_prepare_v2(reader->database, sql, -1, &query->statement, NULL);
    if (code != SQLITE_OK)
        return reader_failed(reader, sql_rc(code), sqlite3_errmsg(reader->database));
    query->binder = (struct sql_binder){.statement = query->statement, .code = SQLITE_OK};
    return KEDGE_OK;
}

enum kedge_rc query_begin_kept(struct query *query, struct kedge_reader *reader,
                               sqlite3_stmt **statement, const char *sql)
{
    int code = *statement != NULL ? SQLITE_OK
                                  : sqlite3_prepare_v3(reader->database, sql, -1,
                                                       SQLITE_PREPARE_PERSISTENT, statement, NULL);
    if (code != SQLITE_OK)
        return reader_failed(reader, sql_rc(code), sqlite3_errmsg(reader->database));
    *query = (struct query){.reader = reader, .statement = *statement, .kept = true};
    query->binder = (struct sql_binder){.statement = *statement, .code = SQLITE_OK};
    return KEDGE_OK;
}

int64_t query_limit(const struct kedge_page *page)
{
    return page == NULL ? -1 : (int64_t)page->limit + 1;
}

bool query_row(struct query *query, struct sql_columns *columns, const char *last_key)
{
    *columns = (struct sql_columns){.statement = query->statement};
    if (query->binder.code != SQLITE_OK || sqlite3_step(query->statement) != SQLITE_ROW)
        return false;
    if (query->page != NULL && query->left-- == 0) {
        query_stop(query, last_key);
        return false;
    }
    return true;
}

void query_stop(struct query *query, const char *last_key)
{
    if (query->page != NULL)
        (void)snprintf(query->page->next, sizeof(query->page->next), "%s", last_key);
}

enum kedge_rc query_end(struct query *query, bool damaged)
{
    int code = query->binder.code;
    if (code == SQLITE_OK)
        code = sqlite3_reset(query->statement); /* tells what the last step ran into */
    else
        (void)sqlite3_reset(query->statement);
    if (query->kept)
        (void)sqlite3_clear_bindings(query->statement);
    else
        (void)sqlite3_finalize(query->statement);
    if (damaged)
        return reader_failed(query->reader, KEDGE_E_MALFORMED,
                             "the database is damaged: a row holds what cannot be in it");
    if (code != SQLITE_OK)
        return reader_failed(query->reader, sql_rc(code), sqlite3_errmsg(query->reader->database));
    return KEDGE_OK;
}

enum kedge_rc query_end_one(struct query *query, bool damaged, bool found, const char *words)
{
    struct kedge_reader *reader = query->reader;
    KEDGE_TRY(query_end(query, damaged));
    if (found || words == NULL)
        return found ? KEDGE_OK : KEDGE_E_NOT_FOUND;
    return reader_failed(reader, KEDGE_E_NOT_FOUND, words);
}

enum kedge_rc reader_cursor_number(struct kedge_reader *reader, const struct kedge_page *page,
                                   int64_t fallback, int64_t *out)
{
    *out = fallback;
    if (page == NULL || page->cursor[0] == '\0')
        return KEDGE_OK;
    int64_t number = 0;
    size_t digits = strnlen(page->cursor, sizeof(page->cursor));
    bool valid = digits <= 18; /* below 10^18: no overflow */
    for (size_t i = 0; i < digits && valid; i++) {
        valid = page->cursor[i] >= '0' && page->cursor[i] <= '9';
        number = number * 10 + (page->cursor[i] - '0');
    }
    if (!valid)
        return reader_failed(reader, KEDGE_E_ARGUMENT, "the cursor is not one of this listing");
    *out = number;
    return KEDGE_OK;
}
