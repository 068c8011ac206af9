/*
 * Reading: each record comes back as it was written, field by field, and listings come page by
 * page without leaving one out.
 */
#define _GNU_SOURCE
#include <sqlite3.h>

#include "tests/unit/store/open_store.h"

/* ---- every field comes back ---- */

static void a_device_comes_back_as_it_was_written(void **state)
{
    struct fixture *f = *state;
    struct kedge_device_record written = a_device("d1"), read;
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_put_device(batch, &written), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_int_equal(kedge_reader_device(f->reader, "d1", &read), KEDGE_OK);
    assert_string_equal(read.endpoint, written.endpoint);
    assert_string_equal(read.vendor, written.vendor);
    assert_string_equal(read.class_name, written.class_name);
    assert_string_equal(read.version, written.version);
    assert_string_equal(read.hardware, written.hardware);
    assert_string_equal(read.lwm2m_version, written.lwm2m_version);
    assert_string_equal(read.binding, written.binding);
    assert_int_equal(read.lifetime_s, written.lifetime_s);
    assert_string_equal(read.address, written.address);
    assert_string_equal(read.location, written.location);
    assert_true(read.registered);
    assert_int_equal(read.first_seen_ms, written.first_seen_ms);
    assert_int_equal(read.last_seen_ms, written.last_seen_ms);
    assert_string_equal(read.tags, "{}");
}

static struct kedge_device_record a_stranger(const char *endpoint, uint64_t seen_ms)
{
    struct kedge_device_record record = a_device(endpoint);
    record.vendor[0] = record.class_name[0] = record.version[0] = '\0';
    record.registered = false;
    record.last_seen_ms = seen_ms;
    return record;
}

