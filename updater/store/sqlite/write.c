/*
 * write.c: each kind of row, its statement and its values. Values are bound, never pasted.
 */
#include "updater/store/sqlite/write.h"

#include "updater/store/sqlite/cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- the statements, by kind of row ---- */

#define ISSUED_KEPT "4"
_Static_assert(KEDGE_ISSUED_KEPT_MAX == 4, "so many are kept");
#define SAMPLES_MAX "1000"
_Static_assert(KEDGE_SAMPLES_MAX == 1000, "so many are kept");

/* A record that exists is changed in place: replacing it would trip over what refers to it. */
static const char *const row_sql[KEDGE_ROW_KIND_COUNT] = {
    [KEDGE_ROW_PUT_DEVICE] =
        "INSERT INTO devices (" DEVICE_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,'{}',?,?)"
        " ON CONFLICT (endpoint) DO UPDATE SET vendor=iif(?16,vendor,excluded.vendor),"
        " class=iif(?16,class,excluded.class), version=iif(?16,version,excluded.version),"
        " hardware=iif(?16,hardware,excluded.hardware),"
        " sequence_floor=iif(?16,sequence_floor,excluded.sequence_floor),"
        " slot_capacity=iif(?16,slot_capacity,excluded.slot_capacity),"
        " lwm2m_version=excluded.lwm2m_version, binding=excluded.binding,"
        " lifetime_s=excluded.lifetime_s, address=excluded.address, location=excluded.location,"
        " registered=excluded.registered, last_seen_ms=excluded.last_seen_ms,"
        " first_seen_ms=iif(first_seen_ms=0,excluded.first_seen_ms,first_seen_ms)",
    [KEDGE_ROW_PROVISION_DEVICE] = "INSERT INTO devices (" DEVICE_COLUMNS
                                   ") VALUES (?1,'','','',?2,'','',0,'','',0,0,0,'{}',0,0)"
                                   " ON CONFLICT (endpoint) DO NOTHING",
    [KEDGE_ROW_SET_TAGS] = "UPDATE devices SET tags = ?2 WHERE endpoint = ?1",
    [KEDGE_ROW_TRIM_DEVICES] =
        "DELETE FROM devices WHERE endpoint IN (SELECT endpoint FROM devices AS d"
        " WHERE registered = 0 AND vendor = '' AND class = '' AND version = '' AND tags = '{}'"
        " AND NOT EXISTS (SELECT 1 FROM deployments AS p WHERE p.endpoint = d.endpoint)"
        " AND NOT EXISTS (SELECT 1 FROM credentials AS c WHERE c.endpoint = d.endpoint)"
        " AND NOT EXISTS (SELECT 1 FROM bootstrap AS b WHERE b.endpoint = d.endpoint)"
        " ORDER BY last_seen_ms DESC, endpoint LIMIT -1 OFFSET ?1)",
    [KEDGE_ROW_PUT_PACKAGE] =
        "INSERT INTO packages (" PACKAGE_COLUMNS ")"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT (id) DO UPDATE SET sequence=excluded.sequence, version=excluded.version,"
        " vendor_id=excluded.vendor_id, class_id=excluded.class_id, vendor=excluded.vendor,"
        " class=excluded.class, envelope_size=excluded.envelope_size,"
        " image_size=excluded.image_size, device_size=excluded.device_size,"
        " image_digest=excluded.image_digest, device_digest=excluded.device_digest,"
        " deliver_payload=excluded.deliver_payload, signers=excluded.signers,"
        " uploaded_at_ms=excluded.uploaded_at_ms, uploader=excluded.uploader,"
        " hardware=excluded.hardware, min_version=excluded.min_version,"
        " max_version=excluded.max_version",
    [KEDGE_ROW_DELETE_PACKAGE] = "DELETE FROM packages WHERE id = ?",
    [KEDGE_ROW_PUT_TRUST] =
        "INSERT INTO trust (" TRUST_COLUMNS ") VALUES (?,?,?,?,?)"
        " ON CONFLICT (key_id) DO UPDATE SET name=excluded.name, spki=excluded.spki,"
        " development=excluded.development, added_at_ms=excluded.added_at_ms",
    [KEDGE_ROW_DELETE_TRUST] = "DELETE FROM trust WHERE key_id = ?",
    /* An identity that another endpoint has is a conflict, not something to take away. */
    [KEDGE_ROW_PUT_CREDENTIAL] =
        "INSERT INTO credentials (" CREDENTIAL_COLUMNS ") VALUES (?,?,?,?,?)"
        " ON CONFLICT (endpoint) DO UPDATE SET kind=excluded.kind, identity=excluded.identity,"
        " changed_at_ms=excluded.changed_at_ms, secret=excluded.secret",
    [KEDGE_ROW_DELETE_CREDENTIAL] = "DELETE FROM credentials WHERE endpoint = ?",
    [KEDGE_ROW_PUT_CLASS] =
        "INSERT INTO classes (" CLASS_COLUMNS ") VALUES (?,?,?,?,?)"
        " ON CONFLICT (class, vendor) DO UPDATE SET version_path=excluded.version_path,"
        " success=excluded.success, changed_at_ms=excluded.changed_at_ms",
    [KEDGE_ROW_DELETE_CLASS] = "DELETE FROM classes WHERE class = ? AND vendor = ?",
    [KEDGE_ROW_ISSUE_CREDENTIAL] = "INSERT INTO issued (" CREDENTIAL_COLUMNS ") VALUES (?,?,?,?,?)",
    [KEDGE_ROW_TRIM_ISSUED] =
        "DELETE FROM issued WHERE endpoint = ?1 AND number NOT IN"
        " (SELECT number FROM issued WHERE endpoint = ?1 ORDER BY number DESC LIMIT " ISSUED_KEPT
        ")",
    [KEDGE_ROW_ADOPT_CREDENTIAL] =
        "INSERT INTO credentials (" CREDENTIAL_COLUMNS ")"
        " SELECT endpoint, kind, identity, ?2, secret FROM issued WHERE identity = ?1"
        " ON CONFLICT (endpoint) DO UPDATE SET kind=excluded.kind, identity=excluded.identity,"
        " changed_at_ms=excluded.changed_at_ms, secret=excluded.secret",
    [KEDGE_ROW_DROP_ADOPTED] =
        "DELETE FROM issued WHERE endpoint = (SELECT endpoint FROM issued WHERE identity = ?1)"
        " AND number <= (SELECT number FROM issued WHERE identity = ?1)",
    [KEDGE_ROW_DROP_ISSUED] = "DELETE FROM issued WHERE endpoint = ?",
    [KEDGE_ROW_PUT_BOOTSTRAP] =
        "INSERT INTO bootstrap (" BOOTSTRAP_COLUMNS ") VALUES (?,?,?,?,?,?,?,?)"
        " ON CONFLICT (endpoint) DO UPDATE SET kind=excluded.kind, identity=excluded.identity,"
        " changed_at_ms=excluded.changed_at_ms, secret=excluded.secret, serial=excluded.serial,"
        " hardware=excluded.hardware, batch=excluded.batch",
    [KEDGE_ROW_DELETE_BOOTSTRAP] = "DELETE FROM bootstrap WHERE endpoint = ?",
    [KEDGE_ROW_PUT_HANDOUT] =
        "INSERT INTO handouts (" HANDOUT_COLUMNS ") VALUES (?,?,?)"
        " ON CONFLICT (endpoint) DO UPDATE SET certificate=excluded.certificate,"
        " private_key=excluded.private_key",
    [KEDGE_ROW_DELETE_HANDOUT] = "DELETE FROM handouts WHERE endpoint = ?",
    [KEDGE_ROW_PUT_TOKEN] = "INSERT INTO tokens (" TOKEN_COLUMNS ") VALUES (?,?,?,?,?,?)"
                            " ON CONFLICT (name) DO UPDATE SET hash=excluded.hash,"
                            " created_at_ms=excluded.created_at_ms,"
                            " expires_at_ms=excluded.expires_at_ms, role=excluded.role,"
                            " creator=excluded.creator",
    [KEDGE_ROW_DELETE_TOKEN] = "DELETE FROM tokens WHERE name = ?",
    [KEDGE_ROW_PUT_NOTE] = "INSERT INTO notes (" NOTE_COLUMNS ") VALUES (?,?,?,?)"
                           " ON CONFLICT (kind, id) DO UPDATE SET at_ms=excluded.at_ms,"
                           " content=excluded.content",
    [KEDGE_ROW_DELETE_NOTE] = "DELETE FROM notes WHERE kind = ?1 AND id = ?2",
    [KEDGE_ROW_TRIM_NOTES] =
        "DELETE FROM notes WHERE kind = ?1 AND (at_ms < ?3 OR id IN"
        " (SELECT id FROM notes WHERE kind = ?1 AND id >= ?2 AND id < ?2 || char(1114111)"
        " ORDER BY at_ms DESC, id DESC LIMIT -1 OFFSET ?4))",
    [KEDGE_ROW_PUT_CLOCK] =
        "INSERT INTO clock (one, " CLOCK_COLUMNS ") VALUES (1,?,?)"
        " ON CONFLICT (one) DO UPDATE SET boot=excluded.boot, ahead_ms=excluded.ahead_ms",
    /* What a rollout is does not change after its creation; where it stands does. */
    [KEDGE_ROW_PUT_ROLLOUT] =
        "INSERT INTO rollouts (" ROLLOUT_COLUMNS ") VALUES "
        "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"
        ",?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT (id) DO UPDATE SET state=excluded.state,"
        " device_count=excluded.device_count, closed_at_ms=excluded.closed_at_ms,"
        " started_at_ms=excluded.started_at_ms, deadline_at_ms=excluded.deadline_at_ms,"
        " ended_at_ms=excluded.ended_at_ms, reason=excluded.reason,"
        " revert_rollout_id=excluded.revert_rollout_id, approver=excluded.approver,"
        " start_at_ms=excluded.start_at_ms",
    [KEDGE_ROW_PUT_GROUP] =
        "INSERT INTO groups (" GROUP_COLUMNS
        ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT (rollout_id, group_index) DO UPDATE SET state=excluded.state,"
        " pending=excluded.pending, offered=excluded.offered, downloading=excluded.downloading,"
        " downloaded=excluded.downloaded, installing=excluded.installing,"
        " verifying=excluded.verifying, succeeded=excluded.succeeded, failed=excluded.failed,"
        " rejected=excluded.rejected, timed_out=excluded.timed_out, canceled=excluded.canceled,"
        " superseded=excluded.superseded, errors=excluded.errors, already=excluded.already,"
        " errors_accepted=excluded.errors_accepted, started_at_ms=excluded.started_at_ms,"
        " soak_until_ms=excluded.soak_until_ms, ended_at_ms=excluded.ended_at_ms,"
        " reason=excluded.reason, failed_accepted=excluded.failed_accepted,"
        " rejected_accepted=excluded.rejected_accepted,"
        " timed_out_accepted=excluded.timed_out_accepted, approver=excluded.approver",
    [KEDGE_ROW_PUT_DEPLOYMENT] =
        "INSERT INTO deployments (" DEPLOYMENT_COLUMNS
        ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT (id) DO UPDATE SET state=excluded.state,"
        " version_before=excluded.version_before, update_result=excluded.update_result,"
        " bytes_done=excluded.bytes_done, bytes_total=excluded.bytes_total,"
        " offered_at_ms=excluded.offered_at_ms, changed_at_ms=excluded.changed_at_ms,"
        " ended_at_ms=excluded.ended_at_ms, reason=excluded.reason,"
        " failed_retries=excluded.failed_retries, rejected_retries=excluded.rejected_retries,"
        " timed_out_retries=excluded.timed_out_retries, retry_at_ms=excluded.retry_at_ms,"
        " steps_done=excluded.steps_done, step=excluded.step",
    [KEDGE_ROW_ADD_HISTORY] =
        "INSERT INTO history (" HISTORY_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?)",
    [KEDGE_ROW_ADD_AUDIT] = "INSERT INTO audit (" AUDIT_COLUMNS ") VALUES (?,?,?,?,?,?,?,?)",
    [KEDGE_ROW_ADD_SAMPLE] = "INSERT INTO samples (series, at_ms, figures) VALUES (?,?,?)"
                             " ON CONFLICT (series, at_ms) DO UPDATE SET figures=excluded.figures",
    /* The newest stays. */
    [KEDGE_ROW_THIN_SAMPLES] =
        "DELETE FROM samples WHERE series = ?1 AND at_ms IN (SELECT at_ms FROM (SELECT at_ms,"
        " row_number() OVER (ORDER BY at_ms DESC) AS number FROM samples WHERE series = ?1"
        " AND (SELECT count(*) FROM samples WHERE series = ?1) > " SAMPLES_MAX ")"
        " WHERE number % 2 = 0)",
    /* What is about the rollout and its groups has no endpoint, and stays. */
    [KEDGE_ROW_REMOVE_HISTORY] =
        "DELETE FROM history WHERE rollout_id = ?1 AND id > ?2 AND id <= ?3 AND endpoint <> ''",
    [KEDGE_ROW_REMOVE_DEPLOYMENTS] = "DELETE FROM deployments WHERE rollout_id = ?1 AND id <= ?2",
    [KEDGE_ROW_PUT_REMOVAL] =
        "INSERT INTO removals (rollout_id, at_ms, position, deployments, history, finished)"
        " VALUES (?,?,?,?,?,?) ON CONFLICT (rollout_id) DO UPDATE SET position=excluded.position,"
        " deployments=excluded.deployments, history=excluded.history, finished=excluded.finished",
    [KEDGE_ROW_MARK_REMOVALS] = "UPDATE removals SET audited = 1 WHERE finished = 1",
};

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
        KEDGE_TRY(prepare(writer->database, row_sql[i], &writer->rows[i]));
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

