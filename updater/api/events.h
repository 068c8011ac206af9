/*
 * events.h: streams of server-sent events (WHATWG HTML, 9.2): what has changed, to whoever follows.
 *
 *   changes.c        what has changed lately, by number
 *   events.c         the clients; a thread that hands each of them its events
 *   event_stream.c   GET /api/v1/events, and what is written into a stream
 *
 * Method: the store's thread only notes which thing was written (changes.h). The thread here takes
 * these notes to the clients: it reads what each thing is now, once for all of them, and puts the
 * text into the buffer of each client that asked for such. A buffer has a limit: whoever reads
 * slowly is left behind until there is room, and when the notes that they wait for are kept no
 * longer, they are told so and the stream ends. So nobody, however slow, holds anybody else up.
 * A connection without anything to send is suspended, and costs no thread.
 *
 * An id is "RUN-NUMBER": which run of the server, and the number of the change. Both rise.
 */
#ifndef KEDGE_UPDATER_API_EVENTS_H
#define KEDGE_UPDATER_API_EVENTS_H

#include <microhttpd.h>

#include "updater/api/changes.h"

#define EVENTS_CLIENTS_MAX 64u           /* streams at once */
#define EVENTS_PER_TOKEN_MAX 16u         /* of them by one token */
#define EVENTS_BUFFER_MAX (256u * 1024u) /* bytes that wait for one client, or one event */
#define EVENTS_ID_SIZE 48u

struct kedge_api;
struct events;

/** What a client wants to hear of. */
struct event_wish {
    unsigned kinds;                        /* bits, 1 << enum kedge_committed_kind */
    uint64_t rollout_id;                   /* 0: of any rollout; else of this, and of no device */
    char endpoint[KEDGE_ENDPOINT_MAX + 1]; /* "": any device's; else only of this one's */
};

/** How a client comes in. */
enum event_join {
    EVENT_JOINED,
    EVENT_JOIN_FULL,  /* there are EVENTS_CLIENTS_MAX, or as many by its token as may be */
    EVENT_JOIN_ENDING /* the API is being stopped, or there was no memory */
};

/** Starts the thread. 0, or the error number. */
int events_start(struct kedge_api *api);
/** Ends all streams and takes no more of them. NULL is fine, here and below. */
void events_end(struct events *events);
/** When there are no streams any more. */
void events_close(struct events *events);

/**
 * Makes a stream for the connection, which asked by this token, and of this session (NULL: by the
 * token itself): `*out` is its answer. `last_id` is the id of the last event that the client has
 * (NULL: it has none). It ends when the token expires.
 */
enum event_join events_join(struct events *events, struct MHD_Connection *connection,
                            const struct event_wish *wish,
                            const struct kedge_token_record *token,
                            const uint8_t session_hash[32], const char *last_id,
                            struct MHD_Response **out);

/**
 * Has each stream end whose token or session is no more, soon and without blocking; otherwise that
 * is seen at its next heartbeat.
 */
void events_recheck(struct events *events);

/** Ends the streams of clients that have left: nothing else shows it while nothing is sent. */
void events_let_go(struct events *events);

/**
 * The event of a change, as it is sent, to be freed; NULL when the thing is not there, or is
 * damaged: there is nothing to tell. Fails as the reader does; then it is to be asked for again.
 */
enum kedge_rc event_text(struct kedge_reader *reader, const struct change *change,
                         const char id[EVENTS_ID_SIZE], char **text) KEDGE_MUST_USE;

#endif
