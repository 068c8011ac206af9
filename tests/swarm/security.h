/*
 * security.h: a device's DTLS 1.2 association with the server (RFC 6347), by a pre-shared key:
 * GnuTLS over datagrams that are handed to it and taken from it, its timers among the swarm's own.
 *
 * A device that is registering has a place among so many (--window); its handshake is part of that,
 * so handshakes under way are bounded as well. A restart forgets the association without a word, as
 * a power cut does, and so does a change of address: the device then makes a new one, by the ticket
 * of the former (RFC 5077) where the server gave one, and registers again. It does the same after
 * two messages of a request without an answer, since a server that restarted cannot say so.
 *
 * Without security all functions do nothing, or hand on what they were given.
 */
#ifndef KEDGE_SWARM_SECURITY_H
#define KEDGE_SWARM_SECURITY_H

#include "tests/swarm/network.h"
#include "tests/swarm/timers.h"

#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>

#define SECURITY_TRANSMISSIONS_MAX 2u /* of a request, before the association counts as lost */

struct swarm;
struct device;

/** What all devices share. */
struct security {
    gnutls_psk_client_credentials_t credentials;
    gnutls_priority_t priorities;
};

/** One device's. */
struct association {
    gnutls_session_t tls; /* NULL: none */
    uint32_t number;      /* tells it from those before */
    bool up;              /* the handshake is over */
    uint64_t push_delay_ms;
    struct kedge_slice incoming; /* the datagram being read */
    gnutls_datum_t ticket;       /* of the last one; empty: none */
    struct swarm_timer timer;    /* of the handshake */
};

/** KEDGE_E_MEMORY. */
enum kedge_rc security_open(struct swarm *swarm) KEDGE_MUST_USE;
void security_close(struct swarm *swarm);

bool device_is_secure(const struct device *device);
/** Whether the device may send; a handshake begins where it must first, and device_next() follows.
 */
bool security_ready(struct device *device);
/** Sends a message to `to`, or by the association. */
void security_send(struct device *device, const struct swarm_address *to,
                   struct kedge_slice message, uint64_t delay_ms);
/** Takes a datagram for the device; what is in it goes to message_receive(). */
void security_receive(struct device *device, const struct swarm_address *from,
                      struct kedge_slice datagram);
/** Forgets the association without a word. */
void security_drop(struct device *device);
/** Ends it as RFC 5246 section 7.2.1 asks. */
void security_say_goodbye(struct device *device);
/** Drops it, and the ticket. */
void security_free(struct device *device);

#endif