/* ---- the values, by kind of row ---- */

static void bind_device(struct sql_binder *to, const struct kedge_device_record *record)
{
    bind_text(to, record->endpoint);
    bind_text(to, record->vendor);
    bind_text(to, record->class_name);
    bind_text(to, record->version);
    bind_text(to, record->hardware);
    bind_text(to, record->lwm2m_version);
    bind_text(to, record->binding);
    bind_number(to, record->lifetime_s);
    bind_text(to, record->address);
    bind_text(to, record->location);
    bind_number(to, record->registered);
    bind_unsigned(to, record->first_seen_ms);
    bind_unsigned(to, record->last_seen_ms);
    bind_unsigned(to, record->limits.sequence_floor);
    bind_unsigned(to, record->limits.slot_capacity);
    bind_number(to, record->texts_kept);
}

static void bind_package(struct sql_binder *to, const struct kedge_package_record *record)
{
    bind_text(to, record->id);
    bind_unsigned(to, record->sequence);
    bind_text(to, record->version);
    bind_blob(to, record->vendor_id, sizeof(record->vendor_id));
    bind_blob(to, record->class_id, sizeof(record->class_id));
    bind_text(to, record->vendor);
    bind_text(to, record->class_name);
    bind_unsigned(to, record->envelope_size);
    bind_unsigned(to, record->image_size);
    bind_unsigned(to, record->device_size);
    bind_blob(to, record->image_digest, sizeof(record->image_digest));
    bind_text(to, record->device_digest);
    bind_number(to, record->deliver_payload);
    bind_blob(to, record->signers, (size_t)record->signer_count * sizeof(record->signers[0]));
    bind_unsigned(to, record->uploaded_at_ms);
    bind_text(to, record->uploader);
    bind_text(to, record->hardware);
    bind_text(to, record->min_version);
    bind_text(to, record->max_version);
}

