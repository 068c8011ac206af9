/*
 * facts.h: what Linux knows about the device: room in the state folder, the time zone, and the
 * network. Nothing here blocks for longer than the kernel takes to answer.
 */
#ifndef KEDGE_AGENT_PORT_FACTS_H
#define KEDGE_AGENT_PORT_FACTS_H

#include <kedge/base.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define KEDGE_PORT_ADDRESSES_MAX 8u /* of one interface; more are not told */
#define KEDGE_PORT_BEARERS_MAX 8u   /* different ones */
#define KEDGE_PORT_ZONE_MAX 63u
#define KEDGE_PORT_UTC_OFFSET_MAX 6u /* "+05:30" */

/* Network bearers as OMA's object 4 numbers them. */
enum kedge_port_bearer {
    KEDGE_BEARER_CELLULAR = 0,
    KEDGE_BEARER_WLAN = 21,
    KEDGE_BEARER_BLUETOOTH = 22,
    KEDGE_BEARER_IEEE_802_15_4 = 23,
    KEDGE_BEARER_ETHERNET = 41 /* and whatever else has no radio */
};

struct kedge_port_network {
    char interface[16]; /* by which the server is reached; "" when there is none */
    int bearer;         /* of that interface, of enum kedge_port_bearer */
    int bearers[KEDGE_PORT_BEARERS_MAX];
    size_t bearer_count; /* of all interfaces that are up; the one in use first */
    int signal_dbm;      /* 0: unknown, or nothing that has one */
    char addresses[KEDGE_PORT_ADDRESSES_MAX][INET6_ADDRSTRLEN];
    size_t address_count;
};

/** Where the kernel shows its interfaces: "/sys/class/net" and "/proc/net/wireless". */
struct kedge_port_network_files {
    const char *interfaces, *wireless;
};
extern const struct kedge_port_network_files kedge_port_network_files;

/**
 * kedge_port_network() looks at the interface that has the address `local`; with NULL, or when none
 * has it, at the first one that is up and is not the loopback. Where the kernel does not tell,
 * there is no interface.
 */
void kedge_port_network(const struct kedge_port_network_files *files, const struct sockaddr *local,
                        struct kedge_port_network *network);

/** What kind of link the interface `name` is, by its folder among `files`. */
enum kedge_port_bearer kedge_port_bearer(const struct kedge_port_network_files *files,
                                         const char *name);
/** The signal level of the interface `name` in dBm; 0 when it has none. */
int kedge_port_signal_dbm(const struct kedge_port_network_files *files, const char *name);

/** Bytes that this process may still write into the open folder, and all that there are. */
enum kedge_rc kedge_port_storage(int folder, uint64_t *free_size,
                                 uint64_t *total_size) KEDGE_MUST_USE;

/** The difference of local time to UTC at `now_s` (Unix time), "+05:30". */
void kedge_port_utc_offset(uint64_t now_s, char text[KEDGE_PORT_UTC_OFFSET_MAX + 1]);
/**
 * kedge_port_zone() finds the name of the time zone in IANA's database, "Europe/Berlin", by TZ or
 * /etc/localtime. KEDGE_E_NOT_FOUND when it has none, or none of this kind.
 */
enum kedge_rc kedge_port_zone(char text[KEDGE_PORT_ZONE_MAX + 1]) KEDGE_MUST_USE;

#endif
