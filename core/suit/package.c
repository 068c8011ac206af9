/* package.c: the checks of a whole package, in the order in which a refusal says most. */
#include <kedge/package.h>
#include <string.h>

#include "core/suit/keys.h"
#include "core/suit/package_parts.h"

#define WRAPPER_SIZE_MAX (KEDGE_SUIT_SIGNATURES_MAX * KEDGE_COSE_SIGN1_MAX + 128u)

static const char *const part_texts[] = {
#define PART_TEXT(name, words) words,
    KEDGE_PACKAGE_PART_LIST(PART_TEXT)
#undef PART_TEXT
};

const char *kedge_package_part_text(enum kedge_package_part part)
{
    return part_texts[(size_t)part < KEDGE_PART_COUNT ? (size_t)part : KEDGE_PART_ENVELOPE];
}

void kedge_package_words(const struct kedge_package *package, enum kedge_package_part part,
                         enum kedge_rc rc, char words[KEDGE_PACKAGE_WORDS_MAX])
{
    char why[KEDGE_SUIT_WORDS_MAX];
    bool other = part == KEDGE_PART_ENVELOPE && rc == KEDGE_E_UNSUPPORTED;
    kedge_suit_refusal_words(&package->refused, rc, why);
    const char *const pieces[] = {
        other ? "this is no package (no SUIT envelope)" : kedge_package_part_text(part),
        other ? "" : ": ", other ? "" : why};
    struct kedge_writer out = kedge_writer(words, KEDGE_PACKAGE_WORDS_MAX - 1);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
        if (kedge_writer_put(&out, kedge_slice_text(pieces[i])) != KEDGE_OK)
            break; /* cut: it is for people */
    words[out.size] = '\0';
}

static struct kedge_slice bytes_of(struct kedge_slice package, const struct kedge_suit_named *named)
{
    return kedge_slice(package.data + named->offset, (size_t)named->size);
}

enum kedge_rc package_read_manifest(struct kedge_package *package,
                                    const struct kedge_suit_trust *trust, bool *signed_by,
                                    enum kedge_package_part *part)
{
    const struct kedge_suit_envelope *envelope = &package->envelope;
    struct kedge_suit_manifest *manifest = &package->manifest;
    *part = KEDGE_PART_SIGNATURE;
    KEDGE_TRY(trust != NULL ? kedge_suit_authenticate(envelope, trust, signed_by)
                            : kedge_suit_digest_check(envelope));
    *part = KEDGE_PART_MANIFEST;
    KEDGE_TRY(package_manifest(envelope, NULL, manifest, &package->refused));
    *part = KEDGE_PART_VERSION;
    if (manifest->version.count == 0)
        return KEDGE_E_MISSING;
    return kedge_suit_version_text(&manifest->version, package->version);
}

enum kedge_rc package_check_text(const struct kedge_suit_manifest *manifest,
                                 const uint8_t digest[KEDGE_SHA256_SIZE])
{
    if (!manifest->has_text)
        return KEDGE_E_MISSING;
    return memcmp(digest, manifest->text_digest, KEDGE_SHA256_SIZE) == 0 ? KEDGE_OK
                                                                         : KEDGE_E_DIGEST;
}

enum kedge_rc package_expect_attachment(const struct kedge_suit_manifest *manifest, size_t index,
                                        struct kedge_slice name, uint64_t size)
{
    const struct kedge_suit_attachment *attachment = &manifest->attachments[index];
    return index < manifest->attachment_count && kedge_slice_equal(name, attachment->name) &&
                   size == attachment->size
               ? KEDGE_OK
               : KEDGE_E_MISSING;
}

enum kedge_rc package_check_attachment(const struct kedge_suit_manifest *manifest, size_t index,
                                       const uint8_t digest[KEDGE_SHA256_SIZE])
{
    return memcmp(digest, manifest->attachments[index].digest, KEDGE_SHA256_SIZE) == 0
               ? KEDGE_OK
               : KEDGE_E_DIGEST;
}

/* A severable member that the manifest does not vouch for is nobody's, even an empty one. */
static enum kedge_rc check_severable(const struct kedge_package *package)
{
    const struct kedge_slice *severable = package->envelope.severable;
    if (severable[SUIT_PAYLOAD_FETCH].data != NULL || severable[SUIT_INSTALL].data != NULL)
        return KEDGE_E_MISSING;
    if (severable[SUIT_TEXT].data == NULL)
        return KEDGE_OK;
    uint8_t digest[KEDGE_SHA256_SIZE];
    KEDGE_TRY(kedge_suit_bstr_digest(package->text, digest));
    return package_check_text(&package->manifest, digest);
}

/* Each file in the envelope but the firmware is one that the manifest vouches for, and the reverse.
 */
