/*
 * frames.h: the image as chained frames in a file.
 *
 * Method: each frame begins with the digest of the next one, so the last frame is made first. They
 * are written from a place in the file down towards its beginning; where the first one begins is
 * known when it has been made. Stored frames have sizes that are known before, so their place in
 * the package is, too; compressed ones go to a scratch file and are copied from there. The system
 * is asked to begin writing what is finished, so that the fsync at the end waits for little.
 */
#ifndef KEDGE_SIGNER_FRAMES_H
#define KEDGE_SIGNER_FRAMES_H

#include "signer/cli/progress.h"
#include "signer/package/image.h"
#include <kedge/payload.h>

/** kedge_frames_size_stored() is the size of all frames together when none is compressed. */
uint64_t kedge_frames_size_stored(uint64_t image_size);

/**
 * kedge_frames_write() writes the image's frames into `file` so that they end at `end`, and fills
 * in `plan`: they begin at `end` - plan->encoded_size. Deterministic. Its own errors are those of
 * reading the image, KEDGE_E_SYSTEM when `file` cannot be written, and KEDGE_E_MEMORY.
 */
enum kedge_rc kedge_frames_write(const struct kedge_image *image, bool compress, int file,
                                 uint64_t end, struct kedge_progress *progress,
                                 struct kedge_payload_plan *plan) KEDGE_MUST_USE;

#endif
