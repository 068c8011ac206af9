/*
 * ledger.h: the file beside a key in which every signature that the key made is one line.
 *
 * Method: the file is only ever appended to, under an exclusive lock (flock), so that two signers
 * at once make two lines one after the other. A line is on the disk (fsync) before the package that
 * it is about gets its name. So after a crash the ledger knows of every signature that was given
 * out, and perhaps of one that was not. A line that a power cut left unfinished belongs to a
 * package that was not given out; the next signer removes it, and only if it is the beginning of
 * the line that had to come next. Onto anything else that is amiss at the end nothing is written.
 *
 * The time is the system's clock, whatever SOURCE_DATE_EPOCH says: the ledger is no build output,
 * and a record of when something was signed that says another time is false.
 */
#ifndef KEDGE_SIGNER_LEDGER_H
#define KEDGE_SIGNER_LEDGER_H

#include "signer/cli/complain.h"
#include "signer/ledger/entry.h"

/**
 * kedge_ledger_append() adds one line: it fills in entry's number, previous, time, who and hash.
 * Blocks for the lock and for fsync. Says what is wrong: KEDGE_EXIT_POLICY when the file does not
 * end as a ledger does, KEDGE_EXIT_SYSTEM when it cannot be written; then it is as it was before.
 */
enum kedge_exit kedge_ledger_append(const char *path, struct kedge_ledger_entry *entry);

/** Is given each good line in turn. */
struct kedge_ledger_sink {
    void *context;
    void (*take)(void *context, const struct kedge_ledger_entry *entry);
};

/** What a walk through a ledger found. */
struct kedge_ledger_findings {
    uint64_t lines;                  /* good ones, from the first */
    uint8_t head[KEDGE_SHA256_SIZE]; /* hash of the last of them; zeros when there is none */
    enum kedge_rc rc;                /* KEDGE_OK, or what is amiss in line `lines` + 1: */
};

/* Reasons in findings: KEDGE_E_DIGEST: the line was changed; KEDGE_E_CONFLICT: it does not follow
 * the line before; KEDGE_E_TRUNCATED: it has no end; KEDGE_E_MALFORMED: it is no line of a ledger.
 */

/**
 * kedge_ledger_walk() reads and checks the chain up to the first line that is amiss. KEDGE_E_SYSTEM
 * when the file cannot be read.
 */
enum kedge_rc kedge_ledger_walk(const char *path, const struct kedge_ledger_sink *sink,
                                struct kedge_ledger_findings *findings) KEDGE_MUST_USE;

#endif
