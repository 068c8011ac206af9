/* frame.c: making frames: pack one piece of the image, and put the head before it. */
#include <kedge/payload.h>
#include <string.h>
#include <zlib.h>

#include "core/payload/arena.h"

#define WINDOW_BITS 15
#define MEMORY_LEVEL 8

/* Compresses into at most `capacity` bytes; 0 when that does not do. */
static size_t compress_piece(struct kedge_slice image, void *memory, uint8_t *out, size_t capacity)
{
    struct kedge_arena arena = {.bytes = memory, .capacity = KEDGE_DEFLATE_ARENA_SIZE};
    z_stream stream = {
        .zalloc = kedge_arena_take, .zfree = kedge_arena_give_back, .opaque = &arena};
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    /* zlib does not write through next_in; its type only lacks the const. */
    stream.next_in = (Bytef *)(uintptr_t)image.data;
    stream.avail_in = (uInt)image.size;
    stream.next_out = out;
    stream.avail_out = (uInt)capacity;
    int ended = deflate(&stream, Z_FINISH);
    size_t size = capacity - stream.avail_out;
    deflateEnd(&stream);
    return ended == Z_STREAM_END ? size : 0;
}

enum kedge_rc kedge_frame_pack(struct kedge_slice image, void *arena, uint8_t *data,
                               size_t *data_size, enum kedge_frame_encoding *encoding)
{
    if (image.size == 0 || image.size > KEDGE_FRAME_IMAGE_SIZE)
        return KEDGE_E_ARGUMENT;
    /* Compressed must be smaller than stored, so one byte less is all the room it gets. */
    size_t compressed = arena != NULL ? compress_piece(image, arena, data, image.size - 1) : 0;
    if (compressed > 0) {
        *data_size = compressed;
        *encoding = KEDGE_FRAME_ZLIB;
        return KEDGE_OK;
    }
    memcpy(data, image.data, image.size);
    *data_size = image.size;
    *encoding = KEDGE_FRAME_STORED;
    return KEDGE_OK;
}

void kedge_frame_head(const uint8_t next_digest[KEDGE_SHA256_SIZE],
                      enum kedge_frame_encoding encoding, size_t data_size,
                      uint8_t head[KEDGE_FRAME_HEAD_SIZE])
{
    memcpy(head, next_digest, KEDGE_SHA256_SIZE);
    head[32] = (uint8_t)encoding;
    head[33] = (uint8_t)(data_size >> 16);
    head[34] = (uint8_t)(data_size >> 8);
    head[35] = (uint8_t)data_size;
}
