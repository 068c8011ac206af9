/* rig.c: the API with a store and a backend, in a temporary folder. */
#define _GNU_SOURCE
#include "rig.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <dirent.h>
#include <ftw.h>
#include <kedge/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the store ---- */

void rig_commit(struct rig *rig, void (*fill)(struct kedge_batch *batch, void *context),
                void *context)
{
    struct kedge_batch *batch = kedge_batch_create();
    assert_non_null(batch);
    fill(batch, context);
    kedge_store_submit(rig->store, batch, NULL, NULL);
    kedge_store_flush(rig->store);
}

static void fill_token(struct kedge_batch *batch, void *context)
{
    (void)context;
    struct kedge_token_record token = {
        .name = RIG_WHO, .created_at_ms = 1, .role = KEDGE_ROLE_ADMIN};
    kedge_sha256(kedge_slice_text(RIG_TOKEN), token.hash);
    assert_int_equal(kedge_batch_put_token(batch, &token), KEDGE_OK);
}

static void fill_device(struct kedge_batch *batch, void *context)
{
    assert_int_equal(kedge_batch_put_device(batch, context), KEDGE_OK);
}

void rig_put_device(struct rig *rig, const char *endpoint, const char *vendor,
                    const char *class_name)
{
    struct kedge_device_record device = {
        .registered = true, .lifetime_s = 60, .first_seen_ms = 5, .last_seen_ms = 6, .tags = "{}"};
    (void)snprintf(device.endpoint, sizeof(device.endpoint), "%s", endpoint);
    (void)snprintf(device.vendor, sizeof(device.vendor), "%s", vendor);
    (void)snprintf(device.class_name, sizeof(device.class_name), "%s", class_name);
    (void)snprintf(device.version, sizeof(device.version), "1.0.0");
    rig_commit(rig, fill_device, &device);
}

static void fill_package(struct kedge_batch *batch, void *context)
{
    assert_int_equal(kedge_batch_put_package(batch, context), KEDGE_OK);
}

void rig_put_package(struct rig *rig, char digit)
{
    struct kedge_package_record package = {.sequence = 7,
                                           .image_size = 1000,
                                           .uploaded_at_ms = 1,
                                           .version = "1.1.0",
                                           .vendor = "v",
                                           .class_name = "c"};
    memset(package.id, digit, KEDGE_PACKAGE_ID_SIZE);
    memset(package.device_digest, digit, sizeof(package.device_digest) - 1);
    rig_commit(rig, fill_package, &package);
}

/* ---- the backend ---- */

static bool refused(struct rig *rig, const char *who, char *text)
{
    __atomic_add_fetch(&rig->calls, 1, __ATOMIC_RELAXED);
    if (who != NULL)
        (void)snprintf(rig->who, sizeof(rig->who), "%s", who);
    if (rig->refuse_with != KEDGE_OK && rig->refuse_text != NULL)
        (void)snprintf(text, KEDGE_BACKEND_TEXT_MAX, "%s", rig->refuse_text);
    return rig->refuse_with != KEDGE_OK;
}

static void fill_trust(struct kedge_batch *batch, void *context)
{
    assert_int_equal(kedge_batch_put_trust(batch, context), KEDGE_OK);
}

static enum kedge_rc trust_add(void *context, const char *who, const char *name,
                               struct kedge_slice pem, struct kedge_trust_record *out, char *text)
{
    struct rig *rig = context;
    struct kedge_public_key key;
    if (refused(rig, who, text))
        return rig->refuse_with;
    KEDGE_TRY(kedge_public_key_from_pem(pem, &key));
    *out = (struct kedge_trust_record){.added_at_ms = 9, .development = key.development};
    struct kedge_writer writer = kedge_writer(out->spki, sizeof(out->spki));
    KEDGE_TRY(kedge_public_key_to_spki(&key, &writer));
    out->spki_size = writer.size;
    memcpy(out->key_id, key.key_id, sizeof(out->key_id));
    (void)snprintf(out->name, sizeof(out->name), "%s", name);
    rig_commit(rig, fill_trust, out);
    return KEDGE_OK;
}

static void drop_trust(struct kedge_batch *batch, void *context)
{
    assert_int_equal(kedge_batch_delete_trust(batch, context), KEDGE_OK);
}

