/* read_retention.c: what is to be removed of old rollouts, slice by slice. */
#define _POSIX_C_SOURCE 200809L
#include "updater/store/retention.h"
#include "updater/store/sqlite/reader.h"

#define REMOVAL_COLUMNS "rollout_id, at_ms, position, deployments, history, finished"

static void read_removal(struct sql_columns *from, struct kedge_removal *out)
{
    out->rollout_id = column_unsigned(from);
    out->at_ms = column_unsigned(from);
    out->position = column_unsigned(from);
    out->deployments = column_unsigned(from);
    out->history = column_unsigned(from);
    out->finished = column_bool(from);
}

static enum kedge_rc end_with_removal(struct query *query, struct kedge_removal *out)
{
    struct sql_columns columns = {0};
    bool found = query_row(query, &columns, "");
    if (found)
        read_removal(&columns, out);
    return query_end_one(query, columns.damaged, found, NULL);
}

enum kedge_rc kedge_reader_removal(struct kedge_reader *reader, uint64_t rollout_id,
                                   struct kedge_removal *out)
{
    struct query query;
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT " REMOVAL_COLUMNS " FROM removals WHERE rollout_id = ?"));
    bind_unsigned(&query.binder, rollout_id);
    return end_with_removal(&query, out);
}

enum kedge_rc kedge_reader_removal_totals(struct kedge_reader *reader,
                                          struct kedge_removal_totals *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT count(*), coalesce(sum(deployments), 0),"
                          " coalesce(sum(history), 0) FROM removals"
                          " WHERE finished = 1 AND audited = 0"));
    if (query_row(&query, &columns, "")) {
        out->rollouts = column_unsigned(&columns);
        out->deployments = column_unsigned(&columns);
        out->history = column_unsigned(&columns);
    }
    return query_end(&query, columns.damaged);
}

/* Of the rollout that is due first: what was removed so far. */
static enum kedge_rc find_due(struct kedge_reader *reader, uint64_t before_ms, uint64_t now_ms,
                              struct kedge_removal *out)
{
    struct query query;
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT r.id, coalesce(d.at_ms, ?2), coalesce(d.position, 0),"
                          " coalesce(d.deployments, 0), coalesce(d.history, 0), 0"
                          " FROM rollouts AS r LEFT JOIN removals AS d ON d.rollout_id = r.id"
                          " WHERE r.state IN ('aborted', 'rolled_back', 'finished')"
                          " AND r.ended_at_ms > 0 AND r.ended_at_ms < ?1"
                          " AND coalesce(d.finished, 0) = 0"
                          " ORDER BY r.ended_at_ms, r.id LIMIT 1"));
    bind_unsigned(&query.binder, before_ms);
    bind_unsigned(&query.binder, now_ms);
    return end_with_removal(&query, out);
}

/* One number of rows, and the highest id among them; 0 of none. */
static enum kedge_rc find_range(struct kedge_reader *reader, const char *sql,
                                const struct kedge_removal *removal, uint64_t *count,
                                uint64_t *last)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin(&query, reader, NULL, sql));
    bind_unsigned(&query.binder, removal->rollout_id);
    bind_unsigned(&query.binder, removal->position);
    bind_number(&query.binder, KEDGE_REMOVAL_SLICE);
    if (query_row(&query, &columns, "")) {
        *count = column_unsigned(&columns);
        *last = column_unsigned(&columns);
    }
    return query_end(&query, columns.damaged);
}

static const char history_sql[] =
    "SELECT coalesce(sum(endpoint <> ''), 0), coalesce(max(id), 0) FROM (SELECT id, endpoint"
    " FROM history WHERE rollout_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3)";
static const char deployments_sql[] =
    "SELECT count(*), coalesce(max(id), 0) FROM (SELECT id FROM deployments WHERE rollout_id = ?1"
    " AND ?2 >= 0 AND id < (SELECT max(id) FROM deployments) ORDER BY id LIMIT ?3)";

enum kedge_rc kedge_reader_next_removal(struct kedge_reader *reader, uint64_t before_ms,
                                        uint64_t now_ms, struct kedge_removal_slice *out)
{
    struct kedge_removal *after = &out->after;
    uint64_t count = 0, last = 0;
    *out = (struct kedge_removal_slice){.deployments_up_to = 0};
    KEDGE_TRY(find_due(reader, before_ms, now_ms, after));
    out->history_from = after->position;
    KEDGE_TRY(find_range(reader, history_sql, after, &count, &last));
    if (last > 0) {
        after->position = last;
        after->history += count;
        return KEDGE_OK;
    }
    KEDGE_TRY(find_range(reader, deployments_sql, after, &count, &last));
    out->deployments_up_to = last;
    after->deployments += count;
    after->finished = count < KEDGE_REMOVAL_SLICE;
    return KEDGE_OK;
}
