/*
 * manifest_read.c: what a Kedge package's manifest means. The sequences are run over a set of
 * parameters, as a SUIT processor does (draft-ietf-suit-manifest-37, section 6.3): a directive
 * overrides parameters, a condition needs its parameter to be set, a command that is not in the
 * table is a refusal. What the parameters are at the end is what the package says.
 */
#include <kedge/suit.h>
#include <string.h>

#include "core/suit/keys.h"

enum section { SHARED = 1, VALIDATE = 2, INSTALL = 4 };

/* Which parameters are set, by the bit of their place in the table below. */
enum parameter_bit {
    HAS_VENDOR = 1,
    HAS_CLASS = 2,
    HAS_DIGEST = 4,
    HAS_SIZE = 8,
    HAS_URI = 16,
    HAS_FRAMES = 32,
    HAS_DELIVERY = 64,
    HAS_ATTACHMENTS = 128,
    HAS_VERSION = 256, /* a bound whose condition has not come yet */
    HAS_HARDWARE = 512
};

struct processor {
    struct kedge_suit_manifest *manifest;
    enum section section;
    unsigned set; /* parameter bits */
    bool judged_vendor, judged_class, judged_hardware;
    bool installs, matched_after_install, validates;
};

/* ---- parameters ---- */

static enum kedge_rc read_uuid(struct kedge_cursor *cursor, uint8_t uuid[16])
{
    struct kedge_slice bytes;
    KEDGE_TRY(kedge_cbor_bstr(cursor, &bytes));
    if (bytes.size != 16)
        return KEDGE_E_MALFORMED;
    memcpy(uuid, bytes.data, 16);
    return KEDGE_OK;
}

static enum kedge_rc read_digest_array(struct kedge_cursor *cursor, size_t members,
                                       uint8_t digest[KEDGE_SHA256_SIZE])
{
    size_t count;
    int64_t algorithm;
    struct kedge_slice bytes;
    KEDGE_TRY(kedge_cbor_array(cursor, &count));
    if (count != members)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(kedge_cbor_int(cursor, &algorithm));
    if (algorithm != SUIT_DIGEST_SHA256)
        return KEDGE_E_UNSUPPORTED;
    KEDGE_TRY(kedge_cbor_bstr(cursor, &bytes));
    if (bytes.size != KEDGE_SHA256_SIZE)
        return KEDGE_E_MALFORMED;
    memcpy(digest, bytes.data, KEDGE_SHA256_SIZE);
    return KEDGE_OK;
}

static enum kedge_rc set_vendor(struct kedge_cursor *cursor, struct kedge_suit_manifest *manifest)
{
    return read_uuid(cursor, manifest->vendor);
}

static enum kedge_rc set_class(struct kedge_cursor *cursor, struct kedge_suit_manifest *manifest)
{
    return read_uuid(cursor, manifest->class_id);
}

static enum kedge_rc set_digest(struct kedge_cursor *cursor, struct kedge_suit_manifest *manifest)
{
    struct kedge_slice bytes;
    KEDGE_TRY(kedge_cbor_bstr(cursor, &bytes));
    struct kedge_cursor inner = kedge_cursor(bytes);
    KEDGE_TRY(read_digest_array(&inner, 2, manifest->image_digest));
    return kedge_cbor_end(&inner);
}

static enum kedge_rc set_size(struct kedge_cursor *cursor, struct kedge_suit_manifest *manifest)
{
    KEDGE_TRY(kedge_cbor_uint(cursor, &manifest->image_size));
    if (manifest->image_size == 0)
        return KEDGE_E_MALFORMED;
    return manifest->image_size > KEDGE_IMAGE_SIZE_MAX ? KEDGE_E_LIMIT : KEDGE_OK;
}

static enum kedge_rc set_uri(struct kedge_cursor *cursor, struct kedge_suit_manifest *manifest)
{
    (void)manifest;
    struct kedge_slice uri;
    KEDGE_TRY(kedge_cbor_tstr(cursor, &uri));
    return kedge_slice_equal(uri, kedge_slice_text(KEDGE_SUIT_PAYLOAD_NAME)) ? KEDGE_OK
                                                                             : KEDGE_E_UNSUPPORTED;
}

