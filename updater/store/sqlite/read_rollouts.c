/*
 * read_rollouts.c: rollouts, groups, deployments, history and audit.
 */
#include "updater/store/audit.h"
#include "updater/store/sqlite/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void number_key(char key[KEDGE_STORE_CURSOR_MAX], uint64_t id)
{
    (void)snprintf(key, KEDGE_STORE_CURSOR_MAX, "%" PRIu64, id);
}

/* ---- rollouts ---- */

static void read_policy(struct sql_columns *from, struct kedge_rollout_policy *out)
{
    char action[16];
    out->in_flight_max = column_u32(from);
    out->error_threshold_percent = column_u32(from);
    out->error_minimum_sample = column_u32(from);
    column_text(from, action, sizeof(action));
    if (!kedge_error_action_parse(action, &out->error_action))
        from->damaged = true;
    out->success_threshold_percent = column_u32(from);
    out->deployment_soak_s = column_u32(from);
    out->group_soak_s = column_u32(from);
    out->deadline_s = column_u32(from);
    out->offer_limit_s = column_u32(from);
    out->download_limit_s = column_u32(from);
    out->install_limit_s = column_u32(from);
    out->verify_limit_s = column_u32(from);
}

static bool read_line(const char **at, struct kedge_intermediate *out)
{
    size_t size = strcspn(*at, " ");
    char *end;
    if ((*at)[size] != ' ' || size > KEDGE_VERSION_MAX)
        return false;
    memcpy(out->version, *at, size);
    out->version[size] = '\0';
    out->sequence = strtoull(*at + size, &end, 10);
    *at = end + 1;
    return *end == '\n';
}

static void read_intermediates(struct sql_columns *from, struct kedge_rollout *out)
{
    char lines[KEDGE_INTERMEDIATES_MAX * (KEDGE_VERSION_MAX + 24)];
    for (uint32_t i = 0; i < KEDGE_INTERMEDIATES_MAX; i++) {
        char *id = out->intermediates[i].package_id;
        column_optional_text(from, id, sizeof(out->intermediates[i].package_id));
        out->intermediate_count += id[0] != '\0';
    }
    column_text(from, lines, sizeof(lines));
    const char *at = lines;
    for (uint32_t i = 0; i < out->intermediate_count && !from->damaged; i++)
        from->damaged = !read_line(&at, &out->intermediates[i]);
}

static bool read_rollout(struct sql_columns *from, struct kedge_rollout *out)
{
    char state[24], severity[16], approval[16];
    memset(out, 0, sizeof(*out));
    out->id = column_unsigned(from);
    column_text(from, state, sizeof(state));
    if (!kedge_rollout_state_parse(state, &out->state))
        from->damaged = true;
    column_text(from, out->name, sizeof(out->name));
    column_text(from, out->package_id, sizeof(out->package_id));
    column_text(from, out->vendor, sizeof(out->vendor));
    column_text(from, out->class_name, sizeof(out->class_name));
    column_text(from, out->version, sizeof(out->version));
    out->sequence = column_unsigned(from);
    out->all_devices = column_bool(from);
    column_text(from, out->author, sizeof(out->author));
    read_policy(from, &out->policy);
    out->group_count = column_u32(from);
    out->device_count = column_u32(from);
    out->created_at_ms = column_unsigned(from);
    out->started_at_ms = column_unsigned(from);
    out->deadline_at_ms = column_unsigned(from);
    out->ended_at_ms = column_unsigned(from);
    column_text(from, out->reason, sizeof(out->reason));
    column_text(from, severity, sizeof(severity));
    if (!kedge_severity_parse(severity, &out->policy.severity))
        from->damaged = true;
    out->policy.max_defer_s = column_u32(from);
    out->seed = column_u32(from);
    column_text(from, out->spread_by, sizeof(out->spread_by));
    column_optional_text(from, out->revert_package_id, sizeof(out->revert_package_id));
    column_text(from, out->revert_version, sizeof(out->revert_version));
    out->revert_sequence = column_unsigned(from);
    out->revert_rollout_id = column_unsigned(from);
    out->reverts_rollout_id = column_unsigned(from);
    column_text(from, approval, sizeof(approval));
    if (!kedge_approval_parse(approval, &out->policy.approval))
        from->damaged = true;
    column_text(from, out->approver, sizeof(out->approver));
    column_text(from, out->filter, sizeof(out->filter));
    out->start_at_ms = column_unsigned(from);
    column_text(from, out->windows, sizeof(out->windows));
    column_text(from, out->gate_windows, sizeof(out->gate_windows));
    out->download_in_window = column_bool(from);
    for (size_t i = POLICY_FIELDS_BEFORE; i < KEDGE_POLICY_FIELD_COUNT; i++)
        kedge_policy_set(&out->policy, &kedge_policy_fields[i], column_u32(from));
    out->dynamic = column_bool(from);
    out->closed_at_ms = column_unsigned(from);
    read_intermediates(from, out);
    return !from->damaged;
}

