/*
 * batch.c: rows put together for one commit.
 */
#include "updater/store/batch.h"

#include "updater/store/audit.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kedge_batch *kedge_batch_create(void)
{
    return calloc(1, sizeof(struct kedge_batch));
}

static bool holds_secret(enum kedge_row_kind kind)
{
    return kind == KEDGE_ROW_PUT_CREDENTIAL || kind == KEDGE_ROW_ISSUE_CREDENTIAL ||
           kind == KEDGE_ROW_PUT_BOOTSTRAP || kind == KEDGE_ROW_PUT_HANDOUT ||
           kind == KEDGE_ROW_PUT_NOTE;
}

void kedge_batch_destroy(struct kedge_batch *batch)
{
    if (batch == NULL)
        return;
    while (batch->first != NULL) {
        struct kedge_row *row = batch->first;
        batch->first = row->next;
        if (holds_secret(row->kind))
            kedge_wipe(row->record, row->size);
        free(row);
    }
    free(batch);
}

size_t kedge_batch_rows(const struct kedge_batch *batch)
{
    return batch->count;
}

static enum kedge_rc add(struct kedge_batch *batch, enum kedge_row_kind kind, const void *record,
                         size_t size)
{
    if (batch->count >= KEDGE_STORE_BATCH_ROWS_MAX)
        return KEDGE_E_LIMIT;
    struct kedge_row *row = malloc(sizeof(*row) + size);
    if (row == NULL)
        return KEDGE_E_MEMORY;
    row->next = NULL;
    row->kind = kind;
    row->size = size;
    memcpy(row->record, record, size);
    if (batch->last != NULL)
        batch->last->next = row;
    else
        batch->first = row;
    batch->last = row;
    batch->count++;
    return KEDGE_OK;
}

enum kedge_rc kedge_batch_put_device(struct kedge_batch *batch,
                                     const struct kedge_device_record *record)
{
    /* Its tags are not written with it, and are larger than all the rest. */
    return add(batch, KEDGE_ROW_PUT_DEVICE, record, offsetof(struct kedge_device_record, tags));
}

enum kedge_rc kedge_batch_provision_device(struct kedge_batch *batch, const char *endpoint,
                                           const char *hardware)
{
    struct kedge_provision_row row = {{0}, {0}};
    size_t endpoint_size = strlen(endpoint), hardware_size = strlen(hardware);
    if (endpoint_size > KEDGE_ENDPOINT_MAX || hardware_size > KEDGE_HARDWARE_MAX)
        return KEDGE_E_LIMIT;
    memcpy(row.endpoint, endpoint, endpoint_size);
    memcpy(row.hardware, hardware, hardware_size);
    return add(batch, KEDGE_ROW_PROVISION_DEVICE, &row, sizeof(row));
}

enum kedge_rc kedge_batch_set_tags(struct kedge_batch *batch, const char *endpoint,
                                   const char *tags_json)
{
    struct kedge_tags_row row = {{0}, {0}};
    size_t endpoint_size = strlen(endpoint), tags_size = strlen(tags_json);
    if (endpoint_size > KEDGE_ENDPOINT_MAX || tags_size > KEDGE_TAGS_MAX)
        return KEDGE_E_LIMIT;
    memcpy(row.endpoint, endpoint, endpoint_size);
    memcpy(row.tags, tags_json, tags_size);
    return add(batch, KEDGE_ROW_SET_TAGS, &row, sizeof(row));
}

enum kedge_rc kedge_batch_trim_devices(struct kedge_batch *batch, uint64_t keep)
{
    return add(batch, KEDGE_ROW_TRIM_DEVICES, &keep, sizeof(keep));
}

enum kedge_rc kedge_batch_put_package(struct kedge_batch *batch,
                                      const struct kedge_package_record *record)
{
    if (record->signer_count > KEDGE_PACKAGE_SIGNERS_MAX)
        return KEDGE_E_LIMIT;
    return add(batch, KEDGE_ROW_PUT_PACKAGE, record, sizeof(*record));
}

enum kedge_rc kedge_batch_delete_package(struct kedge_batch *batch, const char *id)
{
    return add(batch, KEDGE_ROW_DELETE_PACKAGE, id, strlen(id) + 1);
}

enum kedge_rc kedge_batch_put_trust(struct kedge_batch *batch,
                                    const struct kedge_trust_record *record)
{
    if (record->spki_size > KEDGE_STORE_SPKI_MAX)
        return KEDGE_E_LIMIT;
    return add(batch, KEDGE_ROW_PUT_TRUST, record, sizeof(*record));
}

