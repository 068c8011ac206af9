/*
 * audit.h: the chain that the rows of the audit log are: each has the hash of the one before it and
 * of itself. Pure.
 *
 * What the chain shows: a row that was altered, removed or put in, unless every row behind it was
 * made anew. Against that, and against rows that are missing at the end, stands a head that was
 * written down elsewhere: a row's number and hash, which no other log up to it has.
 */
#ifndef KEDGE_UPDATER_STORE_AUDIT_H
#define KEDGE_UPDATER_STORE_AUDIT_H

#include "updater/rollout/rollout.h"

#define KEDGE_AUDIT_HASH_SIZE 32u

/**
 * The hash that an audit row must have after `previous` (32 zero bytes before row 1): SHA-256 over
 * previous, sequence and at_ms (8 bytes each, big-endian), then who, what, subject, before, after,
 * each behind its length in 4 bytes, big-endian.
 */
void kedge_audit_hash(const uint8_t previous[KEDGE_AUDIT_HASH_SIZE],
                      const struct kedge_audit_entry *entry, uint8_t hash[KEDGE_AUDIT_HASH_SIZE]);

/** Makes UTF-8 of texts that are none, so that the row reads the same wherever it is shown. */
void kedge_audit_clean(struct kedge_audit_entry *entry);

/** How far the chain was followed. Zeroed: before row 1. */
struct kedge_audit_head {
    uint64_t sequence;
    uint8_t hash[KEDGE_AUDIT_HASH_SIZE];
};

enum kedge_audit_verdict {
    KEDGE_AUDIT_FOLLOWS, /* the head has moved on to this row */
    KEDGE_AUDIT_MISSING, /* rows between the head and this one are not there */
    KEDGE_AUDIT_PUT_IN,  /* there was a row of this number already */
    KEDGE_AUDIT_ALTERED  /* its hash does not follow from it and the row before it */
};

/** Looks at the row that stands next. But for KEDGE_AUDIT_FOLLOWS the head stays where it was. */
enum kedge_audit_verdict kedge_audit_follow(struct kedge_audit_head *head,
                                            const struct kedge_audit_entry *entry);

#endif