enum kedge_rc kedge_reader_rollouts(struct kedge_reader *reader, struct kedge_page *page,
                                    kedge_rollout_fn *fn, void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_rollout record;
    char key[KEDGE_STORE_CURSOR_MAX] = "";
    int64_t before;
    KEDGE_TRY(reader_cursor_number(reader, page, INT64_MAX, &before));
    KEDGE_TRY(query_begin(&query, reader, page,
                          "SELECT " ROLLOUT_COLUMNS
                          " FROM rollouts WHERE id < ? ORDER BY id DESC LIMIT ?"));
    bind_number(&query.binder, before);
    bind_number(&query.binder, query_limit(page));
    while (query_row(&query, &columns, key) && read_rollout(&columns, &record)) {
        number_key(key, record.id);
        if (!fn(context, &record)) {
            query_stop(&query, key);
            break;
        }
    }
    return query_end(&query, columns.damaged);
}

enum kedge_rc kedge_reader_rollout(struct kedge_reader *reader, uint64_t rollout_id,
                                   struct kedge_rollout *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(
        query_begin(&query, reader, NULL, "SELECT " ROLLOUT_COLUMNS " FROM rollouts WHERE id = ?"));
    bind_unsigned(&query.binder, rollout_id);
    bool found = query_row(&query, &columns, "") && read_rollout(&columns, out);
    return query_end_one(&query, columns.damaged, found, "there is no such rollout");
}

enum kedge_rc kedge_reader_last_ids(struct kedge_reader *reader, struct kedge_engine_ids *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT (SELECT coalesce(max(id), 0) FROM rollouts),"
                          " (SELECT coalesce(max(id), 0) FROM deployments)"));
    if (query_row(&query, &columns, "")) {
        out->rollout_id = column_unsigned(&columns);
        out->deployment_id = column_unsigned(&columns);
    }
    return query_end(&query, columns.damaged);
}

enum kedge_rc kedge_reader_clock(struct kedge_reader *reader, struct kedge_clock_record *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin(&query, reader, NULL, "SELECT " CLOCK_COLUMNS " FROM clock"));
    bool found = query_row(&query, &columns, "");
    if (found) {
        column_text(&columns, out->boot, sizeof(out->boot));
        out->ahead_ms = column_number(&columns);
    }
    return query_end_one(&query, columns.damaged, found, NULL);
}

/* ---- groups ---- */

