/*
 * open.c: connections, and the words for a database that cannot be used.
 */
#define _GNU_SOURCE
#include "updater/store/sqlite/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 10000

static enum kedge_rc make_path(const char *folder, const char *name, char path[PATH_MAX],
                               char error[KEDGE_STORE_ERROR_MAX])
{
    int size = snprintf(path, PATH_MAX, "%s/%s", folder, name);
    if (size > 0 && size < PATH_MAX)
        return KEDGE_OK;
    (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "the name of the data folder is too long");
    return KEDGE_E_ARGUMENT;
}

static enum kedge_rc system_failed(const char *what, const char *path,
                                   char error[KEDGE_STORE_ERROR_MAX])
{
    (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "cannot %s %.300s: %s", what, path,
                   strerror(errno));
    return KEDGE_E_SYSTEM;
}

enum kedge_rc sql_lock_folder(const char *folder, int *descriptor,
                              char error[KEDGE_STORE_ERROR_MAX])
{
    char path[PATH_MAX];
    *descriptor = -1;
    KEDGE_TRY(make_path(folder, "kedged.lock", path, error));
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return system_failed("open", path, error);
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        (void)close(lock);
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX,
                       "another kedged is running on %.300s: stop it, or use another data folder",
                       folder);
        return KEDGE_E_BUSY;
    }
    *descriptor = lock;
    return KEDGE_OK;
}

/* SQLite gives its -wal and -shm files the mode of the database, so that is set before it opens. */
static enum kedge_rc make_private(const char *path, char error[KEDGE_STORE_ERROR_MAX])
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return system_failed("open", path, error);
    int result = fchmod(file, 0600);
    enum kedge_rc rc = result == 0 ? KEDGE_OK : system_failed("set the mode 0600 of", path, error);
    (void)close(file);
    return rc;
}

static enum kedge_rc check_integrity(sqlite3 *database)
{
    int64_t amiss;
    KEDGE_TRY(sql_number(
        database, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
        &amiss));
    if (amiss > 0)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(sql_number(database, "SELECT count(*) FROM pragma_foreign_key_check", &amiss));
    return amiss > 0 ? KEDGE_E_MALFORMED : KEDGE_OK;
}

static enum kedge_rc limit_size(sqlite3 *database, uint64_t size_max_bytes)
{
    int64_t page_size;
    if (size_max_bytes == 0)
        return KEDGE_OK;
    KEDGE_TRY(sql_number(database, "PRAGMA page_size", &page_size));
    char sql[64];
    (void)snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %" PRIu64,
                   size_max_bytes / (uint64_t)page_size + 1);
    return sql_run(database, sql);
}

static enum kedge_rc prepare_writer(sqlite3 *database, const struct kedge_store_config *config,
                                    int64_t *found)
{
    (void)sqlite3_extended_result_codes(database, 1);
    (void)sqlite3_busy_timeout(database, BUSY_TIMEOUT_MS);
    (void)sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    KEDGE_TRY(sql_run(database, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                                "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;"));
    /* Keys of devices and of webhooks are deleted, too: none stays in pages that are free.
     * (Debian's SQLite does so unasked.) */
    KEDGE_TRY(sql_run(database, "PRAGMA secure_delete = ON"));
    /* A database of a newer version is not touched, not even by the change to WAL. */
    int64_t version;
    enum kedge_rc rc = sql_number(database, "SELECT version FROM schema_version", &version);
    if (rc == KEDGE_OK && version > KEDGE_STORE_SCHEMA_VERSION) {
        *found = version;
        return KEDGE_E_VERSION;
    }
    if (config->check_integrity)
        KEDGE_TRY(check_integrity(database));
    KEDGE_TRY(sql_run(database, "PRAGMA journal_mode = WAL"));
    KEDGE_TRY(limit_size(database, config->size_max_bytes));
    return schema_migrate(database, found);
}

static void explain_open(enum kedge_rc rc, const char *path, sqlite3 *database, int64_t version,
                         char error[KEDGE_STORE_ERROR_MAX])
{
    const char *detail = database == NULL ? kedge_rc_text(rc) : sqlite3_errmsg(database);
    if (rc == KEDGE_E_VERSION)
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX,
                       "%.300s was written by a newer kedged (schema version %" PRId64
                       ", this one knows %d): use that version, nothing was changed",
                       path, version, KEDGE_STORE_SCHEMA_VERSION);
    else if (rc == KEDGE_E_MALFORMED)
        (void)snprintf(
            error, KEDGE_STORE_ERROR_MAX,
            "%.300s is damaged or is not a database of kedged (%.80s): restore it from a "
            "backup, or move it away to begin anew",
            path, detail);
    else
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "cannot open %.300s: %.120s", path, detail);
}

enum kedge_rc sql_open_writer(const struct kedge_store_config *config, sqlite3 **out,
                              char error[KEDGE_STORE_ERROR_MAX])
{
    char path[PATH_MAX];
    KEDGE_TRY(make_path(config->folder, KEDGE_STORE_FILE, path, error));
    KEDGE_TRY(make_private(path, error));
    sqlite3 *database = NULL;
    int64_t version = 0;
    enum kedge_rc rc =
        sql_rc(sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
    if (rc == KEDGE_OK)
        rc = prepare_writer(database, config, &version);
    if (rc != KEDGE_OK) {
        explain_open(rc, path, database, version, error);
        (void)sqlite3_close(database);
        return rc;
    }
    *out = database;
    return KEDGE_OK;
}

enum kedge_rc sql_open_reader(const char *folder, sqlite3 **out, char error[KEDGE_STORE_ERROR_MAX])
{
    char path[PATH_MAX];
    KEDGE_TRY(make_path(folder, KEDGE_STORE_FILE, path, error));
    sqlite3 *database = NULL;
    enum kedge_rc rc =
        sql_rc(sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL));
    if (rc == KEDGE_OK) {
        (void)sqlite3_extended_result_codes(database, 1);
        (void)sqlite3_busy_timeout(database, BUSY_TIMEOUT_MS);
        rc = sql_run(database, "PRAGMA trusted_schema = OFF; PRAGMA query_only = ON");
    }
    int64_t version = 0;
    if (rc == KEDGE_OK)
        rc = sql_number(database, "SELECT version FROM schema_version", &version);
    if (rc == KEDGE_OK && version > KEDGE_STORE_SCHEMA_VERSION)
        rc = KEDGE_E_VERSION;
    if (rc != KEDGE_OK) {
        explain_open(rc, path, database, version, error);
        (void)sqlite3_close(database);
        return rc;
    }
    *out = database;
    return KEDGE_OK;
}
