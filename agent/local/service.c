/* service.c: see service.h. */
#define _GNU_SOURCE
#include "agent/local/service.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 32
#define EVENTS_MAX (KEDGE_LOCAL_PEERS_MAX + 1)

/* ---- beginning and end ---- */

/* A socket file outlives its process: only a connection shows whether anybody is behind it. */
static enum kedge_rc remove_stale(const struct kedge_local_place *place)
{
    struct stat info;
    if (fstatat(place->folder, place->name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? KEDGE_OK : KEDGE_E_SYSTEM;
    if (!S_ISSOCK(info.st_mode))
        return KEDGE_E_EXISTS;
    const struct sockaddr_un address = kedge_local_place_address(place);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return KEDGE_E_SYSTEM;
    bool refused = connect(probe, (const struct sockaddr *)&address, sizeof address) != 0 &&
                   errno == ECONNREFUSED;
    close(probe);
    if (!refused)
        return KEDGE_E_BUSY;
    return unlinkat(place->folder, place->name, 0) == 0 ? KEDGE_OK : KEDGE_E_SYSTEM;
}

static bool watch(const struct kedge_local *local, int file, uint32_t events, uint32_t index,
                  int operation)
{
    struct epoll_event event = {.events = events, .data.u32 = index};
    return epoll_ctl(local->events, operation, file, &event) == 0;
}

/* Nobody else may connect between the making of the file and the setting of its mode. */
static bool bind_privately(const struct kedge_local *local, gid_t group)
{
    const struct kedge_local_place *place = &local->place;
    const struct sockaddr_un address = kedge_local_place_address(place);
    mode_t before = umask(0177);
    bool good = bind(local->listener, (const struct sockaddr *)&address, sizeof address) == 0;
    umask(before);
    return good &&
           (group == KEDGE_LOCAL_GROUP_NONE ||
            (fchownat(place->folder, place->name, (uid_t)-1, group, AT_SYMLINK_NOFOLLOW) == 0 &&
             fchmodat(place->folder, place->name, 0660, 0) == 0)) &&
           listen(local->listener, BACKLOG) == 0;
}

enum kedge_rc kedge_local_open(struct kedge_local *local, const struct kedge_local_hooks *hooks,
                               const struct kedge_local_place *place, gid_t group)
{
    *local = (struct kedge_local){.hooks = *hooks, .place = *place, .listener = -1, .events = -1};
    enum kedge_rc rc = remove_stale(place);
    if (rc == KEDGE_OK) {
        local->open = true; /* from here on the file is ours to remove */
        local->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        local->events = epoll_create1(EPOLL_CLOEXEC);
        if (local->listener < 0 || local->events < 0 || !bind_privately(local, group) ||
            !watch(local, local->listener, EPOLLIN, KEDGE_LOCAL_PEERS_MAX, EPOLL_CTL_ADD))
            rc = KEDGE_E_SYSTEM;
    }
    if (rc != KEDGE_OK) {
        int saved_errno = errno;
        kedge_local_close(local);
        kedge_local_place_close(&local->place);
        errno = saved_errno;
    }
    return rc;
}

static void end_peer(struct kedge_local_peer *peer)
{
    close(peer->socket); /* which takes it out of epoll too */
    peer->used = false;
}

void kedge_local_close(struct kedge_local *local)
{
    if (!local->open)
        return;
    local->open = false;
    for (size_t i = 0; i < KEDGE_LOCAL_PEERS_MAX; i++)
        if (local->peers[i].used)
            end_peer(&local->peers[i]);
    if (local->listener >= 0)
        close(local->listener);
    if (local->events >= 0)
        close(local->events);
    unlinkat(local->place.folder, local->place.name, 0);
    kedge_local_place_close(&local->place);
}

/* ---- one peer ---- */

static bool answers(const struct kedge_local_peer *peer)
{
    return peer->answer_sent < peer->answer_size;
}

/* Sends what it can. Afterwards the peer may be gone. */
static void send_answer(struct kedge_local *local, struct kedge_local_peer *peer, uint64_t now_ms)
{
    ssize_t sent = send(peer->socket, peer->answer + peer->answer_sent,
                        peer->answer_size - peer->answer_sent, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        end_peer(peer);
        return;
    }
    if (sent > 0) {
        peer->answer_sent += (size_t)sent;
        peer->deadline_ms = now_ms + KEDGE_LOCAL_PATIENCE_MS;
    }
    if (!answers(peer) && peer->ending) {
        end_peer(peer);
        return;
    }
    watch(local, peer->socket, answers(peer) ? EPOLLOUT : EPOLLIN, (uint32_t)(peer - local->peers),
          EPOLL_CTL_MOD);
}

static void end_line(struct kedge_local_peer *peer, struct kedge_writer *out)
{
    /* Each line leaves room for its end. */
    peer->answer_size = kedge_writer_u8(out, '\n') == KEDGE_OK ? out->size : 0;
    peer->answer_sent = 0;
}

static void answer_error(struct kedge_local_peer *peer, const char *words)
{
    struct kedge_writer out = kedge_writer(peer->answer, sizeof peer->answer);
    if (kedge_local_error_write(words, &out) == KEDGE_OK)
        end_line(peer, &out);
}

/* Takes the status of now; a number of its own when it is another one. */
static void take_status(struct kedge_local *local, uint64_t now_ms)
{
    struct kedge_status status = {.slot = 0};
    uint8_t bytes[KEDGE_STATUS_JSON_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    local->hooks.status(local->hooks.context, &status);
    status.agent_running = true;
    local->status_at_ms = now_ms;
    if (kedge_status_write(&status, KEDGE_STATUS_LINE, &out) != KEDGE_OK ||
        kedge_slice_equal(kedge_writer_slice(&out), kedge_slice(local->status, local->status_size)))
        return;
    memcpy(local->status, bytes, out.size);
    local->status_size = out.size;
    local->status_number++;
}

static void answer_status(struct kedge_local *local, struct kedge_local_peer *peer)
{
    struct kedge_writer out = kedge_writer(peer->answer, sizeof peer->answer);
    peer->told = local->status_number;
    if (kedge_writer_put(&out, kedge_slice(local->status, local->status_size)) == KEDGE_OK)
        end_line(peer, &out);
}

static void answer(struct kedge_local *local, struct kedge_local_peer *peer,
                   struct kedge_slice line, uint64_t now_ms)
{
    struct kedge_local_request request;
    enum kedge_rc rc = kedge_local_request_read(line, &request);
    if (rc != KEDGE_OK) {
        answer_error(peer, rc == KEDGE_E_UNSUPPORTED ? "no such command" : kedge_rc_text(rc));
        return;
    }
    if (request.command == KEDGE_LOCAL_ACCEPT || request.command == KEDGE_LOCAL_DEFER) {
        const char *why_not = local->hooks.decide(local->hooks.context, &request);
        local->decided = true;
        if (why_not != NULL) {
            answer_error(peer, why_not);
            return;
        }
    }
    peer->watches |= request.command == KEDGE_LOCAL_WATCH;
    take_status(local, now_ms);
    answer_status(local, peer);
}

/* Answers line after line, as long as the answers are taken at once. */
static void answer_lines(struct kedge_local *local, struct kedge_local_peer *peer, uint64_t now_ms)
{
    while (peer->used && !answers(peer)) {
        const uint8_t *end = memchr(peer->line, '\n', peer->line_size);
        if (end != NULL) {
            size_t size = (size_t)(end - peer->line);
            answer(local, peer, kedge_slice(peer->line, size), now_ms);
            peer->line_size -= size + 1;
            memmove(peer->line, end + 1, peer->line_size);
        } else if (peer->line_size == sizeof peer->line && !peer->ending) {
            answer_error(peer, "the line is too long");
            peer->ending = true;
        } else {
            return;
        }
        send_answer(local, peer, now_ms);
    }
}

static void receive(struct kedge_local *local, struct kedge_local_peer *peer, uint64_t now_ms)
{
    ssize_t got =
        recv(peer->socket, peer->line + peer->line_size, sizeof peer->line - peer->line_size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    peer->ending |= got <= 0;
    if (got > 0)
        peer->line_size += (size_t)got;
    answer_lines(local, peer, now_ms);
    if (peer->used && peer->ending && !answers(peer))
        end_peer(peer);
}

/* ---- all of them ---- */

static struct kedge_local_peer *free_place(struct kedge_local *local)
{
    for (size_t i = 0; i < KEDGE_LOCAL_PEERS_MAX; i++)
        if (!local->peers[i].used)
            return &local->peers[i];
    return NULL;
}

/* One at a time: who was answered and is gone makes room for the next. */
static void accept_peer(struct kedge_local *local, uint64_t now_ms)
{
    static const char full[] = "{\"error\": \"too many are connected\"}\n";
    int connected = accept4(local->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connected < 0)
        return;
    struct kedge_local_peer *peer = free_place(local);
    if (peer == NULL ||
        !watch(local, connected, EPOLLIN, (uint32_t)(peer - local->peers), EPOLL_CTL_ADD)) {
        send(connected, full, sizeof full - 1, MSG_NOSIGNAL);
        close(connected);
        return;
    }
    *peer = (struct kedge_local_peer){
        .used = true, .socket = connected, .deadline_ms = now_ms + KEDGE_LOCAL_PATIENCE_MS};
}

static void take_events(struct kedge_local *local, uint64_t now_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(local->events, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u32 == KEDGE_LOCAL_PEERS_MAX) {
            accept_peer(local, now_ms);
            continue;
        }
        struct kedge_local_peer *peer = &local->peers[events[i].data.u32];
        if (!peer->used)
            continue;
        if (!answers(peer)) {
            receive(local, peer, now_ms);
            continue;
        }
        send_answer(local, peer, now_ms);
        answer_lines(local, peer, now_ms);
    }
}

/* A watcher says nothing for as long as it likes; it only has to take what it is told. */
static void end_the_slow(struct kedge_local *local, uint64_t now_ms, uint64_t *wait_ms)
{
    for (size_t i = 0; i < KEDGE_LOCAL_PEERS_MAX; i++) {
        struct kedge_local_peer *peer = &local->peers[i];
        if (!peer->used || (peer->watches && !answers(peer)))
            continue;
        if (now_ms >= peer->deadline_ms)
            end_peer(peer);
        else if (peer->deadline_ms - now_ms < *wait_ms)
            *wait_ms = peer->deadline_ms - now_ms;
    }
}

static void tell_watchers(struct kedge_local *local, uint64_t now_ms, uint64_t *wait_ms)
{
    bool watched = false;
    for (size_t i = 0; i < KEDGE_LOCAL_PEERS_MAX; i++)
        watched |= local->peers[i].used && local->peers[i].watches;
    if (!watched)
        return;
    uint64_t due_at_ms = local->status_at_ms + KEDGE_LOCAL_TELL_MS;
    if (now_ms >= due_at_ms)
        take_status(local, now_ms);
    else if (due_at_ms - now_ms < *wait_ms)
        *wait_ms = due_at_ms - now_ms;
    for (size_t i = 0; i < KEDGE_LOCAL_PEERS_MAX; i++) {
        struct kedge_local_peer *peer = &local->peers[i];
        if (!peer->used || !peer->watches || answers(peer) || peer->told == local->status_number)
            continue;
        answer_status(local, peer);
        send_answer(local, peer, now_ms);
    }
}

void kedge_local_poll(struct kedge_local *local, uint64_t now_ms, uint64_t *wait_ms)
{
    if (!local->open)
        return;
    local->decided = false;
    take_events(local, now_ms);
    if (local->decided)
        *wait_ms = 0;
    end_the_slow(local, now_ms, wait_ms);
    tell_watchers(local, now_ms, wait_ms);
}