static enum kedge_rc set_frames(struct kedge_cursor *cursor, struct kedge_suit_manifest *manifest)
{
    struct kedge_slice bytes;
    struct kedge_slice digest;
    uint64_t encoding;
    size_t count;
    KEDGE_TRY(kedge_cbor_bstr(cursor, &bytes));
    struct kedge_cursor inner = kedge_cursor(bytes);
    KEDGE_TRY(kedge_cbor_array(&inner, &count));
    if (count != 3)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(kedge_cbor_uint(&inner, &encoding));
    if (encoding > KEDGE_FRAME_ZLIB)
        return KEDGE_E_UNSUPPORTED;
    manifest->payload.encoding = (enum kedge_frame_encoding)encoding;
    KEDGE_TRY(kedge_cbor_uint(&inner, &manifest->payload.encoded_size));
    KEDGE_TRY(kedge_cbor_bstr(&inner, &digest));
    if (digest.size != KEDGE_SHA256_SIZE)
        return KEDGE_E_MALFORMED;
    memcpy(manifest->payload.first_frame_digest, digest.data, KEDGE_SHA256_SIZE);
    return kedge_cbor_end(&inner);
}

static enum kedge_rc set_delivery(struct kedge_cursor *cursor, struct kedge_suit_manifest *manifest)
{
    uint64_t delivery;
    KEDGE_TRY(kedge_cbor_uint(cursor, &delivery));
    if (delivery > KEDGE_DELIVER_PAYLOAD)
        return KEDGE_E_UNSUPPORTED;
    manifest->delivery = (enum kedge_suit_delivery)delivery;
    return KEDGE_OK;
}

static enum kedge_rc set_attachments(struct kedge_cursor *cursor,
                                     struct kedge_suit_manifest *manifest)
{
    struct kedge_slice bytes;
    struct kedge_cbor_map map;
    KEDGE_TRY(kedge_cbor_bstr(cursor, &bytes));
    struct kedge_cursor inner = kedge_cursor(bytes);
    KEDGE_TRY(kedge_cbor_map(&inner, &map));
    manifest->attachment_count = 0;
    while (map.left > 0) {
        struct kedge_cbor_item name;
        if (manifest->attachment_count == KEDGE_SUIT_ATTACHMENTS_MAX)
            return KEDGE_E_LIMIT;
        struct kedge_suit_attachment *attachment =
            &manifest->attachments[manifest->attachment_count++];
        KEDGE_TRY(kedge_cbor_map_key(&inner, &map, &name));
        if (name.type != KEDGE_CBOR_TSTR)
            return KEDGE_E_TYPE;
        if (name.bytes.size > KEDGE_SUIT_ATTACHMENT_NAME_MAX)
            return KEDGE_E_LIMIT;
        attachment->name = name.bytes;
        KEDGE_TRY(read_digest_array(&inner, 3, attachment->digest));
        KEDGE_TRY(kedge_cbor_uint(&inner, &attachment->size));
    }
    return kedge_cbor_end(&inner);
}

/* draft-ietf-suit-update-management: [+ int], and here one that can be shown as text. */
static enum kedge_rc read_version(struct kedge_cursor *cursor, struct kedge_suit_version *version)
{
    size_t count;
    KEDGE_TRY(kedge_cbor_array(cursor, &count));
    if (count == 0)
        return KEDGE_E_MALFORMED;
    if (count > KEDGE_SUIT_VERSION_PARTS_MAX)
        return KEDGE_E_LIMIT;
    for (version->count = 0; version->count < count; version->count++)
        KEDGE_TRY(kedge_cbor_int(cursor, &version->parts[version->count]));
    return KEDGE_OK;
}

/* A bound that was given is not loosened by a second one. */
static enum kedge_rc set_bound(struct kedge_suit_version *bound,
                               const struct kedge_suit_version *version)
{
    char text[KEDGE_SUIT_VERSION_TEXT_MAX];
    if (bound->count > 0)
        return KEDGE_E_COMMAND;
    KEDGE_TRY(kedge_suit_version_text(version, text));
    *bound = *version;
    return KEDGE_OK;
}

