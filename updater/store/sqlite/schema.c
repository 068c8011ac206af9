/*
 * schema.c: the schema, as the steps that lead to it. A step that was released never changes.
 */
#include "updater/store/sqlite/sql.h"

#define SHARE_GAINS_NEW                                                                       \
    "INSERT INTO fleet_shares VALUES (NEW.vendor, NEW.class, NEW.version, 1, NEW.registered)" \
    " ON CONFLICT (vendor, class, version) DO UPDATE SET devices = devices + 1,"              \
    " registered = registered + NEW.registered;"
#define OF_OLD " WHERE vendor = OLD.vendor AND class = OLD.class AND version = OLD.version"
#define SHARE_LOSES_OLD                                                         \
    "UPDATE fleet_shares SET devices = devices - 1, registered = registered - " \
    "OLD.registered" OF_OLD ";DELETE FROM fleet_shares" OF_OLD " AND devices = 0;"

/*
 * Step i leads from version i to version i + 1. Texts that come from outside are kept within the
 * limits of the records; STRICT refuses values of another type.
 */
static const char *const steps[KEDGE_STORE_SCHEMA_VERSION] = {
    "CREATE TABLE devices (endpoint TEXT PRIMARY KEY, vendor TEXT NOT NULL, class TEXT NOT NULL,"
    " version TEXT NOT NULL, hardware TEXT NOT NULL, lwm2m_version TEXT NOT NULL,"
    " binding TEXT NOT NULL, lifetime_s INTEGER NOT NULL, address TEXT NOT NULL,"
    " location TEXT NOT NULL, registered INTEGER NOT NULL, first_seen_ms INTEGER NOT NULL,"
    " last_seen_ms INTEGER NOT NULL, tags TEXT NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE packages (id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, version TEXT NOT NULL,"
    " vendor_id BLOB NOT NULL, class_id BLOB NOT NULL, vendor TEXT NOT NULL, class TEXT NOT NULL,"
    " envelope_size INTEGER NOT NULL, image_size INTEGER NOT NULL, device_size INTEGER NOT NULL,"
    " image_digest BLOB NOT NULL, device_digest TEXT NOT NULL, deliver_payload INTEGER NOT NULL,"
    " signers BLOB NOT NULL, uploaded_at_ms INTEGER NOT NULL, uploader TEXT NOT NULL) STRICT;"
    "CREATE INDEX packages_uploaded ON packages (uploaded_at_ms, id);"

    "CREATE TABLE trust (key_id BLOB PRIMARY KEY, name TEXT NOT NULL, spki BLOB NOT NULL,"
    " development INTEGER NOT NULL, added_at_ms INTEGER NOT NULL) STRICT;"

    "CREATE TABLE tokens (name TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE,"
    " created_at_ms INTEGER NOT NULL) STRICT;"

    "CREATE TABLE rollouts (id INTEGER PRIMARY KEY, state TEXT NOT NULL, name TEXT NOT NULL,"
    " package_id TEXT NOT NULL REFERENCES packages (id), vendor TEXT NOT NULL,"
    " class TEXT NOT NULL, version TEXT NOT NULL, sequence INTEGER NOT NULL,"
    " all_devices INTEGER NOT NULL, author TEXT NOT NULL, in_flight_max INTEGER NOT NULL,"
    " error_threshold_percent INTEGER NOT NULL, error_minimum_sample INTEGER NOT NULL,"
    " error_action TEXT NOT NULL, success_threshold_percent INTEGER NOT NULL,"
    " deployment_soak_s INTEGER NOT NULL, group_soak_s INTEGER NOT NULL,"
    " deadline_s INTEGER NOT NULL, offer_limit_s INTEGER NOT NULL,"
    " download_limit_s INTEGER NOT NULL, install_limit_s INTEGER NOT NULL,"
    " verify_limit_s INTEGER NOT NULL, group_count INTEGER NOT NULL,"
    " device_count INTEGER NOT NULL, created_at_ms INTEGER NOT NULL,"
    " started_at_ms INTEGER NOT NULL, deadline_at_ms INTEGER NOT NULL,"
    " ended_at_ms INTEGER NOT NULL, reason TEXT NOT NULL) STRICT;"
    "CREATE INDEX rollouts_package ON rollouts (package_id);"

    "CREATE TABLE groups (rollout_id INTEGER NOT NULL REFERENCES rollouts (id),"
    " group_index INTEGER NOT NULL, state TEXT NOT NULL, name TEXT NOT NULL,"
    " pending INTEGER NOT NULL, offered INTEGER NOT NULL, downloading INTEGER NOT NULL,"
    " downloaded INTEGER NOT NULL, installing INTEGER NOT NULL, verifying INTEGER NOT NULL,"
    " succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, rejected INTEGER NOT NULL,"
    " timed_out INTEGER NOT NULL, canceled INTEGER NOT NULL, superseded INTEGER NOT NULL,"
    " errors INTEGER NOT NULL, already INTEGER NOT NULL, errors_accepted INTEGER NOT NULL,"
    " started_at_ms INTEGER NOT NULL, soak_until_ms INTEGER NOT NULL,"
    " ended_at_ms INTEGER NOT NULL, reason TEXT NOT NULL,"
    " PRIMARY KEY (rollout_id, group_index)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE deployments (id INTEGER PRIMARY KEY, rollout_id INTEGER NOT NULL,"
    " group_index INTEGER NOT NULL, state TEXT NOT NULL, endpoint TEXT NOT NULL,"
    " version_before TEXT NOT NULL, update_result INTEGER NOT NULL, bytes_done INTEGER NOT NULL,"
    " bytes_total INTEGER NOT NULL, offered_at_ms INTEGER NOT NULL,"
    " changed_at_ms INTEGER NOT NULL, ended_at_ms INTEGER NOT NULL, reason TEXT NOT NULL,"
    " UNIQUE (rollout_id, endpoint),"
    " FOREIGN KEY (rollout_id, group_index) REFERENCES groups (rollout_id, group_index)) STRICT;"
    "CREATE INDEX deployments_rollout ON deployments (rollout_id);"
    "CREATE INDEX deployments_endpoint ON deployments (endpoint);"

    "CREATE TABLE history (id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,"
    " rollout_id INTEGER NOT NULL, group_index INTEGER NOT NULL, deployment_id INTEGER NOT NULL,"
    " endpoint TEXT NOT NULL, who TEXT NOT NULL, from_state TEXT NOT NULL,"
    " to_state TEXT NOT NULL, text TEXT NOT NULL) STRICT;"
    "CREATE INDEX history_rollout ON history (rollout_id);"
    "CREATE INDEX history_endpoint ON history (endpoint) WHERE endpoint <> '';"

    "CREATE TABLE audit (sequence INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL,"
    " what TEXT NOT NULL, subject TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,"
    " hash BLOB NOT NULL) STRICT;",

    "CREATE TABLE credentials (endpoint TEXT PRIMARY KEY, kind TEXT NOT NULL, identity TEXT NOT "
    "NULL,"
    " changed_at_ms INTEGER NOT NULL, secret BLOB NOT NULL,"
    " UNIQUE (kind, identity)) STRICT, WITHOUT ROWID;",

    ("CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1), boot TEXT NOT NULL,"
     " ahead_ms INTEGER NOT NULL) STRICT;"),

    ("CREATE TABLE bootstrap (endpoint TEXT PRIMARY KEY, kind TEXT NOT NULL,"
     " identity TEXT NOT NULL, changed_at_ms INTEGER NOT NULL, secret BLOB NOT NULL,"
     " serial TEXT NOT NULL, hardware TEXT NOT NULL, batch TEXT NOT NULL,"
     " UNIQUE (kind, identity)) STRICT, WITHOUT ROWID;"
     /* By number, so in the order in which they were given out. */
     "CREATE TABLE issued (number INTEGER PRIMARY KEY AUTOINCREMENT, endpoint TEXT NOT NULL,"
     " kind TEXT NOT NULL, identity TEXT NOT NULL UNIQUE, changed_at_ms INTEGER NOT NULL,"
     " secret BLOB NOT NULL) STRICT;"
     "CREATE INDEX issued_endpoint ON issued (endpoint);"),

    ("CREATE TABLE handouts (endpoint TEXT PRIMARY KEY, certificate BLOB NOT NULL,"
     " private_key BLOB NOT NULL) STRICT, WITHOUT ROWID;"),

    ("CREATE TABLE classes (class TEXT NOT NULL, vendor TEXT NOT NULL,"
     " version_path TEXT NOT NULL, success TEXT NOT NULL, changed_at_ms INTEGER NOT NULL,"
     " PRIMARY KEY (class, vendor)) STRICT, WITHOUT ROWID;"),

    "CREATE INDEX audit_subject ON audit (subject);",

    ("ALTER TABLE rollouts ADD COLUMN severity TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE rollouts ADD COLUMN max_defer_s INTEGER NOT NULL DEFAULT 4294967295;"),

    ("ALTER TABLE rollouts ADD COLUMN seed INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE rollouts ADD COLUMN spread_by TEXT NOT NULL DEFAULT '';"),

    ("ALTER TABLE rollouts ADD COLUMN failed_threshold_percent INTEGER NOT NULL DEFAULT 100;"
     "ALTER TABLE rollouts ADD COLUMN rejected_threshold_percent INTEGER NOT NULL DEFAULT 100;"
     "ALTER TABLE rollouts ADD COLUMN timed_out_threshold_percent INTEGER NOT NULL DEFAULT 100;"
     "ALTER TABLE groups ADD COLUMN failed_accepted INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE groups ADD COLUMN rejected_accepted INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE groups ADD COLUMN timed_out_accepted INTEGER NOT NULL DEFAULT 0;"),

    /* Before there were roles, every token was an admin's. */
    ("ALTER TABLE tokens ADD COLUMN expires_at_ms INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE tokens ADD COLUMN role TEXT NOT NULL DEFAULT 'admin';"
     "ALTER TABLE tokens ADD COLUMN creator TEXT NOT NULL DEFAULT 'server';"),

    /* NULL names no package: so the reference holds where there is one. */
    ("ALTER TABLE rollouts ADD COLUMN revert_package_id TEXT REFERENCES packages (id);"
     "ALTER TABLE rollouts ADD COLUMN revert_version TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE rollouts ADD COLUMN revert_sequence INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE rollouts ADD COLUMN revert_rollout_id INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE rollouts ADD COLUMN reverts_rollout_id INTEGER NOT NULL DEFAULT 0;"
     "CREATE INDEX rollouts_revert_package ON rollouts (revert_package_id)"
     " WHERE revert_package_id IS NOT NULL;"),

    ("ALTER TABLE rollouts ADD COLUMN approval TEXT NOT NULL DEFAULT 'none';"
     "ALTER TABLE rollouts ADD COLUMN approver TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE groups ADD COLUMN approver TEXT NOT NULL DEFAULT '';"),

    /* Of packages from before, devices alone judge what is not known here. */
    ("ALTER TABLE rollouts ADD COLUMN filter TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE packages ADD COLUMN hardware TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE packages ADD COLUMN min_version TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE packages ADD COLUMN max_version TEXT NOT NULL DEFAULT '';"),

    ("ALTER TABLE rollouts ADD COLUMN offers_per_minute INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE rollouts ADD COLUMN offers_per_minute_max INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE rollouts ADD COLUMN ramp_successes INTEGER NOT NULL DEFAULT 10;"),

    ("ALTER TABLE rollouts ADD COLUMN retry_failed INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE rollouts ADD COLUMN retry_rejected INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE rollouts ADD COLUMN retry_timed_out INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE rollouts ADD COLUMN retry_after_s INTEGER NOT NULL DEFAULT 600;"
     "ALTER TABLE rollouts ADD COLUMN retry_after_max_s INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE deployments ADD COLUMN failed_retries INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE deployments ADD COLUMN rejected_retries INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE deployments ADD COLUMN timed_out_retries INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE deployments ADD COLUMN retry_at_ms INTEGER NOT NULL DEFAULT 0;"),

    ("ALTER TABLE rollouts ADD COLUMN dynamic INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE rollouts ADD COLUMN closed_at_ms INTEGER NOT NULL DEFAULT 0;"),

    /* The devices are counted where they are written, so that nobody needs to go through them. */
    ("CREATE TABLE fleet_shares (vendor TEXT NOT NULL, class TEXT NOT NULL, version TEXT NOT NULL,"
     " devices INTEGER NOT NULL, registered INTEGER NOT NULL,"
     " PRIMARY KEY (vendor, class, version)) STRICT, WITHOUT ROWID;"
     "INSERT INTO fleet_shares SELECT vendor, class, version, count(*), sum(registered)"
     " FROM devices GROUP BY vendor, class, version;"
     "CREATE TRIGGER device_comes AFTER INSERT ON devices BEGIN " SHARE_GAINS_NEW " END;"
     "CREATE TRIGGER device_goes AFTER DELETE ON devices BEGIN " SHARE_LOSES_OLD " END;"
     "CREATE TRIGGER device_moves AFTER UPDATE OF vendor, class, version, registered ON devices"
     " WHEN OLD.vendor <> NEW.vendor OR OLD.class <> NEW.class OR OLD.version <> NEW.version"
     " OR OLD.registered <> NEW.registered BEGIN " SHARE_GAINS_NEW SHARE_LOSES_OLD " END;"
     "CREATE TABLE samples (series INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
     " figures TEXT NOT NULL, PRIMARY KEY (series, at_ms)) STRICT, WITHOUT ROWID;"
     "CREATE INDEX rollouts_ended ON rollouts (ended_at_ms) WHERE started_at_ms > 0;"),

    ("CREATE TABLE notes (kind TEXT NOT NULL, id TEXT NOT NULL, at_ms INTEGER NOT NULL,"
     " content BLOB NOT NULL, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;"),

    /* 2^32 - 1: as the rollout has it. */
    ("ALTER TABLE groups ADD COLUMN own_error_threshold_percent INTEGER NOT NULL"
     " DEFAULT 4294967295;"
     "ALTER TABLE groups ADD COLUMN own_error_minimum_sample INTEGER NOT NULL DEFAULT 4294967295;"
     "ALTER TABLE groups ADD COLUMN own_success_threshold_percent INTEGER NOT NULL"
     " DEFAULT 4294967295;"
     "ALTER TABLE groups ADD COLUMN own_soak_s INTEGER NOT NULL DEFAULT 4294967295;"
     "ALTER TABLE groups ADD COLUMN own_approval INTEGER NOT NULL DEFAULT 4294967295;"
     "ALTER TABLE groups ADD COLUMN filter TEXT NOT NULL DEFAULT '';"),
    /* 21: when a rollout begins, and when its devices may install. */
    ("ALTER TABLE rollouts ADD COLUMN start_at_ms INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE rollouts ADD COLUMN windows TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE rollouts ADD COLUMN gate_windows TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE rollouts ADD COLUMN download_in_window INTEGER NOT NULL DEFAULT 0;"),
    /* 22: which of two rollouts gets a device. */
    "ALTER TABLE rollouts ADD COLUMN priority INTEGER NOT NULL DEFAULT 50;",
    /* 23: what devices say that they take; 0: they do not say. */
    ("ALTER TABLE devices ADD COLUMN sequence_floor INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE devices ADD COLUMN slot_capacity INTEGER NOT NULL DEFAULT 0;"),
    /* 24: what was removed of old rollouts. */
    ("CREATE TABLE removals (rollout_id INTEGER PRIMARY KEY REFERENCES rollouts (id),"
     " at_ms INTEGER NOT NULL, position INTEGER NOT NULL, deployments INTEGER NOT NULL,"
     " history INTEGER NOT NULL, finished INTEGER NOT NULL,"
     " audited INTEGER NOT NULL DEFAULT 0) STRICT;"),
    /* 25: packages that are offered first. Version and sequence number of each on a line. */
    ("ALTER TABLE rollouts ADD COLUMN intermediate_1 TEXT REFERENCES packages (id);"
     "ALTER TABLE rollouts ADD COLUMN intermediate_2 TEXT REFERENCES packages (id);"
     "ALTER TABLE rollouts ADD COLUMN intermediate_3 TEXT REFERENCES packages (id);"
     "ALTER TABLE rollouts ADD COLUMN intermediate_4 TEXT REFERENCES packages (id);"
     "ALTER TABLE rollouts ADD COLUMN intermediates TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE deployments ADD COLUMN steps_done INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE deployments ADD COLUMN step INTEGER NOT NULL DEFAULT 0;"),
};