static enum kedge_rc read_attachments(struct kedge_slice bytes, bool checked,
                                      struct kedge_package *package)
{
    const struct kedge_suit_envelope *envelope = &package->envelope;
    const struct kedge_suit_manifest *manifest = &package->manifest;
    if (envelope->payload_count != manifest->attachment_count + 1)
        return KEDGE_E_MISSING;
    for (size_t i = 0; i < manifest->attachment_count; i++) {
        const struct kedge_suit_named *file = &envelope->payloads[i];
        KEDGE_TRY(package_expect_attachment(manifest, i, file->name, file->size));
        package->attachments[i] = bytes_of(bytes, file);
        if (checked)
            KEDGE_TRY(kedge_package_check_attachment(package, i));
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_package_check_attachment(const struct kedge_package *package, size_t index)
{
    uint8_t digest[KEDGE_SHA256_SIZE];
    kedge_sha256(package->attachments[index], digest);
    return package_check_attachment(&package->manifest, index, digest);
}

static enum kedge_rc read_package(struct kedge_slice bytes, const struct kedge_suit_trust *trust,
                                  bool *signed_by, bool checked, struct kedge_package *package,
                                  enum kedge_package_part *part)
{
    struct kedge_suit_envelope *envelope = &package->envelope;
    memset(package, 0, sizeof *package);
    for (size_t i = 0; trust != NULL && signed_by != NULL && i < trust->key_count; i++)
        signed_by[i] = false;

    *part = KEDGE_PART_ENVELOPE;
    KEDGE_TRY(kedge_suit_envelope_read(bytes, envelope));
    KEDGE_TRY(package_read_manifest(package, trust, signed_by, part));
    *part = KEDGE_PART_TEXT;
    package->text = envelope->severable[SUIT_TEXT];
    KEDGE_TRY(check_severable(package));
    *part = KEDGE_PART_ATTACHMENTS;
    KEDGE_TRY(read_attachments(bytes, checked, package));
    *part = KEDGE_PART_PAYLOAD;
    package->payload = bytes_of(bytes, &envelope->payloads[envelope->payload_count - 1]);
    return KEDGE_OK;
}

enum kedge_rc kedge_package_read(struct kedge_slice bytes, const struct kedge_suit_trust *trust,
                                 bool *signed_by, struct kedge_package *package,
                                 enum kedge_package_part *part)
{
    return read_package(bytes, trust, signed_by, true, package, part);
}

enum kedge_rc kedge_package_take_apart(struct kedge_slice bytes, struct kedge_package *package,
                                       enum kedge_package_part *part)
{
    return read_package(bytes, NULL, NULL, false, package, part);
}

static enum kedge_rc swallow(void *context, uint64_t offset, struct kedge_slice bytes)
{
    (void)context, (void)offset, (void)bytes;
    return KEDGE_OK;
}

const struct kedge_payload_sink package_nowhere = {.write = swallow};

enum kedge_rc kedge_package_expand(const struct kedge_package *package,
                                   struct kedge_payload_reader *reader,
                                   const struct kedge_payload_sink *sink)
{
    KEDGE_TRY(kedge_payload_begin(reader, &package->manifest.payload,
                                  sink != NULL ? sink : &package_nowhere));
    KEDGE_TRY(kedge_payload_push(reader, package->payload));
    return kedge_payload_end(reader, package->manifest.image_digest);
}

void kedge_package_names(const struct kedge_package *package, struct kedge_suit_text *names)
{
    static const struct kedge_slice none;
    uint8_t uuid[16];
    memset(names, 0, sizeof *names);
    if (package->text.size == 0 || kedge_suit_text_read(package->text, names) != KEDGE_OK)
        return;
    kedge_class_uuid(package->manifest.vendor, names->class_name, uuid);
    if (memcmp(uuid, package->manifest.class_id, sizeof uuid) != 0)
        names->class_name = none;
    kedge_vendor_uuid(names->vendor_domain, uuid);
    if (memcmp(uuid, package->manifest.vendor, sizeof uuid) != 0)
        names->vendor_domain = names->class_name = none;
}

enum kedge_rc kedge_package_device_head_write(const struct kedge_package *package,
                                              struct kedge_writer *out)
{
    const struct kedge_suit_envelope *envelope = &package->envelope;
    uint8_t wrapper_bytes[WRAPPER_SIZE_MAX];
    struct kedge_writer wrapper = kedge_writer(wrapper_bytes, sizeof wrapper_bytes);
    KEDGE_TRY(kedge_suit_wrapper_write(envelope->digest, envelope->signatures,
                                       envelope->signature_count, &wrapper));
    return kedge_suit_head_write(kedge_writer_slice(&wrapper), envelope->manifest,
                                 kedge_slice(NULL, 0), NULL, NULL, 0, package->payload.size, out);
}
