/*
 * reader.c: taking frames in. A frame is collected whole, its digest is compared with the one that
 * its predecessor (or the manifest) gave, and only then is it expanded and handed to the sink.
 */
#include <kedge/payload.h>
#include <string.h>
#include <zlib.h>

#include "core/payload/arena.h"

enum kedge_rc kedge_payload_begin(struct kedge_payload_reader *reader,
                                  const struct kedge_payload_plan *plan,
                                  const struct kedge_payload_sink *sink)
{
    if (plan->encoding != KEDGE_FRAME_STORED && plan->encoding != KEDGE_FRAME_ZLIB)
        return KEDGE_E_UNSUPPORTED;
    if (plan->image_size == 0)
        return KEDGE_E_MALFORMED;
    if (plan->image_size > KEDGE_IMAGE_SIZE_MAX)
        return KEDGE_E_LIMIT;
    uint64_t frames = (plan->image_size + KEDGE_FRAME_IMAGE_SIZE - 1) / KEDGE_FRAME_IMAGE_SIZE;
    uint64_t most = plan->image_size + frames * KEDGE_FRAME_HEAD_SIZE;
    uint64_t least = frames * (KEDGE_FRAME_HEAD_SIZE + 1);
    if (plan->encoded_size > most || plan->encoded_size < least ||
        (plan->encoding == KEDGE_FRAME_STORED && plan->encoded_size != most))
        return KEDGE_E_MALFORMED;
    reader->plan = *plan;
    reader->sink = *sink;
    memcpy(reader->expected_digest, plan->first_frame_digest, KEDGE_SHA256_SIZE);
    reader->encoded_offset = 0;
    reader->image_offset = 0;
    reader->frame_size = 0;
    reader->finished = false;
    reader->hasher = NULL;
    kedge_sha256_init(&reader->frame_hash);
    kedge_sha256_init(&reader->image_hash);
    return KEDGE_OK;
}

static bool is_boundary(const struct kedge_payload_plan *plan,
                        const struct kedge_payload_boundary *at)
{
    uint64_t frames = at->image_offset / KEDGE_FRAME_IMAGE_SIZE;
    bool inside = at->image_offset > 0 && at->image_offset < plan->image_size &&
                  at->encoded_offset < plan->encoded_size;
    return inside && at->image_offset % KEDGE_FRAME_IMAGE_SIZE == 0 &&
           at->encoded_offset <= at->image_offset + frames * KEDGE_FRAME_HEAD_SIZE &&
           at->encoded_offset >= frames * (KEDGE_FRAME_HEAD_SIZE + 1);
}

enum kedge_rc kedge_payload_resume(struct kedge_payload_reader *reader,
                                   const struct kedge_payload_boundary *at,
                                   const struct kedge_sha256 *image_hash)
{
    uint8_t digest[KEDGE_SHA256_SIZE];
    struct kedge_sha256 hash = *image_hash;
    if (reader->encoded_offset > 0)
        return KEDGE_E_STATE;
    if (!is_boundary(&reader->plan, at))
        return KEDGE_E_MALFORMED;
    kedge_sha256_final(&hash, digest);
    if (memcmp(digest, at->image_digest, sizeof digest) != 0)
        return KEDGE_E_DIGEST;
    memcpy(reader->expected_digest, at->frame_digest, KEDGE_SHA256_SIZE);
    reader->encoded_offset = at->encoded_offset;
    reader->image_offset = at->image_offset;
    reader->image_hash = *image_hash;
    return KEDGE_OK;
}

void kedge_payload_hash_by(struct kedge_payload_reader *reader,
                           const struct kedge_payload_hasher *hasher)
{
    reader->hasher = hasher;
}

/* How many image bytes the present frame holds: all hold the same number but the last one. */
static size_t image_bytes_of_frame(const struct kedge_payload_reader *reader)
{
    uint64_t left = reader->plan.image_size - reader->image_offset;
    return left < KEDGE_FRAME_IMAGE_SIZE ? (size_t)left : KEDGE_FRAME_IMAGE_SIZE;
}

static size_t data_size(const struct kedge_payload_reader *reader)
{
    return (size_t)reader->frame[33] << 16 | (size_t)reader->frame[34] << 8 | reader->frame[35];
}

/* A wrong head is found as soon as it is there: a lie about the size is not waited for. */
static enum kedge_rc check_head(const struct kedge_payload_reader *reader)
{
    size_t image = image_bytes_of_frame(reader);
    size_t data = data_size(reader);
    switch (reader->frame[32]) {
    case KEDGE_FRAME_STORED:
        return data == image ? KEDGE_OK : KEDGE_E_FRAME;
    case KEDGE_FRAME_ZLIB:
        return reader->plan.encoding == KEDGE_FRAME_ZLIB && data > 0 && data < image
                   ? KEDGE_OK
                   : KEDGE_E_FRAME;
    default:
        return KEDGE_E_FRAME;
    }
}

static bool is_stored(const struct kedge_payload_reader *reader)
{
    return reader->frame[32] == KEDGE_FRAME_STORED;
}

static enum kedge_rc give(struct kedge_payload_reader *reader, struct kedge_slice bytes)
{
    if (reader->hasher == NULL)
        kedge_sha256_update(&reader->image_hash, bytes);
    else if (!is_stored(reader)) /* it has had the stored ones */
        reader->hasher->update(reader->hasher->context, bytes);
    KEDGE_TRY(reader->sink.write(reader->sink.context, reader->image_offset, bytes));
    reader->image_offset += bytes.size;
    return KEDGE_OK;
}

