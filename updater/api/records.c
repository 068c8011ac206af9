/* records.c: records as JSON. Names are those of the records; a time that is not yet is null. */
#define _POSIX_C_SOURCE 200809L
#include "updater/api/internal.h"

#include <kedge/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_put(json_t **object, const char *name, json_t *value)
{
    if (*object == NULL) {
        json_decref(value);
        return;
    }
    if (json_object_set_new(*object, name, value) == 0)
        return;
    json_decref(*object);
    *object = NULL;
}

void json_add(json_t **array, json_t *value)
{
    if (*array == NULL) {
        json_decref(value);
        return;
    }
    if (json_array_append_new(*array, value) == 0)
        return;
    json_decref(*array);
    *array = NULL;
}

bool json_add_to(void *array, json_t *value)
{
    json_t **items = array;
    json_add(items, value);
    return *items != NULL;
}

json_t *json_count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *json_name(const char *name)
{
    return name[0] == '\0' ? json_null() : json_text(name);
}

/* Of a thing that there may not be. */
static json_t *json_id(uint64_t id)
{
    return id == 0 ? json_null() : json_count(id);
}

static json_t *json_time(uint64_t at_ms)
{
    return at_ms == 0 ? json_null() : json_count(at_ms);
}

static json_t *json_hex(const uint8_t *bytes, size_t size)
{
    char text[2 * 64 + 1];
    if (size > 64)
        return NULL;
    kedge_hex_encode(kedge_slice(bytes, size), text);
    return json_string(text);
}

json_t *json_list(const char *name, json_t *items, const struct kedge_page *page)
{
    json_t *list = json_object();
    json_put(&list, name, items);
    json_put(&list, "next", page->next[0] == '\0' ? json_null() : json_text(page->next));
    return list;
}

/* What a device does not say is null. */
static json_t *json_said(uint64_t number)
{
    return number == 0 ? json_null() : json_count(number);
}

json_t *device_json(const struct kedge_device_record *record)
{
    json_t *json = json_object();
    json_put(&json, "endpoint", json_text(record->endpoint));
    json_put(&json, "vendor", json_text(record->vendor));
    json_put(&json, "class", json_text(record->class_name));
    json_put(&json, "version", json_text(record->version));
    json_put(&json, "hardware", json_text(record->hardware));
    json_put(&json, "sequence_floor", json_said(record->limits.sequence_floor));
    json_put(&json, "slot_capacity", json_said(record->limits.slot_capacity));
    json_put(&json, "registered", json_boolean(record->registered));
    json_put(&json, "address", json_text(record->address));
    json_put(&json, "lwm2m_version", json_text(record->lwm2m_version));
    json_put(&json, "binding", json_text(record->binding));
    json_put(&json, "lifetime_s", json_count(record->lifetime_s));
    json_put(&json, "location", json_text(record->location));
    json_put(&json, "first_seen_ms", json_time(record->first_seen_ms));
    json_put(&json, "last_seen_ms", json_time(record->last_seen_ms));
    json_t *tags = json_loads(record->tags, JSON_REJECT_DUPLICATES, NULL);
    json_put(&json, "tags", tags != NULL ? tags : json_object());
    return json;
}

json_t *credential_json(const struct kedge_credential_record *record)
{
    json_t *json = json_object();
    json_put(&json, "endpoint", json_text(record->endpoint));
    json_put(&json, "kind", json_text(kedge_credential_kind_name(record->kind)));
    json_put(&json, "identity", json_text(record->identity));
    json_put(&json, "changed_at_ms", json_time(record->changed_at_ms));
    return json;
}

json_t *bootstrap_json(const struct kedge_bootstrap_record *record)
{
    json_t *json = credential_json(&record->credential);
    json_put(&json, "serial", json_text(record->serial));
    json_put(&json, "hardware", json_text(record->hardware));
    json_put(&json, "batch", json_text(record->batch));
    return json;
}

json_t *token_json(const struct kedge_token_record *record)
{
    json_t *json = json_object();
    json_put(&json, "name", json_text(record->name));
    json_put(&json, "role", json_text(kedge_role_name(record->role)));
    json_put(&json, "creator", json_text(record->creator));
    json_put(&json, "created_at_ms", json_time(record->created_at_ms));
    json_put(&json, "expires_at_ms", json_time(record->expires_at_ms));
    return json;
}

