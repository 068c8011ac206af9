/* frames.c: see frames.h. */
#define _GNU_SOURCE
#include "signer/package/frames.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "signer/files/output.h"

#define WRITE_BACK_SIZE (UINT64_C(4) << 20)

/* What one frame is made in; some 400 KiB, so on the heap. */
struct bench {
    uint8_t image[KEDGE_FRAME_IMAGE_SIZE];
    uint8_t frame[KEDGE_FRAME_MAX];
    _Alignas(16) uint8_t arena[KEDGE_DEFLATE_ARENA_SIZE];
};

uint64_t kedge_frames_size_stored(uint64_t image_size)
{
    uint64_t frames = (image_size + KEDGE_FRAME_IMAGE_SIZE - 1) / KEDGE_FRAME_IMAGE_SIZE;
    return image_size + frames * KEDGE_FRAME_HEAD_SIZE;
}

/* Makes the frame of the image's bytes at `offset`; `digest` is the next one's, then its own. */
static enum kedge_rc make_frame(const struct kedge_image *image, uint64_t offset, bool compress,
                                struct bench *bench, uint8_t digest[KEDGE_SHA256_SIZE],
                                struct kedge_slice *frame)
{
    uint64_t left = image->size - offset;
    size_t size = left < KEDGE_FRAME_IMAGE_SIZE ? (size_t)left : KEDGE_FRAME_IMAGE_SIZE;
    size_t data_size = size;
    enum kedge_frame_encoding encoding = KEDGE_FRAME_STORED;
    uint8_t *data = bench->frame + KEDGE_FRAME_HEAD_SIZE;
    /* What is only stored is read to where it will stand. */
    uint8_t *piece = compress ? bench->image : data;
    KEDGE_TRY(kedge_image_read(image, offset, piece, size));
    if (compress)
        KEDGE_TRY(
            kedge_frame_pack(kedge_slice(piece, size), bench->arena, data, &data_size, &encoding));
    kedge_frame_head(digest, encoding, data_size, bench->frame);
    *frame = kedge_slice(bench->frame, KEDGE_FRAME_HEAD_SIZE + data_size);
    kedge_sha256(*frame, digest);
    return KEDGE_OK;
}

/* Asks for what lies between `place` and `unasked` once that is worth it; whether it helps or not,
 * only fsync() makes it durable. */
static void begin_writing_back(int file, uint64_t place, uint64_t *unasked)
{
    if (*unasked - place < WRITE_BACK_SIZE)
        return;
    (void)sync_file_range(file, (off_t)place, (off_t)(*unasked - place), SYNC_FILE_RANGE_WRITE);
    *unasked = place;
}

static enum kedge_rc write_all(const struct kedge_image *image, bool compress, int file,
                               uint64_t end, struct bench *bench, struct kedge_progress *progress,
                               struct kedge_payload_plan *plan)
{
    uint64_t frames = (image->size + KEDGE_FRAME_IMAGE_SIZE - 1) / KEDGE_FRAME_IMAGE_SIZE;
    uint64_t place = end, unasked = end;
    uint8_t digest[KEDGE_SHA256_SIZE] = {0};
    for (uint64_t i = frames; i-- > 0;) {
        struct kedge_slice frame;
        KEDGE_TRY(make_frame(image, i * KEDGE_FRAME_IMAGE_SIZE, compress, bench, digest, &frame));
        place -= frame.size;
        KEDGE_TRY(kedge_file_write_at(file, place, frame));
        begin_writing_back(file, place, &unasked);
        kedge_progress_add(progress, KEDGE_FRAME_IMAGE_SIZE);
    }
    plan->encoding = compress ? KEDGE_FRAME_ZLIB : KEDGE_FRAME_STORED;
    plan->image_size = image->size;
    plan->encoded_size = end - place;
    memcpy(plan->first_frame_digest, digest, KEDGE_SHA256_SIZE);
    return KEDGE_OK;
}

enum kedge_rc kedge_frames_write(const struct kedge_image *image, bool compress, int file,
                                 uint64_t end, struct kedge_progress *progress,
                                 struct kedge_payload_plan *plan)
{
    struct bench *bench = malloc(sizeof *bench);
    if (bench == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = write_all(image, compress, file, end, bench, progress, plan);
    free(bench);
    return rc;
}
