/* manifest_write.c: writing a package's manifest, in the one form that docs/format.md shows. */
#include <kedge/suit.h>

#include "core/suit/keys.h"

#define SECTION_MAX 1024u

static enum kedge_rc write_digest_bstr(struct kedge_writer *out,
                                       const uint8_t digest[KEDGE_SHA256_SIZE])
{
    uint8_t bytes[48];
    struct kedge_writer inner = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(kedge_cbor_write_array(&inner, 2));
    KEDGE_TRY(kedge_cbor_write_int(&inner, SUIT_DIGEST_SHA256));
    KEDGE_TRY(kedge_cbor_write_bstr(&inner, kedge_slice(digest, KEDGE_SHA256_SIZE)));
    return kedge_cbor_write_bstr(out, kedge_writer_slice(&inner));
}

static enum kedge_rc write_command(struct kedge_writer *out, int64_t command)
{
    KEDGE_TRY(kedge_cbor_write_int(out, command));
    return kedge_cbor_write_uint(out, SUIT_REPORT_ALL);
}

static enum kedge_rc write_shared(const struct kedge_suit_manifest *manifest,
                                  struct kedge_writer *out)
{
    KEDGE_TRY(kedge_cbor_write_array(out, 6));
    KEDGE_TRY(kedge_cbor_write_int(out, KEDGE_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS));
    KEDGE_TRY(kedge_cbor_write_map(out, 4));
    KEDGE_TRY(kedge_cbor_write_int(out, KEDGE_SUIT_PARAMETER_VENDOR));
    KEDGE_TRY(kedge_cbor_write_bstr(out, kedge_slice(manifest->vendor, 16)));
    KEDGE_TRY(kedge_cbor_write_int(out, KEDGE_SUIT_PARAMETER_CLASS));
    KEDGE_TRY(kedge_cbor_write_bstr(out, kedge_slice(manifest->class_id, 16)));
    KEDGE_TRY(kedge_cbor_write_int(out, KEDGE_SUIT_PARAMETER_IMAGE_DIGEST));
    KEDGE_TRY(write_digest_bstr(out, manifest->image_digest));
    KEDGE_TRY(kedge_cbor_write_int(out, KEDGE_SUIT_PARAMETER_IMAGE_SIZE));
    KEDGE_TRY(kedge_cbor_write_uint(out, manifest->image_size));
    KEDGE_TRY(write_command(out, KEDGE_SUIT_CONDITION_VENDOR));
    return write_command(out, KEDGE_SUIT_CONDITION_CLASS);
}

static enum kedge_rc write_common(const struct kedge_suit_manifest *manifest,
                                  struct kedge_writer *out)
{
    uint8_t bytes[SECTION_MAX];
    struct kedge_writer shared = kedge_writer(bytes, sizeof bytes);
    static const uint8_t slot = 0;
    KEDGE_TRY(write_shared(manifest, &shared));
    KEDGE_TRY(kedge_cbor_write_map(out, 2));
    KEDGE_TRY(kedge_cbor_write_uint(out, SUIT_COMMON_COMPONENTS));
    KEDGE_TRY(kedge_cbor_write_array(out, 1));
    KEDGE_TRY(kedge_cbor_write_array(out, 1));
    KEDGE_TRY(kedge_cbor_write_bstr(out, kedge_slice(&slot, 1)));
    KEDGE_TRY(kedge_cbor_write_uint(out, SUIT_COMMON_SHARED_SEQUENCE));
    return kedge_cbor_write_bstr(out, kedge_writer_slice(&shared));
}

static enum kedge_rc write_frames(const struct kedge_payload_plan *plan, struct kedge_writer *out)
{
    uint8_t bytes[64];
    struct kedge_writer inner = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(kedge_cbor_write_array(&inner, 3));
    KEDGE_TRY(kedge_cbor_write_uint(&inner, (uint64_t)plan->encoding));
    KEDGE_TRY(kedge_cbor_write_uint(&inner, plan->encoded_size));
    KEDGE_TRY(
        kedge_cbor_write_bstr(&inner, kedge_slice(plan->first_frame_digest, KEDGE_SHA256_SIZE)));
    return kedge_cbor_write_bstr(out, kedge_writer_slice(&inner));
}