/* A list of what stands on lines. */
static json_t *json_lines(const char *text)
{
    char line[KEDGE_PACKAGE_HARDWARE_MAX + 1];
    json_t *list = json_array();
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        (void)snprintf(line, sizeof(line), "%.*s", (int)size, text);
        json_add(&list, json_text(line));
        text += size + (text[size] == '\n');
    }
    return list;
}

json_t *package_json(const struct kedge_package_record *record)
{
    json_t *json = json_object();
    json_put(&json, "id", json_text(record->id));
    json_put(&json, "version", json_text(record->version));
    json_put(&json, "sequence", json_count(record->sequence));
    json_put(&json, "vendor", json_text(record->vendor));
    json_put(&json, "class", json_text(record->class_name));
    json_put(&json, "vendor_id", json_hex(record->vendor_id, sizeof(record->vendor_id)));
    json_put(&json, "class_id", json_hex(record->class_id, sizeof(record->class_id)));
    json_put(&json, "envelope_size", json_count(record->envelope_size));
    json_put(&json, "image_size", json_count(record->image_size));
    json_put(&json, "image_digest", json_hex(record->image_digest, sizeof(record->image_digest)));
    json_put(&json, "device_size", json_count(record->device_size));
    json_put(&json, "device_digest", json_text(record->device_digest));
    json_put(&json, "deliver", json_text(record->deliver_payload ? "payload" : "envelope"));
    json_t *signers = json_array();
    for (uint32_t i = 0; i < record->signer_count && i < KEDGE_PACKAGE_SIGNERS_MAX; i++)
        json_add(&signers, json_hex(record->signers[i], sizeof(record->signers[i])));
    json_put(&json, "signers", signers);
    json_put(&json, "uploaded_at_ms", json_time(record->uploaded_at_ms));
    json_put(&json, "uploader", json_text(record->uploader));
    json_put(&json, "hardware", json_lines(record->hardware));
    json_put(&json, "min_version", json_name(record->min_version));
    json_put(&json, "max_version", json_name(record->max_version));
    return json;
}

json_t *class_json(const struct kedge_class_record *record)
{
    json_t *json = json_object();
    json_put(&json, "class", json_text(record->class_name));
    json_put(&json, "vendor", record->vendor[0] != '\0' ? json_text(record->vendor) : json_null());
    json_put(&json, "version_path", json_text(record->version_path));
    json_put(&json, "success", json_text(kedge_class_success_name(record->success)));
    json_put(&json, "changed_at_ms", json_time(record->changed_at_ms));
    return json;
}

json_t *trust_json(const struct kedge_trust_record *record)
{
    struct kedge_public_key key;
    bool usable =
        kedge_public_key_from_spki(kedge_slice(record->spki, record->spki_size), &key) == KEDGE_OK;
    json_t *json = json_object();
    json_put(&json, "id", json_hex(record->key_id, sizeof(record->key_id)));
    json_put(&json, "name", json_text(record->name));
    json_put(&json, "algorithm",
             usable ? json_text(kedge_algorithm_name(key.algorithm)) : json_null());
    json_put(&json, "development", json_boolean(record->development));
    json_put(&json, "added_at_ms", json_time(record->added_at_ms));
    return json;
}

static json_t *policy_json(const struct kedge_rollout_policy *policy)
{
    json_t *json = json_object();
    for (size_t i = 0; i < KEDGE_POLICY_FIELD_COUNT; i++)
        json_put(&json, kedge_policy_fields[i].name,
                 json_count(kedge_policy_get(policy, &kedge_policy_fields[i])));
    json_put(&json, "approval", json_text(kedge_approval_name(policy->approval)));
    json_put(&json, "error_action", json_text(kedge_error_action_name(policy->error_action)));
    json_put(&json, "severity",
             policy->severity == KEDGE_SEVERITY_UNSET
                 ? json_null()
                 : json_text(kedge_severity_name(policy->severity)));
    json_put(&json, "max_defer_s",
             policy->max_defer_s == KEDGE_DEFER_UNSET ? json_null()
                                                      : json_count(policy->max_defer_s));
    return json;
}