static void only_gone_devices_that_never_said_who_they_are_are_trimmed(void **state)
{
    struct fixture *f = *state;
    static const char *const stay[] = {"known", "there", "tagged", "enrolled", "new-1", "new-2"};
    static const char *const go[] = {"old-1", "old-2"};
    struct kedge_device_record read,
        records[] = {a_device("known"),         a_stranger("there", 1),  a_stranger("tagged", 1),
                     a_stranger("enrolled", 1), a_stranger("new-1", 50), a_stranger("new-2", 60),
                     a_stranger("old-1", 40),   a_stranger("old-2", 3)};
    records[0].registered = false;
    records[1].registered = true;
    struct kedge_credential_record credential = {
        .kind = KEDGE_CREDENTIAL_PSK, .secret = {1}, .secret_size = 1};
    strcpy(credential.endpoint, "enrolled");
    strcpy(credential.identity, "its-identity");
    struct kedge_batch *batch = new_batch();
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
        assert_int_equal(kedge_batch_put_device(batch, &records[i]), KEDGE_OK);
    assert_int_equal(kedge_batch_set_tags(batch, "tagged", "{\"site\":\"a\"}"), KEDGE_OK);
    assert_int_equal(kedge_batch_put_credential(batch, &credential), KEDGE_OK);
    assert_int_equal(kedge_batch_trim_devices(batch, 2), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
        assert_int_equal(kedge_reader_device(f->reader, stay[i], &read), KEDGE_OK);
    for (size_t i = 0; i < sizeof(go) / sizeof(go[0]); i++)
        assert_int_equal(kedge_reader_device(f->reader, go[i], &read), KEDGE_E_NOT_FOUND);
}

static void a_package_comes_back_as_it_was_written(void **state)
{
    struct fixture *f = *state;
    struct kedge_package_record written = a_package(PACKAGE_ID), read;
    written.sequence = UINT64_MAX; /* all 64 bits come through */
    written.deliver_payload = true;
    (void)snprintf(written.hardware, sizeof(written.hardware), "B\nC");
    (void)snprintf(written.min_version, sizeof(written.min_version), "1.0.0");
    (void)snprintf(written.max_version, sizeof(written.max_version), "1.9.9");
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_put_package(batch, &written), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_int_equal(kedge_reader_package(f->reader, PACKAGE_ID, &read), KEDGE_OK);
    assert_string_equal(read.id, written.id);
    assert_true(read.sequence == UINT64_MAX);
    assert_string_equal(read.version, written.version);
    assert_memory_equal(read.vendor_id, written.vendor_id, 16);
    assert_memory_equal(read.class_id, written.class_id, 16);
    assert_string_equal(read.vendor, written.vendor);
    assert_string_equal(read.class_name, written.class_name);
    assert_int_equal(read.envelope_size, written.envelope_size);
    assert_int_equal(read.image_size, written.image_size);
    assert_int_equal(read.device_size, written.device_size);
    assert_memory_equal(read.image_digest, written.image_digest, 32);
    assert_string_equal(read.device_digest, written.device_digest);
    assert_true(read.deliver_payload);
    assert_int_equal(read.signer_count, 2);
    assert_memory_equal(read.signers, written.signers, 64);
    assert_int_equal(read.uploaded_at_ms, written.uploaded_at_ms);
    assert_string_equal(read.uploader, written.uploader);
    assert_string_equal(read.hardware, "B\nC");
    assert_string_equal(read.min_version, "1.0.0");
    assert_string_equal(read.max_version, "1.9.9");
}

static void trust_and_tokens_come_back_and_go(void **state)
{
    struct fixture *f = *state;
    struct kedge_trust_record trust = {
        .name = "release", .spki_size = 44, .development = true, .added_at_ms = 5};
    struct kedge_token_record token = {.name = "robot",
                                       .created_at_ms = 6,
                                       .expires_at_ms = 9,
                                       .role = KEDGE_ROLE_RELEASE,
                                       .creator = "admin"};
    memset(trust.key_id, 0x11, 32);
    memset(trust.spki, 0x22, 44);
    memset(token.hash, 0x33, 32);
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_put_trust(batch, &trust), KEDGE_OK);
    assert_int_equal(kedge_batch_put_token(batch, &token), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);

    struct kedge_trust_record trust_read;
    struct kedge_token_record token_read;
    assert_int_equal(kedge_reader_trust_key(f->reader, trust.key_id, &trust_read), KEDGE_OK);
    assert_string_equal(trust_read.name, "release");
    assert_int_equal(trust_read.spki_size, 44);
    assert_memory_equal(trust_read.spki, trust.spki, 44);
    assert_true(trust_read.development);
    assert_int_equal(trust_read.added_at_ms, 5);
    assert_int_equal(kedge_reader_token(f->reader, token.hash, &token_read), KEDGE_OK);
    assert_string_equal(token_read.name, "robot");
    assert_int_equal(token_read.created_at_ms, 6);
    assert_int_equal(token_read.expires_at_ms, 9);
    assert_int_equal(token_read.role, KEDGE_ROLE_RELEASE);
    assert_string_equal(token_read.creator, "admin");
    token.hash[31] ^= 1;
    assert_int_equal(kedge_reader_token(f->reader, token.hash, &token_read), KEDGE_E_NOT_FOUND);

    batch = new_batch();
    assert_int_equal(kedge_batch_delete_trust(batch, trust.key_id), KEDGE_OK);
    assert_int_equal(kedge_batch_delete_token(batch, "robot"), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_int_equal(kedge_reader_trust_key(f->reader, trust.key_id, &trust_read),
                     KEDGE_E_NOT_FOUND);
    token.hash[31] ^= 1;
    assert_int_equal(kedge_reader_token(f->reader, token.hash, &token_read), KEDGE_E_NOT_FOUND);
}

static bool take_group(void *context, const struct kedge_group *record)
{
    *(struct kedge_group *)context = *record;
    return true;
}

static bool take_deployment_at_step(void *context, const struct kedge_deployment *record)
{
    *(struct kedge_deployment *)context = *record;
    return true;
}

static void a_rollout_and_its_parts_come_back_as_they_were_written(void **state)
{
    struct fixture *f = *state;
    struct kedge_rollout rollout = a_rollout(1, PACKAGE_ID), rollout_read;
    struct kedge_group group = a_group(1, 0), group_read;
    struct kedge_deployment deployment = a_deployment(11, 1, "d1"), deployment_read;
    for (uint32_t i = 0; i < KEDGE_POLICY_FIELD_COUNT; i++)
        kedge_policy_set(&rollout.policy, &kedge_policy_fields[i], 1000 + i);
    rollout.policy.error_action = KEDGE_ERROR_ABORT;
    rollout.policy.severity = KEDGE_SEVERITY_OPTIONAL;
    rollout.policy.max_defer_s = 3600;
    memcpy(rollout.revert_package_id, PACKAGE_ID, sizeof(PACKAGE_ID));
    (void)snprintf(rollout.revert_version, sizeof(rollout.revert_version), "0.9.1");
    rollout.policy.approval = KEDGE_APPROVAL_GROUPS;
    (void)snprintf(rollout.approver, sizeof(rollout.approver), "bob");
    (void)snprintf(group.approver, sizeof(group.approver), "carol");
    rollout.revert_sequence = 12;
    rollout.revert_rollout_id = 13;
    rollout.reverts_rollout_id = 14;
    rollout.seed = KEDGE_SEED_MAX;
    rollout.dynamic = true;
    rollout.closed_at_ms = 15;
    (void)snprintf(rollout.spread_by, sizeof(rollout.spread_by), "site");
    rollout.start_at_ms = 1700000000001u;
    (void)snprintf(rollout.windows, sizeof(rollout.windows), "Mon 01:00-02:00 UTC");
    (void)snprintf(rollout.gate_windows, sizeof(rollout.gate_windows), "Tue 01:00-02:00 UTC");
    rollout.download_in_window = true;
    (void)snprintf(rollout.filter, sizeof(rollout.filter), "tag == \"eu\"");
    rollout.intermediate_count = KEDGE_INTERMEDIATES_MAX;
    for (uint32_t i = 0; i < KEDGE_INTERMEDIATES_MAX; i++) {
        struct kedge_intermediate *one = &rollout.intermediates[i];
        memcpy(one->package_id, PACKAGE_ID, sizeof(PACKAGE_ID));
        memset(one->version, '1' + (int)i, KEDGE_VERSION_MAX);
        one->sequence = INT64_MAX - i;
    }
    deployment.steps_done = 5;
    deployment.step = 3;
    for (uint32_t i = 0; i < KEDGE_ERROR_KIND_COUNT; i++)
        group.kinds_accepted[i] = 7 + i;
    kedge_group_gate_unset(&group.gate);
    group.gate.success_threshold_percent = 95;
    group.gate.approval = 1;
    (void)snprintf(group.filter, sizeof(group.filter), "tag == \"pilot\"");
    struct kedge_batch *batch = new_batch();
    add_package(batch, PACKAGE_ID);
    assert_int_equal(kedge_batch_put_rollout(batch, &rollout), KEDGE_OK);
    assert_int_equal(kedge_batch_put_group(batch, &group), KEDGE_OK);
    assert_int_equal(kedge_batch_put_deployment(batch, &deployment), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);

    assert_int_equal(kedge_reader_rollout(f->reader, 1, &rollout_read), KEDGE_OK);
    assert_int_equal(rollout_read.state, rollout.state);
    assert_string_equal(rollout_read.name, rollout.name);
    assert_string_equal(rollout_read.package_id, rollout.package_id);
    assert_string_equal(rollout_read.vendor, rollout.vendor);
    assert_string_equal(rollout_read.class_name, rollout.class_name);
    assert_string_equal(rollout_read.version, rollout.version);
    assert_int_equal(rollout_read.sequence, rollout.sequence);
    assert_true(rollout_read.all_devices);
    assert_string_equal(rollout_read.author, rollout.author);
    assert_memory_equal(&rollout_read.policy, &rollout.policy, sizeof(rollout.policy));
    assert_string_equal(rollout_read.revert_package_id, PACKAGE_ID);
    assert_int_equal(rollout_read.start_at_ms, 1700000000001u);
    assert_string_equal(rollout_read.windows, "Mon 01:00-02:00 UTC");
    assert_string_equal(rollout_read.gate_windows, "Tue 01:00-02:00 UTC");
    assert_true(rollout_read.download_in_window);
    assert_int_equal(rollout_read.intermediate_count, KEDGE_INTERMEDIATES_MAX);
    assert_memory_equal(rollout_read.intermediates, rollout.intermediates,
                        sizeof(rollout.intermediates));
    struct kedge_deployment_filter every = {.group_index = -1, .state = -1};
    struct kedge_deployment stepped;
    assert_int_equal(
        kedge_reader_deployments(f->reader, &every, NULL, take_deployment_at_step, &stepped),
        KEDGE_OK);
    assert_int_equal(stepped.steps_done, 5);
    assert_int_equal(stepped.step, 3);
    assert_string_equal(rollout_read.revert_version, "0.9.1");
    assert_string_equal(rollout_read.approver, "bob");
    assert_int_equal(rollout_read.revert_sequence, 12);
    assert_int_equal(rollout_read.revert_rollout_id, 13);
    assert_int_equal(rollout_read.reverts_rollout_id, 14);
    assert_int_equal(rollout_read.seed, rollout.seed);
    assert_true(rollout_read.dynamic);
    assert_int_equal(rollout_read.closed_at_ms, 15);
    assert_string_equal(rollout_read.spread_by, "site");
    assert_string_equal(rollout_read.filter, "tag == \"eu\"");
    assert_int_equal(rollout_read.group_count, rollout.group_count);
    assert_int_equal(rollout_read.device_count, rollout.device_count);
    assert_int_equal(rollout_read.created_at_ms, rollout.created_at_ms);
    assert_int_equal(rollout_read.started_at_ms, rollout.started_at_ms);
    assert_int_equal(rollout_read.deadline_at_ms, rollout.deadline_at_ms);
    assert_string_equal(rollout_read.reason, rollout.reason);

    assert_int_equal(kedge_reader_groups(f->reader, 1, take_group, &group_read), KEDGE_OK);
    assert_int_equal(group_read.state, group.state);
    assert_string_equal(group_read.name, group.name);
    assert_memory_equal(group_read.counts, group.counts, sizeof(group.counts));
    assert_int_equal(group_read.errors, group.errors);
    assert_int_equal(group_read.already, group.already);
    assert_string_equal(group_read.approver, "carol");
    assert_int_equal(group_read.errors_accepted, group.errors_accepted);
    assert_memory_equal(group_read.kinds_accepted, group.kinds_accepted,
                        sizeof(group.kinds_accepted));
    assert_memory_equal(&group_read.gate, &group.gate, sizeof(group.gate));
    assert_string_equal(group_read.filter, group.filter);
    assert_int_equal(group_read.started_at_ms, group.started_at_ms);
    assert_int_equal(group_read.soak_until_ms, group.soak_until_ms);
    assert_int_equal(group_read.ended_at_ms, group.ended_at_ms);
    assert_string_equal(group_read.reason, group.reason);

    assert_int_equal(kedge_reader_deployment(f->reader, 11, &deployment_read), KEDGE_OK);
    assert_int_equal(deployment_read.state, deployment.state);
    assert_string_equal(deployment_read.endpoint, deployment.endpoint);
    assert_string_equal(deployment_read.version_before, deployment.version_before);
    assert_int_equal(deployment_read.update_result, deployment.update_result);
    assert_int_equal(deployment_read.bytes_done, deployment.bytes_done);
    assert_int_equal(deployment_read.bytes_total, deployment.bytes_total);
    assert_int_equal(deployment_read.offered_at_ms, deployment.offered_at_ms);
    assert_int_equal(deployment_read.changed_at_ms, deployment.changed_at_ms);
    assert_int_equal(deployment_read.ended_at_ms, deployment.ended_at_ms);
    assert_string_equal(deployment_read.reason, deployment.reason);
    assert_memory_equal(deployment_read.retries, deployment.retries, sizeof(deployment.retries));
    assert_int_equal(deployment_read.retry_at_ms, 44);

    struct kedge_engine_ids last;
    assert_int_equal(kedge_reader_last_ids(f->reader, &last), KEDGE_OK);
    assert_int_equal(last.rollout_id, 1);
    assert_int_equal(last.deployment_id, 11);
}

static void what_a_rollout_is_never_changes(void **state)
{
    struct fixture *f = *state;
    struct kedge_rollout record = a_rollout(1, PACKAGE_ID);
    struct kedge_batch *batch = new_batch();
    add_package(batch, PACKAGE_ID);
    add_rollout(batch, 1, PACKAGE_ID);
    (void)snprintf(record.name, sizeof(record.name), "August");
    record.policy.in_flight_max = 1;
    record.state = KEDGE_ROLLOUT_FINISHED;
    assert_int_equal(kedge_batch_put_rollout(batch, &record), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_int_equal(kedge_reader_rollout(f->reader, 1, &record), KEDGE_OK);
    assert_string_equal(record.name, "July");
    assert_int_equal(record.policy.in_flight_max, 100);
    assert_int_equal(record.state, KEDGE_ROLLOUT_FINISHED);
}

/* ---- pages ---- */

#define ROWS 23u

static void fill(struct fixture *f)
{
    struct kedge_batch *batch = new_batch();
    add_package(batch, PACKAGE_ID);
    for (uint32_t i = 1; i <= ROWS; i++) {
        char endpoint[16], id[KEDGE_PACKAGE_ID_SIZE + 1];
        (void)snprintf(endpoint, sizeof(endpoint), "d%03" PRIu32, i);
        (void)snprintf(id, sizeof(id), "%064" PRIx32, i);
        struct kedge_device_record device = a_device(endpoint);
        if (i % 2 == 0)
            (void)snprintf(device.vendor, sizeof(device.vendor), "other.example");
        assert_int_equal(kedge_batch_put_device(batch, &device), KEDGE_OK);
        struct kedge_package_record package = a_package(id);
        package.uploaded_at_ms = 6000 + i / 4; /* several in the same millisecond */
        assert_int_equal(kedge_batch_put_package(batch, &package), KEDGE_OK);
        add_rollout(batch, i, PACKAGE_ID);
        struct kedge_deployment deployment = a_deployment(i, i % 3 + 1, endpoint);
        deployment.state = i % 2 == 0 ? KEDGE_DEPLOYMENT_FAILED : KEDGE_DEPLOYMENT_PENDING;
        struct kedge_history_entry history = {
            .at_ms = i, .rollout_id = i % 3 + 1, .deployment_id = i, .who = "server", .to = "x"};
        (void)snprintf(history.endpoint, sizeof(history.endpoint), "%s", endpoint);
        assert_int_equal(kedge_batch_add_history(batch, &history), KEDGE_OK);
        add_audit(batch, i, "test.page");
        if (i >= 3) /* once the three rollouts are there */
            assert_int_equal(kedge_batch_put_deployment(batch, &deployment), KEDGE_OK);
    }
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
}

/* What a listing gave out, each record as one key, in order. */
struct listing {
    char keys[64][KEDGE_STORE_CURSOR_MAX];
    size_t count, stop_after;
};

__attribute__((format(printf, 2, 3))) static bool list(struct listing *listing, const char *format,
                                                       ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(listing->keys[listing->count], sizeof(listing->keys[0]), format, arguments);
    va_end(arguments);
    listing->count++;
    return listing->stop_after == 0 || listing->count % listing->stop_after != 0;
}

static bool list_device(void *context, const struct kedge_device_record *record)
{
    return list(context, "%s", record->endpoint);
}

static bool list_package(void *context, const struct kedge_package_record *record)
{
    return list(context, "%s", record->id);
}

static bool list_rollout(void *context, const struct kedge_rollout *record)
{
    return list(context, "%" PRIu64, record->id);
}

static bool list_deployment(void *context, const struct kedge_deployment *record)
{
    return list(context, "%" PRIu64, record->id);
}

static bool list_history(void *context, const struct kedge_history_entry *entry)
{
    return list(context, "%" PRIu64, entry->id);
}

static bool list_audit(void *context, const struct kedge_audit_entry *entry)
{
    return list(context, "%" PRIu64, entry->sequence);
}

typedef enum kedge_rc list_fn(struct kedge_reader *reader, struct kedge_page *page,
                              struct listing *listing);

static enum kedge_rc all_devices(struct kedge_reader *reader, struct kedge_page *page,
                                 struct listing *listing)
{
    return kedge_reader_devices(reader, NULL, NULL, page, list_device, listing);
}

static enum kedge_rc other_devices(struct kedge_reader *reader, struct kedge_page *page,
                                   struct listing *listing)
{
    return kedge_reader_devices(reader, "other.example", "meter", page, list_device, listing);
}

static enum kedge_rc all_packages(struct kedge_reader *reader, struct kedge_page *page,
                                  struct listing *listing)
{
    return kedge_reader_packages(reader, page, list_package, listing);
}

static enum kedge_rc all_rollouts(struct kedge_reader *reader, struct kedge_page *page,
                                  struct listing *listing)
{
    return kedge_reader_rollouts(reader, page, list_rollout, listing);
}

static enum kedge_rc all_deployments(struct kedge_reader *reader, struct kedge_page *page,
                                     struct listing *listing)
{
    struct kedge_deployment_filter filter = {.group_index = -1, .state = -1};
    return kedge_reader_deployments(reader, &filter, page, list_deployment, listing);
}

static enum kedge_rc failed_of_the_first(struct kedge_reader *reader, struct kedge_page *page,
                                         struct listing *listing)
{
    struct kedge_deployment_filter filter = {
        .rollout_id = 1, .group_index = 0, .state = KEDGE_DEPLOYMENT_FAILED};
    return kedge_reader_deployments(reader, &filter, page, list_deployment, listing);
}

static enum kedge_rc all_history(struct kedge_reader *reader, struct kedge_page *page,
                                 struct listing *listing)
{
    struct kedge_history_filter filter = {0};
    return kedge_reader_history(reader, &filter, page, list_history, listing);
}

static enum kedge_rc history_of_the_second(struct kedge_reader *reader, struct kedge_page *page,
                                           struct listing *listing)
{
    struct kedge_history_filter filter = {.rollout_id = 2};
    return kedge_reader_history(reader, &filter, page, list_history, listing);
}

static enum kedge_rc all_audit(struct kedge_reader *reader, struct kedge_page *page,
                               struct listing *listing)
{
    return kedge_reader_audit(reader, NULL, page, list_audit, listing);
}

static enum kedge_rc newest_audit(struct kedge_reader *reader, struct kedge_page *page,
                                  struct listing *listing)
{
    const struct kedge_audit_filter filter = {.newest_first = true};
    return kedge_reader_audit(reader, &filter, page, list_audit, listing);
}

static const struct {
    const char *name;
    list_fn *fn;
    size_t rows;
    const char *first, *last;
} listings[] = {
    {"devices", all_devices, ROWS, "d001", "d023"},
    {"devices of one vendor", other_devices, ROWS / 2, "d002", "d022"},
    {"packages", all_packages, ROWS + 1,
     "0000000000000000000000000000000000000000000000000000000000000017", PACKAGE_ID},
    {"rollouts", all_rollouts, ROWS, "23", "1"},
    {"deployments", all_deployments, ROWS - 2, "3", "23"},
    {"failed deployments of rollout 1", failed_of_the_first, 3, "6", "18"},
    {"history", all_history, ROWS, "1", "23"},
    {"history of rollout 2", history_of_the_second, 8, "1", "22"},
    {"audit", all_audit, ROWS, "1", "23"},
    {"audit, newest first", newest_audit, ROWS, "23", "1"},
};

#define LISTINGS (sizeof(listings) / sizeof(listings[0]))

static void pages_of_every_size_add_up_to_the_whole(void **state)
{
    struct fixture *f = *state;
    fill(f);
    for (size_t i = 0; i < LISTINGS; i++) {
        struct listing whole = {.count = 0};
        assert_int_equal(listings[i].fn(f->reader, NULL, &whole), KEDGE_OK);
        if (whole.count != listings[i].rows)
            fail_msg("%s: %zu rows", listings[i].name, whole.count);
        assert_string_equal(whole.keys[0], listings[i].first);
        assert_string_equal(whole.keys[whole.count - 1], listings[i].last);
        for (uint32_t limit = 1; limit <= ROWS + 2; limit++) {
            struct listing pages = {.count = 0};
            struct kedge_page page = {.limit = limit};
            size_t before;
            do {
                before = pages.count;
                assert_int_equal(listings[i].fn(f->reader, &page, &pages), KEDGE_OK);
                assert_true(pages.count - before <= limit && pages.count > before);
                memcpy(page.cursor, page.next, sizeof(page.cursor));
            } while (page.next[0] != '\0');
            assert_int_equal(pages.count, whole.count);
            assert_memory_equal(pages.keys, whole.keys, sizeof(whole.keys));
        }
    }
}

static void a_listing_that_is_ended_early_goes_on_behind_the_last_record(void **state)
{
    struct fixture *f = *state;
    fill(f);
    for (size_t i = 0; i < LISTINGS; i++) {
        struct listing whole = {.count = 0}, parts = {.count = 0, .stop_after = 2};
        struct kedge_page page = {.limit = 5};
        assert_int_equal(listings[i].fn(f->reader, NULL, &whole), KEDGE_OK);
        do {
            assert_int_equal(listings[i].fn(f->reader, &page, &parts), KEDGE_OK);
            memcpy(page.cursor, page.next, sizeof(page.cursor));
        } while (page.next[0] != '\0');
        assert_int_equal(parts.count, whole.count);
        assert_memory_equal(parts.keys, whole.keys, sizeof(whole.keys));
    }
}

static void a_row_that_comes_between_two_pages_shifts_nothing(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct listing pages = {.count = 0};
    struct kedge_page page = {.limit = 10};
    assert_int_equal(all_devices(f->reader, &page, &pages), KEDGE_OK);
    struct kedge_batch *batch = new_batch();
    add_device(batch, "d000");
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    memcpy(page.cursor, page.next, sizeof(page.cursor));
    assert_int_equal(all_devices(f->reader, &page, &pages), KEDGE_OK);
    assert_string_equal(pages.keys[10], "d011");
}

static void the_packages_that_a_filter_means_are_walked_page_by_page(void **state)
{
    static const char *const ends[] = {"15", "13", "11", "05", "03", "01"}; /* newest first */
    static struct kedge_filter filter;
    struct kedge_filter_problem problem;
    struct fixture *f = *state;
    fill(f);
    assert_int_equal(
        kedge_filter_parse(KEDGE_FILTER_OF_PACKAGE,
                           kedge_slice_text("id like '0*1' or id like '0*3' or id like '0*5'"),
                           &filter, &problem),
        KEDGE_OK);
    for (uint32_t limit = 1; limit <= ROWS; limit++) {
        struct listing pages = {.stop_after = limit % 3}; /* by whom it is told, too */
        struct kedge_page page = {.limit = limit};
        size_t before;
        do {
            before = pages.count;
            assert_int_equal(
                kedge_reader_matching_packages(f->reader, &filter, 0, &page, list_package, &pages),
                KEDGE_OK);
            assert_true(pages.count - before <= limit);
            memcpy(page.cursor, page.next, sizeof(page.cursor));
        } while (page.next[0] != '\0');
        assert_int_equal(pages.count, sizeof(ends) / sizeof(ends[0]));
        for (size_t i = 0; i < pages.count; i++)
            assert_string_equal(&pages.keys[i][KEDGE_PACKAGE_ID_SIZE - 2], ends[i]);
    }
    struct kedge_page wrong = {.limit = 5, .cursor = "x"};
    struct listing none = {.count = 0};
    assert_int_equal(
        kedge_reader_matching_packages(f->reader, &filter, 0, &wrong, list_package, &none),
        KEDGE_E_ARGUMENT);
}

static void a_limit_or_cursor_that_cannot_be_is_refused(void **state)
{
    struct fixture *f = *state;
    fill(f);
    static const uint32_t limits[] = {0, KEDGE_STORE_PAGE_MAX + 1, UINT32_MAX};
    static const char *const cursors[] = {
        "x", "-1", "1e3", "99999999999999999999", ".", ".0123", "7.x", "' OR 1=1", "1 ", " 1"};
    for (size_t i = 0; i < LISTINGS; i++) {
        struct listing listing = {.count = 0};
        for (size_t j = 0; j < sizeof(limits) / sizeof(limits[0]); j++) {
            struct kedge_page page = {.limit = limits[j]};
            assert_int_equal(listings[i].fn(f->reader, &page, &listing), KEDGE_E_ARGUMENT);
        }
        bool by_name = listings[i].fn == all_devices || listings[i].fn == other_devices;
        for (size_t j = 0; !by_name && j < sizeof(cursors) / sizeof(cursors[0]); j++) {
            struct kedge_page page = {.limit = 5};
            (void)snprintf(page.cursor, sizeof(page.cursor), "%s", cursors[j]);
            enum kedge_rc rc = listings[i].fn(f->reader, &page, &listing);
            bool of_packages = listings[i].fn == all_packages && strcmp(cursors[j], "7.x") == 0;
            assert_int_equal(rc, of_packages ? KEDGE_OK : KEDGE_E_ARGUMENT);
            assert_true(of_packages || kedge_reader_error(f->reader)[0] != '\0');
        }
    }
}

static void only_open_rollouts_give_deployments_to_the_engine(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct kedge_rollout finished = a_rollout(2, PACKAGE_ID);
    finished.state = KEDGE_ROLLOUT_FINISHED;
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_put_rollout(batch, &finished), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    struct kedge_deployment_filter filter = {
        .group_index = -1, .state = -1, .of_open_rollouts = true};
    struct listing open = {.count = 0};
    assert_int_equal(kedge_reader_deployments(f->reader, &filter, NULL, list_deployment, &open),
                     KEDGE_OK);
    assert_int_equal(open.count, 14);
    for (size_t i = 0; i < open.count; i++)
        assert_int_not_equal(atoi(open.keys[i]) % 3, 1);
}

static void a_reader_sees_what_is_committed_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    assert_false(device_is_there(f->reader, "d1"));
    struct kedge_batch *batch = new_batch();
    add_device(batch, "d1");
    assert_false(device_is_there(f->reader, "d1"));
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    assert_true(device_is_there(f->reader, "d1"));
}

static void a_row_that_cannot_be_is_reported_and_not_made_up(void **state)
{
    struct fixture *f = *state;
    static const char *const changes[] = {
        "UPDATE rollouts SET state = 'merry' WHERE id = 20",
        "UPDATE rollouts SET error_action = 'dance' WHERE id = 20",
        "UPDATE rollouts SET in_flight_max = -1 WHERE id = 20",
        "UPDATE rollouts SET device_count = 4294967296 WHERE id = 20",
        "UPDATE rollouts SET author = printf('%.*c', 300, 'x') WHERE id = 20",
        "UPDATE rollouts SET author = 'a' || char(0) || 'b' WHERE id = 20",
    };
    fill(f);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct kedge_rollout record;
        struct listing listing = {.count = 0};
        run_sql(&f->folder, changes[i]);
        assert_int_equal(kedge_reader_rollout(f->reader, 20, &record), KEDGE_E_MALFORMED);
        assert_int_equal(all_rollouts(f->reader, NULL, &listing), KEDGE_E_MALFORMED);
        assert_non_null(strstr(kedge_reader_error(f->reader), "damaged"));
        run_sql(&f->folder, "UPDATE rollouts SET state = 'running', error_action = 'pause',"
                            " in_flight_max = 1, device_count = 1, author = 'a' WHERE id = 20");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_device_comes_back_as_it_was_written),
        TEST(only_gone_devices_that_never_said_who_they_are_are_trimmed),
        TEST(a_package_comes_back_as_it_was_written),
        TEST(trust_and_tokens_come_back_and_go),
        TEST(a_rollout_and_its_parts_come_back_as_they_were_written),
        TEST(what_a_rollout_is_never_changes),
        TEST(pages_of_every_size_add_up_to_the_whole),
        TEST(a_listing_that_is_ended_early_goes_on_behind_the_last_record),
        TEST(a_row_that_comes_between_two_pages_shifts_nothing),
        TEST(the_packages_that_a_filter_means_are_walked_page_by_page),
        TEST(a_limit_or_cursor_that_cannot_be_is_refused),
        TEST(only_open_rollouts_give_deployments_to_the_engine),
        TEST(a_reader_sees_what_is_committed_and_nothing_else),
        TEST(a_row_that_cannot_be_is_reported_and_not_made_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
