/* listening.h: the places where CoAP is listened for, from the configuration. */
#ifndef KEDGE_UPDATER_LISTENING_H
#define KEDGE_UPDATER_LISTENING_H

#include "updater/kedged/config.h"
#include "updater/net/net.h"
#include "updater/store/store.h"

/** So many a second, and KEDGE_CONFIG_BURST_SECONDS of it at once. */
struct kedge_token_rate kedge_listening_rate(uint64_t per_s);
/** What is the same for all places: certificates, and how strangers are bounded. */
void kedge_listening_init(const struct kedge_config *config, struct kedge_net_config *net_config);
/** Adds the places that `list` (ADDR:PORT, with commas between them) has; an empty one has none. */
enum kedge_rc kedge_listening_add(struct kedge_net_config *net_config, const char *list,
                                  bool secure, char error[KEDGE_STORE_ERROR_MAX]) KEDGE_MUST_USE;

#endif