json_t *intermediate_json(const struct kedge_intermediate *intermediate)
{
    json_t *json = json_object();
    json_put(&json, "package_id", json_text(intermediate->package_id));
    json_put(&json, "version", json_text(intermediate->version));
    json_put(&json, "sequence", json_count(intermediate->sequence));
    return json;
}

static json_t *intermediates_json(const struct kedge_rollout *record)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < record->intermediate_count; i++)
        json_add(&list, intermediate_json(&record->intermediates[i]));
    return list;
}

json_t *rollout_json(const struct kedge_rollout *record)
{
    json_t *json = json_object();
    json_put(&json, "id", json_count(record->id));
    json_put(&json, "name", json_text(record->name));
    json_put(&json, "state", json_text(kedge_rollout_state_name(record->state)));
    json_put(&json, "reason", json_text(record->reason));
    json_put(&json, "package_id", json_text(record->package_id));
    json_put(&json, "vendor", json_text(record->vendor));
    json_put(&json, "class", json_text(record->class_name));
    json_put(&json, "version", json_text(record->version));
    json_put(&json, "sequence", json_count(record->sequence));
    json_put(&json, "intermediates", intermediates_json(record));
    json_put(&json, "all_devices", json_boolean(record->all_devices));
    json_put(&json, "dynamic", json_boolean(record->dynamic));
    json_put(&json, "closed_at_ms", json_time(record->closed_at_ms));
    json_put(&json, "author", json_text(record->author));
    json_put(&json, "approver", json_name(record->approver));
    json_put(&json, "policy", policy_json(&record->policy));
    json_put(&json, "group_count", json_count(record->group_count));
    json_put(&json, "device_count", json_count(record->device_count));
    json_put(&json, "seed", json_count(record->seed));
    json_put(&json, "spread_by", json_name(record->spread_by));
    json_put(&json, "filter", json_name(record->filter));
    json_put(&json, "revert_package_id", json_name(record->revert_package_id));
    json_put(&json, "revert_version", json_name(record->revert_version));
    json_put(&json, "revert_rollout_id", json_id(record->revert_rollout_id));
    json_put(&json, "reverts_rollout_id", json_id(record->reverts_rollout_id));
    json_put(&json, "start_at_ms", json_time(record->start_at_ms));
    json_put(&json, "windows", windows_json(record->windows));
    json_put(&json, "gate_windows", windows_json(record->gate_windows));
    json_put(&json, "download_in_window", json_boolean(record->download_in_window));
    json_put(&json, "created_at_ms", json_time(record->created_at_ms));
    json_put(&json, "started_at_ms", json_time(record->started_at_ms));
    json_put(&json, "deadline_at_ms", json_time(record->deadline_at_ms));
    json_put(&json, "ended_at_ms", json_time(record->ended_at_ms));
    return json;
}

json_t *counts_json(const uint64_t counts[KEDGE_DEPLOYMENT_STATE_COUNT])
{
    json_t *json = json_object();
    for (unsigned i = 0; i < KEDGE_DEPLOYMENT_STATE_COUNT; i++)
        json_put(&json, kedge_deployment_state_name((enum kedge_deployment_state)i),
                 json_count(counts[i]));
    return json;
}

void gate_put(json_t **json, const struct kedge_group_gate *gate, const char *filter)
{
    json_put(json, "filter", json_name(filter));
    for (size_t i = 0; i < KEDGE_GATE_FIELD_COUNT; i++) {
        uint32_t value = kedge_gate_get(gate, &kedge_gate_fields[i]);
        json_put(json, kedge_gate_fields[i].name,
                 value == KEDGE_GATE_UNSET ? json_null() : json_count(value));
    }
    json_put(json, "approval",
             gate->approval == KEDGE_GATE_UNSET ? json_null() : json_boolean(gate->approval == 1));
}

