/*
 * cache.h: how much of the database the store's thread holds in memory while it writes.
 */
#ifndef KEDGE_UPDATER_STORE_SQLITE_CACHE_H
#define KEDGE_UPDATER_STORE_SQLITE_CACHE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * kedge_sql_cache_fit() gives the connection, between two transactions, the cache for one of so
 * many rows; *is_big says what it has, and is false at first. Only how fast it is depends on it, so
 * that it cannot fail.
 */
void kedge_sql_cache_fit(sqlite3 *database, size_t rows, bool *is_big);

#endif
