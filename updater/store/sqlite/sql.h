/*
 * sql.h: what all files here share: opening, error codes, binding and reading columns.
 */
#ifndef KEDGE_UPDATER_STORE_SQLITE_SQL_H
#define KEDGE_UPDATER_STORE_SQLITE_SQL_H

#include "updater/store/store.h"

#include <sqlite3.h>

/** What an SQLite result code means for us. */
enum kedge_rc sql_rc(int code);

/** Runs statements that have neither parameters nor rows. */
enum kedge_rc sql_run(sqlite3 *database, const char *sql) KEDGE_MUST_USE;
/** Runs a query of one number. KEDGE_E_NOT_FOUND when it has no row. */
enum kedge_rc sql_number(sqlite3 *database, const char *sql, int64_t *out) KEDGE_MUST_USE;

/* ---- columns, in the order in which the writer binds and the readers read them ---- */

#define DEVICE_COLUMNS                                                                          \
    "endpoint, vendor, class, version, hardware, lwm2m_version, binding, lifetime_s, address, " \
    "location, registered, first_seen_ms, last_seen_ms, tags, sequence_floor, slot_capacity"
#define PACKAGE_COLUMNS                                                                      \
    "id, sequence, version, vendor_id, class_id, vendor, class, envelope_size, image_size, " \
    "device_size, image_digest, device_digest, deliver_payload, signers, uploaded_at_ms, "   \
    "uploader, "                                                                             \
    "hardware, min_version, max_version"
#define TRUST_COLUMNS "key_id, name, spki, development, added_at_ms"
#define CLASS_COLUMNS "class, vendor, version_path, success, changed_at_ms"
#define CREDENTIAL_COLUMNS "endpoint, kind, identity, changed_at_ms, secret"
#define BOOTSTRAP_COLUMNS CREDENTIAL_COLUMNS ", serial, hardware, batch"
#define HANDOUT_COLUMNS "endpoint, certificate, private_key"
#define TOKEN_COLUMNS "name, hash, created_at_ms, expires_at_ms, role, creator"
#define NOTE_COLUMNS "kind, id, at_ms, content"
#define CLOCK_COLUMNS "boot, ahead_ms"
/* Numbers of a policy that came later stand at the end, in the order of kedge_policy_fields. */
#define POLICY_FIELDS_BEFORE 11u
#define POLICY_COLUMNS                                                                    \
    "failed_threshold_percent, rejected_threshold_percent, timed_out_threshold_percent, " \
    "offers_per_minute, offers_per_minute_max, ramp_successes, "                          \
    "retry_failed, retry_rejected, retry_timed_out, retry_after_s, retry_after_max_s, "       \
    "priority"
#define ROLLOUT_COLUMNS                                                                          \
    "id, state, name, package_id, vendor, class, version, sequence, all_devices, author, "       \
    "in_flight_max, error_threshold_percent, error_minimum_sample, error_action, "               \
    "success_threshold_percent, deployment_soak_s, group_soak_s, deadline_s, offer_limit_s, "    \
    "download_limit_s, install_limit_s, verify_limit_s, group_count, device_count, "             \
    "created_at_ms, started_at_ms, deadline_at_ms, ended_at_ms, reason, severity, max_defer_s, " \
    "seed, spread_by, revert_package_id, revert_version, revert_sequence, revert_rollout_id, "   \
    "reverts_rollout_id, approval, approver, filter, start_at_ms, windows, gate_windows, "       \
    "download_in_window, " POLICY_COLUMNS ", dynamic, closed_at_ms, "               \
    "intermediate_1, intermediate_2, intermediate_3, intermediate_4, intermediates"
#define GROUP_COLUMNS                                                                        \
    "rollout_id, group_index, state, name, pending, offered, downloading, downloaded, "      \
    "installing, verifying, succeeded, failed, rejected, timed_out, canceled, superseded, "  \
    "errors, already, errors_accepted, started_at_ms, soak_until_ms, ended_at_ms, reason, "  \
    "failed_accepted, rejected_accepted, timed_out_accepted, approver, "                     \
    "own_error_threshold_percent, own_error_minimum_sample, own_success_threshold_percent, " \
    "own_soak_s, own_approval, filter"
#define DEPLOYMENT_COLUMNS                                                                      \
    "id, rollout_id, group_index, state, endpoint, version_before, update_result, bytes_done, " \
    "bytes_total, offered_at_ms, changed_at_ms, ended_at_ms, reason, failed_retries, "          \
    "rejected_retries, timed_out_retries, retry_at_ms, steps_done, step"
#define HISTORY_COLUMNS \
    "at_ms, rollout_id, group_index, deployment_id, endpoint, who, from_state, to_state, text"
#define AUDIT_COLUMNS "sequence, at_ms, who, what, subject, before, after, hash"

/** Binds one value after the other; the first failure stays in `code`. Texts are not copied. */
struct sql_binder {
    sqlite3_stmt *statement;
    int index; /* of the last one bound */
    int code;
};

void bind_text(struct sql_binder *binder, const char *text);
void bind_copied_text(struct sql_binder *binder, const char *text);
void bind_blob(struct sql_binder *binder, const void *data, size_t size);
void bind_number(struct sql_binder *binder, int64_t number);
static inline void bind_unsigned(struct sql_binder *binder, uint64_t number)
{
    bind_number(binder, (int64_t)number); /* and back again: all 64 bits come through */
}

/** Reads one column after the other; `damaged` is set when one does not fit its field. */
struct sql_columns {
    sqlite3_stmt *statement;
    int index; /* of the next one */
    bool damaged;
};

void column_text(struct sql_columns *columns, char *out, size_t size);
/** NULL is "". */
void column_optional_text(struct sql_columns *columns, char *out, size_t size);
void column_blob(struct sql_columns *columns, void *out, size_t size); /* exactly `size` bytes */
int64_t column_number(struct sql_columns *columns);
uint32_t column_u32(struct sql_columns *columns);
bool column_bool(struct sql_columns *columns);
static inline uint64_t column_unsigned(struct sql_columns *columns)
{
    return (uint64_t)column_number(columns);
}

/* ---- schema.c ---- */

/**
 * Brings the schema from whatever version it has to KEDGE_STORE_SCHEMA_VERSION in one transaction.
 * KEDGE_E_VERSION when it is newer, KEDGE_E_MALFORMED when this is somebody else's database.
 */
enum kedge_rc schema_migrate(sqlite3 *database, int64_t *found) KEDGE_MUST_USE;

/* ---- open.c ---- */

/** Opens the writing connection: mode 0600, WAL, FULL, foreign keys, schema up to date. */
enum kedge_rc sql_open_writer(const struct kedge_store_config *config, sqlite3 **out,
                              char error[KEDGE_STORE_ERROR_MAX]) KEDGE_MUST_USE;
/** Opens a connection that can only read. */
enum kedge_rc sql_open_reader(const char *folder, sqlite3 **out,
                              char error[KEDGE_STORE_ERROR_MAX]) KEDGE_MUST_USE;
/** Takes the lock that keeps a second kedged away from the folder; -1 and KEDGE_E_BUSY if it is
 * taken. */
enum kedge_rc sql_lock_folder(const char *folder, int *descriptor,
                              char error[KEDGE_STORE_ERROR_MAX]) KEDGE_MUST_USE;

#endif
