/*
 * turns.h: requests for blocks that wait for their turn at the pace of all (updater/pace/pace.h).
 *
 * Method: a block whose turn has not come is answered later, and nothing goes back until then. For
 * so short a time that is what every client is made for: it asks once more (RFC 7252 section 4.2),
 * which moves nothing, and takes the answer when it comes. The other ways end downloads: many
 * clients give one up at a 5.03, and libcoap before 4.3.5 loses its place in blocks after a
 * separate response. Only what a client would not wait for is refused by 5.03, with the time after
 * which to come again in Max-Age; those who would only begin are refused earlier, so that others
 * come to their end.
 */
#ifndef KEDGE_UPDATER_TURNS_H
#define KEDGE_UPDATER_TURNS_H

#include <sys/queue.h>

#include "updater/lwm2m/index.h"
#include "updater/net/net.h"
#include "updater/pace/pace.h"

/* A client that doubles 2 s four times has given up after 62 s. */
#define KEDGE_TURN_WAIT_MAX_MS 40000u
#define KEDGE_TURN_BEGIN_WAIT_MAX_MS 20000u
#define KEDGE_TURNS_MAX 65536u /* requests that wait, each of some 400 bytes */

/** Zeroed without a pace, all come at once. */
struct turns {
    struct kedge_net *net;
    struct kedge_pace *pace;       /* NULL: none */
    struct kedge_index by_address; /* one request of each address */
    STAILQ_HEAD(, turn) waiting;   /* in the order of their turns */
    struct turn *served;           /* whose turn it is just now */
    struct kedge_net_timer timer;
};

/** A request for bytes of a file. */
struct turn_request {
    const struct kedge_address *from;
    size_t size;   /* of what would go out */
    bool is_first; /* it begins with these */
    struct kedge_net_reply *reply;
};

/** `pace` may be NULL, and outlives them. */
enum kedge_rc turns_init(struct turns *turns, struct kedge_net *net,
                         struct kedge_pace *pace) KEDGE_MUST_USE;
/** What waits is not answered. Zeroed is fine. */
void turns_free(struct turns *turns);
/**
 * Whether it may be answered now. If not, it will be handled again when its turn comes, or was
 * refused; `wait_ms` is how long the sender is kept waiting.
 */
bool turns_take(struct turns *turns, uint64_t hash, const struct turn_request *request,
                uint64_t *wait_ms);

#endif