static enum kedge_rc set_version_match(struct kedge_cursor *cursor,
                                       struct kedge_suit_manifest *manifest)
{
    struct kedge_slice bytes;
    struct kedge_suit_version version;
    uint64_t comparison;
    size_t count;
    KEDGE_TRY(kedge_cbor_bstr(cursor, &bytes));
    struct kedge_cursor inner = kedge_cursor(bytes);
    KEDGE_TRY(kedge_cbor_array(&inner, &count));
    if (count != 2)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(kedge_cbor_uint(&inner, &comparison));
    KEDGE_TRY(read_version(&inner, &version));
    KEDGE_TRY(kedge_cbor_end(&inner));
    switch (comparison) {
    case SUIT_VERSION_GREATER_EQUAL:
        return set_bound(&manifest->min_version, &version);
    case SUIT_VERSION_LESSER_EQUAL:
        return set_bound(&manifest->max_version, &version);
    default:
        return KEDGE_E_UNSUPPORTED;
    }
}

static enum kedge_rc set_hardware(struct kedge_cursor *cursor, struct kedge_suit_manifest *manifest)
{
    struct kedge_slice bytes;
    size_t count;
    KEDGE_TRY(kedge_cbor_bstr(cursor, &bytes));
    struct kedge_cursor inner = kedge_cursor(bytes);
    KEDGE_TRY(kedge_cbor_array(&inner, &count));
    if (count == 0)
        return KEDGE_E_MALFORMED;
    if (count > KEDGE_SUIT_HARDWARE_MAX)
        return KEDGE_E_LIMIT;
    for (size_t i = 0; i < count; i++) {
        KEDGE_TRY(kedge_cbor_tstr(&inner, &manifest->hardware[i]));
        if (manifest->hardware[i].size == 0 ||
            manifest->hardware[i].size > KEDGE_SUIT_HARDWARE_TEXT_MAX)
            return KEDGE_E_LIMIT;
    }
    manifest->hardware_count = count;
    return kedge_cbor_end(&inner);
}

/* Custom parameters stand only in install, as the draft asks of custom commands (section 8.4.6). */
static const struct {
    int64_t id;
    unsigned sections;
    enum parameter_bit bit;
    enum kedge_rc (*set)(struct kedge_cursor *cursor, struct kedge_suit_manifest *manifest);
} parameters[] = {
    {KEDGE_SUIT_PARAMETER_VENDOR, SHARED, HAS_VENDOR, set_vendor},
    {KEDGE_SUIT_PARAMETER_CLASS, SHARED, HAS_CLASS, set_class},
    {KEDGE_SUIT_PARAMETER_IMAGE_DIGEST, SHARED, HAS_DIGEST, set_digest},
    {KEDGE_SUIT_PARAMETER_IMAGE_SIZE, SHARED, HAS_SIZE, set_size},
    {KEDGE_SUIT_PARAMETER_URI, INSTALL, HAS_URI, set_uri},
    {KEDGE_SUIT_PARAMETER_FRAMES, INSTALL, HAS_FRAMES, set_frames},
    {KEDGE_SUIT_PARAMETER_DELIVERY, INSTALL, HAS_DELIVERY, set_delivery},
    {KEDGE_SUIT_PARAMETER_ATTACHMENTS, INSTALL, HAS_ATTACHMENTS, set_attachments},
    {KEDGE_SUIT_PARAMETER_VERSION, INSTALL, HAS_VERSION, set_version_match},
    {KEDGE_SUIT_PARAMETER_HARDWARE, INSTALL, HAS_HARDWARE, set_hardware},
};

static enum kedge_rc set_parameter(struct processor *processor, int64_t id,
                                   struct kedge_cursor *value)
{
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        if (parameters[i].id != id)
            continue;
        if ((parameters[i].sections & processor->section) == 0)
            return KEDGE_E_COMMAND;
        KEDGE_TRY(parameters[i].set(value, processor->manifest));
        processor->set |= parameters[i].bit;
        return KEDGE_OK;
    }
    return KEDGE_E_COMMAND;
}

static enum kedge_rc override_parameters(struct processor *processor, struct kedge_slice argument)
{
    struct kedge_cursor cursor = kedge_cursor(argument);
    struct kedge_cbor_map map;
    KEDGE_TRY(kedge_cbor_map(&cursor, &map));
    while (map.left > 0) {
        struct kedge_cbor_item key;
        KEDGE_TRY(kedge_cbor_map_key(&cursor, &map, &key));
        if ((key.type != KEDGE_CBOR_UINT && key.type != KEDGE_CBOR_NINT) || key.value > INT64_MAX)
            return KEDGE_E_COMMAND;
        int64_t id = key.type == KEDGE_CBOR_UINT ? (int64_t)key.value : -1 - (int64_t)key.value;
        KEDGE_TRY(set_parameter(processor, id, &cursor));
    }
    return KEDGE_OK;
}

