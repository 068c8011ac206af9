/* config.h: what the agent is told by its command line and configuration file. */
#ifndef KEDGE_AGENT_CONFIG_H
#define KEDGE_AGENT_CONFIG_H

#include "agent/client/queue_mode.h"
#include "agent/client/consent.h"
#include "agent/client/hooks.h"
#include "agent/client/registration.h"
#include "agent/port/port.h"

#include <kedge/lwm2m.h>

#define KEDGE_CONFIG_TEXT_MAX 255u
#define KEDGE_CONFIG_PATH_MAX 1023u
#define KEDGE_CONFIG_COMMAND_MAX 1023u
#define KEDGE_HEALTH_TIMEOUT_DEFAULT_S 60u
#define KEDGE_HOOK_TIMEOUT_DEFAULT_S 60u
#define KEDGE_AGENT_TRIAL_LIMIT_DEFAULT_S 1800u
#define KEDGE_AGENT_TRIAL_LIMIT_MAX_S (30u * 24u * 3600u)
#define KEDGE_DOWNLOAD_PATIENCE_DEFAULT_S 180u
/* EXCHANGE_LIFETIME (RFC 7252 section 4.8.2), from the request to Finish. */
#define KEDGE_BOOTSTRAP_PATIENCE_DEFAULT_S 247u

/* Whose way of picking a slot is followed, see bootloader.h. */
enum kedge_bootloader { KEDGE_BOOTLOADER_KEDGE, KEDGE_BOOTLOADER_UBOOT };

/** Empty texts are options that were not given; kedge_options_read() sets the defaults. */
struct kedge_agent_config {
    char config_file[KEDGE_CONFIG_PATH_MAX + 1];
    char server[KEDGE_CONFIG_TEXT_MAX + 1];
    char bootstrap_server[KEDGE_CONFIG_TEXT_MAX + 1]; /* instead of `server` */
    char endpoint[KEDGE_LWM2M_ENDPOINT_MAX + 1];
    char state[KEDGE_CONFIG_PATH_MAX + 1];
    char slots[KEDGE_SLOTS][KEDGE_CONFIG_PATH_MAX + 1]; /* devices; see config_places.h */
    char boot_record[KEDGE_CONFIG_PATH_MAX + 1];
    char vendor[KEDGE_CONFIG_TEXT_MAX + 1];
    char class_name[KEDGE_CONFIG_TEXT_MAX + 1];
    char hardware[KEDGE_CONFIG_TEXT_MAX + 1];
    char device_type[KEDGE_CONFIG_TEXT_MAX + 1];
    char software_version[KEDGE_CONFIG_TEXT_MAX + 1];
    char psk_identity[KEDGE_CONFIG_TEXT_MAX + 1];
    char psk_file[KEDGE_CONFIG_PATH_MAX + 1];
    char private_key[KEDGE_CONFIG_PATH_MAX + 1];
    char certificate[KEDGE_CONFIG_PATH_MAX + 1];
    char server_ca[KEDGE_CONFIG_PATH_MAX + 1];
    char server_public_key[KEDGE_CONFIG_PATH_MAX + 1];
    char download_ca[KEDGE_CONFIG_PATH_MAX + 1];
    char socket[KEDGE_CONFIG_PATH_MAX + 1];
    char socket_group[KEDGE_CONFIG_TEXT_MAX + 1];
    char uboot_env_config[KEDGE_CONFIG_PATH_MAX + 1];
    char uboot_initial_env[KEDGE_CONFIG_PATH_MAX + 1];
    char hooks[KEDGE_HOOK_COUNT][KEDGE_CONFIG_COMMAND_MAX + 1];
    char health_command[KEDGE_CONFIG_COMMAND_MAX + 1];
    char trust[KEDGE_PORT_TRUST_MAX][KEDGE_CONFIG_PATH_MAX + 1];
    size_t trust_count;
    uint64_t required;
    uint64_t lifetime_s;
    bool send;
    bool queue_mode;
    uint64_t awake_s;
    uint64_t health_timeout_s;
    uint64_t health_soak_s;
    bool health_without_server;
    uint64_t hook_timeout_s;
    uint64_t defer_for_s; /* KEDGE_CONSENT_NO_LIMIT: none was named */
    uint64_t download_patience_s;
    uint64_t download_budget; /* bytes; 0: by the size of the package */
    uint64_t bootstrap_hold_off_s;
    uint64_t bootstrap_patience_s;
    enum kedge_firmware_delivery delivery;
    enum kedge_bootloader bootloader;
    uint64_t trial_limit_s; /* under U-Boot; kedge-boot has its own */
    uint64_t slot_size;
    bool allow_development_keys;
    bool verbose;
    bool json;
    bool follow;
    bool consent;
};

#endif
