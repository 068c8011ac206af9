/*
 * resumption.h: a download that a restart cut short goes on where it can be gone on with. What is
 * needed for that is kept in a file while it runs: sparingly, and when the agent ends.
 *
 * Of the power going at any moment, what is left is the file before or the file after a keeping; in
 * both, what is in front of the point was synced before. A file that is older than the slot, or of
 * another package, or damaged, costs a beginning.
 */
#ifndef KEDGE_AGENT_RESUMPTION_H
#define KEDGE_AGENT_RESUMPTION_H

#include "agent/client/progress_file.h"
#include "agent/install/resume.h"

/* Between two keepings, of which each is a sync of the slot and a file of about a kilobyte: so much
 * of a download, and a frame, is what a cut of power costs at most. */
#define KEDGE_RESUMPTION_PAUSE_MS 5000u

/** Zeroed but for `folder`, it knows of no download. */
struct kedge_resumption {
    struct kedge_folder folder;     /* the caller's */
    struct kedge_progress progress; /* what the file holds, where `kept` is not 0 */
    uint64_t kept;                  /* bytes of image in front of the point in the file */
    uint64_t kept_at_ms;
    bool due;    /* nothing has been kept by this process: the next point is */
    bool failed; /* the file could not be written, and that was told */
};

/**
 * kedge_resumption_begin() is kedge_install_resume() by the file, for a package at `uri`; `from` is
 * where to fetch on. False when that cannot be: then begin anew. Blocks, for what the slot holds is
 * read.
 */
bool kedge_resumption_begin(struct kedge_resumption *resumption, struct kedge_install *install,
                            const struct kedge_boot *boot,
                            const struct kedge_install_identity *identity, uint8_t slot,
                            const char *uri, struct kedge_download_point *from);

/** kedge_resumption_anew() says that a download of `uri` begins at its beginning. */
void kedge_resumption_anew(struct kedge_resumption *resumption, const char *uri);

/**
 * kedge_resumption_keep() keeps how far `install` is, when that is due, or when it is the last
 * chance for it (`ending`). Nothing is kept of what has no entity tag: another time it could not
 * be told from something else at the same place. True when it came further than any beginning of
 * this download before.
 */
bool kedge_resumption_keep(struct kedge_resumption *resumption, const struct kedge_install *install,
                           const struct kedge_etag *etag, uint64_t now_ms, bool ending);

/** kedge_resumption_drop() says that it is over: there is nothing to go on with. */
void kedge_resumption_drop(struct kedge_resumption *resumption);

#endif