static bool read_group(struct sql_columns *from, struct kedge_group *out)
{
    char state[24];
    memset(out, 0, sizeof(*out));
    out->rollout_id = column_unsigned(from);
    out->index = column_u32(from);
    column_text(from, state, sizeof(state));
    if (!kedge_group_state_parse(state, &out->state))
        from->damaged = true;
    column_text(from, out->name, sizeof(out->name));
    for (int i = 0; i < KEDGE_DEPLOYMENT_STATE_COUNT; i++)
        out->counts[i] = column_u32(from);
    out->errors = column_u32(from);
    out->already = column_u32(from);
    out->errors_accepted = column_u32(from);
    out->started_at_ms = column_unsigned(from);
    out->soak_until_ms = column_unsigned(from);
    out->ended_at_ms = column_unsigned(from);
    column_text(from, out->reason, sizeof(out->reason));
    for (int i = 0; i < KEDGE_ERROR_KIND_COUNT; i++)
        out->kinds_accepted[i] = column_u32(from);
    column_text(from, out->approver, sizeof(out->approver));
    for (size_t i = 0; i < KEDGE_GATE_FIELD_COUNT; i++)
        kedge_gate_set(&out->gate, &kedge_gate_fields[i], column_u32(from));
    out->gate.approval = column_u32(from);
    column_text(from, out->filter, sizeof(out->filter));
    return !from->damaged;
}

enum kedge_rc kedge_reader_groups(struct kedge_reader *reader, uint64_t rollout_id,
                                  kedge_group_fn *fn, void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_group record;
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          rollout_id == 0
                              ? "SELECT " GROUP_COLUMNS " FROM groups WHERE rollout_id > ?"
                                " ORDER BY rollout_id, group_index"
                              : "SELECT " GROUP_COLUMNS " FROM groups WHERE rollout_id = ?"
                                " ORDER BY rollout_id, group_index"));
    bind_unsigned(&query.binder, rollout_id);
    while (query_row(&query, &columns, "") && read_group(&columns, &record))
        if (!fn(context, &record))
            break;
    return query_end(&query, columns.damaged);
}

/* ---- deployments ---- */

static bool read_deployment(struct sql_columns *from, struct kedge_deployment *out)
{
    char state[24];
    memset(out, 0, sizeof(*out));
    out->id = column_unsigned(from);
    out->rollout_id = column_unsigned(from);
    out->group_index = column_u32(from);
    column_text(from, state, sizeof(state));
    if (!kedge_deployment_state_parse(state, &out->state))
        from->damaged = true;
    column_text(from, out->endpoint, sizeof(out->endpoint));
    column_text(from, out->version_before, sizeof(out->version_before));
    out->update_result = (int32_t)column_number(from);
    out->bytes_done = column_unsigned(from);
    out->bytes_total = column_unsigned(from);
    out->offered_at_ms = column_unsigned(from);
    out->changed_at_ms = column_unsigned(from);
    out->ended_at_ms = column_unsigned(from);
    column_text(from, out->reason, sizeof(out->reason));
    for (int i = 0; i < KEDGE_ERROR_KIND_COUNT; i++) {
        uint32_t retries = column_u32(from);
        if (retries > KEDGE_RETRIES_MAX)
            from->damaged = true;
        out->retries[i] = (uint8_t)retries;
    }
    out->retry_at_ms = column_unsigned(from);
    out->steps_done = (uint8_t)column_u32(from);
    out->step = (uint8_t)column_u32(from);
    return !from->damaged;
}

static void deployments_sql(const struct kedge_deployment_filter *filter, char sql[1024])
{
    (void)snprintf(sql, 1024,
                   "SELECT " DEPLOYMENT_COLUMNS " FROM deployments WHERE id %s ?1%s%s%s%s%s"
                   " ORDER BY id%s LIMIT ?6",
                   filter->newest_first ? "<" : ">",
                   filter->rollout_id != 0 ? " AND rollout_id = ?2" : "",
                   filter->group_index >= 0 ? " AND group_index = ?3" : "",
                   filter->state >= 0 ? " AND state = ?4" : "",
                   filter->endpoint != NULL ? " AND endpoint = ?5" : "",
                   filter->of_open_rollouts
                       ? " AND rollout_id IN (SELECT id FROM rollouts WHERE state NOT IN"
                         " ('aborted', 'rolled_back', 'finished'))"
                       : "",
                   filter->newest_first ? " DESC" : "");
}

