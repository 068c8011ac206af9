/*
 * flash.c: a file as flash. Erased bytes read as zero, so that an erase punches a hole; where the
 * file system has no holes, zeros are written. The page cache is the volatile part: sync is
 * fdatasync.
 */
#define _GNU_SOURCE
#include "agent/port/file_io.h"
#include "agent/port/port.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_SIZE 1u
#define ERASED_VALUE 0x00

static enum kedge_rc read_file(void *context, uint32_t offset, void *out, size_t size)
{
    const struct kedge_port_flash *flash = context;
    return kedge_file_read(flash->file, offset, out, size);
}

/* Files share the room of their file system with others, and do not take it before it is needed. */
static enum kedge_rc write_failed(void)
{
    return errno == ENOSPC || errno == EDQUOT ? KEDGE_E_SPACE : KEDGE_E_SYSTEM;
}

static enum kedge_rc write_file(void *context, uint32_t offset, const void *data, size_t size)
{
    const struct kedge_port_flash *flash = context;
    enum kedge_rc rc = kedge_file_write(flash->file, offset, data, size);
    return rc == KEDGE_OK ? rc : write_failed();
}

static enum kedge_rc erase_file(void *context, uint32_t offset, uint32_t size)
{
    static const uint8_t zeros[KEDGE_PORT_ERASE_SIZE] = {ERASED_VALUE};
    const struct kedge_port_flash *flash = context;
    if (fallocate(flash->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size) == 0)
        return KEDGE_OK;
    if (errno != EOPNOTSUPP)
        return write_failed(); /* where files share blocks, a hole may need room too */
    for (uint32_t end = offset + size; offset < end; offset += KEDGE_PORT_ERASE_SIZE)
        KEDGE_TRY(write_file(context, offset, zeros, sizeof zeros));
    return KEDGE_OK;
}

static enum kedge_rc sync_file(void *context)
{
    const struct kedge_port_flash *flash = context;
    return fdatasync(flash->file) == 0 ? KEDGE_OK : write_failed();
}

/* A file without room for anything is one whose making was cut short. */
static enum kedge_rc give_size(int file, int folder, uint32_t size)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return KEDGE_E_SYSTEM;
    if (status.st_size >= KEDGE_PORT_ERASE_SIZE)
        return KEDGE_OK;
    if (ftruncate(file, size) != 0 || fsync(file) != 0 || fsync(folder) != 0)
        return KEDGE_E_SYSTEM;
    return KEDGE_OK;
}

static enum kedge_rc read_size(int file, uint32_t *size)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return KEDGE_E_SYSTEM;
    off_t whole = status.st_size - status.st_size % KEDGE_PORT_ERASE_SIZE;
    *size = whole > UINT32_MAX ? UINT32_MAX - UINT32_MAX % KEDGE_PORT_ERASE_SIZE : (uint32_t)whole;
    return KEDGE_OK;
}

enum kedge_rc kedge_port_flash_open(struct kedge_port_flash *flash, int folder, const char *name,
                                    uint32_t size, bool read_only)
{
    int flags = read_only ? O_RDONLY | O_CLOEXEC : O_RDWR | O_CREAT | O_CLOEXEC;
    uint32_t file_size;
    enum kedge_rc rc = KEDGE_OK;
    int file = openat(folder, name, flags, 0600);
    if (file < 0)
        return KEDGE_E_SYSTEM;
    if (!read_only)
        rc = give_size(file, folder, size);
    if (rc == KEDGE_OK)
        rc = read_size(file, &file_size);
    if (rc != KEDGE_OK)
        goto cleanup;
    *flash = (struct kedge_port_flash){.file = file,
                                       .read_only = read_only,
                                       .flash = {.context = flash,
                                                 .size = file_size,
                                                 .erase_size = KEDGE_PORT_ERASE_SIZE,
                                                 .write_size = WRITE_SIZE,
                                                 .erased_value = ERASED_VALUE,
                                                 .read = read_file,
                                                 .write = write_file,
                                                 .erase = erase_file,
                                                 .sync = sync_file}};
    return KEDGE_OK;
cleanup:;
    int saved = errno;
    close(file);
    errno = saved;
    return rc;
}

void kedge_port_flash_close(struct kedge_port_flash *flash)
{
    if (flash->file >= 0)
        close(flash->file);
    flash->file = -1;
}
