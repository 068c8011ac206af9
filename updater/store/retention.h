/*
 * retention.h: removing what rollouts that ended long ago did device by device.
 *
 * What goes are their deployments and the entries of the history about devices. The rollout, its
 * groups with their counts, its chart and the entries about itself stay, and the audit log is not
 * touched. It goes in slices, each in one batch with the note of how far it is, so a crash in the
 * midst leaves it where it was. The deployment with the highest id of all stays: numbers are never
 * given twice.
 */
#ifndef KEDGE_UPDATER_STORE_RETENTION_H
#define KEDGE_UPDATER_STORE_RETENTION_H

#include "updater/store/store.h"

#define KEDGE_REMOVAL_SLICE 100u /* rows of one batch: about a millisecond of the store's thread \
                                  */

/** What was removed of one rollout. */
struct kedge_removal {
    uint64_t rollout_id;
    uint64_t at_ms;       /* when that began */
    uint64_t position;    /* the entry of the history up to which it is done */
    uint64_t deployments; /* how many are gone */
    uint64_t history;     /* likewise, entries */
    bool finished;
};

/** What is to go next of it, as it will be noted. */
struct kedge_removal_slice {
    struct kedge_removal after;
    uint64_t history_from;      /* entries behind this one, up to after.position */
    uint64_t deployments_up_to; /* 0: none in this slice */
};

/** What was removed, and is not in the audit log yet. */
struct kedge_removal_totals {
    uint64_t rollouts, deployments, history;
};

/** What was removed of a rollout; KEDGE_E_NOT_FOUND: nothing. */
enum kedge_rc kedge_reader_removal(struct kedge_reader *reader, uint64_t rollout_id,
                                   struct kedge_removal *out) KEDGE_MUST_USE;
/**
 * The next slice of the rollouts that ended before `before_ms`, those that ended first come first;
 * KEDGE_E_NOT_FOUND when all of it is removed. Commit it before asking for the next.
 */
enum kedge_rc kedge_reader_next_removal(struct kedge_reader *reader, uint64_t before_ms,
                                        uint64_t now_ms,
                                        struct kedge_removal_slice *out) KEDGE_MUST_USE;
/** Of rollouts that are done with. */
enum kedge_rc kedge_reader_removal_totals(struct kedge_reader *reader,
                                          struct kedge_removal_totals *out) KEDGE_MUST_USE;

enum kedge_rc kedge_batch_remove(struct kedge_batch *batch,
                                 const struct kedge_removal_slice *slice) KEDGE_MUST_USE;
/** Adds the audit entry that says what the totals are: nothing of it is told again. */
enum kedge_rc kedge_batch_audit_removals(struct kedge_batch *batch,
                                         const struct kedge_audit_entry *entry) KEDGE_MUST_USE;

#endif
