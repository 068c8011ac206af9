/*
 * package_changes.c: packages are accepted and deleted.
 *
 * Files come before the record and go after it, so a record never names a file that is not there;
 * what a crash leaves of files without a record is swept up at the next start.
 */
#define _GNU_SOURCE
#include "updater/kedged/backend.h"

#include "updater/kedged/call.h"
#include "updater/kedged/clock.h"
#include "updater/kedged/trust.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum kedge_rc load_trust(struct kedge_reader *reader, struct kedge_trusted_keys *keys,
                                char *text)
{
    enum kedge_rc rc = kedge_trusted_keys_load(reader, keys);
    if (rc == KEDGE_OK)
        return rc;
    return kedge_backend_refuse(text, rc, "the trust records cannot be used: %s",
                                kedge_rc_text(rc));
}

/* "" for none, and for one too long to be a device's: it then is the device that judges. */
static void take_bound(const struct kedge_suit_version *bound, char out[KEDGE_VERSION_MAX + 1])
{
    char text[KEDGE_SUIT_VERSION_TEXT_MAX] = "";
    if (bound->count > 0 && kedge_suit_version_text(bound, text) == KEDGE_OK)
        (void)snprintf(out, KEDGE_VERSION_MAX + 1, "%s", text);
}

static void fill_record(const struct kedge_package_info *info,
                        const struct kedge_trusted_keys *keys, const char *who,
                        struct kedge_package_record *record)
{
    *record = (struct kedge_package_record){
        .sequence = info->manifest.sequence,
        .envelope_size = info->package_size,
        .image_size = info->manifest.image_size,
        .device_size = info->device_file_size,
        .deliver_payload = info->manifest.delivery == KEDGE_DELIVER_PAYLOAD,
        .uploaded_at_ms = kedge_wall_ms(),
    };
    (void)snprintf(record->id, sizeof(record->id), "%s", info->id);
    (void)snprintf(record->version, sizeof(record->version), "%s", info->version);
    memcpy(record->vendor_id, info->manifest.vendor, sizeof(record->vendor_id));
    memcpy(record->class_id, info->manifest.class_id, sizeof(record->class_id));
    (void)snprintf(record->vendor, sizeof(record->vendor), "%s", info->vendor_domain);
    /* check_names() has seen that it fits */
    (void)snprintf(record->class_name, sizeof(record->class_name), "%.*s", (int)KEDGE_CLASS_MAX,
                   info->class_name);
    memcpy(record->image_digest, info->manifest.image_digest, sizeof(record->image_digest));
    (void)snprintf(record->device_digest, sizeof(record->device_digest), "%s", info->device_file);
    (void)snprintf(record->uploader, sizeof(record->uploader), "%s", who);
    (void)snprintf(record->hardware, sizeof(record->hardware), "%s", info->hardware);
    take_bound(&info->manifest.min_version, record->min_version);
    take_bound(&info->manifest.max_version, record->max_version);
    for (size_t i = 0; i < keys->count && record->signer_count < KEDGE_PACKAGE_SIGNERS_MAX; i++)
        if (info->signed_by[i])
            memcpy(record->signers[record->signer_count++], keys->keys[i].key_id,
                   sizeof(record->signers[0]));
}

/* Names that a rollout could not hold are no reason to keep the package and stumble later. */
static enum kedge_rc check_names(const struct kedge_package_info *info, char *text)
{
    if (strlen(info->class_name) > KEDGE_CLASS_MAX ||
        strlen(info->vendor_domain) > KEDGE_VENDOR_MAX)
        return kedge_backend_refuse(text, KEDGE_E_LIMIT,
                                    "text: a vendor has at most %u bytes and a class %u",
                                    KEDGE_VENDOR_MAX, KEDGE_CLASS_MAX);
    return KEDGE_OK;
}

static enum kedge_rc commit_put(struct kedge_backend_state *state, const char *who,
                                const struct kedge_package_record *record, char *text)
{
    char after[160];
    (void)snprintf(after, sizeof(after), "version %s, sequence %" PRIu64, record->version,
                   record->sequence);
    const struct kedge_change change = {
        .who = who, .what = "package.upload", .subject = record->id, .after = after};
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = kedge_batch_put_package(batch, record);
    return kedge_backend_commit(state, batch, rc, &change, text);
}

/*
 * Whether another package has the same file for devices: the bare images of two --deliver payload
 * packages may be the same.
 */
struct sharing {
    const char *id, *device_file;
    bool found;
};

static bool compare_files(void *context, const struct kedge_package_record *other)
{
    struct sharing *sharing = context;
    sharing->found = strcmp(other->id, sharing->id) != 0 &&
                     strcmp(other->device_digest, sharing->device_file) == 0;
    return !sharing->found;
}