static void bind_trust(struct sql_binder *to, const struct kedge_trust_record *record)
{
    bind_blob(to, record->key_id, sizeof(record->key_id));
    bind_text(to, record->name);
    bind_blob(to, record->spki, record->spki_size);
    bind_number(to, record->development);
    bind_unsigned(to, record->added_at_ms);
}

static void bind_credential(struct sql_binder *to, const struct kedge_credential_record *record)
{
    bind_text(to, record->endpoint);
    bind_text(to, kedge_credential_kind_name(record->kind));
    bind_text(to, record->identity);
    bind_unsigned(to, record->changed_at_ms);
    bind_blob(to, record->secret, record->secret_size);
}

static void bind_class_key(struct sql_binder *to, const struct kedge_class_record *record)
{
    bind_text(to, record->class_name);
    bind_text(to, record->vendor);
}

static void bind_class(struct sql_binder *to, const struct kedge_class_record *record)
{
    bind_class_key(to, record);
    bind_text(to, record->version_path);
    bind_text(to, kedge_class_success_name(record->success));
    bind_unsigned(to, record->changed_at_ms);
}

static void bind_adopt(struct sql_binder *to, const struct kedge_adopt_row *row)
{
    bind_text(to, row->identity);
    bind_unsigned(to, row->now_ms);
}

