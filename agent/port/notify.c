/* notify.c: see notify.h. */
#define _GNU_SOURCE
#include "agent/port/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ENV_SOCKET "NOTIFY_SOCKET"
#define ENV_WATCHDOG_US "WATCHDOG_USEC"
#define ENV_WATCHDOG_PID "WATCHDOG_PID"

static enum kedge_rc connect_to(const char *name, int *out)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || size < 2 || size >= sizeof address.sun_path)
        return KEDGE_E_ARGUMENT;
    memcpy(address.sun_path, name, size);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return KEDGE_E_SYSTEM;
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    if (connect(fd, (const struct sockaddr *)&address, length) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return KEDGE_E_SYSTEM;
    }
    *out = fd;
    return KEDGE_OK;
}

static enum kedge_rc read_number(const char *name, uint64_t most, uint64_t *out)
{
    const char *text = getenv(name);
    if (text == NULL)
        return KEDGE_E_NOT_FOUND;
    struct kedge_cursor cursor = kedge_cursor(kedge_slice_text(text));
    if (kedge_cursor_decimal(&cursor, most, out) != KEDGE_OK || kedge_cursor_left(&cursor) > 0)
        return KEDGE_E_ARGUMENT;
    return KEDGE_OK;
}

static enum kedge_rc read_watchdog(uint64_t *watchdog_ms)
{
    uint64_t period_us, pid;
    enum kedge_rc rc =
        read_number(ENV_WATCHDOG_US, UINT64_C(1000000) * KEDGE_NOTIFY_WATCHDOG_MAX_S, &period_us);
    if (rc == KEDGE_E_NOT_FOUND)
        return KEDGE_OK;
    KEDGE_TRY(rc);
    rc = read_number(ENV_WATCHDOG_PID, INT32_MAX, &pid);
    if (rc == KEDGE_E_NOT_FOUND)
        pid = (uint64_t)getpid();
    else if (rc != KEDGE_OK)
        return rc;
    if (pid == (uint64_t)getpid() || pid == (uint64_t)getppid())
        *watchdog_ms = period_us / 2000 > 0 ? period_us / 2000 : 1;
    return KEDGE_OK;
}

enum kedge_rc kedge_notify_open(struct kedge_notify *notify)
{
    const char *name = getenv(ENV_SOCKET);
    *notify = (struct kedge_notify){.socket = -1};
    enum kedge_rc rc = name == NULL ? KEDGE_OK : read_watchdog(&notify->watchdog_ms);
    if (rc == KEDGE_OK && name != NULL)
        rc = connect_to(name, &notify->socket);
    int why = errno;
    unsetenv(ENV_SOCKET);
    unsetenv(ENV_WATCHDOG_US);
    unsetenv(ENV_WATCHDOG_PID);
    errno = why;
    return rc;
}

/* False: the manager has so much unread that it is to be told again. What it does not take for any
 * other reason is its own loss: nothing here depends on it. */
static bool tell(const struct kedge_notify *notify, const char *lines)
{
    return send(notify->socket, lines, strlen(lines), MSG_NOSIGNAL) >= 0 ||
           (errno != EAGAIN && errno != ENOBUFS);
}

static bool tell_status(struct kedge_notify *notify, const char *status)
{
    char lines[KEDGE_NOTIFY_STATUS_MAX + 32];
    if (strncmp(status, notify->status, KEDGE_NOTIFY_STATUS_MAX) == 0)
        return true;
    snprintf(lines, sizeof lines, "STATUS=%.*s", (int)KEDGE_NOTIFY_STATUS_MAX, status);
    if (!tell(notify, lines))
        return false;
    snprintf(notify->status, sizeof notify->status, "%.*s", (int)KEDGE_NOTIFY_STATUS_MAX, status);
    return true;
}

static bool tell_alive(struct kedge_notify *notify, uint64_t now_ms, uint64_t *wait_ms)
{
    if (notify->watchdog_ms == 0)
        return true;
    if (now_ms >= notify->next_alive_ms) {
        if (!tell(notify, "WATCHDOG=1"))
            return false;
        notify->next_alive_ms = now_ms + notify->watchdog_ms;
    }
    if (notify->next_alive_ms - now_ms < *wait_ms)
        *wait_ms = notify->next_alive_ms - now_ms;
    return true;
}

void kedge_notify_poll(struct kedge_notify *notify, const char *status, uint64_t now_ms,
                       uint64_t *wait_ms)
{
    if (notify->socket < 0)
        return;
    notify->ready = notify->ready || tell(notify, "READY=1");
    bool told = notify->ready && tell_status(notify, status) && tell_alive(notify, now_ms, wait_ms);
    if (!told && *wait_ms > KEDGE_NOTIFY_AGAIN_MS)
        *wait_ms = KEDGE_NOTIFY_AGAIN_MS;
}

void kedge_notify_close(struct kedge_notify *notify)
{
    if (notify->socket < 0)
        return;
    (void)tell(notify, "STOPPING=1");
    close(notify->socket);
    notify->socket = -1;
}
