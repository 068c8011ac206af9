/* bench_dtls.h: who the devices of the benches with DTLS are, and what they speak. */
#ifndef KEDGE_BENCH_DTLS_H
#define KEDGE_BENCH_DTLS_H

#include <errno.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <kedge/base.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BENCH_NAME "load-" /* with the index behind it: endpoint and identity */
#define BENCH_NAME_MAX 16u
#define BENCH_KEY_SIZE 16u
#define BENCH_MTU 1400u
#define BENCH_SUITE "NONE:+VERS-DTLS1.2:+COMP-NULL:+PSK:+AES-128-CCM-8:+AEAD:+SIGN-ALL"

/** The key of the device is its index in 16 hexadecimal digits, as text. */
static inline void bench_key(uint32_t index, uint8_t key[BENCH_KEY_SIZE])
{
    char digits[BENCH_KEY_SIZE + 1];
    (void)snprintf(digits, sizeof digits, "%016x", (unsigned)index);
    memcpy(key, digits, BENCH_KEY_SIZE);
}

/** The datagram that GnuTLS reads next; it takes it once. */
static struct kedge_slice bench_incoming;

static inline ssize_t bench_pull(gnutls_transport_ptr_t tls, void *data, size_t size)
{
    size_t taken = bench_incoming.size < size ? bench_incoming.size : size;
    if (taken == 0) {
        gnutls_transport_set_errno(tls, EAGAIN);
        return -1;
    }
    memcpy(data, bench_incoming.data, taken);
    bench_incoming = kedge_slice(NULL, 0);
    return (ssize_t)taken;
}

static inline int bench_pull_timeout(gnutls_transport_ptr_t tls, unsigned wait_ms)
{
    (void)tls;
    (void)wait_ms;
    return bench_incoming.size > 0;
}

/** Has what the session sends given to push(context, ...), and what it reads taken from above. */
static inline void bench_transport(gnutls_session_t tls, void *context, gnutls_push_func push)
{
    gnutls_transport_set_ptr2(tls, tls, context);
    gnutls_transport_set_push_function(tls, push);
    gnutls_transport_set_pull_function(tls, bench_pull);
    gnutls_transport_set_pull_timeout_function(tls, bench_pull_timeout);
    gnutls_dtls_set_mtu(tls, BENCH_MTU);
}

#endif
