/*
 * payload.h: the payload of a package: chained frames, checked before they are expanded.
 *
 * An image is cut into frames of KEDGE_FRAME_IMAGE_SIZE bytes (the last one may be shorter; an
 * image has at least one byte). Each frame on the wire, integers big-endian:
 *
 *     offset 0   32 bytes  SHA-256 of the whole next frame; zeros in the last one
 *            32   1 byte   how the data is kept: 0 stored, 1 zlib (RFC 1950)
 *            33   3 bytes  size of the data in bytes (1 to 32768)
 *            36            the data
 *
 * The manifest carries the SHA-256 of frame 0, so every byte is authenticated before it is used.
 * A frame is compressed alone, or stored when that is not smaller.
 */
#ifndef KEDGE_PAYLOAD_H
#define KEDGE_PAYLOAD_H

#include <kedge/crypto.h>

#define KEDGE_FRAME_IMAGE_SIZE 32768u
#define KEDGE_FRAME_HEAD_SIZE 36u
#define KEDGE_FRAME_MAX (KEDGE_FRAME_HEAD_SIZE + KEDGE_FRAME_IMAGE_SIZE)
#define KEDGE_IMAGE_SIZE_MAX UINT64_C(4294967296)
#define KEDGE_INFLATE_ARENA_SIZE 40960u /* inflate's state and window: 39,928 measured */
#define KEDGE_DEFLATE_ARENA_SIZE (320u * 1024u)

enum kedge_frame_encoding { KEDGE_FRAME_STORED = 0, KEDGE_FRAME_ZLIB = 1 };

/** What the manifest says about the payload (parameter -257; see suit.h). */
struct kedge_payload_plan {
    enum kedge_frame_encoding encoding; /* ZLIB: each frame may be either; STORED: all stored */
    uint64_t encoded_size;              /* all frames together */
    uint64_t image_size;
    uint8_t first_frame_digest[KEDGE_SHA256_SIZE];
};

/**
 * kedge_frame_pack() keeps one frame's image bytes as its data: writes to `data` (room for
 * KEDGE_FRAME_IMAGE_SIZE) what goes into the frame, and says how. `arena` is
 * KEDGE_DEFLATE_ARENA_SIZE bytes of the caller's, or NULL to store. Deterministic.
 */
enum kedge_rc kedge_frame_pack(struct kedge_slice image, void *arena, uint8_t *data,
                               size_t *data_size,
                               enum kedge_frame_encoding *encoding) KEDGE_MUST_USE;

/** kedge_frame_head() writes the 36 bytes that go before the data. */
void kedge_frame_head(const uint8_t next_digest[KEDGE_SHA256_SIZE],
                      enum kedge_frame_encoding encoding, size_t data_size,
                      uint8_t head[KEDGE_FRAME_HEAD_SIZE]);

/** A place between two frames: all that must be known to go on from there another time. */
struct kedge_payload_boundary {
    uint64_t encoded_offset;                 /* of the frame that comes next */
    uint64_t image_offset;                   /* of its image bytes */
    uint8_t frame_digest[KEDGE_SHA256_SIZE]; /* of the frame that comes next */
    uint8_t image_digest[KEDGE_SHA256_SIZE]; /* of the image's bytes before it */
};

/**
 * Where the expanded bytes go, in order; `offset` counts from the image's start. `boundary` (NULL:
 * nobody asks) is called between any two frames, `at` borrowed for the call; never with a hasher.
 */
struct kedge_payload_sink {
    void *context;
    enum kedge_rc (*write)(void *context, uint64_t offset, struct kedge_slice bytes);
    void (*boundary)(void *context, const struct kedge_payload_boundary *at);
};

/**
 * Who computes the image's digest, when that is not the reader itself: on a second thread, say. It
 * is given stored bytes as they arrive, before their frame has been checked: nothing but a digest
 * may come of them.
 */
struct kedge_payload_hasher {
    void *context;
    void (*update)(void *context, struct kedge_slice bytes); /* in order; borrowed for the call */
    void (*final)(void *context, uint8_t digest[KEDGE_SHA256_SIZE]);
};

/**
 * A payload being received: about one frame and one arena, all inside, no heap. Push bytes in as
 * they come, in any pieces. Nothing reaches the sink from a frame that has not been checked.
 */
struct kedge_payload_reader {
    struct kedge_payload_plan plan;
    struct kedge_payload_sink sink;
    uint8_t expected_digest[KEDGE_SHA256_SIZE]; /* of the frame being collected */
    uint64_t encoded_offset;                    /* bytes taken in */
    uint64_t image_offset;                      /* bytes given to the sink */
    size_t frame_size;                          /* bytes of the present frame collected so far */
    bool finished;                              /* the last frame has been expanded */
    struct kedge_sha256 frame_hash;             /* of the present frame as far as it came */
    struct kedge_sha256 image_hash;             /* of what the sink was given */
    const struct kedge_payload_hasher *hasher;  /* instead of image_hash; NULL: none */
    uint8_t frame[KEDGE_FRAME_MAX];
    _Alignas(16) uint8_t arena[KEDGE_INFLATE_ARENA_SIZE];
    uint8_t piece[4096];
};

/** Refuses an impossible plan with KEDGE_E_LIMIT or KEDGE_E_MALFORMED. */
enum kedge_rc kedge_payload_begin(struct kedge_payload_reader *reader,
                                  const struct kedge_payload_plan *plan,
                                  const struct kedge_payload_sink *sink) KEDGE_MUST_USE;
/**
 * kedge_payload_resume() goes on at a boundary of an earlier reader of the same plan, instead of at
 * the beginning: before the first push. `image_hash` has been given the image's bytes before it, as
 * they are now. KEDGE_E_DIGEST when those are not the bytes that the boundary was behind,
 * KEDGE_E_MALFORMED when this plan has no such boundary. The frame digest is taken from `at`: when
 * that was tampered with, the image's digest in the end tells.
 */
enum kedge_rc kedge_payload_resume(struct kedge_payload_reader *reader,
                                   const struct kedge_payload_boundary *at,
                                   const struct kedge_sha256 *image_hash) KEDGE_MUST_USE;
/** Lets `hasher`, which stays the caller's, compute the image's digest. Before the first push. */
void kedge_payload_hash_by(struct kedge_payload_reader *reader,
                           const struct kedge_payload_hasher *hasher);
/**
 * Takes `bytes` in. KEDGE_E_FRAME when a frame's digest, head, encoding or expanded size is wrong,
 * KEDGE_E_TRAILING when bytes follow the last frame; the sink's own failure is handed on. After a
 * failure the reader is of no more use.
 */
enum kedge_rc kedge_payload_push(struct kedge_payload_reader *reader,
                                 struct kedge_slice bytes) KEDGE_MUST_USE;
/**
 * Ends it: KEDGE_E_TRUNCATED unless all frames came, KEDGE_E_DIGEST unless the image's SHA-256 is
 * `image_digest`.
 */
enum kedge_rc kedge_payload_end(struct kedge_payload_reader *reader,
                                const uint8_t image_digest[KEDGE_SHA256_SIZE]) KEDGE_MUST_USE;

#endif
