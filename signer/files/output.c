/* output.c: see output.h. */
#define _GNU_SOURCE
#include "signer/files/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signer/cli/interrupt.h"

/* Views the folder part of a path: everything up to the last slash, or "." */
static void folder_of(const char *path, char folder[KEDGE_PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        snprintf(folder, KEDGE_PATH_MAX, ".");
    else
        snprintf(folder, KEDGE_PATH_MAX, "%.*s", (int)(slash - path + 1), path);
}

/* The name of a temporary file in the folder of `path`, for mkostemp(). */
static enum kedge_rc temporary_beside(const char *path, char temporary[KEDGE_PATH_MAX])
{
    char folder[KEDGE_PATH_MAX];
    folder_of(path, folder);
    int length = snprintf(temporary, KEDGE_PATH_MAX, "%s/.kedge-sign-XXXXXX", folder);
    if (length < 0 || (size_t)length >= KEDGE_PATH_MAX) {
        errno = ENAMETOOLONG;
        return KEDGE_E_SYSTEM;
    }
    return KEDGE_OK;
}

/* Giving a file the name of a device or a pipe would take that away. */
static enum kedge_rc refuse_special_file(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || S_ISREG(status.st_mode))
        return KEDGE_OK;
    errno = S_ISDIR(status.st_mode) ? EISDIR : ENOTSUP;
    return KEDGE_E_SYSTEM;
}

enum kedge_rc kedge_output_open(struct kedge_output *output, const char *path, mode_t mode)
{
    output->file = -1;
    KEDGE_TRY(refuse_special_file(path));
    if (strlen(path) >= sizeof output->path) {
        errno = ENAMETOOLONG;
        return KEDGE_E_SYSTEM;
    }
    strcpy(output->path, path);
    KEDGE_TRY(temporary_beside(path, output->temporary));
    sigset_t signals;
    kedge_interrupt_hold(&signals);
    output->file = mkostemp(output->temporary, O_CLOEXEC);
    if (output->file >= 0)
        kedge_interrupt_removes(output->temporary);
    kedge_interrupt_release(&signals);
    if (output->file < 0)
        return KEDGE_E_SYSTEM;
    /* mkostemp() makes it 0600; what is no secret gets what the umask leaves. */
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(output->file, mode & ~mask) != 0) {
        kedge_output_drop(output);
        return KEDGE_E_SYSTEM;
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_output_write(struct kedge_output *output, struct kedge_slice bytes)
{
    while (bytes.size > 0) {
        ssize_t written = write(output->file, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return KEDGE_E_SYSTEM;
        bytes = kedge_slice(bytes.data + written, bytes.size - (size_t)written);
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_file_write_at(int file, uint64_t offset, struct kedge_slice bytes)
{
    while (bytes.size > 0) {
        ssize_t written = pwrite(file, bytes.data, bytes.size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return KEDGE_E_SYSTEM;
        offset += (uint64_t)written;
        bytes = kedge_slice(bytes.data + written, bytes.size - (size_t)written);
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_output_write_at(struct kedge_output *output, uint64_t offset,
                                    struct kedge_slice bytes)
{
    return kedge_file_write_at(output->file, offset, bytes);
}

static int rename_to_free_name(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    /* A file system that cannot do that in one step, but never replaces by a link. */
    if (link(from, to) != 0)
        return -1;
    unlink(from);
    return 0;
}

enum kedge_rc kedge_output_sync_folder(const char *path)
{
    char folder[KEDGE_PATH_MAX];
    folder_of(path, folder);
    int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return KEDGE_E_SYSTEM;
    int failed = fsync(directory);
    close(directory);
    /* Some file systems have nothing to make durable there. */
    return failed == 0 || errno == EINVAL ? KEDGE_OK : KEDGE_E_SYSTEM;
}

enum kedge_rc kedge_output_keep(struct kedge_output *output, bool replace)
{
    if (fsync(output->file) != 0)
        return KEDGE_E_SYSTEM;
    int failed = replace ? rename(output->temporary, output->path)
                         : rename_to_free_name(output->temporary, output->path);
    if (failed != 0)
        return errno == EEXIST ? KEDGE_E_EXISTS : KEDGE_E_SYSTEM;
    kedge_interrupt_removes(NULL);
    close(output->file);
    output->file = -1;
    return kedge_output_sync_folder(output->path);
}

void kedge_output_drop(struct kedge_output *output)
{
    if (output->file < 0)
        return;
    int reason = errno;
    close(output->file);
    unlink(output->temporary);
    kedge_interrupt_removes(NULL);
    output->file = -1;
    errno = reason;
}

enum kedge_exit kedge_output_save(const char *path, mode_t mode, bool replace,
                                  struct kedge_slice bytes)
{
    struct kedge_output output;
    enum kedge_rc rc = kedge_output_open(&output, path, mode);
    if (rc == KEDGE_OK)
        rc = kedge_output_write(&output, bytes);
    if (rc == KEDGE_OK)
        rc = kedge_output_keep(&output, replace);
    kedge_output_drop(&output);
    return rc == KEDGE_OK ? KEDGE_EXIT_DONE : kedge_complain_system("write", path);
}

int kedge_scratch_open(const char *path)
{
    char temporary[KEDGE_PATH_MAX];
    if (temporary_beside(path, temporary) != KEDGE_OK)
        return -1;
    sigset_t signals;
    kedge_interrupt_hold(&signals);
    int file = mkostemp(temporary, O_CLOEXEC);
    if (file >= 0)
        unlink(temporary);
    kedge_interrupt_release(&signals);
    return file;
}
