/*
 * hosts.h: numeric addresses of hosts, and networks of them. An IPv4 address is held as one in IPv6
 * (RFC 4291 section 2.5.5.2), so that it is the same host through either kind of socket.
 */
#ifndef KEDGE_UPDATER_API_HOSTS_H
#define KEDGE_UPDATER_API_HOSTS_H

#include <kedge/base.h>
#include <netinet/in.h>

#define NETWORKS_MAX 16u

struct host {
    uint8_t bytes[16];
};

struct host host_of(const struct sockaddr *address);
/** KEDGE_E_MALFORMED for what is no numeric address. */
enum kedge_rc host_parse(struct kedge_slice text, struct host *out) KEDGE_MUST_USE;
void host_text(const struct host *host, char out[INET6_ADDRSTRLEN]);
bool host_is_v4(const struct host *host);
bool host_is_loopback(const struct host *host);

struct network {
    struct host first;
    uint32_t bits; /* that all of its hosts have in common: 0 to 128 */
};

struct networks {
    struct network items[NETWORKS_MAX];
    size_t count;
};

/**
 * Reads "192.0.2.1, 10.0.0.0/8,2001:db8::/32". KEDGE_E_MALFORMED, also for bits behind those that
 * count; KEDGE_E_LIMIT for more than NETWORKS_MAX.
 */
enum kedge_rc networks_parse(struct kedge_slice text, struct networks *out) KEDGE_MUST_USE;
bool networks_hold(const struct networks *networks, const struct host *host);

#endif
