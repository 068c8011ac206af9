/*
 * write.h: batches of rows into the database; used by the store thread alone.
 */
#ifndef KEDGE_UPDATER_STORE_SQLITE_WRITE_H
#define KEDGE_UPDATER_STORE_SQLITE_WRITE_H

#include "updater/store/audit.h"
#include "updater/store/batch.h"
#include "updater/store/sqlite/sql.h"

struct kedge_sql_writer {
    sqlite3 *database;
    sqlite3_stmt *rows[KEDGE_ROW_KIND_COUNT];
    sqlite3_stmt *touch, *begin, *commit, *savepoint, *release, *rollback_to;
    struct kedge_audit_head audit;
    bool has_big_cache;
};

/** Prepares the statements and reads where the audit chain stands; takes the connection over. */
enum kedge_rc kedge_sql_writer_open(struct kedge_sql_writer *writer,
                                    sqlite3 *database) KEDGE_MUST_USE;
void kedge_sql_writer_close(struct kedge_sql_writer *writer);

/**
 * Writes the batches from `first` on in one transaction and sets each one's `rc`. A batch with a
 * KEDGE_E_CONFLICT drops out alone; any other failure is returned, and nothing of any is written.
 */
enum kedge_rc kedge_sql_write_batches(struct kedge_sql_writer *writer,
                                      struct kedge_batch *first) KEDGE_MUST_USE;

/** One row of a transaction of touches; the statements around it are the caller's. */
enum kedge_rc kedge_sql_write_touch(struct kedge_sql_writer *writer,
                                    const struct kedge_device_touch *touch) KEDGE_MUST_USE;
enum kedge_rc kedge_sql_begin(struct kedge_sql_writer *writer) KEDGE_MUST_USE;
enum kedge_rc kedge_sql_commit(struct kedge_sql_writer *writer) KEDGE_MUST_USE;
void kedge_sql_rollback(struct kedge_sql_writer *writer);

#endif
