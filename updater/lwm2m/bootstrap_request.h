/*
 * bootstrap_request.h: what a Bootstrap-Request or a Bootstrap-Pack-Request says (OMA LwM2M Core
 * 1.2, section 6.1.7), taken from the request and held to its limits. Pure.
 */
#ifndef KEDGE_UPDATER_BOOTSTRAP_REQUEST_H
#define KEDGE_UPDATER_BOOTSTRAP_REQUEST_H

#include <kedge/coap.h>
#include <kedge/lwm2m.h>

struct bootstrap_request {
    char endpoint[KEDGE_LWM2M_ENDPOINT_MAX + 1];
    /* What the device wants written, as a set of format_bit(): 0: it does not say, or wants one
     * that this server has not. */
    uint8_t formats;
    bool wants_pack; /* these two are the caller's to fill in */
    uint32_t pack_format;
};

/** Returns NULL, or why the request is refused by 4.00. */
const char *bootstrap_request_read(const struct kedge_coap_message *request,
                                   struct bootstrap_request *out);
/**
 * In which format the answer to a Bootstrap-Pack-Request is; SenML CBOR where it does not ask for
 * one. False: in none that this server has for it (4.06).
 */
bool bootstrap_pack_format(const struct kedge_coap_message *request, uint32_t *format);

#endif
