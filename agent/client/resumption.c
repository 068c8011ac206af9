/* resumption.c: see resumption.h. */
#include "agent/client/resumption.h"

#include "agent/client/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool kedge_resumption_begin(struct kedge_resumption *resumption, struct kedge_install *install,
                            const struct kedge_boot *boot,
                            const struct kedge_install_identity *identity, uint8_t slot,
                            const char *uri, struct kedge_download_point *from)
{
    struct kedge_progress *progress = &resumption->progress;
    enum kedge_rc rc = kedge_progress_load(&resumption->folder, progress);
    if (rc == KEDGE_E_NOT_FOUND || (rc == KEDGE_OK && strcmp(progress->uri, uri) != 0))
        return false;
    if (rc == KEDGE_OK)
        rc = kedge_install_resume(install, boot, identity, slot,
                                  kedge_slice(progress->head, progress->head_size),
                                  &progress->point);
    if (rc != KEDGE_OK) {
        kedge_log(KEDGE_LOG_WARNING, "the download cannot be gone on with: %s", kedge_rc_text(rc));
        return false;
    }
    *from = (struct kedge_download_point){.offset = progress->point.offset,
                                          .total = kedge_install_size(install),
                                          .etag = progress->etag};
    resumption->kept = progress->point.boundary.image_offset;
    resumption->due = true;
    kedge_log(KEDGE_LOG_INFO, "going on at byte %" PRIu64, from->offset);
    return true;
}

void kedge_resumption_anew(struct kedge_resumption *resumption, const char *uri)
{
    struct kedge_progress *progress = &resumption->progress;
    if (strcmp(progress->uri, uri) != 0)
        progress->furthest = 0;
    snprintf(progress->uri, sizeof progress->uri, "%s", uri);
    resumption->kept = 0;
    resumption->due = true;
}

static bool is_due(const struct kedge_resumption *resumption, const struct kedge_install *install,
                   uint64_t now_ms, bool ending)
{
    if (!install->has_point || install->point.boundary.image_offset == resumption->kept)
        return false;
    return resumption->due || ending ||
           now_ms - resumption->kept_at_ms >= KEDGE_RESUMPTION_PAUSE_MS;
}

static enum kedge_rc keep(struct kedge_resumption *resumption, const struct kedge_install *install,
                          const struct kedge_etag *etag)
{
    struct kedge_progress *progress = &resumption->progress;
    struct kedge_slice head = kedge_install_head(install);
    KEDGE_TRY(kedge_install_checkpoint(install, &progress->point));
    memcpy(progress->head, head.data, head.size);
    progress->head_size = head.size;
    progress->etag = *etag;
    return kedge_progress_save(&resumption->folder, progress);
}

static void tell_failure(struct kedge_resumption *resumption, enum kedge_rc rc)
{
    if (!resumption->failed)
        kedge_log(KEDGE_LOG_WARNING, "%s cannot be written: %s", KEDGE_PROGRESS_FILE,
                  rc == KEDGE_E_SYSTEM ? strerror(errno) : kedge_rc_text(rc));
    resumption->failed = true;
}

bool kedge_resumption_keep(struct kedge_resumption *resumption, const struct kedge_install *install,
                           const struct kedge_etag *etag, uint64_t now_ms, bool ending)
{
    struct kedge_progress *progress = &resumption->progress;
    if (etag->size == 0 || !is_due(resumption, install, now_ms, ending))
        return false;
    uint64_t reached = install->point.boundary.image_offset;
    bool further = reached > progress->furthest;
    if (further)
        progress->furthest = reached;
    enum kedge_rc rc = keep(resumption, install, etag);
    resumption->due = false;
    resumption->kept_at_ms = now_ms;
    if (rc != KEDGE_OK) {
        tell_failure(resumption, rc);
        return false;
    }
    resumption->failed = false;
    resumption->kept = reached;
    return further;
}

void kedge_resumption_drop(struct kedge_resumption *resumption)
{
    resumption->progress.uri[0] = '\0';
    resumption->progress.furthest = 0;
    kedge_progress_remove(&resumption->folder);
}