static enum kedge_rc write_attachments(const struct kedge_suit_manifest *manifest,
                                       struct kedge_writer *out)
{
    uint8_t bytes[SECTION_MAX / 2];
    struct kedge_writer inner = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(kedge_cbor_write_map(&inner, manifest->attachment_count));
    for (size_t i = 0; i < manifest->attachment_count; i++) {
        const struct kedge_suit_attachment *attachment = &manifest->attachments[i];
        if (attachment->name.size > KEDGE_SUIT_ATTACHMENT_NAME_MAX)
            return KEDGE_E_LIMIT;
        KEDGE_TRY(kedge_cbor_write_tstr(&inner, attachment->name));
        KEDGE_TRY(kedge_cbor_write_array(&inner, 3));
        KEDGE_TRY(kedge_cbor_write_int(&inner, SUIT_DIGEST_SHA256));
        KEDGE_TRY(
            kedge_cbor_write_bstr(&inner, kedge_slice(attachment->digest, KEDGE_SHA256_SIZE)));
        KEDGE_TRY(kedge_cbor_write_uint(&inner, attachment->size));
    }
    return kedge_cbor_write_bstr(out, kedge_writer_slice(&inner));
}

static enum kedge_rc write_version(const struct kedge_suit_version *version,
                                   struct kedge_writer *out)
{
    KEDGE_TRY(kedge_cbor_write_array(out, version->count));
    for (size_t i = 0; i < version->count; i++)
        KEDGE_TRY(kedge_cbor_write_int(out, version->parts[i]));
    return KEDGE_OK;
}

/* One bound of the version window: the parameter and its condition, or nothing. */
static enum kedge_rc write_bound(const struct kedge_suit_version *bound, uint64_t comparison,
                                 struct kedge_writer *out)
{
    uint8_t bytes[96];
    struct kedge_writer match = kedge_writer(bytes, sizeof bytes);
    if (bound->count == 0)
        return KEDGE_OK;
    KEDGE_TRY(kedge_cbor_write_array(&match, 2));
    KEDGE_TRY(kedge_cbor_write_uint(&match, comparison));
    KEDGE_TRY(write_version(bound, &match));
    KEDGE_TRY(kedge_cbor_write_int(out, KEDGE_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS));
    KEDGE_TRY(kedge_cbor_write_map(out, 1));
    KEDGE_TRY(kedge_cbor_write_int(out, KEDGE_SUIT_PARAMETER_VERSION));
    KEDGE_TRY(kedge_cbor_write_bstr(out, kedge_writer_slice(&match)));
    return write_command(out, KEDGE_SUIT_CONDITION_VERSION);
}

static enum kedge_rc write_hardware(const struct kedge_suit_manifest *manifest,
                                    struct kedge_writer *out)
{
    uint8_t bytes[KEDGE_SUIT_HARDWARE_MAX * (KEDGE_SUIT_HARDWARE_TEXT_MAX + 2u) + 1u];
    struct kedge_writer inner = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(kedge_cbor_write_array(&inner, manifest->hardware_count));
    for (size_t i = 0; i < manifest->hardware_count; i++) {
        if (manifest->hardware[i].size == 0 ||
            manifest->hardware[i].size > KEDGE_SUIT_HARDWARE_TEXT_MAX)
            return KEDGE_E_LIMIT;
        KEDGE_TRY(kedge_cbor_write_tstr(&inner, manifest->hardware[i]));
    }
    return kedge_cbor_write_bstr(out, kedge_writer_slice(&inner));
}

static enum kedge_rc write_install(const struct kedge_suit_manifest *manifest,
                                   struct kedge_writer *out)
{
    bool attachments = manifest->attachment_count > 0;
    bool hardware = manifest->hardware_count > 0;
    size_t bounds =
        (manifest->min_version.count > 0 ? 1u : 0u) + (manifest->max_version.count > 0 ? 1u : 0u);
    KEDGE_TRY(kedge_cbor_write_array(out, 6 + 4 * bounds + (hardware ? 2u : 0u)));
    KEDGE_TRY(write_bound(&manifest->min_version, SUIT_VERSION_GREATER_EQUAL, out));
    KEDGE_TRY(write_bound(&manifest->max_version, SUIT_VERSION_LESSER_EQUAL, out));
    KEDGE_TRY(kedge_cbor_write_int(out, KEDGE_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS));
    KEDGE_TRY(kedge_cbor_write_map(out, 3 + (attachments ? 1u : 0u) + (hardware ? 1u : 0u)));
    KEDGE_TRY(kedge_cbor_write_int(out, KEDGE_SUIT_PARAMETER_URI));
    KEDGE_TRY(kedge_cbor_write_tstr(out, kedge_slice_text(KEDGE_SUIT_PAYLOAD_NAME)));
    KEDGE_TRY(kedge_cbor_write_int(out, KEDGE_SUIT_PARAMETER_FRAMES));
    KEDGE_TRY(write_frames(&manifest->payload, out));
    KEDGE_TRY(kedge_cbor_write_int(out, KEDGE_SUIT_PARAMETER_DELIVERY));
    KEDGE_TRY(kedge_cbor_write_uint(out, (uint64_t)manifest->delivery));
    if (attachments) {
        KEDGE_TRY(kedge_cbor_write_int(out, KEDGE_SUIT_PARAMETER_ATTACHMENTS));
        KEDGE_TRY(write_attachments(manifest, out));
    }
    if (hardware) {
        KEDGE_TRY(kedge_cbor_write_int(out, KEDGE_SUIT_PARAMETER_HARDWARE));
        KEDGE_TRY(write_hardware(manifest, out));
        KEDGE_TRY(write_command(out, KEDGE_SUIT_CONDITION_HARDWARE));
    }
    KEDGE_TRY(write_command(out, KEDGE_SUIT_DIRECTIVE_INSTALL_FRAMES));
    return write_command(out, KEDGE_SUIT_CONDITION_IMAGE_MATCH);
}

