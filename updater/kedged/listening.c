/* listening.c: see listening.h. */
#include "updater/kedged/listening.h"

#include <stdio.h>

static const char *given(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

struct kedge_token_rate kedge_listening_rate(uint64_t per_s)
{
    return (struct kedge_token_rate){(uint32_t)per_s, (uint32_t)per_s * KEDGE_CONFIG_BURST_SECONDS};
}

void kedge_listening_init(const struct kedge_config *config, struct kedge_net_config *net_config)
{
    *net_config = (struct kedge_net_config){
        .certificates = {.key_file = given(config->coaps_key),
                         .certificate_file = given(config->coaps_cert),
                         .ca_file = given(config->coaps_ca),
                         .crl_file = given(config->coaps_crl)},
        .unproven_rate = kedge_listening_rate(config->unproven_per_s),
    };
}

static enum kedge_rc add_one(struct kedge_net_config *net_config, const char *text, bool secure,
                             char error[KEDGE_STORE_ERROR_MAX])
{
    char host[KEDGE_CONFIG_TEXT_MAX];
    uint16_t port;
    if (net_config->listen_count == KEDGE_NET_LISTEN_MAX)
        return KEDGE_E_LIMIT;
    struct kedge_address *address = &net_config->listen[net_config->listen_count];
    enum kedge_rc rc = kedge_config_split_address(text, host, sizeof(host), &port);
    if (rc == KEDGE_OK)
        rc = kedge_address_from_host(host, port, address);
    if (rc != KEDGE_OK) {
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "%.300s: %.150s", text, kedge_rc_text(rc));
        return rc;
    }
    address->secure = secure;
    net_config->listen_count++;
    return KEDGE_OK;
}

enum kedge_rc kedge_listening_add(struct kedge_net_config *net_config, const char *list,
                                  bool secure, char error[KEDGE_STORE_ERROR_MAX])
{
    char one[KEDGE_CONFIG_TEXT_MAX];
    while (kedge_config_next_address(&list, one))
        KEDGE_TRY(add_one(net_config, one, secure, error));
    return KEDGE_OK;
}
