/*
 * slowness.h: clients that send too slowly. libmicrohttpd ends a connection over which no byte
 * comes for a while (idle_limit_s), so that a byte now and then would keep it for ever. Here the
 * whole counts: the header of a request, with the handshake before it, is complete within
 * header_limit_s from its first byte; its body within body_limit_s from there, unless it is a file,
 * of which KEDGE_API_UPLOAD_LEAST bytes have to come in each such span. Answers have no limit of
 * this kind, and neither has the rest between two requests.
 *
 * Where a connection is, the thread of libmicrohttpd that serves it says; whether it is late, the
 * thread that looks at all connections once a second (connections.c) finds out. It is not, as long
 * as something that came was not read yet: then it is the server that is slow.
 */
#ifndef KEDGE_UPDATER_SLOWNESS_H
#define KEDGE_UPDATER_SLOWNESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The next byte of a body that is late brings 408; where none comes for so long, it is cut. */
#define SLOWNESS_GRACE_S 5u

enum slowness_phase {
    SLOWNESS_HEADER, /* or it rests: the header begins with the first byte */
    SLOWNESS_BODY,
    SLOWNESS_FILE, /* a body that is one */
    SLOWNESS_ANSWER,
    SLOWNESS_PHASE_COUNT
};

/** Of one connection; zeroed at its beginning. */
struct slowness {
    _Atomic uint64_t entered; /* the phase, and above it how many there were */
    /* of the thread that looks: */
    uint64_t seen; /* the `entered` that the others are of */
    uint64_t from; /* bytes that had been received when it began to count */
    uint64_t late_ns; /* from when on it is late; 0: it does not count */
};

struct slowness_limits {
    uint32_t header_s, body_s;
};

/** The connection is in this phase from now on. One thread at a time. */
void slowness_enter(struct slowness *slowness, enum slowness_phase phase);
/** The phase that it was in when it was looked at last. */
enum slowness_phase slowness_seen(const struct slowness *slowness);
/** Whether it is late: `received` bytes so far, and `unread` of them are not read yet. */
bool slowness_look(struct slowness *slowness, const struct slowness_limits *limits,
                   uint64_t received, uint64_t unread, uint64_t now_ns);

struct request;

/** Whether its body is late. If so the connection is ended with 408, of which nobody else hears. */
bool slowness_refuses(struct request *request);

#endif