static void bind_bootstrap(struct sql_binder *to, const struct kedge_bootstrap_record *record)
{
    bind_credential(to, &record->credential);
    bind_text(to, record->serial);
    bind_text(to, record->hardware);
    bind_text(to, record->batch);
}

static void bind_note(struct sql_binder *to, const struct kedge_note *note)
{
    bind_text(to, note->kind);
    bind_text(to, note->id);
    bind_unsigned(to, note->at_ms);
    bind_blob(to, note->content, note->size);
}

static void bind_note_row(struct sql_binder *to, const struct kedge_note_row *row)
{
    bind_text(to, row->kind);
    bind_text(to, row->id);
}

static void bind_handout(struct sql_binder *to, const struct kedge_handout_record *record)
{
    bind_text(to, record->endpoint);
    bind_blob(to, record->certificate, record->certificate_size);
    bind_blob(to, record->private_key, record->private_key_size);
}

static void bind_token(struct sql_binder *to, const struct kedge_token_record *record)
{
    bind_text(to, record->name);
    bind_blob(to, record->hash, sizeof(record->hash));
    bind_unsigned(to, record->created_at_ms);
    bind_unsigned(to, record->expires_at_ms);
    bind_text(to, kedge_role_name(record->role));
    bind_text(to, record->creator);
}

