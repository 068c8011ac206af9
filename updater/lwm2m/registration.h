/*
 * registration.h: what a Register or an Update says (OMA LwM2M Core 1.1, section 6.2), taken from
 * the request and held to its limits. Pure.
 */
#ifndef KEDGE_UPDATER_REGISTRATION_H
#define KEDGE_UPDATER_REGISTRATION_H

#include <kedge/coap.h>
#include <kedge/lwm2m.h>

#define KEDGE_REGISTRATION_LIFETIME_DEFAULT_S 86400u
#define KEDGE_REGISTRATION_BINDING_MAX 7u
#define KEDGE_REGISTRATION_VERSION_MAX 7u
#define KEDGE_REGISTRATION_ROOT_MAX 32u /* bytes of an alternate path */

/** Slices borrow the request. */
struct kedge_registration_request {
    struct kedge_slice endpoint;
    struct kedge_slice version; /* "1.0" */
    struct kedge_slice binding;
    bool has_lifetime;
    uint32_t lifetime_s; /* 0: for ever */
    bool has_binding;
    bool queue_mode;
    bool has_links; /* of an Update: the list replaces the former one */
    struct kedge_registration_links {
        bool firmware : 1; /* /5/0 is there */
        bool words : 1;    /* /26241/0 is there */
        bool limits : 1;   /* and may say what the device takes */
        bool cancels : 1;  /* its object 5 is of version 1.1 or later, as far as it says */
        uint8_t formats;   /* those that the root link lists, as format_bit(); 0: it lists none */
    } links;
    struct kedge_slice root; /* "lwm2m" when its objects are at /lwm2m/5 and so on; else empty */
};

/** A refusal: the code, and the reason as the diagnostic payload (RFC 7252 section 5.5.2). */
struct kedge_registration_refusal {
    uint8_t code;
    const char *reason;
};

/** Reads a Register: endpoint and version must be there. False: refused. */
bool kedge_registration_read_register(const struct kedge_coap_message *request,
                                      struct kedge_registration_request *out,
                                      struct kedge_registration_refusal *refusal);
/** Reads an Update: everything may be absent, and endpoint and version must be. */
bool kedge_registration_read_update(const struct kedge_coap_message *request,
                                    struct kedge_registration_request *out,
                                    struct kedge_registration_refusal *refusal);

/** Whether an endpoint name may be: 1 to 128 bytes of printable UTF-8. */
bool kedge_registration_endpoint_valid(struct kedge_slice endpoint);
bool kedge_registration_binding_valid(struct kedge_slice binding);
/** Whether it is a version that this server speaks. */
bool kedge_registration_version_spoken(struct kedge_slice version);

#endif
