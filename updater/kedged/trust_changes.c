/*
 * trust_changes.c: trust records are added and removed.
 */
#define _GNU_SOURCE
#include "updater/kedged/backend.h"

#include "updater/kedged/clock.h"
#include "updater/kedged/trust.h"

#include <stdio.h>
#include <string.h>

/* What stands in the way of a new record. */
struct search {
    const struct kedge_trust_record *wanted;
    size_t count;
    bool same_key, same_name;
    char name[KEDGE_NAME_MAX + 1]; /* of the record with the same key */
};

static bool compare(void *context, const struct kedge_trust_record *record)
{
    struct search *search = context;
    search->count++;
    search->same_name |= strcmp(record->name, search->wanted->name) == 0;
    if (memcmp(record->key_id, search->wanted->key_id, sizeof(record->key_id)) == 0) {
        search->same_key = true;
        (void)snprintf(search->name, sizeof(search->name), "%s", record->name);
    }
    return true;
}

static enum kedge_rc check_free(struct kedge_backend_state *state,
                                const struct kedge_trust_record *wanted, char *text)
{
    struct search search = {.wanted = wanted};
    struct kedge_reader *reader;
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    enum kedge_rc rc = kedge_reader_trust(reader, NULL, compare, &search);
    if (rc != KEDGE_OK)
        (void)kedge_backend_refuse(text, rc, "%s", kedge_reader_error(reader));
    kedge_reader_close(reader);
    KEDGE_TRY(rc);
    if (search.same_key)
        return kedge_backend_refuse(text, KEDGE_E_EXISTS,
                                    "this key is trusted already, under the name %s", search.name);
    if (search.same_name)
        return kedge_backend_refuse(text, KEDGE_E_EXISTS,
                                    "another trusted key has the name %s; choose another name",
                                    wanted->name);
    if (search.count >= KEDGE_PACKAGE_KEYS_MAX)
        return kedge_backend_refuse(text, KEDGE_E_LIMIT,
                                    "at most %u keys are trusted; remove one first",
                                    KEDGE_PACKAGE_KEYS_MAX);
    return KEDGE_OK;
}

static enum kedge_rc make_record(const struct kedge_backend_state *state, const char *name,
                                 struct kedge_slice pem, struct kedge_trust_record *record,
                                 char *text)
{
    struct kedge_public_key key;
    size_t length = strlen(name);
    if (length == 0 || length > KEDGE_NAME_MAX)
        return kedge_backend_refuse(text, KEDGE_E_ARGUMENT, "the name must have 1 to %u bytes",
                                    KEDGE_NAME_MAX);
    enum kedge_rc rc = kedge_public_key_from_pem(pem, &key);
    if (rc != KEDGE_OK)
        return kedge_backend_refuse(text, KEDGE_E_KEY,
                                    "this is no public key that can be trusted: %s; give the file "
                                    "that kedge-sign keygen --public wrote",
                                    kedge_rc_text(rc));
    if (key.development && !state->allow_development_keys)
        return kedge_backend_refuse(text, KEDGE_E_DEVELOPMENT_KEY,
                                    "this is a development key; kedged trusts it only with "
                                    "--allow-development-keys");
    *record =
        (struct kedge_trust_record){.development = key.development, .added_at_ms = kedge_wall_ms()};
    struct kedge_writer spki = kedge_writer(record->spki, sizeof(record->spki));
    KEDGE_TRY(kedge_public_key_to_spki(&key, &spki));
    record->spki_size = spki.size;
    memcpy(record->key_id, key.key_id, sizeof(record->key_id));
    memcpy(record->name, name, length);
    return KEDGE_OK;
}

static enum kedge_rc commit_put(struct kedge_backend_state *state, const char *who,
                                const struct kedge_trust_record *record, char *text)
{
    char key_id[2 * sizeof(record->key_id) + 1];
    kedge_hex_encode(kedge_slice(record->key_id, sizeof(record->key_id)), key_id);
    const struct kedge_change change = {
        .who = who, .what = "trust.add", .subject = key_id, .after = record->name};
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = kedge_batch_put_trust(batch, record);
    return kedge_backend_commit(state, batch, rc, &change, text);
}

enum kedge_rc kedge_backend_trust_add(void *context, const char *who, const char *name,
                                      struct kedge_slice pem, struct kedge_trust_record *out,
                                      char *text)
{
    struct kedge_backend_state *state = context;
    KEDGE_TRY(make_record(state, name, pem, out, text));
    (void)pthread_mutex_lock(&state->trust_lock);
    enum kedge_rc rc = check_free(state, out, text);
    if (rc == KEDGE_OK)
        rc = commit_put(state, who, out, text);
    (void)pthread_mutex_unlock(&state->trust_lock);
    return rc;
}

/* ---- removing ---- */

static enum kedge_rc find(struct kedge_backend_state *state, const uint8_t key_id[32],
                          struct kedge_trust_record *out, char *text)
{
    struct kedge_reader *reader;
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    enum kedge_rc rc = kedge_reader_trust_key(reader, key_id, out);
    kedge_reader_close(reader);
    return rc == KEDGE_OK ? rc : kedge_backend_refuse(text, rc, "no key with that id is trusted");
}

static enum kedge_rc commit_delete(struct kedge_backend_state *state, const char *who,
                                   const struct kedge_trust_record *record, char *text)
{
    char key_id[2 * sizeof(record->key_id) + 1];
    kedge_hex_encode(kedge_slice(record->key_id, sizeof(record->key_id)), key_id);
    const struct kedge_change change = {
        .who = who, .what = "trust.remove", .subject = key_id, .before = record->name};
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = kedge_batch_delete_trust(batch, record->key_id);
    return kedge_backend_commit(state, batch, rc, &change, text);
}

enum kedge_rc kedge_backend_trust_remove(void *context, const char *who, const uint8_t key_id[32],
                                         char *text)
{
    struct kedge_backend_state *state = context;
    struct kedge_trust_record record;
    (void)pthread_mutex_lock(&state->trust_lock);
    enum kedge_rc rc = find(state, key_id, &record, text);
    if (rc == KEDGE_OK)
        rc = commit_delete(state, who, &record, text);
    (void)pthread_mutex_unlock(&state->trust_lock);
    return rc;
}