static void bind_policy(struct sql_binder *to, const struct kedge_rollout_policy *policy)
{
    bind_number(to, policy->in_flight_max);
    bind_number(to, policy->error_threshold_percent);
    bind_number(to, policy->error_minimum_sample);
    bind_text(to, kedge_error_action_name(policy->error_action));
    bind_number(to, policy->success_threshold_percent);
    bind_number(to, policy->deployment_soak_s);
    bind_number(to, policy->group_soak_s);
    bind_number(to, policy->deadline_s);
    bind_number(to, policy->offer_limit_s);
    bind_number(to, policy->download_limit_s);
    bind_number(to, policy->install_limit_s);
    bind_number(to, policy->verify_limit_s);
}

/* "1.4.0 3": a version has no blanks. */
static void bind_intermediates(struct sql_binder *to, const struct kedge_rollout *record)
{
    char lines[KEDGE_INTERMEDIATES_MAX * (KEDGE_VERSION_MAX + 24)];
    size_t used = 0;
    lines[0] = '\0';
    for (uint32_t i = 0; i < record->intermediate_count; i++)
        used +=
            (size_t)snprintf(&lines[used], sizeof(lines) - used, "%s %" PRIu64 "\n",
                             record->intermediates[i].version, record->intermediates[i].sequence);
    bind_copied_text(to, lines);
}

