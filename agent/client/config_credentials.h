/* config_credentials.h: what the options say that this device proves itself with. */
#ifndef KEDGE_AGENT_CONFIG_CREDENTIALS_H
#define KEDGE_AGENT_CONFIG_CREDENTIALS_H

#include "agent/client/config.h"
#include "agent/client/credentials.h"

/**
 * kedge_config_credentials() reads the files that the options name: one kind of proof, and whole,
 * or none. False when something is wrong, and it has been said.
 */
bool kedge_config_credentials(const struct kedge_agent_config *config,
                              struct kedge_credentials *credentials);

#endif
