/*
 * dtls.h: DTLS 1.2 (RFC 6347) between sockets and CoAP: what the other files of updater/net want
 * of it.
 *
 *   records.c      what is read before there is a key
 *   dtls.c         which association a datagram belongs to; cookies; handshakes that end well
 *   association.c  one association: GnuTLS over datagrams that are handed to it
 *   keys.c         which kinds of proof are taken; pre-shared keys
 *   certificates.c X.509 certificates of a fleet's CA, and raw public keys
 *   revocation.c   that CA, and the certificates that it has revoked
 *
 * Method. A ClientHello costs nothing until its cookie proves that its sender receives at its
 * address. Then its peer gets a handshake beside the association that it may have: the old one
 * goes on until the new one has proved who it is (RFC 6347 section 4.2.8), so a device that
 * restarted on its port gets in, and a forger takes nothing from it. Peers that have no
 * registration, half-open ones among them, are bounded in number; the quietest goes first.
 */
#ifndef KEDGE_UPDATER_NET_DTLS_H
#define KEDGE_UPDATER_NET_DTLS_H

#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <time.h>

#include "updater/net/internal.h"
#include "updater/net/records.h"

#define DTLS_MTU 1400u
#define DTLS_HANDSHAKE_MS 30000u
#define DTLS_COOKIE_MS 60000u /* a cookie is taken for as long, and up to twice as long */

struct dtls {
    gnutls_datum_t cookie_key, former_cookie_key;
    uint64_t cookie_key_at_ms;
    gnutls_datum_t ticket_key;
    gnutls_priority_t psk_only, with_x509, with_raw_keys; /* NULL: there is no such proof */
    gnutls_psk_server_credentials_t psk;
    gnutls_certificate_credentials_t x509, raw_keys;
    gnutls_datum_t ca;    /* PEM */
    time_t revoked_until; /* from then on the list of revoked ones is out of date; 0: never */
};

/** An association with a peer, or the handshake that may become one. */
struct association {
    struct kedge_net *net;
    gnutls_session_t tls;
    struct kedge_address address;
    struct path path;
    struct kedge_slice incoming; /* the datagram being read */
    bool half_read;              /* GnuTLS may still hold a part of it */
    struct sent *sent;           /* what is sent is noted there; NULL: nowhere */
    uint8_t *finished;           /* a record that the peer may not have; NULL: it was heard since */
    size_t finished_size;
    unsigned repeats;             /* of that */
    struct kedge_net_timer timer; /* the handshake's next step; later, whether it is idle */
    uint64_t hello;               /* tells the ClientHello that it began with from others */
    uint64_t used_at_ms;
    uint64_t mark;      /* of its certificate, see revocation.c */
    bool raw_keys_only; /* its ClientHello says so */
    bool stranger;      /* nobody is enrolled by the identity that it gave */
    char *name;         /* in whose name the peer speaks; NULL: not known yet */
};

/* ---- keys.c ---- */

/** KEDGE_E_KEY when a file cannot be used. */
enum kedge_rc dtls_keys_open(struct dtls *dtls,
                             const struct kedge_net_certificates *certificates) KEDGE_MUST_USE;
void dtls_keys_close(struct dtls *dtls);
enum kedge_rc dtls_take_name(struct association *association, const char *name) KEDGE_MUST_USE;
/** Gives a new session what it needs to judge the peer. */
enum kedge_rc dtls_keys_use(struct association *association) KEDGE_MUST_USE;
/** How the peer proves itself, and by which PSK identity ("": by none). */
enum kedge_net_proof dtls_keys_proof(const struct association *association,
                                     char identity[KEDGE_NET_IDENTITY_MAX + 1]);
/** After a handshake: in whose name the peer speaks goes to `name`. */
enum kedge_rc dtls_keys_name(struct association *association) KEDGE_MUST_USE;

/* ---- certificates.c ---- */

enum kedge_rc dtls_certificates_open(struct dtls *dtls,
                                     const struct kedge_net_certificates *files) KEDGE_MUST_USE;
void dtls_certificates_close(struct dtls *dtls);
/** Judges what the peer has shown, and takes the name that it proves. */
enum kedge_rc dtls_certificates_judge(struct association *association) KEDGE_MUST_USE;
/** Whether the X.509 certificate that it has shown is one that is taken now. */
bool dtls_certificate_holds(const struct association *association);

/* ---- revocation.c ---- */

/** Reads CA and revocation list into dtls->x509; KEDGE_E_KEY when a file cannot be used. */
enum kedge_rc dtls_trust_open(struct dtls *dtls,
                              const struct kedge_net_certificates *files) KEDGE_MUST_USE;
void dtls_trust_close(struct dtls *dtls);
/** What a certificate is told by in a revocation list; 0: by nothing. */
uint64_t dtls_certificate_mark(const struct kedge_net *net, gnutls_x509_crt_t certificate);

/* ---- association.c ---- */

/** NULL without memory. */
struct association *association_create(struct kedge_net *net, const struct kedge_address *address,
                                       const struct path *path, uint64_t hello, bool raw_keys_only,
                                       const gnutls_dtls_prestate_st *prestate);
/** Takes the handshake on, with `bytes` or (when empty) because it is time. KEDGE_E_BUSY: it goes
 * on, in *wait_ms at the latest. Another failure ends it; `words` say why. */
enum kedge_rc association_shake(struct association *association, struct kedge_slice bytes,
                                unsigned *wait_ms, const char **words) KEDGE_MUST_USE;
/** Whether the handshake ended with what was sent to the peer, and nothing has come since. */
bool association_awaits_peer(const struct association *association);
/** Sends its Finished again to a peer that is awaited. In how many ms it is to be asked anew
 * whether it still is. */
uint32_t association_repeat_finished(struct association *association);
/** Hands it a datagram; the messages in it are read by association_read(). */
void association_take(struct association *association, struct kedge_slice bytes);
/** The next message: KEDGE_E_NOT_FOUND when there is none, KEDGE_E_CONNECTION when it has ended. */
enum kedge_rc association_read(struct association *association, uint8_t *out, size_t capacity,
                               size_t *size) KEDGE_MUST_USE;
void association_send(struct association *association, struct kedge_slice bytes);
/** Tells the peer that it ends (RFC 5246 section 7.2.1). */
void association_say_goodbye(struct association *association);

#endif
