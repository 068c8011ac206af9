/* read_totals.c: how many rollouts and deployments there are in each state, of all rollouts. */
#include "updater/store/sqlite/reader.h"

#include <string.h>

static enum kedge_rc count_rollouts(struct kedge_reader *reader, struct kedge_store_totals *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(
        query_begin(&query, reader, NULL, "SELECT state, count(*) FROM rollouts GROUP BY state"));
    while (query_row(&query, &columns, "")) {
        char name[24];
        enum kedge_rollout_state state;
        column_text(&columns, name, sizeof(name));
        if (kedge_rollout_state_parse(name, &state))
            out->rollouts[state] = column_unsigned(&columns);
        else
            columns.damaged = true;
    }
    return query_end(&query, columns.damaged);
}

static bool add_group(void *context, const struct kedge_group *group)
{
    struct kedge_store_totals *totals = context;
    for (int state = 0; state < KEDGE_DEPLOYMENT_STATE_COUNT; state++)
        totals->deployments[state] += group->counts[state];
    return true;
}

enum kedge_rc kedge_reader_totals(struct kedge_reader *reader, struct kedge_store_totals *out)
{
    memset(out, 0, sizeof(*out));
    KEDGE_TRY(count_rollouts(reader, out));
    return kedge_reader_groups(reader, 0, add_group, out);
}
