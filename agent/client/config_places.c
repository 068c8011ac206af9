/* config_places.c: see config_places.h. */
#include "agent/client/config_places.h"

static const char *given(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

struct kedge_port_places kedge_config_places(const struct kedge_agent_config *config)
{
    return (struct kedge_port_places){.record = given(config->boot_record),
                                      .slots = {given(config->slots[0]), given(config->slots[1])},
                                      .slot_size = (uint32_t)config->slot_size};
}
