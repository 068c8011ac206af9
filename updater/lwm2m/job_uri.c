/* job_uri.c: where a device is told to download from. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "updater/lwm2m/job.h"

/* Which of the schemes that both sides have is taken: the first in this order. */
static const enum kedge_firmware_protocol preference[] = {
    KEDGE_PROTOCOL_COAPS, KEDGE_PROTOCOL_COAP,      KEDGE_PROTOCOL_HTTPS,
    KEDGE_PROTOCOL_HTTP,  KEDGE_PROTOCOL_COAPS_TCP, KEDGE_PROTOCOL_COAP_TCP};
#define PREFERENCE_COUNT (sizeof preference / sizeof preference[0])

typedef bool base_fn(const struct job *job, enum kedge_firmware_protocol protocol,
                     char base[KEDGE_UPDATE_BASE_URI_MAX + 1]);

static bool set_base(const char *scheme, const struct kedge_address *address,
                     char base[KEDGE_UPDATE_BASE_URI_MAX + 1])
{
    struct kedge_address bare = *address;
    char text[KEDGE_ADDRESS_TEXT_MAX];
    bare.secure = false; /* the text of a secure one has a scheme of its own */
    kedge_address_text(&bare, text);
    snprintf(base, KEDGE_UPDATE_BASE_URI_MAX + 1, "%s://%s", scheme, text);
    return true;
}

/* What the plan says. */
static bool base_elsewhere(const struct job *job, enum kedge_firmware_protocol protocol,
                           char base[KEDGE_UPDATE_BASE_URI_MAX + 1])
{
    strcpy(base, job->bases[protocol]);
    return base[0] != '\0';
}

/* ---- this server ---- */

/*
 * The listener as the device reaches it, which is at `local` by CoAP: one for all addresses there
 * too, one for loopback only from there.
 */
static bool listener_from(const struct kedge_fleet_web *web, const struct kedge_address *local,
                          struct kedge_address *address)
{
    bool every_v4 = strcmp(web->host, "0.0.0.0") == 0, every_v6 = strcmp(web->host, "::") == 0;
    if (web->port == 0)
        return false;
    if (web->host[0] == '\0' || (local->any.sa_family == AF_INET ? every_v4 : every_v6)) {
        *address = *local;
        kedge_address_set_port(address, web->port);
        return true;
    }
    return !every_v4 && !every_v6 &&
           kedge_address_from_host(web->host, web->port, address) == KEDGE_OK &&
           (!kedge_address_is_loopback(address) || kedge_address_is_loopback(local));
}

/* A device that speaks by DTLS downloads by TLS too: no package goes there in the clear. */
static bool base_here(const struct job *job, enum kedge_firmware_protocol protocol,
                      char base[KEDGE_UPDATE_BASE_URI_MAX + 1])
{
    const struct device *device = job->device;
    const struct kedge_fleet *fleet = device->fleet;
    bool secure = device->address.secure;
    struct kedge_address local, listener;
    if (kedge_net_peer_local(fleet->net, &device->address, &local) != KEDGE_OK)
        return false;
    switch (protocol) {
    case KEDGE_PROTOCOL_COAP:
        return !secure && set_base("coap", &local, base);
    case KEDGE_PROTOCOL_COAPS:
        return secure && set_base("coaps", &local, base);
    case KEDGE_PROTOCOL_HTTP:
        return !secure && listener_from(&fleet->http, &local, &listener) &&
               set_base("http", &listener, base);
    case KEDGE_PROTOCOL_HTTPS:
        return listener_from(&fleet->https, &local, &listener) &&
               set_base("https", &listener, base);
    case KEDGE_PROTOCOL_COAP_TCP:
    case KEDGE_PROTOCOL_COAPS_TCP:
        return false;
    }
    return false;
}

/* ---- which one ---- */

static bool choose(const struct job *job, base_fn *base_of,
                   char base[KEDGE_UPDATE_BASE_URI_MAX + 1])
{
    for (size_t i = 0; i < PREFERENCE_COUNT; i++)
        if ((job->protocols >> preference[i] & 1u) != 0 && base_of(job, preference[i], base))
            return true;
    return false;
}

bool job_choose_uri(const struct job *job, char uri[KEDGE_LWM2M_STRING_MAX + 1])
{
    char base[KEDGE_UPDATE_BASE_URI_MAX + 1];
    if (!choose(job, base_elsewhere, base) && !choose(job, base_here, base))
        return false;
    snprintf(uri, KEDGE_LWM2M_STRING_MAX + 1, "%s/fw/%s", base, job->file);
    return true;
}
