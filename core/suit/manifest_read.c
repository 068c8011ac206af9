/*
 * manifest_read.c: what a Kedge package's manifest means. The update is run by the processor over a
 * device that is no device: it answers that every condition holds, and notes what is asked and what
 * would be installed. So what is shown, stored and judged is what a device will execute. The rules
 * of a package are here too: who asked must ask before the frames come, and look at the image
 * after.
 */
#include <string.h>

#include "core/suit/keys.h"
#include "core/suit/package_parts.h"
#include "core/suit/parameters.h"

struct reading {
    const struct kedge_suit_processor *processor;
    struct kedge_suit_manifest *manifest;
    const uint8_t *slot;   /* the one to install into; NULL: the package must be good for any */
    bool vendor, class_id; /* asked since the last section began */
    bool installs, matched_after_install, validates;
    bool left_out; /* something was prepared for a condition that did not come */
};

/* ---- what may stand where ---- */

enum where { SHARED = 1, VALIDATE = 2, INSTALL = 4, EVERYWHERE = 7 };

/* What only a manifest with several branches has, of which a device takes that for its slot. */
#define BRANCHES true

static const struct permission {
    int64_t id;
    unsigned where;
    bool branches;
} commands[] = {
    {KEDGE_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS, EVERYWHERE, false},
    {KEDGE_SUIT_CONDITION_VENDOR, SHARED, false},
    {KEDGE_SUIT_CONDITION_CLASS, SHARED, false},
    {KEDGE_SUIT_CONDITION_IMAGE_MATCH, VALIDATE | INSTALL, false},
    /* Not in the shared sequence: that runs again at boot, and then the version is the new one. */
    {KEDGE_SUIT_CONDITION_VERSION, INSTALL, false},
    {KEDGE_SUIT_CONDITION_HARDWARE, INSTALL, false},
    {KEDGE_SUIT_DIRECTIVE_INSTALL_FRAMES, INSTALL, false},
    {KEDGE_SUIT_DIRECTIVE_SET_COMPONENT_INDEX, EVERYWHERE, BRANCHES},
    {KEDGE_SUIT_DIRECTIVE_TRY_EACH, EVERYWHERE, BRANCHES},
    {KEDGE_SUIT_DIRECTIVE_RUN_SEQUENCE, EVERYWHERE, BRANCHES},
    {KEDGE_SUIT_CONDITION_COMPONENT_SLOT, EVERYWHERE, BRANCHES},
    {KEDGE_SUIT_CONDITION_ABORT, EVERYWHERE, BRANCHES},
};

static const struct permission parameters[] = {
    {KEDGE_SUIT_PARAMETER_VENDOR, SHARED, false},
    {KEDGE_SUIT_PARAMETER_CLASS, SHARED, false},
    {KEDGE_SUIT_PARAMETER_IMAGE_DIGEST, SHARED, false},
    {KEDGE_SUIT_PARAMETER_IMAGE_SIZE, SHARED, false},
    {KEDGE_SUIT_PARAMETER_URI, INSTALL, false},
    {KEDGE_SUIT_PARAMETER_FRAMES, INSTALL, false},
    {KEDGE_SUIT_PARAMETER_DELIVERY, INSTALL, false},
    {KEDGE_SUIT_PARAMETER_ATTACHMENTS, INSTALL, false},
    {KEDGE_SUIT_PARAMETER_VERSION, INSTALL, false},
    {KEDGE_SUIT_PARAMETER_HARDWARE, INSTALL, false},
    {KEDGE_SUIT_PARAMETER_SLOT, EVERYWHERE, BRANCHES},
    {KEDGE_SUIT_PARAMETER_STRICT_ORDER, EVERYWHERE, BRANCHES},
    {KEDGE_SUIT_PARAMETER_SOFT_FAILURE, EVERYWHERE, BRANCHES},
};

