/* statements.c: the statement for each kind of row. */
#include "updater/store/sqlite/rows.h"

#define ISSUED_KEPT "4"
_Static_assert(KEDGE_ISSUED_KEPT_MAX == 4, "so many are kept");
#define SAMPLES_MAX "1000"
_Static_assert(KEDGE_SAMPLES_MAX == 1000, "so many are kept");

/* A record that exists is changed in place: replacing it would trip over what refers to it. */
const char *const sql_row_statements[KEDGE_ROW_KIND_COUNT] = {
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