/* The device file's name when no other package needs it, else NULL; NULL too when in doubt. */
static const char *own_device_file(struct kedge_reader *reader, const char *id,
                                   const char *device_file)
{
    struct sharing sharing = {.id = id, .device_file = device_file};
    enum kedge_rc rc = kedge_reader_packages(reader, NULL, compare_files, &sharing);
    return rc == KEDGE_OK && !sharing.found ? device_file : NULL;
}

/* Checks it, keeps its files and then its record; what was kept is removed when that fails. */
static enum kedge_rc accept_file(struct kedge_backend_state *state, struct kedge_reader *reader,
                                 const char *who, const char *path, struct kedge_package_info *info,
                                 bool *existed, char *text)
{
    struct kedge_trusted_keys keys;
    struct kedge_package_record record;
    char reason[KEDGE_PACKAGE_REASON_MAX];
    KEDGE_TRY(load_trust(reader, &keys, text));
    const struct kedge_suit_trust trust = {.keys = keys.keys,
                                           .key_count = keys.count,
                                           .required = state->required_signers,
                                           .allow_development_keys = state->allow_development_keys};
    enum kedge_rc rc = kedge_package_accept(state->folder, path, &trust, info, reason);
    if (rc != KEDGE_OK)
        return kedge_backend_refuse(text, rc, "%s", reason);
    *existed = kedge_reader_package(reader, info->id, &record) == KEDGE_OK;
    if (*existed) {
        /* With other signatures it would be sent in other bytes: those are not wanted. */
        if (strcmp(record.device_digest, info->device_file) != 0)
            kedge_package_remove(state->folder, NULL,
                                 own_device_file(reader, info->id, info->device_file));
        return KEDGE_OK;
    }
    rc = check_names(info, text);
    if (rc == KEDGE_OK) {
        fill_record(info, &keys, who, &record);
        rc = commit_put(state, who, &record, text);
    }
    if (rc != KEDGE_OK)
        kedge_package_remove(state->folder, info->id,
                             own_device_file(reader, info->id, info->device_file));
    return rc;
}

enum kedge_rc kedge_backend_package_accept(void *context, const char *who, const char *path,
                                           char id[KEDGE_PACKAGE_ID_SIZE + 1], bool *existed,
                                           char *text)
{
    struct kedge_backend_state *state = context;
    struct kedge_reader *reader;
    *existed = false;
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    struct kedge_package_info *info = malloc(sizeof(*info));
    enum kedge_rc rc = KEDGE_E_MEMORY;
    if (info != NULL) {
        (void)pthread_mutex_lock(&state->package_lock);
        rc = accept_file(state, reader, who, path, info, existed, text);
        (void)pthread_mutex_unlock(&state->package_lock);
        memcpy(id, info->id, KEDGE_PACKAGE_ID_SIZE + 1);
    }
    free(info);
    kedge_reader_close(reader);
    return rc;
}

/* ---- deleting ---- */

struct forgetting {
    struct kedge_bridge *bridge;
    const char *name;
};

static void forget(struct kedge_call *call)
{
    struct forgetting *forgetting = call->context;
    kedge_device_files_forget(&forgetting->bridge->files, forgetting->name);
    kedge_call_answer(call, KEDGE_OK, "");
}

static enum kedge_rc commit_delete(struct kedge_backend_state *state, const char *who,
                                   const struct kedge_package_record *record, char *text)
{
    const struct kedge_change change = {
        .who = who, .what = "package.delete", .subject = record->id, .before = record->version};
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = kedge_batch_delete_package(batch, record->id);
    rc = kedge_backend_commit(state, batch, rc, &change, text);
    if (rc == KEDGE_E_CONFLICT)
        return kedge_backend_refuse(text, rc, "a rollout names the package, which keeps it");
    return rc;
}

static enum kedge_rc delete_package(struct kedge_backend_state *state, struct kedge_reader *reader,
                                    const char *who, const char *id, char *text)
{
    struct kedge_package_record record;
    enum kedge_rc rc = kedge_reader_package(reader, id, &record);
    if (rc != KEDGE_OK)
        return kedge_backend_refuse(text, rc, "%s", kedge_reader_error(reader));
    KEDGE_TRY(commit_delete(state, who, &record, text));
    const char *device_file = own_device_file(reader, record.id, record.device_digest);
    kedge_package_remove(state->folder, record.id, device_file);
    struct forgetting forgetting = {state->bridge, record.device_digest};
    struct kedge_call call = {.fn = forget, .context = &forgetting};
    return device_file == NULL ? KEDGE_OK : kedge_call_network(state->net, &call);
}

enum kedge_rc kedge_backend_package_delete(void *context, const char *who, const char *id,
                                           char *text)
{
    struct kedge_backend_state *state = context;
    struct kedge_reader *reader;
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    (void)pthread_mutex_lock(&state->package_lock);
    enum kedge_rc rc = delete_package(state, reader, who, id, text);
    (void)pthread_mutex_unlock(&state->package_lock);
    kedge_reader_close(reader);
    return rc;
}
