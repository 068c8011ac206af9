/* input.c: see input.h. */
#define _GNU_SOURCE
#include "signer/files/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum kedge_rc kedge_file_identify(const char *path, struct kedge_file_identity *out)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return errno == ENOENT ? KEDGE_E_NOT_FOUND : KEDGE_E_SYSTEM;
    *out = (struct kedge_file_identity){.device = status.st_dev, .inode = status.st_ino};
    return KEDGE_OK;
}

/* Fills `buffer` as far as the file goes. */
static enum kedge_rc read_all(int file, uint8_t *buffer, size_t capacity, size_t *size)
{
    *size = 0;
    while (*size < capacity) {
        ssize_t got = read(file, buffer + *size, capacity - *size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return KEDGE_E_SYSTEM;
        if (got == 0)
            break;
        *size += (size_t)got;
    }
    return KEDGE_OK;
}

/* Close without losing why something before it failed. */
static void close_quietly(int file)
{
    int reason = errno;
    close(file);
    errno = reason;
}

enum kedge_rc kedge_file_read(const char *path, size_t most, struct kedge_slice *bytes)
{
    size_t size;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return KEDGE_E_SYSTEM;
    /* One byte more than is allowed shows that there is more. */
    uint8_t *buffer = malloc(most + 1);
    enum kedge_rc rc = buffer != NULL ? read_all(file, buffer, most + 1, &size) : KEDGE_E_MEMORY;
    close_quietly(file);
    if (rc == KEDGE_OK && size > most)
        rc = KEDGE_E_LIMIT;
    if (rc != KEDGE_OK) {
        free(buffer);
        return rc;
    }
    *bytes = kedge_slice(buffer, size);
    return KEDGE_OK;
}

void kedge_file_release(struct kedge_slice bytes)
{
    if (bytes.data == NULL)
        return;
    void *memory = (void *)(uintptr_t)bytes.data;
    kedge_wipe(memory, bytes.size);
    free(memory);
}

enum kedge_rc kedge_file_status(int file, struct stat *out)
{
    if (fstat(file, out) != 0)
        return KEDGE_E_SYSTEM;
    if (!S_ISREG(out->st_mode)) {
        errno = S_ISDIR(out->st_mode) ? EISDIR : EINVAL;
        return KEDGE_E_SYSTEM;
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_file_open(struct kedge_file *file, const char *path)
{
    struct stat status;
    file->file = open(path, O_RDONLY | O_CLOEXEC);
    if (file->file < 0)
        return KEDGE_E_SYSTEM;
    enum kedge_rc rc = kedge_file_status(file->file, &status);
    if (rc != KEDGE_OK) {
        close_quietly(file->file);
        return rc;
    }
    file->size = (uint64_t)status.st_size;
    (void)posix_fadvise(file->file, 0, 0, POSIX_FADV_SEQUENTIAL);
    return KEDGE_OK;
}

enum kedge_rc kedge_file_next(struct kedge_file *file, void *bytes, size_t most, size_t *size)
{
    ssize_t got;
    do
        got = read(file->file, bytes, most);
    while (got < 0 && errno == EINTR);
    *size = got > 0 ? (size_t)got : 0;
    return got < 0 ? KEDGE_E_SYSTEM : KEDGE_OK;
}

void kedge_file_close(struct kedge_file *file)
{
    close_quietly(file->file);
}

enum kedge_rc kedge_file_map(const char *path, struct kedge_slice *bytes)
{
    struct kedge_file file;
    *bytes = kedge_slice(NULL, 0);
    KEDGE_TRY(kedge_file_open(&file, path));
    void *mapping = NULL;
    if (file.size > 0)
        mapping = mmap(NULL, (size_t)file.size, PROT_READ, MAP_SHARED, file.file, 0);
    kedge_file_close(&file);
    if (mapping == MAP_FAILED)
        return KEDGE_E_SYSTEM;
    if (mapping != NULL)
        *bytes = kedge_slice(mapping, (size_t)file.size);
    return KEDGE_OK;
}

void kedge_file_unmap(struct kedge_slice bytes)
{
    if (bytes.size > 0)
        munmap((void *)(uintptr_t)bytes.data, bytes.size);
}
