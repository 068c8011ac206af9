/*
 * bootstrap.h: the bootstrap server (OMA LwM2M Core 1.2, section 6.1): gives devices that have
 * proved who they are an account with this server. It has a kedge_net of its own, and knows
 * nothing of the registered devices.
 *
 * Serves POST /bs (Bootstrap-Request) and GET /bspack (Bootstrap-Pack-Request). After a request it
 * asks of the device, one step after the other: Discover, Delete of what it had, Write of a
 * security object and a server object, Read of what it has now (LwM2M 1.1 and later), Finish.
 *
 * Method. What a device is given is durable before it is sent: the request is answered only when
 * that is so. A session is in memory only: one that is lost, by a restart of either side, is begun
 * again by the device, and leaves nothing behind but a key that was given out and is still good.
 */
#ifndef KEDGE_UPDATER_BOOTSTRAP_H
#define KEDGE_UPDATER_BOOTSTRAP_H

#include "updater/net/net.h"

#include <kedge/lwm2m.h>

#define KEDGE_BOOTSTRAP_SESSIONS_MAX 1024u /* devices that are bootstrapped at once */
#define KEDGE_BOOTSTRAP_BURST 20u          /* times that a device may begin at once; then once in */
#define KEDGE_BOOTSTRAP_PAUSE_S 16u        /* so many seconds, since each one goes to the disk */
#define KEDGE_BOOTSTRAP_URI_MAX 255u
#define KEDGE_BOOTSTRAP_IDENTITY_MAX 4096u /* bytes of an identity, or a certificate in DER */
#define KEDGE_BOOTSTRAP_SECRET_MAX 512u    /* bytes of a key, or a private key in DER */
#define KEDGE_BOOTSTRAP_WORDS_MAX 160u     /* of what is told of a step, with its NUL */
#define KEDGE_BOOTSTRAP_SERVER_DEFAULT 1u  /* Short Server ID */
#define KEDGE_BOOTSTRAP_LIFETIME_DEFAULT_S 86400u

/** Security Mode (/0/x/2). */
enum kedge_security_mode {
    KEDGE_SECURITY_PSK = 0,
    KEDGE_SECURITY_RAW_KEY = 1,
    KEDGE_SECURITY_CERTIFICATE = 2,
    KEDGE_SECURITY_NONE = 3
};

/** Who asks to be bootstrapped as whom. */
struct kedge_bootstrap_claim {
    const char *endpoint;
    enum kedge_net_proof proof;
    const char *name; /* that was proved; NULL: nothing was */
};

/** By what a device will prove itself to this server. Wipe it. */
struct kedge_bootstrap_grant {
    enum kedge_security_mode mode;
    uint8_t identity[KEDGE_BOOTSTRAP_IDENTITY_MAX]; /* /0/x/3: PSK identity, or its certificate */
    size_t identity_size;
    uint8_t secret[KEDGE_BOOTSTRAP_SECRET_MAX];       /* /0/x/5 */
    size_t secret_size;                               /* 0: the device has its own */
    uint8_t server_key[KEDGE_BOOTSTRAP_IDENTITY_MAX]; /* /0/x/4: the server's certificate */
    size_t server_key_size;
};

/** A step of a session, and how it ended. */
enum kedge_bootstrap_event {
    KEDGE_BOOTSTRAP_REQUESTED,
    KEDGE_BOOTSTRAP_PACKED, /* what it is given went out as the answer */
    KEDGE_BOOTSTRAP_DISCOVERED,
    KEDGE_BOOTSTRAP_DELETED,
    KEDGE_BOOTSTRAP_WRITTEN,
    KEDGE_BOOTSTRAP_READ,
    KEDGE_BOOTSTRAP_FINISHED,
    KEDGE_BOOTSTRAP_FAILED,
    KEDGE_BOOTSTRAP_REFUSED, /* whoever it was may not be bootstrapped as this endpoint */
    KEDGE_BOOTSTRAP_EVENT_COUNT
};

/** "bootstrap.requested", ...; static storage. */
const char *kedge_bootstrap_event_name(enum kedge_bootstrap_event event);

/** Who knows the devices; all of it is called on the network thread. */
struct kedge_bootstrap_desk {
    void *context;
    /** Whether it may be; anything but KEDGE_OK refuses it. */
    enum kedge_rc (*admit)(void *context, const struct kedge_bootstrap_claim *claim);
    /**
     * Makes what the endpoint is given, and has it made durable. kedge_bootstrap_granted() tells
     * the end of it, later and never from within; on a failure here it is not called.
     */
    enum kedge_rc (*grant)(void *context, const char *endpoint, uint64_t ticket);
    /** For the records: what has happened, in at most KEDGE_BOOTSTRAP_WORDS_MAX. */
    void (*trace)(void *context, const char *endpoint, enum kedge_bootstrap_event event,
                  const char *words);
};

struct kedge_bootstrap_config {
    struct kedge_net *net; /* outlives it; it becomes its handler */
    struct kedge_bootstrap_desk desk;
    const char *server_uri; /* where devices shall register; NULL: at the address where they reach
                               the bootstrap server, at this port */
    uint16_t server_port;
    uint32_t lifetime_s; /* /1/x/1; 0: KEDGE_BOOTSTRAP_LIFETIME_DEFAULT_S */
    uint32_t limit_ms;   /* from request to Finish; 0: KEDGE_NET_EXCHANGE_LIFETIME_MS */
};

struct kedge_bootstrap;

/** KEDGE_E_MEMORY, or KEDGE_E_SYSTEM without random numbers. */
enum kedge_rc kedge_bootstrap_create(const struct kedge_bootstrap_config *config,
                                     struct kedge_bootstrap **out) KEDGE_MUST_USE;
/** After kedge_net_run() has returned and before kedge_net_destroy(). NULL is fine. */
void kedge_bootstrap_destroy(struct kedge_bootstrap *bootstrap);

/**
 * "What was asked for by this ticket is durable" (KEDGE_OK), or cannot be had. `grant` is copied;
 * NULL unless KEDGE_OK. A ticket whose session has ended is fine.
 */
void kedge_bootstrap_granted(struct kedge_bootstrap *bootstrap, uint64_t ticket, enum kedge_rc rc,
                             const struct kedge_bootstrap_grant *grant);
/** Ends the session of the endpoint, if there is one: its credentials have changed. */
void kedge_bootstrap_expel(struct kedge_bootstrap *bootstrap, const char *endpoint);
/** How many are under way; what follows is counted from the start. */
struct kedge_bootstrap_counters {
    size_t sessions;
    uint64_t
        crowded_out;   /* requests answered 5.03, as KEDGE_BOOTSTRAP_SESSIONS_MAX were under way */
    uint64_t held_off; /* likewise, as the device had begun too often */
};

struct kedge_bootstrap_counters kedge_bootstrap_counters(const struct kedge_bootstrap *bootstrap);

#endif
