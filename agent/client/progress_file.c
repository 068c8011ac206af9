/* progress_file.c: see progress_file.h. */
#include "agent/client/progress_file.h"

#include "agent/client/record.h"

#define MAGIC "KDL1"

/* As in the state file, a later agent's keys have higher numbers. */
enum {
    KEY_URI = 1,
    KEY_ETAG,
    KEY_MANIFEST_DIGEST,
    KEY_OFFSET,
    KEY_ENCODED_OFFSET,
    KEY_IMAGE_OFFSET,
    KEY_FRAME_DIGEST,
    KEY_IMAGE_DIGEST,
    KEY_FURTHEST,
    KEY_HEAD
};
#define KEY_COUNT 10u

static enum kedge_rc put_digest(struct kedge_writer *out, uint64_t key,
                                const uint8_t digest[KEDGE_SHA256_SIZE])
{
    return kedge_record_put_bytes(out, key, kedge_slice(digest, KEDGE_SHA256_SIZE));
}

enum kedge_rc kedge_progress_encode(const struct kedge_progress *progress, struct kedge_writer *out)
{
    const struct kedge_install_point *point = &progress->point;
    const struct kedge_payload_boundary *at = &point->boundary;
    size_t start;
    KEDGE_TRY(kedge_record_begin(out, MAGIC, KEY_COUNT, &start));
    KEDGE_TRY(kedge_record_put_text(out, KEY_URI, progress->uri));
    KEDGE_TRY(kedge_record_put_bytes(out, KEY_ETAG, kedge_etag_slice(&progress->etag)));
    KEDGE_TRY(put_digest(out, KEY_MANIFEST_DIGEST, point->manifest_digest));
    KEDGE_TRY(kedge_record_put_number(out, KEY_OFFSET, point->offset));
    KEDGE_TRY(kedge_record_put_number(out, KEY_ENCODED_OFFSET, at->encoded_offset));
    KEDGE_TRY(kedge_record_put_number(out, KEY_IMAGE_OFFSET, at->image_offset));
    KEDGE_TRY(put_digest(out, KEY_FRAME_DIGEST, at->frame_digest));
    KEDGE_TRY(put_digest(out, KEY_IMAGE_DIGEST, at->image_digest));
    KEDGE_TRY(kedge_record_put_number(out, KEY_FURTHEST, progress->furthest));
    KEDGE_TRY(
        kedge_record_put_bytes(out, KEY_HEAD, kedge_slice(progress->head, progress->head_size)));
    return kedge_record_end(out, start);
}

static enum kedge_rc get_digest(struct kedge_record *record, uint64_t key,
                                uint8_t digest[KEDGE_SHA256_SIZE])
{
    size_t size;
    KEDGE_TRY(kedge_record_get_bytes(record, key, digest, KEDGE_SHA256_SIZE, &size));
    return size == KEDGE_SHA256_SIZE ? KEDGE_OK : KEDGE_E_MALFORMED;
}

static enum kedge_rc get_etag(struct kedge_record *record, struct kedge_etag *etag)
{
    size_t size;
    KEDGE_TRY(kedge_record_get_bytes(record, KEY_ETAG, etag->bytes, sizeof etag->bytes, &size));
    etag->size = (uint8_t)size;
    return size > 0 ? KEDGE_OK : KEDGE_E_MALFORMED;
}

enum kedge_rc kedge_progress_decode(struct kedge_slice bytes, struct kedge_progress *progress)
{
    struct kedge_install_point *point = &progress->point;
    struct kedge_payload_boundary *at = &point->boundary;
    struct kedge_record record;
    KEDGE_TRY(kedge_record_open(&record, bytes, MAGIC, KEY_COUNT));
    KEDGE_TRY(kedge_record_get_text(&record, KEY_URI, progress->uri, sizeof progress->uri));
    KEDGE_TRY(get_etag(&record, &progress->etag));
    KEDGE_TRY(get_digest(&record, KEY_MANIFEST_DIGEST, point->manifest_digest));
    KEDGE_TRY(kedge_record_get_number(&record, KEY_OFFSET, UINT64_MAX, &point->offset));
    KEDGE_TRY(
        kedge_record_get_number(&record, KEY_ENCODED_OFFSET, UINT64_MAX, &at->encoded_offset));
    KEDGE_TRY(kedge_record_get_number(&record, KEY_IMAGE_OFFSET, UINT64_MAX, &at->image_offset));
    KEDGE_TRY(get_digest(&record, KEY_FRAME_DIGEST, at->frame_digest));
    KEDGE_TRY(get_digest(&record, KEY_IMAGE_DIGEST, at->image_digest));
    KEDGE_TRY(kedge_record_get_number(&record, KEY_FURTHEST, UINT64_MAX, &progress->furthest));
    KEDGE_TRY(kedge_record_get_bytes(&record, KEY_HEAD, progress->head, sizeof progress->head,
                                     &progress->head_size));
    return kedge_record_close(&record);
}

enum kedge_rc kedge_progress_load(const struct kedge_folder *folder,
                                  struct kedge_progress *progress)
{
    uint8_t bytes[KEDGE_PROGRESS_SIZE_MAX];
    size_t size;
    KEDGE_TRY(folder->read(folder->context, KEDGE_PROGRESS_FILE, bytes, sizeof bytes, &size));
    return kedge_progress_decode(kedge_slice(bytes, size), progress);
}

enum kedge_rc kedge_progress_save(const struct kedge_folder *folder,
                                  const struct kedge_progress *progress)
{
    uint8_t bytes[KEDGE_PROGRESS_SIZE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(kedge_progress_encode(progress, &out));
    return kedge_record_file_replace(folder, KEDGE_PROGRESS_FILE, kedge_writer_slice(&out));
}

void kedge_progress_remove(const struct kedge_folder *folder)
{
    folder->remove(folder->context, KEDGE_PROGRESS_FILE);
}
