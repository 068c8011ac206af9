/* class_changes.c: how devices of a class do what others do otherwise, as an operator says it. */
#define _GNU_SOURCE
#include "updater/kedged/backend.h"
#include "updater/kedged/clock.h"

#include <kedge/lwm2m.h>

#include <stdio.h>
#include <string.h>

static void describe(const struct kedge_class_record *record, char text[KEDGE_REASON_MAX + 1])
{
    (void)snprintf(text, KEDGE_REASON_MAX + 1, "version at %s, success by %s", record->version_path,
                   kedge_class_success_name(record->success));
}

/* What the audit log calls them. */
static void name_subject(const struct kedge_class_record *record,
                         char subject[KEDGE_ENDPOINT_MAX + 1])
{
    (void)snprintf(subject, KEDGE_ENDPOINT_MAX + 1, "%.60s%s%.62s", record->class_name,
                   record->vendor[0] != '\0' ? " of " : "", record->vendor);
}

static bool count_class(void *context, const struct kedge_class_record *record)
{
    size_t *count = context;
    (void)record;
    ++*count;
    return true;
}

/*
 * What holds for the class now, or would hold without settings: what is not said stays so. `was`
 * says what its own settings were, "" when it had none.
 */
static enum kedge_rc look_up(struct kedge_reader *reader, const char *vendor,
                             const char *class_name, struct kedge_class_record *record,
                             char was[KEDGE_REASON_MAX + 1], char *text)
{
    size_t count = 0;
    enum kedge_rc rc = kedge_reader_class_of(reader, vendor, class_name, record);
    bool is_there = rc == KEDGE_OK && strcmp(record->vendor, vendor) == 0;
    was[0] = '\0';
    if (is_there)
        describe(record, was);
    if (rc == KEDGE_E_NOT_FOUND) {
        *record = (struct kedge_class_record){.version_path = KEDGE_UPDATE_VERSION_PATH};
        rc = KEDGE_OK;
    }
    if (rc == KEDGE_OK && !is_there)
        rc = kedge_reader_classes(reader, count_class, &count);
    if (rc != KEDGE_OK)
        return kedge_backend_refuse(text, rc, "the classes cannot be read: %s",
                                    kedge_reader_error(reader));
    if (count >= KEDGE_CLASSES_MAX)
        return kedge_backend_refuse(text, KEDGE_E_LIMIT,
                                    "there are settings of %zu classes already, and cannot be more",
                                    count);
    (void)snprintf(record->vendor, sizeof(record->vendor), "%s", vendor);
    (void)snprintf(record->class_name, sizeof(record->class_name), "%s", class_name);
    return KEDGE_OK;
}

static enum kedge_rc take_settings(const struct kedge_backend_class *settings,
                                   struct kedge_class_record *record, char *text)
{
    struct kedge_lwm2m_path path;
    if (settings->version_path != NULL &&
        (strlen(settings->version_path) > KEDGE_CLASS_PATH_MAX ||
         kedge_lwm2m_path_parse(kedge_slice_text(settings->version_path), &path) != KEDGE_OK ||
         path.depth != 3))
        return kedge_backend_refuse(text, KEDGE_E_ARGUMENT,
                                    "version_path must be the path of a resource, as /3/0/3");
    if (settings->version_path != NULL)
        (void)snprintf(record->version_path, sizeof(record->version_path), "%s",
                       settings->version_path);
    if (settings->success != NULL &&
        !kedge_class_success_parse(settings->success, &record->success))
        return kedge_backend_refuse(text, KEDGE_E_ARGUMENT,
                                    "success must be both, result or version");
    record->changed_at_ms = kedge_wall_ms();
    return KEDGE_OK;
}

static enum kedge_rc commit(struct kedge_backend_state *state, const char *who,
                            const struct kedge_class_record *record, const char *was, char *text)
{
    char subject[KEDGE_ENDPOINT_MAX + 1], after[KEDGE_REASON_MAX + 1];
    const struct kedge_change change = {
        .who = who, .what = "class.set", .subject = subject, .before = was, .after = after};
    name_subject(record, subject);
    describe(record, after);
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = kedge_batch_put_class(batch, record);
    if (rc == KEDGE_OK)
        state->bridge->no_classes = false;
    return kedge_backend_commit(state, batch, rc, &change, text);
}

enum kedge_rc kedge_backend_class_put(void *context, const char *who,
                                      const struct kedge_backend_class *settings,
                                      struct kedge_class_record *out, char *text)
{
    struct kedge_backend_state *state = context;
    struct kedge_reader *reader;
    char was[KEDGE_REASON_MAX + 1];
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    (void)pthread_mutex_lock(&state->class_lock);
    enum kedge_rc rc = look_up(reader, settings->vendor, settings->class_name, out, was, text);
    if (rc == KEDGE_OK)
        rc = take_settings(settings, out, text);
    if (rc == KEDGE_OK)
        rc = commit(state, who, out, was, text);
    (void)pthread_mutex_unlock(&state->class_lock);
    kedge_reader_close(reader);
    return rc;
}

/* ---- removing ---- */

static enum kedge_rc commit_removal(struct kedge_backend_state *state, const char *who,
                                    const struct kedge_class_record *record, char *text)
{
    char subject[KEDGE_ENDPOINT_MAX + 1], was[KEDGE_REASON_MAX + 1];
    const struct kedge_change change = {
        .who = who, .what = "class.remove", .subject = subject, .before = was};
    name_subject(record, subject);
    describe(record, was);
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    return kedge_backend_commit(state, batch, kedge_batch_delete_class(batch, record), &change,
                                text);
}

/* Those of exactly this vendor, or of any. */
static enum kedge_rc find_own(struct kedge_reader *reader, const char *vendor,
                              const char *class_name, struct kedge_class_record *out, char *text)
{
    enum kedge_rc rc = kedge_reader_class_of(reader, vendor, class_name, out);
    if (rc == KEDGE_OK && strcmp(out->vendor, vendor) == 0)
        return KEDGE_OK;
    if (rc != KEDGE_OK && rc != KEDGE_E_NOT_FOUND)
        return kedge_backend_refuse(text, rc, "the classes cannot be read: %s",
                                    kedge_reader_error(reader));
    return kedge_backend_refuse(text, KEDGE_E_NOT_FOUND,
                                "class \"%s\" has no settings %s%s%s", class_name,
                                vendor[0] == '\0' ? "for any vendor" : "for vendor \"", vendor,
                                vendor[0] == '\0' ? "" : "\"");
}

enum kedge_rc kedge_backend_class_remove(void *context, const char *who, const char *vendor,
                                         const char *class_name, char *text)
{
    struct kedge_backend_state *state = context;
    struct kedge_class_record record;
    struct kedge_reader *reader;
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    (void)pthread_mutex_lock(&state->class_lock);
    enum kedge_rc rc = find_own(reader, vendor, class_name, &record, text);
    if (rc == KEDGE_OK)
        rc = commit_removal(state, who, &record, text);
    (void)pthread_mutex_unlock(&state->class_lock);
    kedge_reader_close(reader);
    return rc;
}
