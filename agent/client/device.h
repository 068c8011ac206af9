/*
 * device.h: what objects 3 (Device) and 4 (Connectivity Monitoring) tell of the device itself:
 * room, clock, network, errors. Looked at together and kept, so that one answer is of one moment.
 */
#ifndef KEDGE_AGENT_DEVICE_H
#define KEDGE_AGENT_DEVICE_H

#include "agent/port/facts.h"

#include <kedge/lwm2m.h>

#define KEDGE_DEVICE_LOOK_MS 1000u /* between two looks, at least */

/* Error codes of /3/0/11. */
enum kedge_device_error {
    KEDGE_DEVICE_NO_ERROR = 0,
    KEDGE_DEVICE_OUT_OF_MEMORY = 5, /* the state folder has no room */
    KEDGE_DEVICE_PERIPHERAL = 8     /* it takes nothing for another reason */
};

struct kedge_device {
    /* The caller's. */
    const struct kedge_clock *clock;
    const struct kedge_port_network_files *files;
    int folder; /* the state folder */

    bool looked, had_session;
    uint64_t looked_at_ms;
    uint64_t free_size, total_size; /* bytes; 0 of 0: unknown */
    struct kedge_port_network network;
    char utc_offset[KEDGE_PORT_UTC_OFFSET_MAX + 1];
    char zone[KEDGE_PORT_ZONE_MAX + 1]; /* "": unknown */
};

/**
 * kedge_device_look() looks at the device unless it has just done so. `local` is this end of the
 * session to the server; NULL: there is none.
 */
void kedge_device_look(struct kedge_device *device, const struct sockaddr *local);

/** /3/0/x for the resources 10, 13, 14, 15 and 21, and /4/0/x; texts are borrowed. */
enum kedge_rc kedge_device_read(const struct kedge_device *device,
                                const struct kedge_lwm2m_path *path,
                                struct kedge_lwm2m_value *value) KEDGE_MUST_USE;

/** What /3/0/11 says when writing into the state folder has failed with `error`; 0: it has not. */
enum kedge_device_error kedge_device_error(int error);

#endif
