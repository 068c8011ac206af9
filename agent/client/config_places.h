/* config_places.h: where the options say that slots and boot record are. */
#ifndef KEDGE_AGENT_CONFIG_PLACES_H
#define KEDGE_AGENT_CONFIG_PLACES_H

#include "agent/client/config.h"

/** kedge_config_places() borrows the texts of `config`. */
struct kedge_port_places kedge_config_places(const struct kedge_agent_config *config);

#endif