json_t *group_json(const struct kedge_group *record)
{
    uint64_t counts[KEDGE_DEPLOYMENT_STATE_COUNT];
    for (unsigned i = 0; i < KEDGE_DEPLOYMENT_STATE_COUNT; i++)
        counts[i] = record->counts[i];
    json_t *json = json_object();
    json_put(&json, "rollout_id", json_count(record->rollout_id));
    json_put(&json, "index", json_count(record->index));
    json_put(&json, "name", json_text(record->name));
    json_put(&json, "state", json_text(kedge_group_state_name(record->state)));
    json_put(&json, "reason", json_text(record->reason));
    gate_put(&json, &record->gate, record->filter);
    json_put(&json, "counts", counts_json(counts));
    json_put(&json, "errors", json_count(record->errors));
    json_put(&json, "already", json_count(record->already));
    json_put(&json, "errors_accepted", json_count(record->errors_accepted));
    json_put(&json, "approver", json_name(record->approver));
    json_put(&json, "failed_accepted", json_count(record->kinds_accepted[KEDGE_ERROR_KIND_FAILED]));
    json_put(&json, "rejected_accepted",
             json_count(record->kinds_accepted[KEDGE_ERROR_KIND_REJECTED]));
    json_put(&json, "timed_out_accepted",
             json_count(record->kinds_accepted[KEDGE_ERROR_KIND_TIMED_OUT]));
    json_put(&json, "started_at_ms", json_time(record->started_at_ms));
    json_put(&json, "soak_until_ms", json_time(record->soak_until_ms));
    json_put(&json, "ended_at_ms", json_time(record->ended_at_ms));
    return json;
}

json_t *deployment_json(const struct kedge_deployment *record)
{
    json_t *json = json_object();
    json_put(&json, "id", json_count(record->id));
    json_put(&json, "rollout_id", json_count(record->rollout_id));
    json_put(&json, "group_index", json_count(record->group_index));
    json_put(&json, "endpoint", json_text(record->endpoint));
    json_put(&json, "state", json_text(kedge_deployment_state_name(record->state)));
    json_put(&json, "update_result",
             record->update_result == KEDGE_UPDATE_RESULT_NONE
                 ? json_null()
                 : json_integer(record->update_result));
    json_put(&json, "reason", json_text(record->reason));
    json_put(&json, "version_before", json_text(record->version_before));
    json_put(&json, "bytes_done", json_count(record->bytes_done));
    json_put(&json, "bytes_total", json_count(record->bytes_total));
    json_put(&json, "offered_at_ms", json_time(record->offered_at_ms));
    json_put(&json, "changed_at_ms", json_time(record->changed_at_ms));
    json_put(&json, "ended_at_ms", json_time(record->ended_at_ms));
    json_put(&json, "failed_retries", json_count(record->retries[KEDGE_ERROR_KIND_FAILED]));
    json_put(&json, "rejected_retries", json_count(record->retries[KEDGE_ERROR_KIND_REJECTED]));
    json_put(&json, "timed_out_retries", json_count(record->retries[KEDGE_ERROR_KIND_TIMED_OUT]));
    json_put(&json, "retry_at_ms", json_time(record->retry_at_ms));
    return json;
}

json_t *history_json(const struct kedge_history_entry *entry)
{
    json_t *json = json_object();
    json_put(&json, "id", json_count(entry->id));
    json_put(&json, "at_ms", json_count(entry->at_ms));
    json_put(&json, "rollout_id", json_count(entry->rollout_id));
    json_put(&json, "group_index",
             entry->group_index < 0 ? json_null() : json_integer(entry->group_index));
    json_put(&json, "deployment_id", json_id(entry->deployment_id));
    json_put(&json, "endpoint", json_text(entry->endpoint));
    json_put(&json, "who", json_text(entry->who));
    json_put(&json, "from", json_text(entry->from));
    json_put(&json, "to", json_text(entry->to));
    json_put(&json, "text", json_text(entry->text));
    return json;
}

json_t *audit_json(const struct kedge_audit_entry *entry)
{
    json_t *json = json_object();
    json_put(&json, "sequence", json_count(entry->sequence));
    json_put(&json, "at_ms", json_count(entry->at_ms));
    json_put(&json, "who", json_text(entry->who));
    json_put(&json, "what", json_text(entry->what));
    json_put(&json, "subject", json_text(entry->subject));
    json_put(&json, "before", json_text(entry->before));
    json_put(&json, "after", json_text(entry->after));
    json_put(&json, "hash", json_hex(entry->hash, sizeof(entry->hash)));
    return json;
}
