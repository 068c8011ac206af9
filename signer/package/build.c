/* build.c: see build.h. */
#define _GNU_SOURCE
#include "signer/package/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "signer/package/frames.h"
#include "signer/package/image_digest.h"

#define COPY_SIZE (256u * 1024u)
#define MANIFEST_MAX 4096u
#define WRAPPER_MAX (KEDGE_SUIT_SIGNATURES_MAX * (KEDGE_COSE_SIGN1_MAX + 8u) + 64u)

/* ---- the head: wrapper, manifest, text, attachments ---- */

/* What is in the place of the signatures. */
enum signing { SIZES_ONLY, SIGN };

static enum kedge_rc write_wrapper(const struct kedge_build *build, struct kedge_slice manifest,
                                   enum signing signing, struct kedge_writer *out,
                                   struct kedge_built *built)
{
    uint8_t digest_bytes[64];
    uint8_t sign1_bytes[KEDGE_SUIT_SIGNATURES_MAX][KEDGE_COSE_SIGN1_MAX];
    struct kedge_slice signatures[KEDGE_SUIT_SIGNATURES_MAX];
    struct kedge_writer digest = kedge_writer(digest_bytes, sizeof digest_bytes);
    KEDGE_TRY(kedge_suit_bstr_digest(manifest, built->manifest_digest));
    KEDGE_TRY(kedge_suit_digest_write(manifest, &digest));
    for (size_t i = 0; i < build->signer_count; i++) {
        const struct kedge_signer *signer = &build->signers[i];
        struct kedge_writer sign1 = kedge_writer(sign1_bytes[i], sizeof sign1_bytes[i]);
        if (signing == SIGN)
            KEDGE_TRY(kedge_signer_sign1(signer, kedge_writer_slice(&digest), &sign1));
        else
            KEDGE_TRY(kedge_signer_sign1_blank(signer, &sign1));
        signatures[i] = kedge_writer_slice(&sign1);
    }
    return kedge_suit_wrapper_write(kedge_writer_slice(&digest), signatures, build->signer_count,
                                    out);
}

static enum kedge_rc write_head(const struct kedge_build *build, enum signing signing,
                                struct kedge_writer *out, struct kedge_built *built)
{
    uint8_t manifest_bytes[MANIFEST_MAX], wrapper_bytes[WRAPPER_MAX];
    struct kedge_writer manifest = kedge_writer(manifest_bytes, sizeof manifest_bytes);
    struct kedge_writer wrapper = kedge_writer(wrapper_bytes, sizeof wrapper_bytes);
    struct kedge_slice names[KEDGE_SUIT_ATTACHMENTS_MAX];
    for (size_t i = 0; i < build->manifest.attachment_count; i++)
        names[i] = build->manifest.attachments[i].name;
    KEDGE_TRY(kedge_suit_manifest_write(&build->manifest, &manifest));
    KEDGE_TRY(write_wrapper(build, kedge_writer_slice(&manifest), signing, &wrapper, built));
    return kedge_suit_head_write(kedge_writer_slice(&wrapper), kedge_writer_slice(&manifest),
                                 build->text, names, build->attachments,
                                 build->manifest.attachment_count,
                                 build->manifest.payload.encoded_size, out);
}

static size_t head_capacity(const struct kedge_build *build)
{
    size_t capacity = MANIFEST_MAX + WRAPPER_MAX + build->text.size + 256u;
    for (size_t i = 0; i < build->manifest.attachment_count; i++)
        capacity += build->attachments[i].size + 32u;
    return capacity;
}

/* ---- the payload ---- */

