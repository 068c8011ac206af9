/* lock.c: one process at a time. flock(2) goes with the process, so a crash leaves no stale lock.
 */
#define _GNU_SOURCE
#include "agent/port/port.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

enum kedge_rc kedge_port_lock(int folder, const char *name, int *lock)
{
    int file = openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return KEDGE_E_SYSTEM;
    if (flock(file, LOCK_EX | LOCK_NB) == 0) {
        *lock = file;
        return KEDGE_OK;
    }
    int saved = errno;
    close(file);
    errno = saved;
    return saved == EWOULDBLOCK ? KEDGE_E_BUSY : KEDGE_E_SYSTEM;
}
