/*
 * write.c: batches of rows, each a part of one transaction that is there whole or not at all.
 */
#include "updater/store/sqlite/write.h"

#include "updater/store/sqlite/cache.h"
#include "updater/store/sqlite/rows.h"

static const char touch_sql[] =
    "UPDATE devices SET last_seen_ms = ?2, address = ?3, lifetime_s = ?4"
    " WHERE endpoint = ?1";

static enum kedge_rc prepare(sqlite3 *database, const char *sql, sqlite3_stmt **out)
{
    return sql_rc(sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL));
}

static enum kedge_rc read_audit_head(struct kedge_sql_writer *writer)
{
    sqlite3_stmt *statement;
    KEDGE_TRY(prepare(writer->database,
                      "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1",
                      &statement));
    int code = sqlite3_step(statement);
    struct sql_columns columns = {.statement = statement};
    if (code == SQLITE_ROW) {
        writer->audit.sequence = column_unsigned(&columns);
        column_blob(&columns, writer->audit.hash, sizeof(writer->audit.hash));
    }
    (void)sqlite3_finalize(statement);
    return columns.damaged ? KEDGE_E_MALFORMED : sql_rc(code);
}

static enum kedge_rc prepare_all(struct kedge_sql_writer *writer)
{
    for (int i = 0; i < KEDGE_ROW_KIND_COUNT; i++)
        KEDGE_TRY(prepare(writer->database, sql_row_statements[i], &writer->rows[i]));
    KEDGE_TRY(prepare(writer->database, touch_sql, &writer->touch));
    KEDGE_TRY(prepare(writer->database, "BEGIN IMMEDIATE", &writer->begin));
    KEDGE_TRY(prepare(writer->database, "COMMIT", &writer->commit));
    KEDGE_TRY(prepare(writer->database, "SAVEPOINT batch", &writer->savepoint));
    KEDGE_TRY(prepare(writer->database, "RELEASE batch", &writer->release));
    KEDGE_TRY(prepare(writer->database, "ROLLBACK TO batch", &writer->rollback_to));
    return read_audit_head(writer);
}

enum kedge_rc kedge_sql_writer_open(struct kedge_sql_writer *writer, sqlite3 *database)
{
    *writer = (struct kedge_sql_writer){.database = database};
    enum kedge_rc rc = prepare_all(writer);
    if (rc != KEDGE_OK)
        kedge_sql_writer_close(writer);
    return rc;
}

void kedge_sql_writer_close(struct kedge_sql_writer *writer)
{
    for (int i = 0; i < KEDGE_ROW_KIND_COUNT; i++)
        (void)sqlite3_finalize(writer->rows[i]);
    (void)sqlite3_finalize(writer->touch);
    (void)sqlite3_finalize(writer->begin);
    (void)sqlite3_finalize(writer->commit);
    (void)sqlite3_finalize(writer->savepoint);
    (void)sqlite3_finalize(writer->release);
    (void)sqlite3_finalize(writer->rollback_to);
    (void)sqlite3_close(writer->database);
}

/* ---- transactions ---- */

static enum kedge_rc step(sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    return sql_rc(code);
}

static enum kedge_rc write_bound(struct sql_binder *binder)
{
    enum kedge_rc rc = binder->code == SQLITE_OK ? step(binder->statement) : sql_rc(binder->code);
    (void)sqlite3_clear_bindings(binder->statement);
    return rc;
}

static enum kedge_rc write_rows(struct kedge_sql_writer *writer, struct kedge_batch *batch)
{
    for (struct kedge_row *row = batch->first; row != NULL; row = row->next) {
        struct sql_binder binder = {.statement = writer->rows[row->kind], .code = SQLITE_OK};
        sql_bind_row(&binder, row, &writer->audit);
        KEDGE_TRY(write_bound(&binder));
    }
    return KEDGE_OK;
}

static enum kedge_rc write_batch(struct kedge_sql_writer *writer, struct kedge_batch *batch)
{
    struct kedge_audit_head before = writer->audit;
    KEDGE_TRY(step(writer->savepoint));
    batch->rc = write_rows(writer, batch);
    if (batch->rc != KEDGE_OK && batch->rc != KEDGE_E_CONFLICT)
        return batch->rc;
    if (batch->rc == KEDGE_E_CONFLICT) {
        writer->audit = before;
        KEDGE_TRY(step(writer->rollback_to));
    }
    return step(writer->release);
}

enum kedge_rc kedge_sql_begin(struct kedge_sql_writer *writer)
{
    return step(writer->begin);
}

enum kedge_rc kedge_sql_commit(struct kedge_sql_writer *writer)
{
    return step(writer->commit);
}

void kedge_sql_rollback(struct kedge_sql_writer *writer)
{
    /* A full disk or an input/output error may have ended the transaction already. */
    if (sqlite3_get_autocommit(writer->database) == 0)
        (void)sqlite3_exec(writer->database, "ROLLBACK", NULL, NULL, NULL);
}

static size_t count_rows(const struct kedge_batch *first)
{
    size_t rows = 0;
    for (const struct kedge_batch *batch = first; batch != NULL; batch = batch->next)
        rows += kedge_batch_rows(batch);
    return rows;
}

enum kedge_rc kedge_sql_write_batches(struct kedge_sql_writer *writer, struct kedge_batch *first)
{
    struct kedge_audit_head before = writer->audit;
    kedge_sql_cache_fit(writer->database, count_rows(first), &writer->has_big_cache);
    enum kedge_rc rc = kedge_sql_begin(writer);
    for (struct kedge_batch *batch = first; batch != NULL && rc == KEDGE_OK; batch = batch->next)
        rc = write_batch(writer, batch);
    if (rc == KEDGE_OK)
        rc = kedge_sql_commit(writer);
    if (rc == KEDGE_OK)
        return KEDGE_OK;
    kedge_sql_rollback(writer);
    writer->audit = before;
    for (struct kedge_batch *batch = first; batch != NULL; batch = batch->next)
        batch->rc = rc;
    return rc;
}

enum kedge_rc kedge_sql_write_touch(struct kedge_sql_writer *writer,
                                    const struct kedge_device_touch *touch)
{
    struct sql_binder binder = {.statement = writer->touch, .code = SQLITE_OK};
    bind_text(&binder, touch->endpoint);
    bind_unsigned(&binder, touch->last_seen_ms);
    bind_text(&binder, touch->address);
    bind_number(&binder, touch->lifetime_s);
    return write_bound(&binder);
}
