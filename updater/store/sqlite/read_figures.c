/* read_figures.c: the fleet in numbers, now and over time. */
#define _POSIX_C_SOURCE 200809L
#include "updater/store/figures.h"
#include "updater/store/sqlite/reader.h"

#include <string.h>

enum kedge_rc kedge_reader_fleet_totals(struct kedge_reader *reader, struct kedge_fleet_totals *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT coalesce(sum(devices), 0), coalesce(sum(registered), 0), count(*)"
                          " FROM fleet_shares"));
    if (query_row(&query, &columns, "")) {
        out->devices = column_unsigned(&columns);
        out->registered = column_unsigned(&columns);
        out->shares = column_unsigned(&columns);
    }
    return query_end(&query, columns.damaged);
}

static bool read_share(struct sql_columns *from, struct kedge_fleet_share *out)
{
    memset(out, 0, sizeof(*out));
    column_text(from, out->vendor, sizeof(out->vendor));
    column_text(from, out->class_name, sizeof(out->class_name));
    column_text(from, out->version, sizeof(out->version));
    out->devices = column_unsigned(from);
    out->registered = column_unsigned(from);
    return !from->damaged;
}

enum kedge_rc kedge_reader_fleet_shares(struct kedge_reader *reader, uint32_t limit,
                                        kedge_fleet_share_fn *fn, void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_fleet_share share;
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT vendor, class, version, devices, registered FROM fleet_shares"
                          " ORDER BY devices DESC, vendor, class, version LIMIT ?"));
    bind_number(&query.binder, limit);
    while (query_row(&query, &columns, "") && read_share(&columns, &share))
        if (!fn(context, &share))
            break;
    return query_end(&query, columns.damaged);
}

static bool read_sample(struct sql_columns *from, struct kedge_sample *out)
{
    out->at_ms = column_unsigned(from);
    column_text(from, out->figures, sizeof(out->figures));
    return !from->damaged;
}

enum kedge_rc kedge_reader_samples(struct kedge_reader *reader, uint64_t series,
                                   kedge_sample_fn *fn, void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_sample sample = {.series = series};
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT at_ms, figures FROM samples WHERE series = ? ORDER BY at_ms"));
    bind_unsigned(&query.binder, series);
    while (query_row(&query, &columns, "") && read_sample(&columns, &sample))
        if (!fn(context, &sample))
            break;
    return query_end(&query, columns.damaged);
}

enum kedge_rc kedge_reader_last_sample(struct kedge_reader *reader, uint64_t series,
                                       struct kedge_sample *out)
{
    struct query query;
    struct sql_columns columns = {0};
    out->series = series;
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT at_ms, figures FROM samples WHERE series = ?"
                          " ORDER BY at_ms DESC LIMIT 1"));
    bind_unsigned(&query.binder, series);
    bool found = query_row(&query, &columns, "") && read_sample(&columns, out);
    return query_end_one(&query, columns.damaged, found, "there is no sample yet");
}

enum kedge_rc kedge_reader_moving_rollouts(struct kedge_reader *reader, uint64_t ended_since_ms,
                                           kedge_rollout_id_fn *fn, void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT id FROM rollouts WHERE started_at_ms > 0"
                          " AND (ended_at_ms = 0 OR ended_at_ms >= ?)"));
    bind_unsigned(&query.binder, ended_since_ms);
    while (query_row(&query, &columns, ""))
        if (!fn(context, column_unsigned(&columns)))
            break;
    return query_end(&query, columns.damaged);
}
