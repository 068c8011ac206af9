/*
 * image_digest.h: the image's SHA-256, computed beside the making of its frames. Every byte is
 * hashed twice, once for the image and once for its frame, and neither waits for the other: on a
 * second thread it costs no time where a second processor is idle.
 */
#ifndef KEDGE_SIGNER_IMAGE_DIGEST_H
#define KEDGE_SIGNER_IMAGE_DIGEST_H

#include "signer/package/image.h"
#include <pthread.h>
#include <stdatomic.h>

/** A digest being computed; the caller's, and in its place until kedge_image_digest_end(). */
struct kedge_image_digest {
    const struct kedge_image *image;
    pthread_t thread;
    bool threaded; /* the system gave a thread; without one it is computed at the end */
    atomic_bool given_up;
    enum kedge_rc rc;
    int reason; /* errno, when rc is KEDGE_E_SYSTEM */
    uint8_t digest[KEDGE_SHA256_SIZE];
};

/** kedge_image_digest_begin() starts; `image` stays open until the end. Does not block. */
void kedge_image_digest_begin(struct kedge_image_digest *digest, const struct kedge_image *image);

/**
 * kedge_image_digest_end() waits and gives the digest. With `wanted` false it gives up instead and
 * returns KEDGE_E_CANCELED. Else it fails as kedge_image_read() does.
 */
enum kedge_rc kedge_image_digest_end(struct kedge_image_digest *digest, bool wanted,
                                     uint8_t out[KEDGE_SHA256_SIZE]) KEDGE_MUST_USE;

#endif
