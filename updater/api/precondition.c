/* precondition.c: who changes only what they have seen. */
#define _GNU_SOURCE
#include "updater/api/precondition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "updater/api/conditions.h"

#define TAG_SIZE 33u  /* hex, with its NUL */
#define TAG_BYTES 16u /* of the hash: enough that no two states of a thing have the same */

static void tag_of(struct kedge_sha256 *hash, char tag[TAG_SIZE])
{
    uint8_t digest[KEDGE_SHA256_SIZE];
    kedge_sha256_final(hash, digest);
    kedge_hex_encode(kedge_slice(digest, TAG_BYTES), tag);
}

static bool device_tag(struct request *request, char tag[TAG_SIZE])
{
    struct kedge_device_record record;
    struct kedge_sha256 hash;
    if (kedge_reader_device(request->reader, request->parameter, &record) != KEDGE_OK)
        return false;
    kedge_sha256_init(&hash);
    kedge_sha256_update(&hash, kedge_slice_text(record.tags));
    tag_of(&hash, tag);
    return true;
}

static bool package_tag(struct request *request, char tag[TAG_SIZE])
{
    struct kedge_package_record record;
    if (kedge_reader_package(request->reader, request->parameter, &record) != KEDGE_OK)
        return false;
    (void)snprintf(tag, TAG_SIZE, "%.32s", record.id); /* it never changes */
    return true;
}

static bool add_group(void *context, const struct kedge_group *record)
{
    char text[2 * KEDGE_NAME_MAX + 64];
    (void)snprintf(text, sizeof(text), "%u %d %s", record->index, (int)record->state,
                   record->approver);
    kedge_sha256_update(context, kedge_slice(text, strlen(text) + 1));
    return true;
}

static bool add_json(struct kedge_sha256 *hash, json_t *json)
{
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(json);
    if (text == NULL)
        return false;
    kedge_sha256_update(hash, kedge_slice_text(text));
    free(text);
    return true;
}

static bool rollout_tag(struct request *request, char tag[TAG_SIZE])
{
    struct kedge_rollout record;
    struct kedge_sha256 hash;
    uint64_t id;
    if (!parameter_number(request, &id) ||
        kedge_reader_rollout(request->reader, id, &record) != KEDGE_OK)
        return false;
    kedge_sha256_init(&hash);
    if (!add_json(&hash, rollout_json(&record)) ||
        kedge_reader_groups(request->reader, id, add_group, &hash) != KEDGE_OK)
        return false;
    tag_of(&hash, tag);
    return true;
}

/* ---- what has a tag ---- */

/* As it is committed; false: there is no such thing. */
typedef bool tag_fn(struct request *request, char tag[TAG_SIZE]);

static const struct {
    const char *pattern; /* of the thing; what changes it stands there too, or below it */
    tag_fn *tag;
} tagged[] = {
    {"/api/v1/devices/{}", device_tag},
    {"/api/v1/packages/{}", package_tag},
    {"/api/v1/rollouts/{}", rollout_tag},
};

static bool is_change(const struct request *request)
{
    return strcmp(request->route->method, MHD_HTTP_METHOD_GET) != 0;
}

/* Of a device, what is below it asks it something, and changes no tags. */
static tag_fn *find_tag(const struct request *request)
{
    for (size_t i = 0; i < sizeof(tagged) / sizeof(tagged[0]); i++) {
        size_t size = strlen(tagged[i].pattern);
        const char *below = request->route->pattern + size;
        if (strncmp(request->route->pattern, tagged[i].pattern, size) == 0 &&
            (*below == '\0' ||
             (*below == '/' && is_change(request) && tagged[i].tag == rollout_tag)))
            return tagged[i].tag;
    }
    return NULL;
}

/* ---- If-Match ---- */

struct changers {
    pthread_rwlock_t lock; /* to write is to be alone */
};

struct changers *changers_create(void)
{
    struct changers *changers = calloc(1, sizeof(*changers));
    if (changers != NULL)
        (void)pthread_rwlock_init(&changers->lock, NULL);
    return changers;
}

void changers_destroy(struct changers *changers)
{
    if (changers != NULL)
        (void)pthread_rwlock_destroy(&changers->lock);
    free(changers);
}

static enum MHD_Result take_line(void *context, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    (void)kind;
    if (value != NULL)
        conditions_take(context, name, kedge_slice_text(value));
    return MHD_YES;
}

void request_conditions(const struct request *request, struct conditions *conditions)
{
    (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, take_line, conditions);
}

/* What is not there has no tag: the handler says so itself. */
static bool matches(struct request *request, tag_fn *find)
{
    char tag[TAG_SIZE] = "";
    struct conditions conditions = {.match_given = false};
    if (find != NULL && !find(request, tag))
        return true;
    conditions.tag = kedge_slice_text(tag);
    request_conditions(request, &conditions);
    if (find != NULL && conditions.match)
        return true;
    refuse(request, MHD_HTTP_PRECONDITION_FAILED, "precondition", "If-Match", "%s",
           find == NULL ? "what this changes has no entity tag; leave If-Match out"
                        : "it was changed since; look at it again");
    return false;
}

bool precondition_enter(struct request *request)
{
    pthread_rwlock_t *lock = &request->api->changers->lock;
    tag_fn *find = find_tag(request);
    if (!is_change(request)) {
        /* Before what is shown: who is shown more than the tag stands for has seen enough. */
        if (find == NULL || !find(request, request->tag))
            request->tag[0] = '\0';
        return true;
    }
    bool is_given = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                                MHD_HTTP_HEADER_IF_MATCH) != NULL;
    if (find != NULL) {
        (void)(is_given ? pthread_rwlock_wrlock(lock) : pthread_rwlock_rdlock(lock));
        request->locked = true;
    }
    return !is_given || matches(request, find);
}

void precondition_leave(struct request *request)
{
    char header[TAG_SIZE + 2];
    tag_fn *find = find_tag(request);
    if (is_change(request) && (find == NULL || !find(request, request->tag)))
        request->tag[0] = '\0';
    if (request->tag[0] != '\0' && request->status == MHD_HTTP_OK) {
        (void)snprintf(header, sizeof(header), "\"%s\"", request->tag);
        (void)answer_header(request, MHD_HTTP_HEADER_ETAG, header);
    }
    if (request->locked)
        (void)pthread_rwlock_unlock(&request->api->changers->lock);
    request->locked = false;
}
