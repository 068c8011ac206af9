/* image.c: see image.h. */
#define _GNU_SOURCE
#include "signer/package/image.h"

#include <errno.h>
#include <fcntl.h>
#include <kedge/payload.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_SIZE (256u * 1024u)

static enum kedge_rc look_at(int file, struct kedge_image *image)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return KEDGE_E_SYSTEM;
    if (!S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        return KEDGE_E_SYSTEM;
    }
    if (status.st_size == 0)
        return KEDGE_E_MISSING;
    if ((uint64_t)status.st_size > KEDGE_IMAGE_SIZE_MAX)
        return KEDGE_E_LIMIT;
    *image = (struct kedge_image){
        .file = file, .size = (uint64_t)status.st_size, .modified = status.st_mtim};
    return KEDGE_OK;
}

enum kedge_rc kedge_image_open(struct kedge_image *image, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return KEDGE_E_SYSTEM;
    enum kedge_rc rc = look_at(file, image);
    if (rc != KEDGE_OK) {
        int reason = errno;
        close(file);
        errno = reason;
    }
    return rc;
}

enum kedge_rc kedge_image_read(const struct kedge_image *image, uint64_t offset, uint8_t *out,
                               size_t size)
{
    while (size > 0) {
        ssize_t got = pread(image->file, out, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return KEDGE_E_SYSTEM;
        if (got == 0)
            return KEDGE_E_CONFLICT;
        out += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_image_digest(const struct kedge_image *image, struct kedge_progress *progress,
                                 uint8_t digest[KEDGE_SHA256_SIZE])
{
    uint8_t *piece = malloc(PIECE_SIZE);
    if (piece == NULL)
        return KEDGE_E_MEMORY;
    struct kedge_sha256 hash;
    kedge_sha256_init(&hash);
    enum kedge_rc rc = KEDGE_OK;
    for (uint64_t offset = 0; offset < image->size && rc == KEDGE_OK;) {
        uint64_t left = image->size - offset;
        size_t size = left < PIECE_SIZE ? (size_t)left : PIECE_SIZE;
        rc = kedge_image_read(image, offset, piece, size);
        if (rc == KEDGE_OK)
            kedge_sha256_update(&hash, kedge_slice(piece, size));
        offset += size;
        kedge_progress_add(progress, size);
    }
    free(piece);
    kedge_sha256_final(&hash, digest);
    return rc;
}

enum kedge_rc kedge_image_close(struct kedge_image *image)
{
    struct stat status;
    int failed = fstat(image->file, &status);
    close(image->file);
    image->file = -1;
    bool same = failed == 0 && (uint64_t)status.st_size == image->size &&
                status.st_mtim.tv_sec == image->modified.tv_sec &&
                status.st_mtim.tv_nsec == image->modified.tv_nsec;
    return same ? KEDGE_OK : KEDGE_E_CONFLICT;
}
