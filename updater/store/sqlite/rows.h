/*
 * rows.h: each kind of row, its statement and its values. Values are bound, never pasted.
 */
#ifndef KEDGE_UPDATER_STORE_SQLITE_ROWS_H
#define KEDGE_UPDATER_STORE_SQLITE_ROWS_H

#include "updater/store/audit.h"
#include "updater/store/batch.h"
#include "updater/store/sqlite/sql.h"

/** By kind of row, what is done with one. */
extern const char *const sql_row_statements[KEDGE_ROW_KIND_COUNT];

/**
 * Binds the values of `row` to the statement of its kind; what goes wrong is in `to`. An entry of
 * the audit log gets its place in the chain, and `head` moves on with it.
 */
void sql_bind_row(struct sql_binder *to, struct kedge_row *row, struct kedge_audit_head *head);

/* ---- bind_rollouts.c ---- */

void sql_bind_rollout(struct sql_binder *to, const struct kedge_rollout *record);
void sql_bind_group(struct sql_binder *to, const struct kedge_group *record);
void sql_bind_deployment(struct sql_binder *to, const struct kedge_deployment *record);
void sql_bind_history(struct sql_binder *to, const struct kedge_history_entry *entry);

#endif