static unsigned place(enum kedge_suit_section section)
{
    switch (section) {
    case KEDGE_SUIT_SECTION_SHARED:
        return SHARED;
    case KEDGE_SUIT_SECTION_VALIDATE:
        return VALIDATE;
    case KEDGE_SUIT_SECTION_INSTALL:
        return INSTALL;
    default:
        return 0;
    }
}

static bool find(const struct permission *list, size_t count, int64_t id, unsigned where,
                 bool branches)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].id == id)
            return (list[i].where & where) != 0 && (branches || !list[i].branches);
    return false;
}

static bool permits(void *context, enum kedge_suit_section section, bool parameter, int64_t id)
{
    const struct reading *reading = context;
    bool branches = reading->slot != NULL;
    return parameter
               ? find(parameters, sizeof parameters / sizeof parameters[0], id, place(section),
                      branches)
               : find(commands, sizeof commands / sizeof commands[0], id, place(section), branches);
}

/* ---- the device that is none ---- */

/* One component, [h'00']: the device chooses the slot. */
static enum kedge_rc component(void *context, size_t index, struct kedge_slice id)
{
    static const uint8_t only[] = {0x81, 0x41, 0x00};
    (void)context;
    return index == 0 && kedge_slice_equal(id, kedge_slice(only, sizeof only))
               ? KEDGE_OK
               : KEDGE_E_UNSUPPORTED;
}

static enum kedge_rc vendor(void *context, size_t index, struct kedge_slice uuid)
{
    struct reading *reading = context;
    (void)index;
    reading->vendor = true;
    memcpy(reading->manifest->vendor, uuid.data, uuid.size);
    return KEDGE_OK;
}

static enum kedge_rc class_id(void *context, size_t index, struct kedge_slice uuid)
{
    struct reading *reading = context;
    (void)index;
    reading->class_id = true;
    memcpy(reading->manifest->class_id, uuid.data, uuid.size);
    return KEDGE_OK;
}

static enum kedge_rc slot(void *context, size_t index, uint64_t *out)
{
    const struct reading *reading = context;
    (void)index;
    *out = *reading->slot;
    return KEDGE_OK;
}

/* A bound that was given is not loosened by a second one. */
static enum kedge_rc note_bound(struct kedge_suit_version *bound,
                                const struct kedge_suit_version *version)
{
    char text[KEDGE_SUIT_VERSION_TEXT_MAX];
    if (bound->count > 0)
        return KEDGE_E_COMMAND;
    KEDGE_TRY(kedge_suit_version_text(version, text));
    *bound = *version;
    return KEDGE_OK;
}

/* What the device has to be like is asked before the frames come. */
static enum kedge_rc version(void *context, size_t index, const struct kedge_suit_parameters *set)
{
    struct reading *reading = context;
    (void)index;
    if (reading->installs)
        return KEDGE_E_COMMAND;
    switch (set->comparison) {
    case SUIT_VERSION_GREATER_EQUAL:
        return note_bound(&reading->manifest->min_version, &set->version);
    case SUIT_VERSION_LESSER_EQUAL:
        return note_bound(&reading->manifest->max_version, &set->version);
    default:
        return KEDGE_E_UNSUPPORTED;
    }
}

static enum kedge_rc hardware(void *context, size_t index, const struct kedge_suit_parameters *set)
{
    struct reading *reading = context;
    (void)index;
    if (reading->installs)
        return KEDGE_E_COMMAND;
    return suit_hardware_read(set->hardware, reading->manifest->hardware,
                              &reading->manifest->hardware_count);
}

static enum kedge_rc match(void *context, size_t index, const struct kedge_suit_parameters *set)
{
    struct reading *reading = context;
    (void)index;
    if ((set->set & KEDGE_SUIT_HAS_SIZE) == 0)
        return KEDGE_E_MISSING;
    reading->left_out = reading->left_out || set->unjudged != 0;
    if (reading->processor->section == KEDGE_SUIT_SECTION_INSTALL) {
        reading->matched_after_install = reading->installs;
        return KEDGE_OK;
    }
    /* What is validated, now and at every boot, is what was installed. */
    reading->validates =
        memcmp(set->digest.data, reading->manifest->image_digest, KEDGE_SHA256_SIZE) == 0 &&
        set->image_size == reading->manifest->image_size;
    return KEDGE_OK;
}

