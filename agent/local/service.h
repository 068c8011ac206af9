/*
 * service.h: the socket on which the agent answers the device's own software, a line to a line
 * (request.h). It never blocks, and whoever connects costs a bounded part of the agent: so many at
 * a time, a line of so many bytes, within so long; and only what was answered before is read past.
 */
#ifndef KEDGE_AGENT_LOCAL_SERVICE_H
#define KEDGE_AGENT_LOCAL_SERVICE_H

#include "agent/local/place.h"
#include "agent/local/request.h"
#include "agent/local/status.h"

#include <sys/types.h>

#define KEDGE_LOCAL_PEERS_MAX 8u
#define KEDGE_LOCAL_PATIENCE_MS 10000u /* for the next line, and for an answer to be taken */
#define KEDGE_LOCAL_TELL_MS 250u       /* between two statuses to who watches, at least */
#define KEDGE_LOCAL_GROUP_NONE ((gid_t)-1)

/** What is asked of the agent. */
struct kedge_local_hooks {
    void *context;
    void (*status)(void *context, struct kedge_status *status);
    /** Does what KEDGE_LOCAL_ACCEPT or _DEFER ask; NULL, or the words why not (static storage). */
    const char *(*decide)(void *context, const struct kedge_local_request *request);
};

struct kedge_local_peer {
    bool used, watches;
    bool ending; /* closed once the answer is taken */
    int socket;
    uint64_t deadline_ms;
    uint64_t told; /* number of the status that a watcher was told last */
    size_t line_size;
    uint8_t line[KEDGE_LOCAL_LINE_MAX];
    size_t answer_size, answer_sent;
    uint8_t answer[KEDGE_STATUS_JSON_MAX + 1];
};

/** Zeroed, it is one that is not open. */
struct kedge_local {
    struct kedge_local_hooks hooks;
    struct kedge_local_place place;
    bool open;
    int listener;
    int events; /* epoll; readable when there is something to do */
    struct kedge_local_peer peers[KEDGE_LOCAL_PEERS_MAX];
    bool decided; /* something was, in this poll */
    uint64_t status_number, status_at_ms;
    size_t status_size;
    uint8_t status[KEDGE_STATUS_JSON_MAX];
};

/**
 * kedge_local_open() listens at `place`, which is taken over in any case, with mode 0600; with a
 * group, 0660. A socket that nobody listens on any more is replaced. KEDGE_E_BUSY when somebody
 * does, KEDGE_E_EXISTS when another kind of file is there, KEDGE_E_SYSTEM with errno.
 */
enum kedge_rc kedge_local_open(struct kedge_local *local, const struct kedge_local_hooks *hooks,
                               const struct kedge_local_place *place, gid_t group) KEDGE_MUST_USE;
/**
 * Takes in and answers what there is, ends whom it waited for too long; lowers `wait_ms`, to 0 when
 * something was decided.
 */
void kedge_local_poll(struct kedge_local *local, uint64_t now_ms, uint64_t *wait_ms);
/** Closes everything and removes the socket's file; may be called again. */
void kedge_local_close(struct kedge_local *local);

#endif