enum kedge_rc kedge_batch_put_class(struct kedge_batch *batch,
                                    const struct kedge_class_record *record)
{
    return add(batch, KEDGE_ROW_PUT_CLASS, record, sizeof(*record));
}

enum kedge_rc kedge_batch_delete_class(struct kedge_batch *batch,
                                       const struct kedge_class_record *record)
{
    return add(batch, KEDGE_ROW_DELETE_CLASS, record, sizeof(*record));
}

enum kedge_rc kedge_batch_delete_trust(struct kedge_batch *batch, const uint8_t key_id[32])
{
    return add(batch, KEDGE_ROW_DELETE_TRUST, key_id, 32);
}

enum kedge_rc kedge_batch_put_credential(struct kedge_batch *batch,
                                         const struct kedge_credential_record *record)
{
    if (record->secret_size > KEDGE_CREDENTIAL_SECRET_MAX)
        return KEDGE_E_LIMIT;
    return add(batch, KEDGE_ROW_PUT_CREDENTIAL, record, sizeof(*record));
}

enum kedge_rc kedge_batch_delete_credential(struct kedge_batch *batch, const char *endpoint)
{
    return add(batch, KEDGE_ROW_DELETE_CREDENTIAL, endpoint, strlen(endpoint) + 1);
}

enum kedge_rc kedge_batch_issue_credential(struct kedge_batch *batch,
                                           const struct kedge_credential_record *record)
{
    if (record->secret_size > KEDGE_CREDENTIAL_SECRET_MAX)
        return KEDGE_E_LIMIT;
    KEDGE_TRY(add(batch, KEDGE_ROW_ISSUE_CREDENTIAL, record, sizeof(*record)));
    return add(batch, KEDGE_ROW_TRIM_ISSUED, record->endpoint, strlen(record->endpoint) + 1);
}

enum kedge_rc kedge_batch_adopt_credential(struct kedge_batch *batch, const char *identity,
                                           uint64_t now_ms)
{
    struct kedge_adopt_row row = {.now_ms = now_ms};
    size_t size = strlen(identity);
    if (size > KEDGE_CREDENTIAL_IDENTITY_MAX)
        return KEDGE_E_LIMIT;
    memcpy(row.identity, identity, size);
    KEDGE_TRY(add(batch, KEDGE_ROW_ADOPT_CREDENTIAL, &row, sizeof(row)));
    return add(batch, KEDGE_ROW_DROP_ADOPTED, identity, size + 1);
}

enum kedge_rc kedge_batch_drop_issued(struct kedge_batch *batch, const char *endpoint)
{
    return add(batch, KEDGE_ROW_DROP_ISSUED, endpoint, strlen(endpoint) + 1);
}

enum kedge_rc kedge_batch_put_bootstrap(struct kedge_batch *batch,
                                        const struct kedge_bootstrap_record *record)
{
    if (record->credential.secret_size > KEDGE_CREDENTIAL_SECRET_MAX)
        return KEDGE_E_LIMIT;
    return add(batch, KEDGE_ROW_PUT_BOOTSTRAP, record, sizeof(*record));
}

enum kedge_rc kedge_batch_put_handout(struct kedge_batch *batch,
                                      const struct kedge_handout_record *record)
{
    if (record->certificate_size > KEDGE_CERTIFICATE_MAX ||
        record->private_key_size > KEDGE_PRIVATE_KEY_MAX)
        return KEDGE_E_LIMIT;
    return add(batch, KEDGE_ROW_PUT_HANDOUT, record, kedge_handout_size(record));
}

enum kedge_rc kedge_batch_delete_handout(struct kedge_batch *batch, const char *endpoint)
{
    return add(batch, KEDGE_ROW_DELETE_HANDOUT, endpoint, strlen(endpoint) + 1);
}

enum kedge_rc kedge_batch_delete_bootstrap(struct kedge_batch *batch, const char *endpoint)
{
    KEDGE_TRY(kedge_batch_delete_handout(batch, endpoint));
    KEDGE_TRY(add(batch, KEDGE_ROW_DELETE_BOOTSTRAP, endpoint, strlen(endpoint) + 1));
    return kedge_batch_drop_issued(batch, endpoint);
}

enum kedge_rc kedge_batch_put_note(struct kedge_batch *batch, const struct kedge_note *note)
{
    if (note->size > KEDGE_NOTE_MAX)
        return KEDGE_E_LIMIT;
    return add(batch, KEDGE_ROW_PUT_NOTE, note, offsetof(struct kedge_note, content) + note->size);
}

enum kedge_rc kedge_batch_delete_note(struct kedge_batch *batch, const char *kind, const char *id)
{
    struct kedge_note_row row = {.before_ms = 0};
    (void)snprintf(row.kind, sizeof(row.kind), "%s", kind);
    (void)snprintf(row.id, sizeof(row.id), "%s", id);
    return add(batch, KEDGE_ROW_DELETE_NOTE, &row, sizeof(row));
}

