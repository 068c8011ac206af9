/*
 * floor.h: what the bare servers have in common: datagrams in and out in batches, and one record
 * for each address that has sent any.
 */
#ifndef KEDGE_BENCH_FLOOR_H
#define KEDGE_BENCH_FLOOR_H

#include <gnutls/gnutls.h>
#include <kedge/base.h>
#include <netinet/in.h>

#define FLOOR_DATAGRAM_MAX 1500u

struct floor_record {
    struct sockaddr_in peer; /* of the family 0: free */
    union {
        struct {
            char location[25];
            uint16_t message_id; /* of the block that was pushed to it last */
            uint32_t block;
            uint64_t seen;
        };
        struct {
            gnutls_session_t tls;
            bool ready;
            uint8_t step; /* of being bootstrapped */
        };
    };
};

typedef void floor_datagram_fn(const struct sockaddr_in *from, uint8_t *bytes, size_t size);

/** The record of an address, or where it goes; NULL when there is no room. */
struct floor_record *floor_find(const struct sockaddr_in *peer);
/** Where the next reply is written, at most FLOOR_DATAGRAM_MAX bytes; NULL: there are too many. */
uint8_t *floor_reply(void);
/** It is there, and leaves with the others that were caused by the same batch. */
void floor_reply_is(const struct sockaddr_in *to, size_t size);
/** Opens a socket with room for as many records as argv[1] says, prints its port, and serves until
 * it is ended; returns the exit status of what went wrong. */
int floor_main(int argc, char **argv, floor_datagram_fn *on_datagram);

#endif