/* ---- commands ---- */

/* The argument of all but override-parameters is a reporting policy (section 8.4.7). */
static enum kedge_rc check_policy(struct kedge_slice argument)
{
    struct kedge_cursor cursor = kedge_cursor(argument);
    uint64_t policy;
    KEDGE_TRY(kedge_cbor_uint(&cursor, &policy));
    return policy > SUIT_REPORT_ALL ? KEDGE_E_UNSUPPORTED : KEDGE_OK;
}

/* A condition without its parameter fails (section 8.4.9). */
static enum kedge_rc need(const struct processor *processor, unsigned bits)
{
    return (processor->set & bits) == bits ? KEDGE_OK : KEDGE_E_MISSING;
}

static enum kedge_rc image_match(struct processor *processor)
{
    KEDGE_TRY(need(processor, HAS_DIGEST | HAS_SIZE));
    if (processor->section == VALIDATE)
        processor->validates = true;
    if (processor->section == INSTALL)
        processor->matched_after_install = processor->installs;
    return KEDGE_OK;
}

/*
 * What the device has to be like is asked before the frames come. (Not in the shared sequence: that
 * runs again when the image is booted, and then the version is the new one.)
 */
static bool judges_before_installing(const struct processor *processor, int64_t condition,
                                     const struct kedge_suit_step *step)
{
    return step->command == condition && processor->section == INSTALL && !processor->installs;
}

/* Every condition that must be there was there, and none that was prepared has been left out. */
static enum kedge_rc check_judged(const struct processor *processor)
{
    bool hardware = (processor->set & HAS_HARDWARE) != 0;
    bool complete = processor->judged_vendor && processor->judged_class && processor->validates &&
                    processor->matched_after_install && hardware == processor->judged_hardware &&
                    (processor->set & HAS_VERSION) == 0;
    return complete ? KEDGE_OK : KEDGE_E_MISSING;
}

/* Whoever is sent the bare image runs no condition, and nobody else knows the device so well. */
static enum kedge_rc check_delivery(const struct kedge_suit_manifest *manifest)
{
    bool asks = manifest->min_version.count > 0 || manifest->max_version.count > 0 ||
                manifest->hardware_count > 0;
    return asks && manifest->delivery == KEDGE_DELIVER_PAYLOAD ? KEDGE_E_UNSUPPORTED : KEDGE_OK;
}

static enum kedge_rc run_command(struct processor *processor, const struct kedge_suit_step *step)
{
    if (step->command == KEDGE_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS)
        return override_parameters(processor, step->argument);
    if (step->command == KEDGE_SUIT_CONDITION_VENDOR && processor->section == SHARED) {
        processor->judged_vendor = true;
        KEDGE_TRY(need(processor, HAS_VENDOR));
    } else if (step->command == KEDGE_SUIT_CONDITION_CLASS && processor->section == SHARED) {
        processor->judged_class = true;
        KEDGE_TRY(need(processor, HAS_CLASS));
    } else if (step->command == KEDGE_SUIT_CONDITION_IMAGE_MATCH && processor->section != SHARED) {
        KEDGE_TRY(image_match(processor));
    } else if (step->command == KEDGE_SUIT_DIRECTIVE_INSTALL_FRAMES &&
               processor->section == INSTALL && !processor->installs) {
        processor->installs = true;
        KEDGE_TRY(need(processor, HAS_URI | HAS_FRAMES | HAS_DELIVERY));
    } else if (judges_before_installing(processor, KEDGE_SUIT_CONDITION_VERSION, step)) {
        KEDGE_TRY(need(processor, HAS_VERSION));
        processor->set &= ~(unsigned)HAS_VERSION;
    } else if (judges_before_installing(processor, KEDGE_SUIT_CONDITION_HARDWARE, step)) {
        processor->judged_hardware = true;
        KEDGE_TRY(need(processor, HAS_HARDWARE));
    } else {
        return KEDGE_E_COMMAND;
    }
    return check_policy(step->argument);
}