enum kedge_rc kedge_batch_trim_notes(struct kedge_batch *batch, const char *kind,
                                     const char *prefix, uint64_t before_ms, uint64_t keep)
{
    struct kedge_note_row row = {.before_ms = before_ms, .keep = keep};
    (void)snprintf(row.kind, sizeof(row.kind), "%s", kind);
    (void)snprintf(row.id, sizeof(row.id), "%s", prefix);
    return add(batch, KEDGE_ROW_TRIM_NOTES, &row, sizeof(row));
}

enum kedge_rc kedge_batch_put_token(struct kedge_batch *batch,
                                    const struct kedge_token_record *record)
{
    return add(batch, KEDGE_ROW_PUT_TOKEN, record, sizeof(*record));
}

enum kedge_rc kedge_batch_delete_token(struct kedge_batch *batch, const char *name)
{
    return add(batch, KEDGE_ROW_DELETE_TOKEN, name, strlen(name) + 1);
}

enum kedge_rc kedge_batch_put_clock(struct kedge_batch *batch,
                                    const struct kedge_clock_record *record)
{
    return add(batch, KEDGE_ROW_PUT_CLOCK, record, sizeof(*record));
}

enum kedge_rc kedge_batch_put_rollout(struct kedge_batch *batch, const struct kedge_rollout *record)
{
    return add(batch, KEDGE_ROW_PUT_ROLLOUT, record, sizeof(*record));
}

enum kedge_rc kedge_batch_put_group(struct kedge_batch *batch, const struct kedge_group *record)
{
    return add(batch, KEDGE_ROW_PUT_GROUP, record, sizeof(*record));
}

enum kedge_rc kedge_batch_put_deployment(struct kedge_batch *batch,
                                         const struct kedge_deployment *record)
{
    return add(batch, KEDGE_ROW_PUT_DEPLOYMENT, record, sizeof(*record));
}

enum kedge_rc kedge_batch_add_history(struct kedge_batch *batch,
                                      const struct kedge_history_entry *entry)
{
    return add(batch, KEDGE_ROW_ADD_HISTORY, entry, sizeof(*entry));
}

enum kedge_rc kedge_batch_add_audit(struct kedge_batch *batch,
                                    const struct kedge_audit_entry *entry)
{
    struct kedge_audit_entry clean = *entry;
    kedge_audit_clean(&clean);
    return add(batch, KEDGE_ROW_ADD_AUDIT, &clean, sizeof(clean));
}

enum kedge_rc kedge_batch_add_sample(struct kedge_batch *batch, const struct kedge_sample *sample)
{
    KEDGE_TRY(add(batch, KEDGE_ROW_ADD_SAMPLE, sample, sizeof(*sample)));
    return add(batch, KEDGE_ROW_THIN_SAMPLES, &sample->series, sizeof(sample->series));
}

enum kedge_rc kedge_batch_add_output(struct kedge_batch *batch,
                                     const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->rollout_count; i++)
        KEDGE_TRY(kedge_batch_put_rollout(batch, &output->rollouts[i]));
    for (size_t i = 0; i < output->group_count; i++)
        KEDGE_TRY(kedge_batch_put_group(batch, &output->groups[i]));
    for (size_t i = 0; i < output->deployment_count; i++)
        KEDGE_TRY(kedge_batch_put_deployment(batch, &output->deployments[i]));
    for (size_t i = 0; i < output->history_count; i++)
        KEDGE_TRY(kedge_batch_add_history(batch, &output->history[i]));
    for (size_t i = 0; i < output->audit_count; i++)
        KEDGE_TRY(kedge_batch_add_audit(batch, &output->audit[i]));
    return KEDGE_OK;
}

enum kedge_rc kedge_batch_remove(struct kedge_batch *batch, const struct kedge_removal_slice *slice)
{
    KEDGE_TRY(add(batch, KEDGE_ROW_REMOVE_HISTORY, slice, sizeof(*slice)));
    KEDGE_TRY(add(batch, KEDGE_ROW_REMOVE_DEPLOYMENTS, slice, sizeof(*slice)));
    return add(batch, KEDGE_ROW_PUT_REMOVAL, slice, sizeof(*slice));
}

enum kedge_rc kedge_batch_audit_removals(struct kedge_batch *batch,
                                         const struct kedge_audit_entry *entry)
{
    KEDGE_TRY(kedge_batch_add_audit(batch, entry));
    return add(batch, KEDGE_ROW_MARK_REMOVALS, entry, 0);
}
