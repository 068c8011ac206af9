/*
 * cache.c: see cache.h.
 *
 * Parts of a rollout over a million devices go all over the indices of endpoints. With the usual
 * cache of 2 MiB each row has pages written out and others read again, and what they were before is
 * kept in a file beside them: a third of the time. Nothing else comes near so many rows, and a
 * cache that stayed would be counted against every device; so what a big transaction used is given
 * back after it.
 */
#include "updater/store/sqlite/cache.h"

#define BIG_ROWS 2000u

void kedge_sql_cache_fit(sqlite3 *database, size_t rows, bool *is_big)
{
    bool big = rows >= BIG_ROWS;
    if (*is_big == big)
        return;
    *is_big = big;
    (void)sqlite3_exec(database,
                       big ? "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536"
                           : "PRAGMA temp_store = DEFAULT; PRAGMA cache_size = -2000",
                       NULL, NULL, NULL);
}