enum kedge_rc kedge_reader_deployments(struct kedge_reader *reader,
                                       const struct kedge_deployment_filter *filter,
                                       struct kedge_page *page, kedge_deployment_fn *fn,
                                       void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_deployment record;
    char key[KEDGE_STORE_CURSOR_MAX] = "", sql[1024];
    int64_t after;
    deployments_sql(filter, sql);
    KEDGE_TRY(reader_cursor_number(reader, page, filter->newest_first ? INT64_MAX : 0, &after));
    KEDGE_TRY(query_begin(&query, reader, page, sql));
    bind_number(&query.binder, after);
    bind_unsigned(&query.binder, filter->rollout_id);
    bind_number(&query.binder, filter->group_index);
    bind_text(&query.binder,
              kedge_deployment_state_name((enum kedge_deployment_state)filter->state));
    bind_text(&query.binder, filter->endpoint);
    bind_number(&query.binder, query_limit(page));
    while (query_row(&query, &columns, key) && read_deployment(&columns, &record)) {
        number_key(key, record.id);
        if (!fn(context, &record)) {
            query_stop(&query, key);
            break;
        }
    }
    return query_end(&query, columns.damaged);
}

enum kedge_rc kedge_reader_deployment(struct kedge_reader *reader, uint64_t deployment_id,
                                      struct kedge_deployment *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT " DEPLOYMENT_COLUMNS " FROM deployments WHERE id = ?"));
    bind_unsigned(&query.binder, deployment_id);
    bool found = query_row(&query, &columns, "") && read_deployment(&columns, out);
    return query_end_one(&query, columns.damaged, found, "there is no such deployment");
}

/* ---- history ---- */

static bool read_history(struct sql_columns *from, struct kedge_history_entry *out)
{
    memset(out, 0, sizeof(*out));
    out->id = column_unsigned(from);
    out->at_ms = column_unsigned(from);
    out->rollout_id = column_unsigned(from);
    out->group_index = column_number(from);
    out->deployment_id = column_unsigned(from);
    column_text(from, out->endpoint, sizeof(out->endpoint));
    column_text(from, out->who, sizeof(out->who));
    column_text(from, out->from, sizeof(out->from));
    column_text(from, out->to, sizeof(out->to));
    column_text(from, out->text, sizeof(out->text));
    return !from->damaged;
}

/* A deployment's rows are found by its device, for which there is an index. */
static void history_sql(const struct kedge_history_filter *filter, char sql[1024])
{
    (void)snprintf(sql, 1024,
                   "SELECT id, " HISTORY_COLUMNS " FROM history WHERE id %s ?1%s%s%s"
                   " ORDER BY id%s LIMIT ?5",
                   filter->newest_first ? "<" : ">",
                   filter->rollout_id != 0 ? " AND rollout_id = ?2" : "",
                   filter->deployment_id != 0
                       ? " AND deployment_id = ?3 AND endpoint <> ''"
                         " AND endpoint = (SELECT endpoint FROM deployments WHERE id = ?3)"
                       : "",
                   filter->endpoint != NULL ? " AND endpoint = ?4 AND endpoint <> ''" : "",
                   filter->newest_first ? " DESC" : "");
}

enum kedge_rc kedge_reader_history(struct kedge_reader *reader,
                                   const struct kedge_history_filter *filter,
                                   struct kedge_page *page, kedge_history_fn *fn, void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_history_entry entry;
    char key[KEDGE_STORE_CURSOR_MAX] = "", sql[1024];
    int64_t after;
    history_sql(filter, sql);
    KEDGE_TRY(reader_cursor_number(reader, page, filter->newest_first ? INT64_MAX : 0, &after));
    KEDGE_TRY(query_begin(&query, reader, page, sql));
    bind_number(&query.binder, after);
    bind_unsigned(&query.binder, filter->rollout_id);
    bind_unsigned(&query.binder, filter->deployment_id);
    bind_text(&query.binder, filter->endpoint);
    bind_number(&query.binder, query_limit(page));
    while (query_row(&query, &columns, key) && read_history(&columns, &entry)) {
        number_key(key, entry.id);
        if (!fn(context, &entry)) {
            query_stop(&query, key);
            break;
        }
    }
    return query_end(&query, columns.damaged);
}