/* Expands to exactly `image` bytes: a bomb ends at the byte that is too many. */
static enum kedge_rc inflate_pieces(struct kedge_payload_reader *reader, z_stream *stream,
                                    size_t image)
{
    size_t given = 0;
    for (;;) {
        stream->next_out = reader->piece;
        stream->avail_out = sizeof reader->piece;
        /* Where it can go no further it says Z_BUF_ERROR, so this loop ends. */
        int status = inflate(stream, Z_NO_FLUSH);
        size_t made = sizeof reader->piece - stream->avail_out;
        if (status != Z_OK && status != Z_STREAM_END)
            return KEDGE_E_FRAME;
        if (made > image - given)
            return KEDGE_E_FRAME;
        KEDGE_TRY(give(reader, kedge_slice(reader->piece, made)));
        given += made;
        if (status == Z_STREAM_END)
            return given == image && stream->avail_in == 0 ? KEDGE_OK : KEDGE_E_FRAME;
    }
}

static enum kedge_rc expand(struct kedge_payload_reader *reader)
{
    size_t image = image_bytes_of_frame(reader);
    uint8_t *data = reader->frame + KEDGE_FRAME_HEAD_SIZE;
    if (is_stored(reader))
        return give(reader, kedge_slice(data, image));
    struct kedge_arena arena = {.bytes = reader->arena, .capacity = sizeof reader->arena};
    z_stream stream = {.zalloc = kedge_arena_take,
                       .zfree = kedge_arena_give_back,
                       .opaque = &arena,
                       .next_in = data,
                       .avail_in = (uInt)data_size(reader)};
    if (inflateInit(&stream) != Z_OK)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = inflate_pieces(reader, &stream, image);
    inflateEnd(&stream);
    return rc;
}

static void tell_boundary(const struct kedge_payload_reader *reader)
{
    struct kedge_payload_boundary at = {.encoded_offset = reader->encoded_offset,
                                        .image_offset = reader->image_offset};
    struct kedge_sha256 hash = reader->image_hash;
    if (reader->sink.boundary == NULL || reader->hasher != NULL)
        return;
    memcpy(at.frame_digest, reader->expected_digest, sizeof at.frame_digest);
    kedge_sha256_final(&hash, at.image_digest);
    reader->sink.boundary(reader->sink.context, &at);
}

static enum kedge_rc finish_frame(struct kedge_payload_reader *reader)
{
    static const uint8_t zeros[KEDGE_SHA256_SIZE];
    uint8_t digest[KEDGE_SHA256_SIZE];
    kedge_sha256_final(&reader->frame_hash, digest);
    kedge_sha256_init(&reader->frame_hash);
    if (memcmp(digest, reader->expected_digest, sizeof digest) != 0)
        return KEDGE_E_FRAME;
    KEDGE_TRY(expand(reader));
    memcpy(reader->expected_digest, reader->frame, KEDGE_SHA256_SIZE);
    reader->frame_size = 0;
    bool last = memcmp(reader->expected_digest, zeros, sizeof zeros) == 0;
    bool complete = reader->image_offset == reader->plan.image_size;
    if (last != complete)
        return KEDGE_E_FRAME;
    if (complete && reader->encoded_offset != reader->plan.encoded_size)
        return KEDGE_E_FRAME;
    reader->finished = complete;
    if (!complete)
        tell_boundary(reader);
    return KEDGE_OK;
}

/* How many bytes the present frame still wants. */
static size_t wanted(const struct kedge_payload_reader *reader)
{
    if (reader->frame_size < KEDGE_FRAME_HEAD_SIZE)
        return KEDGE_FRAME_HEAD_SIZE - reader->frame_size;
    return KEDGE_FRAME_HEAD_SIZE + data_size(reader) - reader->frame_size;
}

/* Takes part of a frame in: of its head, or of its data. */
static void collect(struct kedge_payload_reader *reader, struct kedge_slice part)
{
    bool data = reader->frame_size >= KEDGE_FRAME_HEAD_SIZE;
    memcpy(reader->frame + reader->frame_size, part.data, part.size);
    if (data && reader->hasher != NULL && is_stored(reader))
        reader->hasher->update(reader->hasher->context, part);
    kedge_sha256_update(&reader->frame_hash, part);
    reader->frame_size += part.size;
    reader->encoded_offset += part.size;
}

enum kedge_rc kedge_payload_push(struct kedge_payload_reader *reader, struct kedge_slice bytes)
{
    while (bytes.size > 0) {
        if (reader->finished)
            return KEDGE_E_TRAILING;
        size_t take = wanted(reader);
        if (take > bytes.size)
            take = bytes.size;
        collect(reader, kedge_slice(bytes.data, take));
        bytes = kedge_slice(bytes.data + take, bytes.size - take);
        if (reader->frame_size < KEDGE_FRAME_HEAD_SIZE)
            continue;
        KEDGE_TRY(check_head(reader));
        if (wanted(reader) == 0)
            KEDGE_TRY(finish_frame(reader));
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_payload_end(struct kedge_payload_reader *reader,
                                const uint8_t image_digest[KEDGE_SHA256_SIZE])
{
    if (!reader->finished)
        return KEDGE_E_TRUNCATED;
    uint8_t digest[KEDGE_SHA256_SIZE];
    struct kedge_sha256 hash = reader->image_hash;
    if (reader->hasher != NULL)
        reader->hasher->final(reader->hasher->context, digest);
    else
        kedge_sha256_final(&hash, digest);
    return memcmp(digest, image_digest, sizeof digest) == 0 ? KEDGE_OK : KEDGE_E_DIGEST;
}