static void bind_rollout(struct sql_binder *to, const struct kedge_rollout *record)
{
    bind_unsigned(to, record->id);
    bind_text(to, kedge_rollout_state_name(record->state));
    bind_text(to, record->name);
    bind_text(to, record->package_id);
    bind_text(to, record->vendor);
    bind_text(to, record->class_name);
    bind_text(to, record->version);
    bind_unsigned(to, record->sequence);
    bind_number(to, record->all_devices);
    bind_text(to, record->author);
    bind_policy(to, &record->policy);
    bind_number(to, record->group_count);
    bind_number(to, record->device_count);
    bind_unsigned(to, record->created_at_ms);
    bind_unsigned(to, record->started_at_ms);
    bind_unsigned(to, record->deadline_at_ms);
    bind_unsigned(to, record->ended_at_ms);
    bind_text(to, record->reason);
    bind_text(to, kedge_severity_name(record->policy.severity));
    bind_number(to, record->policy.max_defer_s);
    bind_number(to, record->seed);
    bind_text(to, record->spread_by);
    bind_text(to, record->revert_package_id[0] == '\0' ? NULL : record->revert_package_id);
    bind_text(to, record->revert_version);
    bind_unsigned(to, record->revert_sequence);
    bind_unsigned(to, record->revert_rollout_id);
    bind_unsigned(to, record->reverts_rollout_id);
    bind_text(to, kedge_approval_name(record->policy.approval));
    bind_text(to, record->approver);
    bind_text(to, record->filter);
    bind_unsigned(to, record->start_at_ms);
    bind_text(to, record->windows);
    bind_text(to, record->gate_windows);
    bind_number(to, record->download_in_window);
    for (size_t i = POLICY_FIELDS_BEFORE; i < KEDGE_POLICY_FIELD_COUNT; i++)
        bind_number(to, kedge_policy_get(&record->policy, &kedge_policy_fields[i]));
    bind_number(to, record->dynamic);
    bind_unsigned(to, record->closed_at_ms);
    for (uint32_t i = 0; i < KEDGE_INTERMEDIATES_MAX; i++)
        bind_text(to, i < record->intermediate_count ? record->intermediates[i].package_id : NULL);
    bind_intermediates(to, record);
}

static void bind_group(struct sql_binder *to, const struct kedge_group *record)
{
    bind_unsigned(to, record->rollout_id);
    bind_number(to, record->index);
    bind_text(to, kedge_group_state_name(record->state));
    bind_text(to, record->name);
    for (int i = 0; i < KEDGE_DEPLOYMENT_STATE_COUNT; i++)
        bind_number(to, record->counts[i]);
    bind_number(to, record->errors);
    bind_number(to, record->already);
    bind_number(to, record->errors_accepted);
    bind_unsigned(to, record->started_at_ms);
    bind_unsigned(to, record->soak_until_ms);
    bind_unsigned(to, record->ended_at_ms);
    bind_text(to, record->reason);
    for (int i = 0; i < KEDGE_ERROR_KIND_COUNT; i++)
        bind_number(to, record->kinds_accepted[i]);
    bind_text(to, record->approver);
    for (size_t i = 0; i < KEDGE_GATE_FIELD_COUNT; i++)
        bind_number(to, kedge_gate_get(&record->gate, &kedge_gate_fields[i]));
    bind_number(to, record->gate.approval);
    bind_text(to, record->filter);
}

