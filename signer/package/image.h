/*
 * image.h: the firmware image as a file that is read in pieces, so that its size does not matter.
 * Why the system refused stays in errno.
 */
#ifndef KEDGE_SIGNER_IMAGE_H
#define KEDGE_SIGNER_IMAGE_H

#include <kedge/crypto.h>
#include <time.h>

/** An open image; close it with kedge_image_close(). */
struct kedge_image {
    int file;
    uint64_t size; /* bytes, 1 to KEDGE_IMAGE_SIZE_MAX */
    struct timespec modified;
};

/**
 * kedge_image_open() opens a regular file. KEDGE_E_MISSING when it is empty, KEDGE_E_LIMIT when it
 * is larger than an image may be, KEDGE_E_SYSTEM when it cannot be read.
 */
enum kedge_rc kedge_image_open(struct kedge_image *image, const char *path) KEDGE_MUST_USE;

/** kedge_image_read() reads exactly `size` bytes at `offset`; KEDGE_E_CONFLICT when they are gone.
 */
enum kedge_rc kedge_image_read(const struct kedge_image *image, uint64_t offset, uint8_t *out,
                               size_t size) KEDGE_MUST_USE;

/** kedge_image_close() is KEDGE_E_CONFLICT when somebody changed the file since it was opened. */
enum kedge_rc kedge_image_close(struct kedge_image *image) KEDGE_MUST_USE;

#endif
