/*
 * notify.h: what a service manager is told: the protocol of sd_notify(3) and
 * sd_watchdog_enabled(3).
 *
 * One datagram of "NAME=value" lines to the Unix socket that $NOTIFY_SOCKET names (a path, or with
 * '@' in front a name in the abstract namespace). Without that variable every call does nothing.
 * Never blocks: a manager that does not read for a while is told when it does. Small enough to be
 * written here: libsystemd would be the largest library that the agent links.
 */
#ifndef KEDGE_AGENT_NOTIFY_H
#define KEDGE_AGENT_NOTIFY_H

#include <kedge/base.h>

#define KEDGE_NOTIFY_STATUS_MAX 255u /* bytes; a longer status is cut */
#define KEDGE_NOTIFY_WATCHDOG_MAX_S 86400u
#define KEDGE_NOTIFY_AGAIN_MS 250u /* until what found no room in the manager's socket is told again */

struct kedge_notify {
    int socket;             /* -1: nobody is told */
    uint64_t watchdog_ms;   /* between two signs of life; 0: none are wanted */
    uint64_t next_alive_ms; /* when the next one is due */
    bool ready;
    char status[KEDGE_NOTIFY_STATUS_MAX + 1]; /* the last that was told */
};

/**
 * kedge_notify_open() reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and takes them out of the
 * environment, so that no child speaks for the agent. A watchdog is minded when WATCHDOG_PID is
 * absent, this process or its parent (kedge-boot is what the manager started); a sign of life goes
 * out twice in its time. KEDGE_E_ARGUMENT when a variable makes no sense, KEDGE_E_SYSTEM with errno
 * when the socket cannot be reached; then nobody is told.
 */
enum kedge_rc kedge_notify_open(struct kedge_notify *notify) KEDGE_MUST_USE;

/**
 * kedge_notify_poll() tells that the service is ready (the first time), how it stands when `status`
 * is not what was told last, and that it is alive when that is due. `wait_ms` is lowered to when
 * the next sign of life is, or to when what found no room is told again.
 */
void kedge_notify_poll(struct kedge_notify *notify, const char *status, uint64_t now_ms,
                       uint64_t *wait_ms);

/** kedge_notify_close() tells that the service is ending; may be called again. */
void kedge_notify_close(struct kedge_notify *notify);

#endif