static enum kedge_rc install(void *context, size_t index, const struct kedge_suit_parameters *set)
{
    struct reading *reading = context;
    struct kedge_suit_manifest *manifest = reading->manifest;
    (void)index;
    if (reading->installs)
        return KEDGE_E_COMMAND;
    if (!reading->vendor || !reading->class_id)
        return KEDGE_E_MISSING;
    if (!kedge_slice_equal(set->uri, kedge_slice_text(KEDGE_SUIT_PAYLOAD_NAME)))
        return KEDGE_E_UNSUPPORTED;
    reading->installs = true;
    reading->left_out = set->unjudged != 0;
    memcpy(manifest->image_digest, set->digest.data, KEDGE_SHA256_SIZE);
    manifest->image_size = set->image_size;
    manifest->payload = set->frames;
    manifest->payload.image_size = set->image_size;
    manifest->delivery = set->delivery;
    return (set->set & KEDGE_SUIT_HAS_ATTACHMENTS) != 0
               ? suit_attachments_read(set->attachments, manifest)
               : KEDGE_OK;
}

/* ---- the rest of the manifest ---- */

/* Whoever is sent the bare image runs no condition, and nobody else knows the device so well. */
static enum kedge_rc check_delivery(const struct kedge_suit_manifest *manifest)
{
    bool asks = manifest->min_version.count > 0 || manifest->max_version.count > 0 ||
                manifest->hardware_count > 0;
    return asks && manifest->delivery == KEDGE_DELIVER_PAYLOAD ? KEDGE_E_UNSUPPORTED : KEDGE_OK;
}

static enum kedge_rc read_set_version(struct kedge_slice encoded,
                                      struct kedge_suit_version *version)
{
    struct kedge_cursor cursor = kedge_cursor(encoded);
    KEDGE_TRY(suit_version_read(&cursor, version));
    return kedge_cbor_end(&cursor);
}

/* The bytes to install are the last member of the envelope, under the name that the URI gives. */
static enum kedge_rc check_firmware(const struct kedge_suit_envelope *envelope)
{
    if (envelope->payload_count == 0)
        return KEDGE_E_MISSING;
    struct kedge_slice name = envelope->payloads[envelope->payload_count - 1].name;
    return kedge_slice_equal(name, kedge_slice_text(KEDGE_SUIT_PAYLOAD_NAME)) ? KEDGE_OK
                                                                              : KEDGE_E_MISSING;
}

/*
 * The bootloader starts a slot by itself, and a slot keeps the manifest without what was severed:
 * sections that fetch, load or invoke, and one that is not in the manifest, would not be run.
 */
static enum kedge_rc check_sections(const struct kedge_suit_parts *parts)
{
    if (parts->load.size > 0 || parts->invoke.size > 0 || parts->payload_fetch.size > 0 ||
        parts->payload_fetch_severed || parts->install_severed)
        return KEDGE_E_COMMAND;
    bool complete =
        parts->shared_sequence.size > 0 && parts->validate.size > 0 && parts->install.size > 0;
    return complete ? KEDGE_OK : KEDGE_E_MISSING;
}

static enum kedge_rc rehearse(const struct kedge_suit_envelope *envelope,
                              struct kedge_suit_processor *processor, struct reading *reading)
{
    const struct kedge_suit_platform platform = {.context = reading,
                                                 .component = component,
                                                 .permits = permits,
                                                 .vendor = vendor,
                                                 .class_id = class_id,
                                                 .match = match,
                                                 .slot = slot,
                                                 .version = version,
                                                 .hardware = hardware,
                                                 .install = install};
    /* What was severed is no part of the meaning; who reads the envelope checks it. */
    const struct kedge_suit_envelope bare = {.manifest = envelope->manifest};
    reading->processor = processor;
    KEDGE_TRY(kedge_suit_processor_begin(processor, &bare, NULL, &platform, KEDGE_SUIT_UPDATE));
    KEDGE_TRY(kedge_suit_processor_run(processor));
    bool complete = reading->installs && reading->matched_after_install && reading->validates &&
                    !reading->left_out;
    return complete ? KEDGE_OK : KEDGE_E_MISSING;
}

