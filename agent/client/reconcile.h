/*
 * reconcile.h: what an agent that has just started makes of its state file and of the boot record,
 * which is the truth about what runs. Pure; total over every combination.
 */
#ifndef KEDGE_AGENT_RECONCILE_H
#define KEDGE_AGENT_RECONCILE_H

#include "agent/client/state_file.h"

#include <kedge/boot.h>

#define KEDGE_LATER_RECORD_WORDS \
    "the boot record is of a later version, and is left alone until the next update"
#define KEDGE_DOWNLOAD_BEGUN_MAX 8u /* over restarts: then it costs more than it will bring */

enum kedge_start {
    KEDGE_START_NORMAL,     /* the confirmed slot runs */
    KEDGE_START_TRIAL,      /* the slot on trial runs: see trial.h */
    KEDGE_START_DOWNLOAD,   /* a download was cut short: begin it again */
    KEDGE_START_DOWNLOADED, /* a package waits in the spare slot, if that still verifies */
    KEDGE_START_REBOOT      /* a trial was asked for and the bootloader has not been through yet */
};

/**
 * kedge_reconcile() brings `state` in line with `record` for an agent that runs in `slot`, and says
 * how to start. `now_s` stamps a change of State.
 */
enum kedge_start kedge_reconcile(struct kedge_agent_state *state,
                                 const struct kedge_boot_record *record, uint8_t slot,
                                 uint64_t now_s);

/** kedge_reconcile_words() writes why the record's latest trial ended, in words. */
void kedge_reconcile_words(const struct kedge_boot_record *record, char *words, size_t capacity);

#endif
