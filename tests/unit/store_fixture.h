/*
 * store_fixture.h: a folder that is gone after the test, and a store in it that waits for answers.
 */
#ifndef KEDGE_TESTS_STORE_FIXTURE_H
#define KEDGE_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "updater/store/store.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
    char path[PATH_MAX / 2];
};

static inline void folder_make(struct folder *folder)
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder->path, sizeof(folder->path), "%s/kedge-store-XXXXXX",
                   base == NULL ? "/tmp" : base);
    assert_non_null(mkdtemp(folder->path));
}

static inline void folder_file(const struct folder *folder, const char *name, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/%s", folder->path, name);
}

static inline void folder_remove(const struct folder *folder)
{
    DIR *directory = opendir(folder->path);
    struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char path[PATH_MAX];
        folder_file(folder, entry->d_name, path);
        (void)unlink(path);
    }
    if (directory != NULL)
        (void)closedir(directory);
    (void)rmdir(folder->path);
}

static inline struct kedge_store *store_in(const struct folder *folder)
{
    struct kedge_store_config config = {.folder = folder->path};
    struct kedge_store *store = NULL;
    char error[KEDGE_STORE_ERROR_MAX];
    enum kedge_rc rc = kedge_store_open(&config, &store, error);
    if (rc != KEDGE_OK)
        fail_msg("%s", error);
    return store;
}

static inline struct kedge_reader *reader_in(const struct folder *folder)
{
    struct kedge_reader *reader = NULL;
    char error[KEDGE_STORE_ERROR_MAX];
    if (kedge_reader_open(folder->path, &reader, error) != KEDGE_OK)
        fail_msg("%s", error);
    return reader;
}

static inline struct kedge_batch *new_batch(void)
{
    struct kedge_batch *batch = kedge_batch_create();
    assert_non_null(batch);
    return batch;
}

/* How one batch ended; `calls` must end as 1. */
struct answer {
    int calls;
    enum kedge_rc rc;
    char error[KEDGE_STORE_ERROR_MAX];
};

static inline void take_answer(void *context, enum kedge_rc rc, const char *error)
{
    struct answer *answer = context;
    answer->calls++;
    answer->rc = rc;
    (void)snprintf(answer->error, sizeof(answer->error), "%s", error);
}

/* Submits and waits. */
static inline enum kedge_rc commit(struct kedge_store *store, struct kedge_batch *batch)
{
    struct answer answer = {0};
    kedge_store_submit(store, batch, take_answer, &answer);
    kedge_store_flush(store);
    assert_int_equal(answer.calls, 1);
    assert_true((answer.rc == KEDGE_OK) == (answer.error[0] == '\0'));
    return answer.rc;
}

/* ---- records ---- */

#define PACKAGE_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static inline struct kedge_device_record a_device(const char *endpoint)
{
    struct kedge_device_record record = {.vendor = "vendor.example",
                                         .class_name = "meter",
                                         .version = "1.0.0",
                                         .hardware = "rev-b",
                                         .lwm2m_version = "1.1",
                                         .binding = "U",
                                         .lifetime_s = 86400,
                                         .address = "[2001:db8::1]:5683",
                                         .location = "aB3",
                                         .registered = true,
                                         .first_seen_ms = 1000,
                                         .last_seen_ms = 2000};
    (void)snprintf(record.endpoint, sizeof(record.endpoint), "%s", endpoint);
    return record;
}

static inline struct kedge_package_record a_package(const char *id)
{
    struct kedge_package_record record = {.sequence = 7,
                                          .version = "1.1.0",
                                          .vendor = "vendor.example",
                                          .class_name = "meter",
                                          .envelope_size = 4000,
                                          .image_size = 9000,
                                          .device_size = 3900,
                                          .signer_count = 2,
                                          .uploaded_at_ms = 5000,
                                          .uploader = "alice"};
    (void)snprintf(record.id, sizeof(record.id), "%s", id);
    (void)snprintf(record.device_digest, sizeof(record.device_digest), "%s", id);
    memset(record.vendor_id, 0x11, sizeof(record.vendor_id));
    memset(record.class_id, 0x22, sizeof(record.class_id));
    memset(record.image_digest, 0x33, sizeof(record.image_digest));
    memset(record.signers[0], 0x44, 32);
    memset(record.signers[1], 0x55, 32);
    return record;
}

static inline struct kedge_rollout a_rollout(uint64_t id, const char *package_id)
{
    struct kedge_rollout record = {.id = id,
                                   .state = KEDGE_ROLLOUT_RUNNING,
                                   .name = "July",
                                   .vendor = "vendor.example",
                                   .class_name = "meter",
                                   .version = "1.1.0",
                                   .sequence = 7,
                                   .all_devices = true,
                                   .author = "alice",
                                   .group_count = 1,
                                   .device_count = 2,
                                   .created_at_ms = 10,
                                   .started_at_ms = 20,
                                   .deadline_at_ms = 30,
                                   .reason = "started by alice"};
    (void)snprintf(record.package_id, sizeof(record.package_id), "%s", package_id);
    kedge_rollout_policy_default(&record.policy);
    return record;
}

