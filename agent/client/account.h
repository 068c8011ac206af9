/*
 * account.h: an account that a bootstrap server gives this device: one instance of the Security
 * object and one of the Server object (OMA LwM2M Core 1.1, appendix E.1 and E.2), and whether they
 * are something to register with. Pure. The account with the bootstrap server itself is not here:
 * it comes from the device's options.
 */
#ifndef KEDGE_AGENT_ACCOUNT_H
#define KEDGE_AGENT_ACCOUNT_H

#include "agent/client/access.h"
#include "agent/fetch/uri.h"

#include <kedge/lwm2m.h>

#define KEDGE_ACCOUNT_IDENTITY_MAX 4096u   /* bytes of a certificate, the longest identity */
#define KEDGE_ACCOUNT_SERVER_KEY_MAX 4096u /* likewise */
#define KEDGE_ACCOUNT_SECRET_MAX 512u      /* bytes of a private key */
#define KEDGE_ACCOUNT_BINDING_MAX 7u
/* OMA LwM2M Core 1.1, resources /1/x/17 and /1/x/18, where they are not written. */
#define KEDGE_ACCOUNT_RETRY_COUNT_DEFAULT 5u
#define KEDGE_ACCOUNT_RETRY_TIMER_DEFAULT_S 60u

/** Resource /0/x/2. */
enum kedge_account_mode {
    KEDGE_ACCOUNT_PRE_SHARED_KEY = 0,
    KEDGE_ACCOUNT_RAW_PUBLIC_KEY = 1,
    KEDGE_ACCOUNT_CERTIFICATE = 2,
    KEDGE_ACCOUNT_NO_SECURITY = 3
};

/** Resource /0/x/15: how the server's certificate is checked by what /0/x/4 holds. */
enum kedge_account_certificate_usage {
    KEDGE_ACCOUNT_TRUST_ANCHOR = 2, /* it is of this CA, and for the host in the URI */
    KEDGE_ACCOUNT_DOMAIN_ISSUED = 3 /* it is this one; the default */
};

struct kedge_account_security {
    bool present;
    uint16_t instance;
    char uri[KEDGE_URI_MAX + 1];
    uint64_t mode; /* any number that was written */
    uint8_t identity[KEDGE_ACCOUNT_IDENTITY_MAX];
    size_t identity_size;
    uint8_t server_key[KEDGE_ACCOUNT_SERVER_KEY_MAX];
    size_t server_key_size;
    uint8_t secret[KEDGE_ACCOUNT_SECRET_MAX];
    size_t secret_size;
    uint16_t server_id;
    uint64_t certificate_usage;
    bool bootstrap;  /* /0/x/1: for a bootstrap server */
    bool unfamiliar; /* it asks for a check or a protection that there is none of here */
};

struct kedge_account_server {
    bool present;
    uint16_t instance;
    uint16_t server_id;
    uint32_t lifetime_s;                                /* 0: not written */
    uint32_t default_pmin_s, default_pmax_s, disable_s; /* 0: not written */
    bool storing;
    char binding[KEDGE_ACCOUNT_BINDING_MAX + 1];
    bool bootstrap_on_failure; /* /1/x/16 */
    uint32_t retry_count, retry_timer_s;
};

/** Holds keys: wipe it. */
struct kedge_account {
    char endpoint[KEDGE_LWM2M_ENDPOINT_MAX + 1]; /* whom it was given */
    struct kedge_account_security security;
    struct kedge_account_server server;
    struct kedge_access access; /* object 2, numbered as the bootstrap server has it */
    bool has_hold_off;          /* /0/x/11 of the account with the bootstrap server was written */
    uint32_t hold_off_s;
};

/** An account without either instance. */
void kedge_account_init(struct kedge_account *account);
/** An instance that is there, with all resources as if they had not been written. */
void kedge_account_security_init(struct kedge_account_security *security, uint16_t instance);
void kedge_account_server_init(struct kedge_account_server *server, uint16_t instance);

/**
 * kedge_account_flaw() says in words why the account is nothing to register with (OMA LwM2M Core
 * 1.1, section 6.1.5); NULL when it is, as far as can be seen without looking into the keys. With
 * `has_own_key` the device has a private key itself, and needs not be given one.
 */
const char *kedge_account_flaw(const struct kedge_account *account, bool has_own_key);

#endif