static void bind_deployment(struct sql_binder *to, const struct kedge_deployment *record)
{
    bind_unsigned(to, record->id);
    bind_unsigned(to, record->rollout_id);
    bind_number(to, record->group_index);
    bind_text(to, kedge_deployment_state_name(record->state));
    bind_text(to, record->endpoint);
    bind_text(to, record->version_before);
    bind_number(to, record->update_result);
    bind_unsigned(to, record->bytes_done);
    bind_unsigned(to, record->bytes_total);
    bind_unsigned(to, record->offered_at_ms);
    bind_unsigned(to, record->changed_at_ms);
    bind_unsigned(to, record->ended_at_ms);
    bind_text(to, record->reason);
    for (int i = 0; i < KEDGE_ERROR_KIND_COUNT; i++)
        bind_number(to, record->retries[i]);
    bind_unsigned(to, record->retry_at_ms);
    bind_number(to, record->steps_done);
    bind_number(to, record->step);
}

static void bind_history(struct sql_binder *to, const struct kedge_history_entry *entry)
{
    bind_unsigned(to, entry->at_ms);
    bind_unsigned(to, entry->rollout_id);
    bind_number(to, entry->group_index);
    bind_unsigned(to, entry->deployment_id);
    bind_text(to, entry->endpoint);
    bind_text(to, entry->who);
    bind_text(to, entry->from);
    bind_text(to, entry->to);
    bind_text(to, entry->text);
}

/* Gives the entry its place in the chain; the head moves on with it. */
static void bind_audit(struct sql_binder *to, struct kedge_audit_entry *entry,
                       struct kedge_audit_head *head)
{
    entry->sequence = ++head->sequence;
    kedge_audit_hash(head->hash, entry, entry->hash);
    memcpy(head->hash, entry->hash, sizeof(head->hash));
    bind_unsigned(to, entry->sequence);
    bind_unsigned(to, entry->at_ms);
    bind_text(to, entry->who);
    bind_text(to, entry->what);
    bind_text(to, entry->subject);
    bind_text(to, entry->before);
    bind_text(to, entry->after);
    bind_blob(to, entry->hash, sizeof(entry->hash));
}

static void bind_tags(struct sql_binder *to, const struct kedge_tags_row *row)
{
    bind_text(to, row->endpoint);
    bind_text(to, row->tags);
}

static void bind_provision(struct sql_binder *to, const struct kedge_provision_row *row)
{
    bind_text(to, row->endpoint);
    bind_text(to, row->hardware);
}

static void bind_clock(struct sql_binder *to, const struct kedge_clock_record *record)
{
    bind_text(to, record->boot);
    bind_number(to, record->ahead_ms);
}

static void bind_sample(struct sql_binder *to, const struct kedge_sample *sample)
{
    bind_unsigned(to, sample->series);
    bind_unsigned(to, sample->at_ms);
    bind_text(to, sample->figures);
}

static void bind_removal(struct sql_binder *to, enum kedge_row_kind kind,
                         const struct kedge_removal_slice *slice)
{
    const struct kedge_removal *after = &slice->after;
    bind_unsigned(to, after->rollout_id);
    if (kind == KEDGE_ROW_REMOVE_HISTORY) {
        bind_unsigned(to, slice->history_from);
        bind_unsigned(to, after->position);
        return;
    }
    if (kind == KEDGE_ROW_REMOVE_DEPLOYMENTS) {
        bind_unsigned(to, slice->deployments_up_to);
        return;
    }
    bind_unsigned(to, after->at_ms);
    bind_unsigned(to, after->position);
    bind_unsigned(to, after->deployments);
    bind_unsigned(to, after->history);
    bind_number(to, after->finished);
}

