/* bind.c: the values of each kind of row; bind_rollouts.c has those of rollouts. */
#include "updater/store/sqlite/rows.h"

#include <string.h>

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

void sql_bind_row(struct sql_binder *to, struct kedge_row *row, struct kedge_audit_head *head)
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
        sql_bind_rollout(to, record);
        return;
    case KEDGE_ROW_PUT_GROUP:
        sql_bind_group(to, record);
        return;
    case KEDGE_ROW_PUT_DEPLOYMENT:
        sql_bind_deployment(to, record);
        return;
    case KEDGE_ROW_ADD_HISTORY:
        sql_bind_history(to, record);
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