static enum kedge_rc trust_remove(void *context, const char *who, const uint8_t key_id[32],
                                  char *text)
{
    struct rig *rig = context;
    if (refused(rig, who, text))
        return rig->refuse_with;
    uint8_t id[32];
    memcpy(id, key_id, sizeof(id));
    rig_commit(rig, drop_trust, id);
    return KEDGE_OK;
}

static enum kedge_rc package_accept(void *context, const char *who, const char *path,
                                    char id[KEDGE_PACKAGE_ID_SIZE + 1], bool *existed, char *text)
{
    struct rig *rig = context;
    if (refused(rig, who, text))
        return rig->refuse_with;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    memset(rig->accepted, 0, sizeof(rig->accepted));
    size_t head = fread(rig->accepted, 1, sizeof(rig->accepted) - 1, file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    rig->accepted_size = (uint64_t)ftell(file);
    (void)fclose(file);
    assert_true(head > 0);
    memset(id, 'a', KEDGE_PACKAGE_ID_SIZE);
    id[KEDGE_PACKAGE_ID_SIZE] = '\0';
    *existed = false;
    rig_put_package(rig, 'a');
    return KEDGE_OK;
}

static void drop_package(struct kedge_batch *batch, void *context)
{
    assert_int_equal(kedge_batch_delete_package(batch, context), KEDGE_OK);
}

static enum kedge_rc package_delete(void *context, const char *who, const char *id, char *text)
{
    struct rig *rig = context;
    if (refused(rig, who, text))
        return rig->refuse_with;
    rig_commit(rig, drop_package, (void *)(uintptr_t)id);
    return KEDGE_OK;
}

static void fill_rollout(struct kedge_batch *batch, void *context)
{
    const struct kedge_rollout *rollout = context;
    struct kedge_group group = {
        .rollout_id = rollout->id, .name = "all", .counts = {[KEDGE_DEPLOYMENT_PENDING] = 1}};
    struct kedge_deployment deployment = {.id = rollout->id,
                                          .rollout_id = rollout->id,
                                          .update_result = KEDGE_UPDATE_RESULT_NONE,
                                          .endpoint = "boat-1"};
    struct kedge_history_entry entry = {.at_ms = 3,
                                        .rollout_id = rollout->id,
                                        .group_index = -1,
                                        .who = RIG_WHO,
                                        .to = "draft",
                                        .text = "made"};
    assert_int_equal(kedge_batch_put_rollout(batch, rollout), KEDGE_OK);
    assert_int_equal(kedge_batch_put_group(batch, &group), KEDGE_OK);
    assert_int_equal(kedge_batch_put_deployment(batch, &deployment), KEDGE_OK);
    assert_int_equal(kedge_batch_add_history(batch, &entry), KEDGE_OK);
}

static enum kedge_rc rollout_create(void *context, const char *who,
                                    const struct kedge_backend_rollout *asked, uint64_t *rollout_id,
                                    char *text, const char **field)
{
    struct rig *rig = context;
    (void)field;
    if (refused(rig, who, text))
        return rig->refuse_with;
    struct kedge_rollout *made = &rig->created;
    *made = (struct kedge_rollout){.id = ++rig->rollouts,
                                   .policy = asked->policy,
                                   .group_count = 1,
                                   .device_count = 1,
                                   .all_devices = asked->all_devices,
                                   .version = "1.1.0",
                                   .vendor = "v",
                                   .class_name = "c"};
    (void)snprintf(made->name, sizeof(made->name), "%s", asked->name);
    (void)snprintf(made->package_id, sizeof(made->package_id), "%s", asked->package_id);
    if (asked->revert_package_id != NULL)
        (void)snprintf(made->revert_package_id, sizeof(made->revert_package_id), "%s",
                       asked->revert_package_id);
    made->seed = asked->seed_given ? asked->seed : 7;
    (void)snprintf(made->spread_by, sizeof(made->spread_by), "%s",
                   asked->spread_by == NULL ? "" : asked->spread_by);
    (void)snprintf(made->filter, sizeof(made->filter), "%s",
                   asked->filter_text == NULL ? "" : asked->filter_text);
    rig->created_groups[0] = '\0';
    for (uint32_t i = 0; i < asked->group_count; i++) {
        static const char *const shares[] = {"rest", "%", "devices"};
        size_t used = strlen(rig->created_groups);
        (void)snprintf(&rig->created_groups[used], sizeof(rig->created_groups) - used, "%s=%u %s;",
                       asked->groups[i].name == NULL ? "" : asked->groups[i].name,
                       asked->groups[i].size, shares[asked->groups[i].share]);
    }
    rig->created_endpoints[0] = '\0';
    for (size_t i = 0; i < asked->endpoint_count; i++) {
        size_t used = strlen(rig->created_endpoints);
        (void)snprintf(&rig->created_endpoints[used], sizeof(rig->created_endpoints) - used, "%s ",
                       asked->endpoints[i]);
    }
    *rollout_id = made->id;
    rig_commit(rig, fill_rollout, made);
    return KEDGE_OK;
}

static void fill_state(struct kedge_batch *batch, void *context)
{
    assert_int_equal(kedge_batch_put_rollout(batch, context), KEDGE_OK);
}

static enum kedge_rc rollout_change(void *context, const char *who, uint64_t rollout_id,
                                    enum kedge_backend_rollout_change change, char *text)
{
    static const enum kedge_rollout_state states[] = {
        [KEDGE_BACKEND_ROLLOUT_START] = KEDGE_ROLLOUT_RUNNING,
        [KEDGE_BACKEND_ROLLOUT_PAUSE] = KEDGE_ROLLOUT_PAUSED,
        [KEDGE_BACKEND_ROLLOUT_RESUME] = KEDGE_ROLLOUT_RUNNING,
        [KEDGE_BACKEND_ROLLOUT_ABORT] = KEDGE_ROLLOUT_ABORTING,
        [KEDGE_BACKEND_ROLLOUT_ROLL_BACK] = KEDGE_ROLLOUT_ROLLING_BACK,
        [KEDGE_BACKEND_ROLLOUT_APPROVE] = KEDGE_ROLLOUT_READY};
    struct rig *rig = context;
    if (refused(rig, who, text))
        return rig->refuse_with;
    pthread_mutex_lock(&rig->gate);
    pthread_mutex_unlock(&rig->gate);
    if (rollout_id != rig->created.id)
        return KEDGE_E_NOT_FOUND;
    rig->created.state = states[change];
    rig_commit(rig, fill_state, &rig->created);
    return KEDGE_OK;
}

struct tagging {
    const char *endpoint, *tags;
};

static void fill_tags(struct kedge_batch *batch, void *context)
{
    const struct tagging *tagging = context;
    assert_int_equal(kedge_batch_set_tags(batch, tagging->endpoint, tagging->tags), KEDGE_OK);
}

static enum kedge_rc device_set_tags(void *context, const char *who, const char *endpoint,
                                     const char *tags_json, char *text)
{
    struct rig *rig = context;
    struct tagging tagging = {endpoint, tags_json};
    if (refused(rig, who, text))
        return rig->refuse_with;
    rig_commit(rig, fill_tags, &tagging);
    return KEDGE_OK;
}

static enum kedge_rc rollout_explain(void *context, uint64_t rollout_id, int64_t group_index,
                                     char explanation[KEDGE_EXPLANATION_MAX])
{
    struct rig *rig = context;
    if (rollout_id != rig->created.id)
        return KEDGE_E_NOT_FOUND;
    (void)snprintf(explanation, KEDGE_EXPLANATION_MAX, "explained %d", (int)group_index);
    return KEDGE_OK;
}

static enum kedge_rc device_reach(void *context, const char *endpoint,
                                  struct kedge_backend_reach *out)
{
    struct rig *rig = context;
    struct tagging tagging = {endpoint, rig->tags_meanwhile};
    rig->tags_meanwhile = NULL;
    if (tagging.tags != NULL)
        rig_commit(rig, fill_tags, &tagging);
    if (rig->sleeper == NULL || strcmp(endpoint, rig->sleeper) != 0)
        return KEDGE_E_NOT_FOUND;
    *out = (struct kedge_backend_reach){
        .queue_mode = true, .asleep = true, .expected_at_ms = 1700000000000};
    return KEDGE_OK;
}

static enum kedge_rc deployments_look(void *context, struct kedge_backend_look *looks, size_t count)
{
    struct rig *rig = context;
    for (size_t i = 0; i < count; i++) {
        if (looks[i].deployment_id != rig->live_deployment)
            continue;
        looks[i].live = true;
        looks[i].bytes_done = 50;
        looks[i].bytes_total = 200;
        (void)snprintf(looks[i].explanation, sizeof(looks[i].explanation), "live");
    }
    return KEDGE_OK;
}

static void downloaded(void *context, const struct kedge_backend_progress *progress, size_t count)
{
    struct rig *rig = context;
    assert_true(count > 0 && count <= KEDGE_BACKEND_PROGRESS_MAX);
    pthread_mutex_lock(&rig->told_lock);
    rig->told = progress[count - 1];
    rig->tellings += (unsigned)count;
    pthread_mutex_unlock(&rig->told_lock);
}

static void health(void *context, struct kedge_backend_health *out)
{
    struct rig *rig = context;
    *out = (struct kedge_backend_health){.ready = rig->refuse_with == KEDGE_OK,
                                         .devices_registered = 3};
}

/* ---- setting up ---- */

static void keep_line(void *context, bool warning, const char *line)
{
    struct rig *rig = context;
    (void)warning;
    (void)pthread_mutex_lock(&rig->log_lock);
    size_t used = strlen(rig->log);
    (void)snprintf(&rig->log[used], sizeof(rig->log) - used, "%s\n", line);
    (void)pthread_mutex_unlock(&rig->log_lock);
}

unsigned rig_logged(struct rig *rig, const char *words)
{
    unsigned count = 0;
    (void)pthread_mutex_lock(&rig->log_lock);
    for (const char *at = rig->log; (at = strstr(at, words)) != NULL; at++)
        count++;
    (void)pthread_mutex_unlock(&rig->log_lock);
    return count;
}

int rig_setup(void **state)
{
    char error[KEDGE_STORE_ERROR_MAX];
    struct rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    pthread_mutex_init(&rig->gate, NULL);
    pthread_mutex_init(&rig->told_lock, NULL);
    pthread_mutex_init(&rig->log_lock, NULL);
    (void)snprintf(rig->folder, sizeof(rig->folder), "/tmp/kedge-api-XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
    const struct kedge_store_config store = {.folder = rig->folder};
    char downloads[96];
    (void)snprintf(downloads, sizeof(downloads), "%s/" RIG_DOWNLOADS, rig->folder);
    assert_int_equal(mkdir(downloads, 0700), 0);
    assert_int_equal(kedge_store_open(&store, &rig->store, error), KEDGE_OK);
    rig_commit(rig, fill_token, NULL);
    rig->backend = (struct kedge_backend){.context = rig,
                                          .trust_add = trust_add,
                                          .trust_remove = trust_remove,
                                          .package_accept = package_accept,
                                          .package_delete = package_delete,
                                          .rollout_create = rollout_create,
                                          .rollout_change = rollout_change,
                                          .device_set_tags = device_set_tags,
                                          .rollout_explain = rollout_explain,
                                          .device_reach = device_reach,
                                          .deployments_look = deployments_look,
                                          .downloaded = downloaded,
                                          .health = health};
    const struct kedge_api_config config = {.listen = {{.address = "127.0.0.1"}},
                                            .listen_count = 1,
                                            .folder = rig->folder,
                                            .download_folder = RIG_DOWNLOADS,
                                            .backend = &rig->backend,
                                            .upload_max_bytes = RIG_UPLOAD_MAX,
                                            .log = keep_line,
                                            .log_context = rig,
                                            .heartbeat_ms = 100};
    assert_int_equal(kedge_api_start(&config, &rig->api, error), KEDGE_OK);
    (void)snprintf(rig->url, sizeof(rig->url), "http://127.0.0.1:%u", kedge_api_port(rig->api, 0));
    *state = rig;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

int rig_teardown(void **state)
{
    struct rig *rig = *state;
    kedge_api_stop(rig->api);
    kedge_store_close(rig->store);
    pthread_mutex_destroy(&rig->gate);
    pthread_mutex_destroy(&rig->told_lock);
    pthread_mutex_destroy(&rig->log_lock);
    (void)nftw(rig->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(rig);
    return 0;
}

struct rig *rig_limited(void **state, struct kedge_api_config config)
{
    char error[KEDGE_API_ERROR_MAX];
    if (*state == NULL)
        assert_int_equal(rig_setup(state), 0);
    struct rig *rig = *state;
    kedge_api_stop(rig->api);
    rig->api = NULL;
    config.listen[0].address = "127.0.0.1";
    config.listen_count = 1;
    config.folder = rig->folder;
    config.download_folder = RIG_DOWNLOADS;
    config.backend = &rig->backend;
    assert_int_equal(kedge_api_start(&config, &rig->api, error), KEDGE_OK);
    (void)snprintf(rig->url, sizeof(rig->url), "http://127.0.0.1:%u", kedge_api_port(rig->api, 0));
    return rig;
}

int rig_setup_followed(void **state)
{
    int failed = rig_setup(state);
    struct rig *rig = *state;
    kedge_store_follow(rig->store, kedge_api_committed, rig->api);
    return failed;
}

int rig_teardown_followed(void **state)
{
    struct rig *rig = *state;
    kedge_store_follow(rig->store, NULL, NULL);
    return rig_teardown(state);
}

int rig_upload_files(const struct rig *rig)
{
    char path[128];
    int count = 0;
    (void)snprintf(path, sizeof(path), "%s/" KEDGE_API_UPLOAD_FOLDER, rig->folder);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    (void)closedir(folder);
    return count;
}

/* ---- talking ---- */

struct collected {
    char *data;
    size_t size;
};

static size_t collect(char *bytes, size_t one, size_t count, void *context)
{
    struct collected *into = context;
    char *grown = realloc(into->data, into->size + one * count + 1);
    if (grown == NULL)
        return 0;
    memcpy(&grown[into->size], bytes, one * count);
    into->data = grown;
    into->size += one * count;
    grown[into->size] = '\0';
    return one * count;
}

static void copy_text(const struct collected *from, char *out, size_t out_size)
{
    (void)snprintf(out, out_size, "%s", from->data == NULL ? "" : from->data);
}

struct reply rig_call(struct rig *rig, const char *method, const char *path, const char *body,
                      const char *const *headers)
{
    struct reply reply = {.json = NULL};
    struct collected got = {.data = NULL}, head = {.data = NULL};
    struct curl_slist *list = NULL;
    char url[1024], from[32];
    bool own = false, typed = false;
    (void)snprintf(url, sizeof(url), "%s%s", rig->url, path);
    for (; headers != NULL && *headers != NULL; headers++) {
        list = curl_slist_append(list, *headers);
        own = own || strncasecmp(*headers, "Authorization:", 14) == 0;
        typed = typed || strncasecmp(*headers, "Content-Type", 12) == 0;
    }
    if (!typed) /* libcurl's own would be that of a form */
        list = curl_slist_append(list, "Content-Type:");
    if (!own)
        list = curl_slist_append(list, "Authorization: Bearer " RIG_TOKEN);
    CURL *curl = curl_easy_init();
    assert_non_null(curl);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    (void)snprintf(from, sizeof(from), "host!127.0.2.%u", rig->caller);
    if (rig->caller != 0)
        (void)curl_easy_setopt(curl, CURLOPT_INTERFACE, from);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &got);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, collect);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, &head);
    if (body != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    if (strcmp(method, "HEAD") == 0)
        (void)curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else
        (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    (void)curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
    if (got.size > 0)
        reply.json = json_loadb(got.data, got.size, JSON_REJECT_DUPLICATES, NULL);
    copy_text(&got, reply.body, sizeof(reply.body));
    copy_text(&head, reply.headers, sizeof(reply.headers));
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
    free(got.data);
    free(head.data);
    return reply;
}

struct reply rig_get(struct rig *rig, const char *path)
{
    return rig_call(rig, "GET", path, NULL, NULL);
}

void reply_free(struct reply *reply)
{
    json_decref(reply->json);
    reply->json = NULL;
}

const char *reply_text(const struct reply *reply, const char *name)
{
    const char *text = json_string_value(json_object_get(reply->json, name));
    return text == NULL ? "" : text;
}

int rig_connect(struct rig *rig)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(kedge_api_port(rig->api, 0))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(file >= 0);
    assert_int_equal(connect(file, (const struct sockaddr *)&to, sizeof(to)), 0);
    return file;
}

size_t rig_raw(struct rig *rig, const char *bytes, size_t size, char *out, size_t out_size)
{
    int file = rig_connect(rig);
    size_t got = 0;
    if (send(file, bytes, size, MSG_NOSIGNAL) == (ssize_t)size) {
        (void)shutdown(file, SHUT_WR);
        for (ssize_t some;
             got + 1 < out_size && (some = recv(file, &out[got], out_size - 1 - got, 0)) > 0;)
            got += (size_t)some;
    }
    out[got] = '\0';
    (void)close(file);
    return got;
}