static enum kedge_rc find_version(sqlite3 *database, int64_t *version)
{
    int64_t tables;
    KEDGE_TRY(sql_number(database, "SELECT count(*) FROM sqlite_schema", &tables));
    *version = 0;
    if (tables == 0)
        return KEDGE_OK;
    int64_t ours;
    KEDGE_TRY(sql_number(
        database, "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'", &ours));
    if (ours == 0)
        return KEDGE_E_MALFORMED;
    enum kedge_rc rc = sql_number(database, "SELECT version FROM schema_version", version);
    return rc == KEDGE_E_NOT_FOUND || *version < 0 ? KEDGE_E_MALFORMED : rc;
}

static enum kedge_rc write_version(sqlite3 *database)
{
    KEDGE_TRY(sql_run(database, "CREATE TABLE IF NOT EXISTS schema_version"
                                " (version INTEGER NOT NULL) STRICT;"
                                "DELETE FROM schema_version"));
    char sql[80];
    (void)sqlite3_snprintf(sizeof(sql), sql, "INSERT INTO schema_version VALUES (%d)",
                           KEDGE_STORE_SCHEMA_VERSION);
    return sql_run(database, sql);
}

static enum kedge_rc take_steps(sqlite3 *database, int64_t from)
{
    for (int64_t i = from; i < KEDGE_STORE_SCHEMA_VERSION; i++)
        KEDGE_TRY(sql_run(database, steps[i]));
    KEDGE_TRY(write_version(database));
    return sql_run(database, "COMMIT");
}

enum kedge_rc schema_migrate(sqlite3 *database, int64_t *found)
{
    KEDGE_TRY(find_version(database, found));
    if (*found > KEDGE_STORE_SCHEMA_VERSION)
        return KEDGE_E_VERSION;
    if (*found == KEDGE_STORE_SCHEMA_VERSION)
        return KEDGE_OK;
    KEDGE_TRY(sql_run(database, "BEGIN IMMEDIATE"));
    enum kedge_rc rc = take_steps(database, *found);
    if (rc != KEDGE_OK)
        (void)sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}
