/*
 * install.c: what is done with an envelope's parts. The slot is opened when the payload begins, so
 * everything that refuses a package by its manifest refuses it before flash changes.
 */
#include "agent/install/install.h"

#include "agent/install/platform.h"

#include <kedge/selector.h>
#include <string.h>

static enum kedge_rc fail(struct kedge_install *install, enum kedge_rc rc)
{
    if (rc == KEDGE_OK)
        return rc;
    /* Others need the room that half an image takes: the agent to note the failure, for one. */
    if (rc == KEDGE_E_SPACE && install->writer.erased_to > 0)
        kedge_slot_give_back(&install->writer);
    install->stage = KEDGE_INSTALL_FAILED;
    install->failure = rc;
    return rc;
}

/* What the slot keeps of the package: an envelope's head with nothing between manifest and payload.
 */
static enum kedge_rc compose_head(struct kedge_install *install, struct kedge_slice wrapper,
                                  struct kedge_slice manifest, uint64_t payload_size)
{
    struct kedge_writer head = kedge_writer(install->head, sizeof install->head);
    KEDGE_TRY(kedge_suit_head_write(wrapper, manifest, kedge_slice(NULL, 0), NULL, NULL, 0,
                                    payload_size, &head));
    install->head_size = head.size;
    return KEDGE_OK;
}

/* Wrapper and manifest are there: they are believed, and fit this device, or it ends here. */
static enum kedge_rc judge(void *context, struct kedge_slice wrapper, struct kedge_slice encoded)
{
    struct kedge_install *install = context;
    struct kedge_suit_envelope envelope;
    struct kedge_suit_manifest *manifest = &install->manifest;
    KEDGE_TRY(compose_head(install, wrapper, encoded, 0));
    KEDGE_TRY(kedge_suit_head_read(kedge_slice(install->head, install->head_size), &envelope));
    KEDGE_TRY(kedge_suit_authenticate(&envelope, install->boot->trust, NULL));
    KEDGE_TRY(
        kedge_suit_manifest_read_for_slot(&envelope, install->slot, manifest, &install->refused));
    KEDGE_TRY(install_run(install, &envelope));
    memcpy(install->point.manifest_digest, envelope.manifest_digest, KEDGE_SHA256_SIZE);
    /* The manifest's slices stay good: only the payload's length at the very end changes. */
    KEDGE_TRY(compose_head(install, wrapper, encoded, manifest->payload.encoded_size));
    install->authenticated = true;
    return KEDGE_OK;
}

static enum kedge_rc begin_member(void *context, const struct kedge_suit_member *member)
{
    struct kedge_install *install = context;
    uint64_t signed_size = install->manifest.payload.encoded_size;
    install->expanding = member->firmware;
    if (!member->firmware)
        return KEDGE_OK; /* text and attachments are for people */
    if (member->size != signed_size)
        return member->size < signed_size ? KEDGE_E_TRUNCATED : KEDGE_E_TRAILING;
    install->payload_at = install->stream.taken;
    KEDGE_TRY(kedge_boot_retire(install->boot, install->slot));
    return kedge_slot_open(&install->writer, install->boot->slots[install->slot],
                           install->manifest.image_size);
}

static enum kedge_rc take(void *context, struct kedge_slice bytes)
{
    struct kedge_install *install = context;
    return install->expanding ? kedge_payload_push(&install->reader, bytes) : KEDGE_OK;
}

static enum kedge_rc end_member(void *context)
{
    (void)context; /* the image is judged when all has come: kedge_install_end() */
    return KEDGE_OK;
}

/* The floor of the device as it is, or that it is blank; KEDGE_E_STATE when `slot` is not the spare
 * one of a steady device. */
static enum kedge_rc read_floor(const struct kedge_boot *boot, uint8_t slot,
                                struct kedge_suit_device *device)
{
    struct kedge_boot_record record;
    bool later;
    device->blank = kedge_boot_blank(boot) == KEDGE_OK;
    if (device->blank)
        return KEDGE_OK;
    KEDGE_TRY(kedge_boot_record_in(boot, (uint8_t)(1 - slot), &record, &later));
    if (record.phase != KEDGE_BOOT_STEADY || record.confirmed_slot == slot)
        return KEDGE_E_STATE;
    device->sequence_floor = record.floor;
    return KEDGE_OK;
}

enum kedge_rc kedge_install_begin(struct kedge_install *install, const struct kedge_boot *boot,
                                  const struct kedge_install_identity *identity, uint8_t slot)
{
    struct kedge_suit_device device = {0};
    if (slot >= KEDGE_SLOTS)
        return KEDGE_E_ARGUMENT;
    KEDGE_TRY(kedge_flash_check(boot->slots[slot]));
    device.slot_size = kedge_slot_capacity(boot->slots[slot]);
    if (device.slot_size == 0)
        return KEDGE_E_SPACE;
    KEDGE_TRY(read_floor(boot, slot, &device));
    for (size_t i = 0; i < sizeof device.vendor; i++) {
        device.vendor[i] = identity->vendor[i];
        device.class_id[i] = identity->class_id[i];
    }
    device.hardware = identity->hardware;
    device.running = identity->running;

    const struct kedge_suit_stream_hooks hooks = {
        .context = install, .head = judge, .begin = begin_member, .take = take, .end = end_member};
    kedge_suit_stream_begin(&install->stream, &hooks);
    install->boot = boot;
    install->slot = slot;
    install->stage = KEDGE_INSTALL_RUNNING;
    install->failure = KEDGE_OK;
    install->device = device;
    install->authenticated = install->matched = install->resumed = install->has_point = false;
    install->refused.named = false;
    install->writer.erased_to = 0; /* not open */
    install->expanding = false;
    install->head_size = 0;
    return KEDGE_OK;
}

enum kedge_rc kedge_install_push(struct kedge_install *install, struct kedge_slice bytes)
{
    if (install->stage == KEDGE_INSTALL_FAILED)
        return install->failure;
    if (install->stage == KEDGE_INSTALL_DONE)
        return bytes.size > 0 ? fail(install, KEDGE_E_STATE) : KEDGE_OK;
    return fail(install, kedge_suit_stream_push(&install->stream, bytes));
}

enum kedge_rc kedge_install_end(struct kedge_install *install)
{
    const uint8_t *image_digest = install->manifest.image_digest;
    if (install->stage == KEDGE_INSTALL_DONE)
        return KEDGE_OK;
    if (install->stage == KEDGE_INSTALL_FAILED)
        return install->failure;
    enum kedge_rc rc = kedge_suit_stream_end(&install->stream);
    if (rc == KEDGE_OK)
        rc = install_run_on(install);
    if (rc == KEDGE_OK)
        rc = kedge_slot_finish(&install->writer, kedge_slice(install->head, install->head_size),
                               image_digest);
    if (rc == KEDGE_OK)
        install->stage = KEDGE_INSTALL_DONE;
    return fail(install, rc);
}

const struct kedge_suit_manifest *kedge_install_manifest(const struct kedge_install *install)
{
    return install->authenticated ? &install->manifest : NULL;
}

uint64_t kedge_install_size(const struct kedge_install *install)
{
    return install->expanding ? install->payload_at + install->manifest.payload.encoded_size : 0;
}

void kedge_install_abort(struct kedge_install *install)
{
    if (install->stage != KEDGE_INSTALL_DONE && install->stage != KEDGE_INSTALL_FAILED)
        fail(install, KEDGE_E_CANCELED);
}

void kedge_install_words(const struct kedge_install *install, char words[KEDGE_SUIT_WORDS_MAX])
{
    kedge_suit_refusal_words(&install->refused, install->failure, words);
}
