/* image_digest.c: see image_digest.h. */
#include "signer/package/image_digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_SIZE (256u * 1024u)

static enum kedge_rc hash_image(struct kedge_image_digest *digest)
{
    const struct kedge_image *image = digest->image;
    uint8_t *piece = malloc(PIECE_SIZE);
    if (piece == NULL)
        return KEDGE_E_MEMORY;
    struct kedge_sha256 hash;
    kedge_sha256_init(&hash);
    enum kedge_rc rc = KEDGE_OK;
    for (uint64_t offset = 0; offset < image->size && rc == KEDGE_OK;) {
        uint64_t left = image->size - offset;
        size_t size = left < PIECE_SIZE ? (size_t)left : PIECE_SIZE;
        rc = atomic_load_explicit(&digest->given_up, memory_order_relaxed)
                 ? KEDGE_E_CANCELED
                 : kedge_image_read(image, offset, piece, size);
        if (rc == KEDGE_OK)
            kedge_sha256_update(&hash, kedge_slice(piece, size));
        offset += size;
    }
    int reason = errno;
    free(piece);
    kedge_sha256_final(&hash, digest->digest);
    errno = reason;
    return rc;
}

static void *run(void *context)
{
    struct kedge_image_digest *digest = context;
    digest->rc = hash_image(digest);
    digest->reason = errno; /* each thread has its own */
    return NULL;
}

void kedge_image_digest_begin(struct kedge_image_digest *digest, const struct kedge_image *image)
{
    memset(digest, 0, sizeof *digest);
    atomic_init(&digest->given_up, false);
    digest->image = image;
    digest->threaded = pthread_create(&digest->thread, NULL, run, digest) == 0;
}

enum kedge_rc kedge_image_digest_end(struct kedge_image_digest *digest, bool wanted,
                                     uint8_t out[KEDGE_SHA256_SIZE])
{
    int reason = errno; /* why the caller gives up, perhaps */
    atomic_store(&digest->given_up, !wanted);
    if (!digest->threaded)
        run(digest);
    else
        pthread_join(digest->thread, NULL);
    errno = wanted ? digest->reason : reason;
    if (wanted && digest->rc == KEDGE_OK)
        memcpy(out, digest->digest, KEDGE_SHA256_SIZE);
    return wanted ? digest->rc : KEDGE_E_CANCELED;
}
