/* sender.h: Send over the session to the server: the messages of send.h. */
#ifndef KEDGE_AGENT_SENDER_H
#define KEDGE_AGENT_SENDER_H

#include "agent/client/server.h"

/** Sends what is due, while the device is registered; lowers `wait_ms`. */
void kedge_sender_poll(struct kedge_server *server, uint64_t *wait_ms);
/** Takes the answer to a Send; false when it is none. */
bool kedge_sender_response(struct kedge_server *server, const coap_pdu_t *response);
/** A message is given up: false when it was no Send. `sent` NULL: whatever was on its way. */
bool kedge_sender_undelivered(struct kedge_server *server, const coap_pdu_t *sent);

#endif