static inline struct kedge_group a_group(uint64_t rollout_id, uint32_t index)
{
    struct kedge_group record = {.rollout_id = rollout_id,
                                 .index = index,
                                 .state = KEDGE_GROUP_RUNNING,
                                 .name = "canary",
                                 .errors = 1,
                                 .already = 2,
                                 .errors_accepted = 3,
                                 .started_at_ms = 21,
                                 .soak_until_ms = 22,
                                 .ended_at_ms = 23,
                                 .reason = "because"};
    for (uint32_t i = 0; i < KEDGE_DEPLOYMENT_STATE_COUNT; i++)
        record.counts[i] = 100 + i;
    return record;
}

static inline struct kedge_deployment a_deployment(uint64_t id, uint64_t rollout_id,
                                                   const char *endpoint)
{
    struct kedge_deployment record = {.id = id,
                                      .rollout_id = rollout_id,
                                      .state = KEDGE_DEPLOYMENT_DOWNLOADING,
                                      .version_before = "1.0.0",
                                      .update_result = 8,
                                      .bytes_done = 1024,
                                      .bytes_total = 4096,
                                      .offered_at_ms = 41,
                                      .changed_at_ms = 42,
                                      .ended_at_ms = 43,
                                      .reason = "on its way",
                                      .retries = {1, 2, 3},
                                      .retry_at_ms = 44};
    (void)snprintf(record.endpoint, sizeof(record.endpoint), "%s", endpoint);
    return record;
}

static inline struct kedge_audit_entry an_audit(uint64_t at_ms, const char *what)
{
    struct kedge_audit_entry entry = {
        .at_ms = at_ms, .who = "alice", .subject = "1", .before = "ready", .after = "running"};
    (void)snprintf(entry.what, sizeof(entry.what), "%s", what);
    return entry;
}

static inline void add_device(struct kedge_batch *batch, const char *endpoint)
{
    struct kedge_device_record record = a_device(endpoint);
    assert_int_equal(kedge_batch_put_device(batch, &record), KEDGE_OK);
}

static inline void add_package(struct kedge_batch *batch, const char *id)
{
    struct kedge_package_record record = a_package(id);
    assert_int_equal(kedge_batch_put_package(batch, &record), KEDGE_OK);
}

/* A rollout of one group, with its group. */
static inline void add_rollout(struct kedge_batch *batch, uint64_t id, const char *package_id)
{
    struct kedge_rollout rollout = a_rollout(id, package_id);
    struct kedge_group group = a_group(id, 0);
    assert_int_equal(kedge_batch_put_rollout(batch, &rollout), KEDGE_OK);
    assert_int_equal(kedge_batch_put_group(batch, &group), KEDGE_OK);
}

static inline void add_deployment(struct kedge_batch *batch, uint64_t id, uint64_t rollout_id,
                                  const char *endpoint)
{
    struct kedge_deployment record = a_deployment(id, rollout_id, endpoint);
    assert_int_equal(kedge_batch_put_deployment(batch, &record), KEDGE_OK);
}

static inline void add_audit(struct kedge_batch *batch, uint64_t at_ms, const char *what)
{
    struct kedge_audit_entry entry = an_audit(at_ms, what);
    assert_int_equal(kedge_batch_add_audit(batch, &entry), KEDGE_OK);
}

/* ---- looking ---- */

static inline bool count_audit(void *context, const struct kedge_audit_entry *entry)
{
    (void)entry;
    ++*(size_t *)context;
    return true;
}

static inline size_t audit_rows(struct kedge_reader *reader)
{
    size_t count = 0;
    assert_int_equal(kedge_reader_audit(reader, NULL, NULL, count_audit, &count), KEDGE_OK);
    return count;
}

static inline bool device_is_there(struct kedge_reader *reader, const char *endpoint)
{
    struct kedge_device_record record;
    enum kedge_rc rc = kedge_reader_device(reader, endpoint, &record);
    assert_true(rc == KEDGE_OK || rc == KEDGE_E_NOT_FOUND);
    return rc == KEDGE_OK;
}

/* Runs SQL on the database while no store has it open. */
#ifdef SQLITE_VERSION
static inline void run_sql(const struct folder *folder, const char *sql)
{
    char path[PATH_MAX];
    sqlite3 *database;
    folder_file(folder, KEDGE_STORE_FILE, path);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(database, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}
#endif

#endif