static void bind_row(struct sql_binder *to, struct kedge_row *row, struct kedge_audit_head *head)
{
    void *record = row->record;
    switch (row->kind) {
    case KEDGE_ROW_PUT_DEVICE:
        bind_device(to, record);
        return;
    case KEDGE_ROW_PROVISION_DEVICE:
        bind_provision(to, record);
        return;
    case KEDGE_ROW_SET_TAGS:
        bind_tags(to, record);
        return;
    case KEDGE_ROW_PUT_PACKAGE:
        bind_package(to, record);
        return;
    case KEDGE_ROW_TRIM_DEVICES:
    case KEDGE_ROW_THIN_SAMPLES:
        bind_unsigned(to, *(const uint64_t *)record);
        return;
    case KEDGE_ROW_DELETE_PACKAGE:
        bind_text(to, record);
        return;
    case KEDGE_ROW_ADD_SAMPLE:
        bind_sample(to, record);
        return;
    case KEDGE_ROW_PUT_TRUST:
        bind_trust(to, record);
        return;
    case KEDGE_ROW_DELETE_TRUST:
        bind_blob(to, record, 32);
        return;
    case KEDGE_ROW_PUT_CLASS:
        bind_class(to, record);
        return;
    case KEDGE_ROW_DELETE_CLASS:
        bind_class_key(to, record);
        return;
    case KEDGE_ROW_PUT_CREDENTIAL:
    case KEDGE_ROW_ISSUE_CREDENTIAL:
        bind_credential(to, record);
        return;
    case KEDGE_ROW_DELETE_CREDENTIAL:
    case KEDGE_ROW_TRIM_ISSUED:
    case KEDGE_ROW_DROP_ADOPTED:
    case KEDGE_ROW_DROP_ISSUED:
    case KEDGE_ROW_DELETE_BOOTSTRAP:
    case KEDGE_ROW_DELETE_HANDOUT:
    case KEDGE_ROW_DELETE_TOKEN:
        bind_text(to, record);
        return;
    case KEDGE_ROW_PUT_NOTE:
        bind_note(to, record);
        return;
    case KEDGE_ROW_DELETE_NOTE:
        bind_note_row(to, record);
        return;
    case KEDGE_ROW_TRIM_NOTES:
        bind_note_row(to, record);
        bind_unsigned(to, ((const struct kedge_note_row *)record)->before_ms);
        bind_unsigned(to, ((const struct kedge_note_row *)record)->keep);
        return;
    case KEDGE_ROW_PUT_HANDOUT:
        bind_handout(to, record);
        return;
    case KEDGE_ROW_ADOPT_CREDENTIAL:
        bind_adopt(to, record);
        return;
    case KEDGE_ROW_PUT_BOOTSTRAP:
        bind_bootstrap(to, record);
        return;
    case KEDGE_ROW_PUT_TOKEN:
        bind_token(to, record);
        return;
    case KEDGE_ROW_PUT_CLOCK:
        bind_clock(to, record);
        return;
    case KEDGE_ROW_PUT_ROLLOUT:
        bind_rollout(to, record);
        return;
    case KEDGE_ROW_PUT_GROUP:
        bind_group(to, record);
        return;
    case KEDGE_ROW_PUT_DEPLOYMENT:
        bind_deployment(to, record);
        return;
    case KEDGE_ROW_ADD_HISTORY:
        bind_history(to, record);
        return;
    case KEDGE_ROW_ADD_AUDIT:
        bind_audit(to, record, head);
        return;
    case KEDGE_ROW_REMOVE_HISTORY:
    case KEDGE_ROW_REMOVE_DEPLOYMENTS:
    case KEDGE_ROW_PUT_REMOVAL:
        bind_removal(to, row->kind, record);
        return;
    case KEDGE_ROW_MARK_REMOVALS:
        return;
    case KEDGE_ROW_KIND_COUNT:
        break;
    }
    to->code = SQLITE_MISUSE;
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
        bind_row(&binder, row, &writer->audit);
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
