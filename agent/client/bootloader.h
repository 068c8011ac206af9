/*
 * bootloader.h: the bootloader that the configuration names. kedge-boot, or any that has core/boot
 * in it, picks the slot by the boot record; U-Boot by its environment, which is then the boot
 * record's selector (selector.h).
 */
#ifndef KEDGE_AGENT_BOOTLOADER_H
#define KEDGE_AGENT_BOOTLOADER_H

#include "agent/client/config.h"
#include "agent/port/uboot.h"

/**
 * kedge_bootloader_attach() gives `port` the selector of the configured bootloader, none for our
 * own. `uboot` must outlive it. False when that cannot work; it has been logged why.
 */
bool kedge_bootloader_attach(const struct kedge_agent_config *config, struct kedge_uboot *uboot,
                             struct kedge_port_state *port);

enum kedge_bootloader_start {
    KEDGE_BOOTLOADER_RUN,
    KEDGE_BOOTLOADER_REBOOT, /* another slot is to run than this one */
    KEDGE_BOOTLOADER_FAILED  /* it has been logged why */
};

/**
 * kedge_bootloader_start() finds out in which slot this process runs, and brings boot record and
 * selection in line with that. Under our own bootloader, which has done so before, it only asks.
 */
enum kedge_bootloader_start kedge_bootloader_start(const struct kedge_agent_config *config,
                                                   const struct kedge_port_state *port,
                                                   uint8_t *slot);

#endif
