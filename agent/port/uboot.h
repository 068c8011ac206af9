/*
 * uboot.h: U-Boot's environment as the selector of slots (selector.h), through libubootenv. What
 * its variables mean is in uboot_text.h; docs/porting.md has the script for U-Boot's side.
 *
 * libubootenv writes the copy of a redundant environment that is not in use, whole, and syncs it
 * without looking at how that ended; it writes an environment of one copy in place. So what it has
 * written is synced here once more, and read back. Other variables are left as they are.
 */
#ifndef KEDGE_AGENT_UBOOT_H
#define KEDGE_AGENT_UBOOT_H

#include "agent/port/uboot_text.h"

#define KEDGE_UBOOT_CONFIG_FILE "/etc/fw_env.config"
#define KEDGE_UBOOT_DEFAULTS_FILE "/etc/u-boot-initial-env"

/** An open environment. Do not copy it: `selector` points into it. */
struct kedge_uboot {
    struct kedge_selector selector;
    const char *config;   /* path of a fw_env.config */
    const char *defaults; /* path of U-Boot's default environment as text; it need not exist */
    struct kedge_uboot_places places;
};

/**
 * kedge_uboot_open() reads `config`, and looks whether libubootenv can make something of it. Both
 * paths stay the caller's and must outlive `uboot`. With `places.count` 1 afterwards the
 * environment has no second copy: a cut of power while it is written loses it, and U-Boot then
 * boots by its defaults. KEDGE_E_SYSTEM with errno, KEDGE_E_MALFORMED and the like for the file.
 * Keeps nothing open.
 *
 * The selector's read: KEDGE_E_NOT_FOUND when no copy is whole, or the variables are not there.
 * Its write begins a lost environment anew from `defaults`; without that file it is
 * KEDGE_E_NOT_FOUND, because an environment of our variables alone would hide U-Boot's own
 * defaults from it. KEDGE_E_SPACE when the environment is full, KEDGE_E_FLASH when it does not
 * read back as written.
 */
enum kedge_rc kedge_uboot_open(struct kedge_uboot *uboot, const char *config,
                               const char *defaults) KEDGE_MUST_USE;

/**
 * kedge_uboot_running() is the slot that U-Boot started, by the kernel's command line in the file
 * `command_line` ("/proc/cmdline"). KEDGE_E_SYSTEM with errno, or as kedge_uboot_slot_read().
 */
enum kedge_rc kedge_uboot_running(const char *command_line, uint8_t *slot) KEDGE_MUST_USE;

#endif
