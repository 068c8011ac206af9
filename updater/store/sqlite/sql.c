/*
 * sql.c: error codes, binding and reading columns.
 */
#include "updater/store/sqlite/sql.h"

#include <string.h>

enum kedge_rc sql_rc(int code)
{
    switch (code & 0xff) { /* the primary code of an extended one */
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return KEDGE_OK;
    case SQLITE_FULL:
        return KEDGE_E_SPACE;
    case SQLITE_CONSTRAINT:
        return KEDGE_E_CONFLICT;
    case SQLITE_NOMEM:
        return KEDGE_E_MEMORY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return KEDGE_E_MALFORMED;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return KEDGE_E_BUSY;
    default:
        return KEDGE_E_SYSTEM;
    }
}

enum kedge_rc sql_run(sqlite3 *database, const char *sql)
{
    return sql_rc(sqlite3_exec(database, sql, NULL, NULL, NULL));
}

enum kedge_rc sql_number(sqlite3 *database, const char *sql, int64_t *out)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);
    if (code != SQLITE_OK)
        return sql_rc(code);
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return code == SQLITE_DONE ? KEDGE_E_NOT_FOUND : sql_rc(code);
}

static void bound(struct sql_binder *binder, int code)
{
    if (binder->code == SQLITE_OK)
        binder->code = code;
}

void bind_text(struct sql_binder *binder, const char *text)
{
    bound(binder, sqlite3_bind_text(binder->statement, ++binder->index, text, -1, SQLITE_STATIC));
}

void bind_copied_text(struct sql_binder *binder, const char *text)
{
    bound(binder,
          sqlite3_bind_text(binder->statement, ++binder->index, text, -1, SQLITE_TRANSIENT));
}

void bind_blob(struct sql_binder *binder, const void *data, size_t size)
{
    bound(binder,
          sqlite3_bind_blob64(binder->statement, ++binder->index, data, size, SQLITE_STATIC));
}

void bind_number(struct sql_binder *binder, int64_t number)
{
    bound(binder, sqlite3_bind_int64(binder->statement, ++binder->index, number));
}

void column_text(struct sql_columns *columns, char *out, size_t size)
{
    const unsigned char *text = sqlite3_column_text(columns->statement, columns->index);
    int length = sqlite3_column_bytes(columns->statement, columns->index++);
    out[0] = '\0';
    if (text == NULL || length < 0 || (size_t)length >= size ||
        memchr(text, '\0', (size_t)length) != NULL) {
        columns->damaged = true;
        return;
    }
    memcpy(out, text, (size_t)length + 1);
}

void column_optional_text(struct sql_columns *columns, char *out, size_t size)
{
    if (sqlite3_column_type(columns->statement, columns->index) != SQLITE_NULL) {
        column_text(columns, out, size);
        return;
    }
    columns->index++;
    out[0] = '\0';
}

void column_blob(struct sql_columns *columns, void *out, size_t size)
{
    const void *data = sqlite3_column_blob(columns->statement, columns->index);
    int length = sqlite3_column_bytes(columns->statement, columns->index++);
    if (length < 0 || (size_t)length != size || (size > 0 && data == NULL)) {
        columns->damaged = true;
        memset(out, 0, size);
        return;
    }
    if (size > 0)
        memcpy(out, data, size);
}

int64_t column_number(struct sql_columns *columns)
{
    if (sqlite3_column_type(columns->statement, columns->index) != SQLITE_INTEGER)
        columns->damaged = true;
    return sqlite3_column_int64(columns->statement, columns->index++);
}

uint32_t column_u32(struct sql_columns *columns)
{
    int64_t number = column_number(columns);
    if (number < 0 || number > UINT32_MAX)
        columns->damaged = true;
    return (uint32_t)number;
}

bool column_bool(struct sql_columns *columns)
{
    return column_number(columns) != 0;
}
