/*
 * bootstrap_objects.h: the instances of the Security and the Server object that a device is given
 * (OMA LwM2M Core 1.2, appendix E.1 and E.2), and what it says of those that it has. Pure.
 */
#ifndef KEDGE_UPDATER_BOOTSTRAP_OBJECTS_H
#define KEDGE_UPDATER_BOOTSTRAP_OBJECTS_H

#include "updater/lwm2m/bootstrap.h"

/** An account with this server. What it points to is borrowed. */
struct bootstrap_account {
    const char *uri;
    const struct kedge_bootstrap_grant *grant;
    uint16_t server_id; /* Short Server ID */
    uint32_t lifetime_s;
    uint16_t security, server; /* the instances of the two objects */
};

/** The security object's instance, or the server object's, as the payload of a Write to it. */
enum kedge_rc bootstrap_write_instance(const struct bootstrap_account *account, uint16_t object,
                                       uint32_t format, struct kedge_writer *out) KEDGE_MUST_USE;
/** Both, with their paths from the root: the answer to a Bootstrap-Pack-Request. */
enum kedge_rc bootstrap_write_pack(const struct bootstrap_account *account, uint32_t format,
                                   struct kedge_writer *out) KEDGE_MUST_USE;

/** What a device says that it has. */
struct bootstrap_discovery {
    bool reads;               /* LwM2M 1.1 or later: it may be read from */
    bool has_acl, has_oscore; /* instances of objects 2 and 21 */
    /* Of object 0: of the account with the bootstrap server, which stays; -1: not known, as when
     * not all of the others show whose they are. */
    int32_t own_instance;
    unsigned own_count; /* accounts that do not show whose they are */
};

/** Reads the answer to a Discover of the root; false: it is none. */
bool bootstrap_read_discovery(struct kedge_slice links, struct bootstrap_discovery *out);
/** Whether the answer to a Read of the server object's instance is what was written. */
enum kedge_rc bootstrap_check_server(const struct bootstrap_account *account, uint32_t format,
                                     struct kedge_slice payload) KEDGE_MUST_USE;

#endif
