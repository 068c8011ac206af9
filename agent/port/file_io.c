/* file_io.c: see file_io.h. */
#define _GNU_SOURCE
#include "agent/port/file_io.h"

#include <errno.h>
#include <unistd.h>

enum kedge_rc kedge_file_read(int file, uint32_t offset, void *out, size_t size)
{
    uint8_t *to = out;
    while (size > 0) {
        ssize_t got = pread(file, to, size, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return KEDGE_E_SYSTEM;
        if (got == 0)
            return KEDGE_E_FLASH;
        to += got;
        offset += (uint32_t)got;
        size -= (size_t)got;
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_file_write(int file, uint32_t offset, const void *data, size_t size)
{
    const uint8_t *from = data;
    while (size > 0) {
        ssize_t put = pwrite(file, from, size, offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return KEDGE_E_SYSTEM;
        from += put;
        offset += (uint32_t)put;
        size -= (size_t)put;
    }
    return KEDGE_OK;
}
