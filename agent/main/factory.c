/* factory.c: the first firmware, by the same installer as every later one. */
#include "agent/client/agent.h"
#include "agent/client/bootloader.h"
#include "agent/client/config_places.h"
#include "agent/client/log.h"
#include "agent/install/install.h"
#include "agent/main/commands.h"

#include <errno.h>
#include <kedge/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FACTORY_SLOT 0u
#define SPARE_SLOT 1u
#define PIECE_SIZE 32768u

/* Room that is too much for the stack. */
struct factory {
    struct kedge_port_trust trust;
    struct kedge_port_state port;
    struct kedge_uboot uboot;
    struct kedge_install install;
    uint8_t piece[PIECE_SIZE];
};

static enum kedge_rc push_file(struct factory *factory, FILE *file)
{
    size_t size;
    while ((size = fread(factory->piece, 1, sizeof factory->piece, file)) > 0)
        KEDGE_TRY(kedge_install_push(&factory->install, kedge_slice(factory->piece, size)));
    return ferror(file) ? KEDGE_E_SYSTEM : KEDGE_OK;
}

/* What a device held before it was one of ours is no way back; and the spare slot must be one that
 * takes an update. */
static enum kedge_rc clear_spare(struct factory *factory)
{
    struct kedge_slot slot;
    return kedge_slot_open(&slot, factory->port.boot.slots[SPARE_SLOT], 1);
}

static enum kedge_rc install(struct factory *factory, const struct kedge_agent_config *config,
                             FILE *file)
{
    struct kedge_install_identity identity = {.hardware = kedge_slice_text(config->hardware)};
    kedge_vendor_uuid(kedge_slice_text(config->vendor), identity.vendor);
    kedge_class_uuid(identity.vendor, kedge_slice_text(config->class_name), identity.class_id);
    KEDGE_TRY(kedge_install_begin(&factory->install, &factory->port.boot, &identity, FACTORY_SLOT));
    KEDGE_TRY(push_file(factory, file));
    KEDGE_TRY(kedge_install_end(&factory->install));
    KEDGE_TRY(clear_spare(factory));
    return kedge_boot_factory(&factory->port.boot, FACTORY_SLOT);
}

static void say_refusal(const char *package, enum kedge_rc rc)
{
    if (rc == KEDGE_E_SYSTEM)
        kedge_log(KEDGE_LOG_ERROR, "%s: %s", package, strerror(errno));
    else
        kedge_log(KEDGE_LOG_ERROR, "%s is refused: %s (Update Result %d)", package,
                  kedge_rc_text(rc), kedge_rc_update_result(rc));
}

/* An installation that was cut short has left no record that can be read: it is done again. */
static bool is_blank(const struct factory *factory, const char *path)
{
    enum kedge_rc rc = kedge_boot_blank(&factory->port.boot);
    if (rc == KEDGE_OK)
        return true;
    kedge_log(KEDGE_LOG_ERROR, "--state %s: %s", path,
              rc == KEDGE_E_EXISTS ? "this device has firmware already" : kedge_rc_text(rc));
    return false;
}

static bool open_state(struct factory *factory, const struct kedge_agent_config *config)
{
    const struct kedge_port_places places = kedge_config_places(config);
    enum kedge_rc rc = kedge_port_state_open(&factory->port, config->state, &factory->trust.trust,
                                             &places, KEDGE_PORT_EXCLUSIVE);
    if (rc != KEDGE_OK) {
        kedge_log(KEDGE_LOG_ERROR, "--state %s: %s", config->state,
                  rc == KEDGE_E_BUSY ? "an agent runs on it"
                                     : kedge_port_state_words(&factory->port, rc));
        return false;
    }
    const char *trouble = kedge_port_state_trouble(&factory->port);
    if (trouble == NULL)
        return true;
    kedge_log(KEDGE_LOG_ERROR, "%s", trouble);
    kedge_port_state_close(&factory->port);
    return false;
}

static bool are_ready(struct factory *factory)
{
    const char *trouble;
    for (uint8_t slot = 0; slot < KEDGE_SLOTS; slot++)
        if (kedge_port_slot_ready(&factory->port, slot, &trouble) != KEDGE_OK) {
            kedge_log(KEDGE_LOG_ERROR, "%s", trouble);
            return false;
        }
    return true;
}

static int install_file(struct factory *factory, const struct kedge_agent_config *config,
                        const char *package)
{
    FILE *file = fopen(package, "rbe");
    if (file == NULL) {
        say_refusal(package, KEDGE_E_SYSTEM);
        return 1;
    }
    int status = 1;
    if (!open_state(factory, config))
        goto cleanup;
    if (is_blank(factory, config->state) && are_ready(factory) &&
        kedge_bootloader_attach(config, &factory->uboot, &factory->port)) {
        enum kedge_rc rc = install(factory, config, file);
        if (rc != KEDGE_OK)
            say_refusal(package, rc);
        status = rc == KEDGE_OK ? 0 : 1;
    }
    kedge_port_state_close(&factory->port);
cleanup:
    fclose(file);
    return status;
}

static void say_done(const struct factory *factory, const struct kedge_agent_config *config)
{
    char version[KEDGE_SUIT_VERSION_TEXT_MAX];
    const struct kedge_suit_manifest *manifest = kedge_install_manifest(&factory->install);
    if (manifest != NULL && kedge_suit_version_text(&manifest->version, version) == KEDGE_OK)
        kedge_log(KEDGE_LOG_INFO, "factory firmware %s is in slot %u of %s", version, FACTORY_SLOT,
                  config->state);
}

int kedge_command_install_factory(const struct kedge_agent_config *config, const char *package)
{
    struct factory *factory = calloc(1, sizeof *factory);
    if (factory == NULL) {
        kedge_log(KEDGE_LOG_ERROR, "%s", kedge_rc_text(KEDGE_E_MEMORY));
        return 1;
    }
    int status = KEDGE_AGENT_EXIT_USAGE;
    if (kedge_agent_trust(config, &factory->trust))
        status = install_file(factory, config, package);
    if (status == 0)
        say_done(factory, config);
    free(factory);
    return status;
}
