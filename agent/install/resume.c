/* resume.c: see resume.h. */
#include "agent/install/resume.h"

#include <string.h>

struct kedge_slice kedge_install_head(const struct kedge_install *install)
{
    return kedge_slice(install->head, install->authenticated ? install->head_size : 0);
}

enum kedge_rc kedge_install_checkpoint(const struct kedge_install *install,
                                       struct kedge_install_point *point)
{
    if (install->stage != KEDGE_INSTALL_RUNNING || !install->has_point)
        return KEDGE_E_NOT_FOUND;
    KEDGE_TRY(kedge_slot_sync(&install->writer));
    *point = install->point;
    return KEDGE_OK;
}

static enum kedge_rc go_to(struct kedge_install *install, const struct kedge_install_point *point)
{
    const struct kedge_payload_boundary *at = &point->boundary;
    struct kedge_sha256 hash;
    if (!install->expanding || point->offset < at->encoded_offset)
        return KEDGE_E_MALFORMED;
    if (memcmp(install->point.manifest_digest, point->manifest_digest, KEDGE_SHA256_SIZE) != 0)
        return KEDGE_E_DIGEST;
    kedge_sha256_init(&hash);
    KEDGE_TRY(kedge_slot_keep(&install->writer, at->image_offset, &hash));
    KEDGE_TRY(kedge_payload_resume(&install->reader, at, &hash));
    KEDGE_TRY(kedge_suit_stream_skip(&install->stream, at->encoded_offset));
    install->payload_at = point->offset - at->encoded_offset;
    install->point = *point;
    install->has_point = install->resumed = true;
    return KEDGE_OK;
}

enum kedge_rc kedge_install_resume(struct kedge_install *install, const struct kedge_boot *boot,
                                   const struct kedge_install_identity *identity, uint8_t slot,
                                   struct kedge_slice head, const struct kedge_install_point *point)
{
    KEDGE_TRY(kedge_install_begin(install, boot, identity, slot));
    KEDGE_TRY(kedge_install_push(install, head));
    enum kedge_rc rc = go_to(install, point);
    if (rc != KEDGE_OK) {
        install->stage = KEDGE_INSTALL_FAILED;
        install->failure = rc;
    }
    return rc;
}
