/* record_file.c: see record_file.h. */
#define _POSIX_C_SOURCE 200809L
#include "agent/client/record_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* ---- a folder of the system ---- */

static int number_of(void *context)
{
    return *(const int *)context;
}

static void remove_file(void *context, const char *name)
{
    unlinkat(number_of(context), name, 0);
}

/* Never the file that is there: who may read that one is not known. */
static int create_file(void *context, const char *name)
{
    remove_file(context, name);
    return openat(number_of(context), name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static int write_all(void *context, int file, struct kedge_slice bytes)
{
    (void)context;
    while (bytes.size > 0) {
        ssize_t put = write(file, bytes.data, bytes.size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return -1;
        bytes = kedge_slice(bytes.data + put, bytes.size - (size_t)put);
    }
    return 0;
}

static int sync_file(void *context, int file)
{
    (void)context;
    return fsync(file);
}

static void close_file(void *context, int file)
{
    (void)context;
    int saved_errno = errno;
    close(file);
    errno = saved_errno;
}

static int rename_file(void *context, const char *from, const char *to)
{
    return renameat(number_of(context), from, number_of(context), to);
}

static int sync_names(void *context)
{
    return fsync(number_of(context));
}

static enum kedge_rc read_file(void *context, const char *name, uint8_t *bytes, size_t capacity,
                               size_t *size)
{
    return kedge_record_file_read(number_of(context), name, bytes, capacity, size);
}

struct kedge_folder kedge_folder_of(const int *number)
{
    return (struct kedge_folder){.context = (void *)number,
                                 .create = create_file,
                                 .write = write_all,
                                 .sync = sync_file,
                                 .close = close_file,
                                 .rename = rename_file,
                                 .sync_names = sync_names,
                                 .read = read_file,
                                 .remove = remove_file};
}

/* ---- the file ---- */

enum kedge_rc kedge_record_file_replace(const struct kedge_folder *folder, const char *name,
                                        struct kedge_slice bytes)
{
    char temporary[KEDGE_RECORD_NAME_MAX];
    snprintf(temporary, sizeof temporary, "%.24s.new", name);
    int file = folder->create(folder->context, temporary);
    if (file < 0)
        return KEDGE_E_SYSTEM;
    bool good = folder->write(folder->context, file, bytes) == 0 &&
                folder->sync(folder->context, file) == 0;
    folder->close(folder->context, file);
    if (!good || folder->rename(folder->context, temporary, name) != 0 ||
        folder->sync_names(folder->context) != 0)
        return KEDGE_E_SYSTEM;
    return KEDGE_OK;
}

enum kedge_rc kedge_record_file_read(int folder, const char *name, uint8_t *bytes, size_t capacity,
                                     size_t *size)
{
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? KEDGE_E_NOT_FOUND : KEDGE_E_SYSTEM;
    ssize_t got = 0;
    *size = 0;
    while (*size < capacity && (got = read(file, bytes + *size, capacity - *size)) > 0)
        *size += (size_t)got;
    uint8_t beyond;
    if (*size == capacity)
        got = read(file, &beyond, 1);
    close_file(NULL, file);
    if (got < 0)
        return KEDGE_E_SYSTEM;
    return got > 0 ? KEDGE_E_LIMIT : KEDGE_OK;
}