/* ---- audit ---- */

/* A row that the store cannot have written is read too, as far as it goes: who follows the chain
 * is to find it, and others are to see the rows around it. No row has the hash that it gets. */
static void read_audit(struct sql_columns *from, struct kedge_audit_entry *out)
{
    int64_t sequence = column_number(from);
    memset(out, 0, sizeof(*out));
    out->sequence = sequence > 0 ? (uint64_t)sequence : 0;
    out->at_ms = column_unsigned(from);
    column_text(from, out->who, sizeof(out->who));
    column_text(from, out->what, sizeof(out->what));
    column_text(from, out->subject, sizeof(out->subject));
    column_text(from, out->before, sizeof(out->before));
    column_text(from, out->after, sizeof(out->after));
    column_blob(from, out->hash, sizeof(out->hash));
    if (from->damaged)
        memset(out->hash, 0, sizeof(out->hash));
    from->damaged = false;
    kedge_audit_clean(out);
}

static void audit_sql(const struct kedge_audit_filter *filter, char sql[1024])
{
    size_t size = filter->what != NULL ? strlen(filter->what) : 0;
    bool is_prefix = size > 0 && filter->what[size - 1] == '.';
    (void)snprintf(sql, 1024,
                   "SELECT " AUDIT_COLUMNS " FROM audit WHERE sequence %s ?1%s%s%s"
                   " ORDER BY sequence%s LIMIT ?5",
                   filter->newest_first ? "<" : ">",
                   filter->subject != NULL ? " AND subject = ?2" : "",
                   filter->who != NULL ? " AND who = ?3" : "",
                   is_prefix              ? " AND substr(what, 1, length(?4)) = ?4"
                   : filter->what != NULL ? " AND what = ?4"
                                          : "",
                   filter->newest_first ? " DESC" : "");
}

enum kedge_rc kedge_reader_audit(struct kedge_reader *reader,
                                 const struct kedge_audit_filter *filter, struct kedge_page *page,
                                 kedge_audit_fn *fn, void *context)
{
    static const struct kedge_audit_filter all = {.subject = NULL};
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_audit_entry entry;
    char key[KEDGE_STORE_CURSOR_MAX] = "", sql[1024];
    int64_t from;
    if (filter == NULL)
        filter = &all;
    audit_sql(filter, sql);
    KEDGE_TRY(reader_cursor_number(reader, page, filter->newest_first ? INT64_MAX : INT64_MIN,
                                   &from));
    KEDGE_TRY(query_begin(&query, reader, page, sql));
    bind_number(&query.binder, from);
    bind_text(&query.binder, filter->subject);
    bind_text(&query.binder, filter->who);
    bind_text(&query.binder, filter->what);
    bind_number(&query.binder, query_limit(page));
    while (query_row(&query, &columns, key)) {
        read_audit(&columns, &entry);
        number_key(key, entry.sequence);
        if (!fn(context, &entry)) {
            query_stop(&query, key);
            break;
        }
    }
    return query_end(&query, columns.damaged);
}

enum kedge_rc kedge_reader_last_history(struct kedge_reader *reader, uint64_t *id)
{
    int64_t newest;
    enum kedge_rc rc =
        sql_number(reader->database, "SELECT coalesce(max(id), 0) FROM history", &newest);
    if (rc != KEDGE_OK)
        return reader_failed(reader, rc, sqlite3_errmsg(reader->database));
    *id = (uint64_t)newest;
    return KEDGE_OK;
}