static enum kedge_rc write_validate(const struct kedge_suit_manifest *manifest,
                                    struct kedge_writer *out)
{
    (void)manifest;
    KEDGE_TRY(kedge_cbor_write_array(out, 2));
    return write_command(out, KEDGE_SUIT_CONDITION_IMAGE_MATCH);
}

static enum kedge_rc write_set_version(const struct kedge_suit_manifest *manifest,
                                       struct kedge_writer *out)
{
    return write_version(&manifest->version, out);
}

/* Writes `key` and, as a bstr, what `section` writes. */
static enum kedge_rc write_section(const struct kedge_suit_manifest *manifest, uint64_t key,
                                   enum kedge_rc (*section)(const struct kedge_suit_manifest *,
                                                            struct kedge_writer *),
                                   struct kedge_writer *out)
{
    uint8_t bytes[SECTION_MAX];
    struct kedge_writer inner = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(section(manifest, &inner));
    KEDGE_TRY(kedge_cbor_write_uint(out, key));
    return kedge_cbor_write_bstr(out, kedge_writer_slice(&inner));
}

enum kedge_rc kedge_suit_manifest_write(const struct kedge_suit_manifest *manifest,
                                        struct kedge_writer *out)
{
    bool version = manifest->version.count > 0;
    if (manifest->attachment_count > KEDGE_SUIT_ATTACHMENTS_MAX ||
        manifest->hardware_count > KEDGE_SUIT_HARDWARE_MAX ||
        manifest->version.count > KEDGE_SUIT_VERSION_PARTS_MAX ||
        manifest->min_version.count > KEDGE_SUIT_VERSION_PARTS_MAX ||
        manifest->max_version.count > KEDGE_SUIT_VERSION_PARTS_MAX)
        return KEDGE_E_LIMIT;
    KEDGE_TRY(kedge_cbor_write_map(out, 5 + (version ? 1u : 0u) + (manifest->has_text ? 1u : 0u)));
    KEDGE_TRY(kedge_cbor_write_uint(out, SUIT_MANIFEST_VERSION));
    KEDGE_TRY(kedge_cbor_write_uint(out, 1));
    KEDGE_TRY(kedge_cbor_write_uint(out, SUIT_MANIFEST_SEQUENCE));
    KEDGE_TRY(kedge_cbor_write_uint(out, manifest->sequence));
    KEDGE_TRY(write_section(manifest, SUIT_MANIFEST_COMMON, write_common, out));
    if (version)
        KEDGE_TRY(write_section(manifest, SUIT_MANIFEST_SET_VERSION, write_set_version, out));
    KEDGE_TRY(write_section(manifest, SUIT_MANIFEST_VALIDATE, write_validate, out));
    KEDGE_TRY(write_section(manifest, SUIT_INSTALL, write_install, out));
    if (!manifest->has_text)
        return KEDGE_OK;
    KEDGE_TRY(kedge_cbor_write_uint(out, SUIT_TEXT));
    KEDGE_TRY(kedge_cbor_write_array(out, 2));
    KEDGE_TRY(kedge_cbor_write_int(out, SUIT_DIGEST_SHA256));
    return kedge_cbor_write_bstr(out, kedge_slice(manifest->text_digest, KEDGE_SHA256_SIZE));
}