enum kedge_rc package_manifest(const struct kedge_suit_envelope *envelope, const uint8_t *slot,
                               struct kedge_suit_manifest *out, struct kedge_suit_refusal *refused)
{
    struct kedge_suit_manifest manifest = {0};
    struct kedge_suit_processor processor = {0};
    struct kedge_suit_parts parts;
    struct reading reading = {.manifest = &manifest, .slot = slot};
    KEDGE_TRY(kedge_suit_parts_read(envelope, &parts));
    KEDGE_TRY(check_firmware(envelope));
    KEDGE_TRY(check_sections(&parts));
    enum kedge_rc rc = rehearse(envelope, &processor, &reading);
    if (rc != KEDGE_OK && refused != NULL)
        *refused = processor.refused;
    KEDGE_TRY(rc);
    KEDGE_TRY(check_delivery(&manifest));
    manifest.sequence = parts.sequence;
    if (parts.set_version.size > 0)
        KEDGE_TRY(read_set_version(parts.set_version, &manifest.version));
    manifest.has_text = parts.text_severed;
    if (manifest.has_text)
        memcpy(manifest.text_digest, parts.text_digest.data, KEDGE_SHA256_SIZE);
    *out = manifest;
    return KEDGE_OK;
}

enum kedge_rc kedge_suit_manifest_read(const struct kedge_suit_envelope *envelope,
                                       struct kedge_suit_manifest *out)
{
    return package_manifest(envelope, NULL, out, NULL);
}

enum kedge_rc kedge_suit_manifest_read_for_slot(const struct kedge_suit_envelope *envelope,
                                                uint8_t slot, struct kedge_suit_manifest *out,
                                                struct kedge_suit_refusal *refused)
{
    return package_manifest(envelope, &slot, out, refused);
}

static bool runs_on(const struct kedge_suit_manifest *manifest, struct kedge_slice hardware)
{
    for (size_t i = 0; i < manifest->hardware_count; i++)
        if (kedge_slice_equal(manifest->hardware[i], hardware))
            return true;
    return manifest->hardware_count == 0;
}

static bool in_window(const struct kedge_suit_manifest *manifest,
                      const struct kedge_suit_device *device)
{
    const struct kedge_suit_version *min = &manifest->min_version;
    const struct kedge_suit_version *max = &manifest->max_version;
    if (device->blank || (min->count == 0 && max->count == 0))
        return true;
    if (device->running.count == 0)
        return false;
    return (min->count == 0 || kedge_suit_version_compare(&device->running, min) >= 0) &&
           (max->count == 0 || kedge_suit_version_compare(&device->running, max) <= 0);
}

enum kedge_rc kedge_suit_manifest_judge(const struct kedge_suit_manifest *manifest,
                                        const struct kedge_suit_device *device)
{
    if (memcmp(manifest->vendor, device->vendor, 16) != 0)
        return KEDGE_E_VENDOR;
    if (memcmp(manifest->class_id, device->class_id, 16) != 0)
        return KEDGE_E_CLASS;
    if (!runs_on(manifest, device->hardware))
        return KEDGE_E_HARDWARE;
    if (manifest->sequence < device->sequence_floor)
        return KEDGE_E_SEQUENCE;
    if (!in_window(manifest, device))
        return KEDGE_E_VERSION;
    if (device->slot_size != 0 && manifest->image_size > device->slot_size)
        return KEDGE_E_SPACE;
    return KEDGE_OK;
}