static enum kedge_rc run_sequence(struct processor *processor, enum section section,
                                  struct kedge_slice sequence)
{
    struct kedge_suit_steps steps;
    struct kedge_suit_step step;
    enum kedge_rc rc;
    processor->section = section;
    KEDGE_TRY(kedge_suit_steps_begin(sequence, &steps));
    while ((rc = kedge_suit_steps_next(&steps, &step)) == KEDGE_OK)
        KEDGE_TRY(run_command(processor, &step));
    return rc == KEDGE_E_NOT_FOUND ? KEDGE_OK : rc;
}

/* ---- the rest of the manifest ---- */

static enum kedge_rc read_set_version(struct kedge_slice encoded,
                                      struct kedge_suit_version *version)
{
    struct kedge_cursor cursor = kedge_cursor(encoded);
    KEDGE_TRY(read_version(&cursor, version));
    return kedge_cbor_end(&cursor);
}

/* One component, [h'00']: the device chooses the slot. */
static enum kedge_rc check_component(struct kedge_slice common)
{
    static const uint8_t only[] = {0x81, 0x81, 0x41, 0x00};
    struct kedge_cursor cursor = kedge_cursor(common);
    struct kedge_cbor_map map;
    KEDGE_TRY(kedge_cbor_map(&cursor, &map));
    while (map.left > 0) {
        struct kedge_cbor_item key;
        struct kedge_slice value;
        KEDGE_TRY(kedge_cbor_map_key(&cursor, &map, &key));
        KEDGE_TRY(kedge_cbor_skip(&cursor, &value));
        if (key.type == KEDGE_CBOR_UINT && key.value == SUIT_COMMON_COMPONENTS)
            return kedge_slice_equal(value, kedge_slice(only, sizeof only)) ? KEDGE_OK
                                                                            : KEDGE_E_UNSUPPORTED;
    }
    return KEDGE_E_MISSING;
}

/* The digest that stands for the severed text; the text may also be absent altogether. */
static enum kedge_rc read_text_digest(const struct kedge_suit_envelope *envelope,
                                      struct kedge_suit_manifest *manifest)
{
    struct kedge_cursor cursor = kedge_cursor(envelope->manifest);
    struct kedge_cbor_map map;
    KEDGE_TRY(kedge_cbor_map(&cursor, &map));
    while (map.left > 0) {
        struct kedge_cbor_item key;
        KEDGE_TRY(kedge_cbor_map_key(&cursor, &map, &key));
        if (key.type == KEDGE_CBOR_UINT && key.value == SUIT_TEXT) {
            manifest->has_text = true;
            return read_digest_array(&cursor, 2, manifest->text_digest);
        }
        KEDGE_TRY(kedge_cbor_skip(&cursor, NULL));
    }
    return KEDGE_OK;
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

enum kedge_rc kedge_suit_manifest_read(const struct kedge_suit_envelope *envelope,
                                       struct kedge_suit_manifest *out)
{
    struct kedge_suit_manifest manifest = {0};
    struct kedge_suit_parts parts;
    KEDGE_TRY(kedge_suit_parts_read(envelope, &parts));
    KEDGE_TRY(check_component(parts.common));
    KEDGE_TRY(check_firmware(envelope));
    /* What a Kedge package never has, and what a device would therefore not run. */
    if (parts.load.size > 0 || parts.invoke.size > 0 || parts.payload_fetch.size > 0 ||
        parts.payload_fetch_severed || parts.install_severed)
        return KEDGE_E_COMMAND;
    if (parts.shared_sequence.size == 0 || parts.validate.size == 0 || parts.install.size == 0)
        return KEDGE_E_MISSING;
    struct processor processor = {.manifest = &manifest};
    KEDGE_TRY(run_sequence(&processor, SHARED, parts.shared_sequence));
    KEDGE_TRY(run_sequence(&processor, VALIDATE, parts.validate));
    KEDGE_TRY(run_sequence(&processor, INSTALL, parts.install));
    KEDGE_TRY(check_judged(&processor));
    KEDGE_TRY(check_delivery(&manifest));
    manifest.sequence = parts.sequence;
    manifest.payload.image_size = manifest.image_size;
    if (parts.set_version.size > 0)
        KEDGE_TRY(read_set_version(parts.set_version, &manifest.version));
    KEDGE_TRY(read_text_digest(envelope, &manifest));
    *out = manifest;
    return KEDGE_OK;
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