static enum kedge_rc copy_range(int from, uint64_t offset, uint64_t size,
                                struct kedge_output *output)
{
    uint8_t *piece = malloc(COPY_SIZE);
    if (piece == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = KEDGE_OK;
    while (size > 0 && rc == KEDGE_OK) {
        ssize_t got =
            pread(from, piece, size < COPY_SIZE ? (size_t)size : COPY_SIZE, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        rc = got > 0 ? kedge_output_write(output, kedge_slice(piece, (size_t)got)) : KEDGE_E_SYSTEM;
        offset += got > 0 ? (uint64_t)got : 0;
        size -= got > 0 ? (uint64_t)got : 0;
    }
    free(piece);
    return rc;
}

static enum kedge_rc end_digest(struct kedge_build *build, struct kedge_image_digest *digest,
                                enum kedge_rc frames)
{
    enum kedge_rc rc =
        kedge_image_digest_end(digest, frames == KEDGE_OK, build->manifest.image_digest);
    return frames == KEDGE_OK ? rc : frames;
}

/*
 * Stored frames have a known size, so the head's size is known before its content: they are written
 * behind the room for it, and the head comes last.
 */
static enum kedge_rc write_stored(struct kedge_build *build, const struct kedge_image *image,
                                  struct kedge_output *output, struct kedge_progress *progress,
                                  struct kedge_writer *head, struct kedge_built *built)
{
    struct kedge_payload_plan *plan = &build->manifest.payload;
    plan->encoded_size = kedge_frames_size_stored(image->size);
    KEDGE_TRY(write_head(build, SIZES_ONLY, head, built));
    size_t head_size = head->size;
    struct kedge_image_digest digest;
    kedge_image_digest_begin(&digest, image);
    KEDGE_TRY(end_digest(build, &digest,
                         kedge_frames_write(image, false, output->file,
                                            head_size + plan->encoded_size, progress, plan)));
    head->size = 0;
    KEDGE_TRY(write_head(build, SIGN, head, built));
    if (head->size != head_size)
        return KEDGE_E_STATE;
    return kedge_output_write(output, kedge_writer_slice(head));
}

static enum kedge_rc write_compressed(struct kedge_build *build, const struct kedge_image *image,
                                      struct kedge_output *output, struct kedge_progress *progress,
                                      struct kedge_writer *head, struct kedge_built *built)
{
    struct kedge_payload_plan *plan = &build->manifest.payload;
    uint64_t end = kedge_frames_size_stored(image->size);
    int scratch = kedge_scratch_open(output->path);
    if (scratch < 0)
        return KEDGE_E_SYSTEM;
    struct kedge_image_digest digest;
    kedge_image_digest_begin(&digest, image);
    enum kedge_rc rc =
        end_digest(build, &digest, kedge_frames_write(image, true, scratch, end, progress, plan));
    if (rc == KEDGE_OK)
        rc = write_head(build, SIGN, head, built);
    if (rc == KEDGE_OK)
        rc = kedge_output_write(output, kedge_writer_slice(head));
    if (rc == KEDGE_OK)
        rc = copy_range(scratch, end - plan->encoded_size, plan->encoded_size, output);
    int reason = errno;
    close(scratch);
    errno = reason;
    return rc;
}

enum kedge_rc kedge_build_write(struct kedge_build *build, const struct kedge_image *image,
                                struct kedge_output *output, struct kedge_built *built)
{
    size_t capacity = head_capacity(build);
    uint8_t *head_bytes = malloc(capacity);
    if (head_bytes == NULL)
        return KEDGE_E_MEMORY;
    struct kedge_writer head = kedge_writer(head_bytes, capacity);
    struct kedge_progress progress;
    kedge_progress_begin(&progress, build->compress ? "compressing" : "signing", image->size);
    build->manifest.image_size = image->size;
    enum kedge_rc rc = build->compress
                           ? write_compressed(build, image, output, &progress, &head, built)
                           : write_stored(build, image, output, &progress, &head, built);
    kedge_progress_end(&progress);
    built->package_size = head.size + build->manifest.payload.encoded_size;
    free(head_bytes);
    return rc == KEDGE_E_BUFFER ? KEDGE_E_LIMIT : rc;
}
