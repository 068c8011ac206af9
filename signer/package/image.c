/* image.c: see image.h. */
#define _GNU_SOURCE
#include "signer/package/image.h"

#include "signer/files/input.h"

#include <errno.h>
#include <fcntl.h>
#include <kedge/payload.h>
#include <sys/stat.h>
#include <unistd.h>

static enum kedge_rc look_at(int file, struct kedge_image *image)
{
    struct stat status;
    KEDGE_TRY(kedge_file_status(file, &status));
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
