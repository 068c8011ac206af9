/* bootloader.c: see bootloader.h. */
#include "agent/client/bootloader.h"

#include "agent/client/log.h"
#include "agent/client/reconcile.h"

#include <errno.h>
#include <string.h>

#define COMMAND_LINE_FILE "/proc/cmdline"

static const char *words(enum kedge_rc rc)
{
    return rc == KEDGE_E_SYSTEM ? strerror(errno) : kedge_rc_text(rc);
}

bool kedge_bootloader_attach(const struct kedge_agent_config *config, struct kedge_uboot *uboot,
                             struct kedge_port_state *port)
{
    if (config->bootloader == KEDGE_BOOTLOADER_KEDGE)
        return true;
    enum kedge_rc rc = kedge_uboot_open(uboot, config->uboot_env_config, config->uboot_initial_env);
    if (rc != KEDGE_OK) {
        kedge_log(KEDGE_LOG_ERROR, "--uboot-env-config %s: U-Boot's environment: %s",
                  config->uboot_env_config, words(rc));
        return false;
    }
    if (uboot->places.count < KEDGE_UBOOT_COPIES_MAX)
        kedge_log(KEDGE_LOG_WARNING,
                  "--uboot-env-config %s: the environment has one copy: a cut of power while it is "
                  "written loses it",
                  config->uboot_env_config);
    port->boot.selector = &uboot->selector;
    return true;
}

/* ---- which slot is this process the firmware of? ---- */

/* Without a bootloader that says so, the confirmed one. */
static enum kedge_bootloader_start ask_own(const struct kedge_agent_config *config,
                                           const struct kedge_port_state *port, uint8_t *slot)
{
    struct kedge_boot_record record;
    enum kedge_rc rc = kedge_boot_record_read(&port->boot, &record);
    const bool later = rc == KEDGE_E_UNSUPPORTED;
    if (rc != KEDGE_OK && !later) {
        kedge_log(KEDGE_LOG_ERROR, "--state %s: %s", config->state,
                  rc == KEDGE_E_NOT_FOUND
                      ? "no factory firmware here; run kedge-agent install-factory first"
                      : kedge_rc_text(rc));
        return KEDGE_BOOTLOADER_FAILED;
    }
    bool on_trial;
    rc = kedge_port_running(slot, &on_trial);
    if (rc == KEDGE_OK)
        return KEDGE_BOOTLOADER_RUN;
    if (rc != KEDGE_E_NOT_FOUND) {
        kedge_log(KEDGE_LOG_ERROR, "%s in the environment makes no sense", KEDGE_BOOT_ENV_SLOT);
        return KEDGE_BOOTLOADER_FAILED;
    }
    if (later) {
        kedge_log(KEDGE_LOG_ERROR, "not started by kedge-boot, and %s", KEDGE_LATER_RECORD_WORDS);
        return KEDGE_BOOTLOADER_FAILED;
    }
    *slot = record.confirmed_slot;
    kedge_log(KEDGE_LOG_WARNING,
              "not started by kedge-boot: taking the confirmed slot %u for the running one",
              (unsigned)record.confirmed_slot);
    return KEDGE_BOOTLOADER_RUN;
}

/* A wrong guess would confirm what does not run, so there is none. */
static bool ask_uboot(uint8_t *slot)
{
    bool on_trial;
    enum kedge_rc rc = kedge_port_running(slot, &on_trial);
    if (rc == KEDGE_E_NOT_FOUND)
        rc = kedge_uboot_running(COMMAND_LINE_FILE, slot);
    if (rc == KEDGE_OK)
        return true;
    kedge_log(KEDGE_LOG_ERROR,
              "which slot runs? U-Boot says so by kedge.slot=A or B on the kernel's command line, "
              "%s: %s",
              COMMAND_LINE_FILE, words(rc));
    return false;
}

static void explain(const struct kedge_boot_start *start, uint8_t slot)
{
    if (start->record_rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_WARNING, "boot record: %s", kedge_rc_text(start->record_rc));
    if (start->selection_rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_WARNING, "U-Boot's environment does not say which slot to boot: %s",
                  kedge_rc_text(start->selection_rc));
    if (start->changed && start->reason != KEDGE_BOOT_REASON_NONE)
        kedge_log(KEDGE_LOG_WARNING, "%s", kedge_boot_reason_text(start->reason));
    if (start->write_rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_ERROR, "boot record and U-Boot's environment do not agree: %s",
                  kedge_rc_text(start->write_rc));
    if (start->slot != slot)
        kedge_log(KEDGE_LOG_WARNING, "slot %u is to run, and this is slot %u: asking for a reboot",
                  (unsigned)start->slot, (unsigned)slot);
}

enum kedge_bootloader_start kedge_bootloader_start(const struct kedge_agent_config *config,
                                                   const struct kedge_port_state *port,
                                                   uint8_t *slot)
{
    struct kedge_boot_start start;
    if (config->bootloader == KEDGE_BOOTLOADER_KEDGE)
        return ask_own(config, port, slot);
    if (!ask_uboot(slot))
        return KEDGE_BOOTLOADER_FAILED;
    enum kedge_rc rc = kedge_boot_started(&port->boot, *slot, &start);
    if (rc != KEDGE_OK) {
        kedge_log(KEDGE_LOG_ERROR, "--state %s: %s", config->state,
                  rc == KEDGE_E_NO_SLOT
                      ? "no factory firmware here; run kedge-agent install-factory first"
                      : kedge_rc_text(rc));
        return KEDGE_BOOTLOADER_FAILED;
    }
    explain(&start, *slot);
    return start.slot == *slot ? KEDGE_BOOTLOADER_RUN : KEDGE_BOOTLOADER_REBOOT;
}
