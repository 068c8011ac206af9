/*
 * platform.c: what a manifest asks of this device, and what it has it do. Functions that are not
 * here are commands that no Kedge device has: fetch, copy, swap and the like are refused by name.
 */
#include "agent/install/platform.h"

#include <string.h>

/* The rehearsal has seen that there is one component and which. */
static enum kedge_rc component(void *context, size_t index, struct kedge_slice id)
{
    (void)context, (void)id;
    return index == 0 ? KEDGE_OK : KEDGE_E_UNSUPPORTED;
}

static enum kedge_rc vendor(void *context, size_t index, struct kedge_slice uuid)
{
    const struct kedge_install *install = context;
    (void)index;
    return memcmp(uuid.data, install->device.vendor, uuid.size) == 0 ? KEDGE_OK : KEDGE_E_VENDOR;
}

static enum kedge_rc class_id(void *context, size_t index, struct kedge_slice uuid)
{
    const struct kedge_install *install = context;
    (void)index;
    return memcmp(uuid.data, install->device.class_id, uuid.size) == 0 ? KEDGE_OK : KEDGE_E_CLASS;
}

static enum kedge_rc slot(void *context, size_t index, uint64_t *out)
{
    const struct kedge_install *install = context;
    (void)index;
    *out = install->slot;
    return KEDGE_OK;
}

/* The factory replaces nothing, so it meets every window. */
static enum kedge_rc version(void *context, size_t index, const struct kedge_suit_parameters *set)
{
    const struct kedge_suit_device *device = &((const struct kedge_install *)context)->device;
    (void)index;
    return device->blank || kedge_suit_version_holds(&device->running, set) ? KEDGE_OK
                                                                            : KEDGE_E_VERSION;
}

static enum kedge_rc hardware(void *context, size_t index, const struct kedge_suit_parameters *set)
{
    const struct kedge_install *install = context;
    (void)index;
    return kedge_suit_hardware_listed(install->device.hardware, set) ? KEDGE_OK : KEDGE_E_HARDWARE;
}

static bool as_rehearsed(const struct kedge_install *install,
                         const struct kedge_suit_parameters *set)
{
    const struct kedge_suit_manifest *manifest = &install->manifest;
    const struct kedge_payload_plan *plan = &manifest->payload;
    return memcmp(set->digest.data, manifest->image_digest, KEDGE_SHA256_SIZE) == 0 &&
           set->image_size == manifest->image_size && set->frames.encoding == plan->encoding &&
           set->frames.encoded_size == plan->encoded_size &&
           memcmp(set->frames.first_frame_digest, plan->first_frame_digest, KEDGE_SHA256_SIZE) == 0;
}

static enum kedge_rc write_to_slot(void *context, uint64_t offset, struct kedge_slice bytes)
{
    struct kedge_install *install = context;
    (void)offset; /* the reader gives the image in order */
    return kedge_slot_write(&install->writer, bytes);
}

/* Behind it everything can be erased, and written anew, without touching what is before it. */
static void note_boundary(void *context, const struct kedge_payload_boundary *at)
{
    struct kedge_install *install = context;
    if (at->image_offset % install->boot->slots[install->slot]->erase_size != 0)
        return;
    install->point.boundary = *at;
    install->point.offset = install->payload_at + at->encoded_offset;
    install->has_point = true;
}

/* The frames come later, from kedge_install_push(). */
static enum kedge_rc install_frames(void *context, size_t index,
                                    const struct kedge_suit_parameters *set)
{
    struct kedge_install *install = context;
    const struct kedge_payload_sink sink = {
        .context = install, .write = write_to_slot, .boundary = note_boundary};
    (void)index;
    if (!as_rehearsed(install, set))
        return KEDGE_E_UNSUPPORTED;
    if (install->manifest.image_size > install->device.slot_size)
        return KEDGE_E_SPACE;
    KEDGE_TRY(kedge_payload_begin(&install->reader, &install->manifest.payload, &sink));
    return KEDGE_E_BUSY;
}

/* The reader compares once, when all has come; until then the slot matches nothing. */
static enum kedge_rc match(void *context, size_t index, const struct kedge_suit_parameters *set)
{
    struct kedge_install *install = context;
    const struct kedge_suit_manifest *manifest = &install->manifest;
    (void)index;
    if (memcmp(set->digest.data, manifest->image_digest, KEDGE_SHA256_SIZE) != 0 ||
        set->image_size != manifest->image_size)
        return KEDGE_E_DIGEST;
    return install->matched ? KEDGE_OK : KEDGE_E_DIGEST;
}

enum kedge_rc install_run(struct kedge_install *install, const struct kedge_suit_envelope *envelope)
{
    install->platform = (struct kedge_suit_platform){
        .context = install,
        .sequence_floor = install->device.sequence_floor,
        .component = component,
        .vendor = vendor,
        .class_id = class_id,
        .slot = slot,
        .version = version,
        .hardware = hardware,
        .match = match,
        .install = install_frames,
    };
    enum kedge_rc rc = kedge_suit_processor_begin(&install->processor, envelope, NULL,
                                                  &install->platform, KEDGE_SUIT_UPDATE);
    if (rc == KEDGE_OK)
        rc = kedge_suit_processor_run(&install->processor);
    install->refused = install->processor.refused;
    if (rc == KEDGE_E_BUSY)
        return KEDGE_OK;
    return rc == KEDGE_OK ? KEDGE_E_MISSING : rc; /* nothing would be installed */
}

enum kedge_rc install_run_on(struct kedge_install *install)
{
    enum kedge_rc rc = kedge_payload_end(&install->reader, install->manifest.image_digest);
    install->matched = rc == KEDGE_OK;
    rc = kedge_suit_processor_resume(&install->processor, rc);
    install->refused = install->processor.refused;
    return rc == KEDGE_E_BUSY ? KEDGE_E_STATE : rc; /* one payload was rehearsed, not two */
}
