/* package_stream.c: the checks of a whole package, in the order in which its bytes come. */
#include <kedge/package.h>
#include <string.h>

#include "core/suit/keys.h"
#include "core/suit/package_parts.h"

/* The head is put together once more, so that it is read as a whole envelope's head is. */
static enum kedge_rc take_head(void *context, struct kedge_slice wrapper,
                               struct kedge_slice manifest)
{
    struct kedge_package_stream *check = context;
    struct kedge_package *package = &check->package;
    struct kedge_writer head = kedge_writer(check->head, sizeof check->head);
    KEDGE_TRY(
        kedge_suit_head_write(wrapper, manifest, kedge_slice(NULL, 0), NULL, NULL, 0, 0, &head));
    KEDGE_TRY(kedge_suit_head_read(kedge_writer_slice(&head), &package->envelope));
    KEDGE_TRY(package_read_manifest(package, check->trust, check->signed_by, &check->part));
    KEDGE_TRY(kedge_payload_begin(&check->reader, &package->manifest.payload, &check->sink));
    kedge_payload_hash_by(&check->reader, check->hasher);
    check->part = KEDGE_PART_ENVELOPE;
    return KEDGE_OK;
}

static enum kedge_rc begin_severable(struct kedge_package_stream *check,
                                     const struct kedge_suit_member *member)
{
    uint8_t head_bytes[9];
    struct kedge_writer head = kedge_writer(head_bytes, sizeof head_bytes);
    check->part = KEDGE_PART_TEXT;
    if (member->key != SUIT_TEXT || !check->package.manifest.has_text)
        return KEDGE_E_MISSING;
    KEDGE_TRY(kedge_cbor_write_bstr_head(&head, member->size));
    kedge_sha256_update(&check->member_hash, kedge_writer_slice(&head));
    return KEDGE_OK;
}

static enum kedge_rc begin_firmware(struct kedge_package_stream *check, uint64_t size)
{
    const struct kedge_suit_manifest *manifest = &check->package.manifest;
    check->part = KEDGE_PART_ATTACHMENTS;
    if (check->attachments_seen != manifest->attachment_count)
        return KEDGE_E_MISSING;
    check->part = KEDGE_PART_PAYLOAD;
    if (size != manifest->payload.encoded_size)
        return size < manifest->payload.encoded_size ? KEDGE_E_TRUNCATED : KEDGE_E_TRAILING;
    return KEDGE_OK;
}

static enum kedge_rc begin_member(void *context, const struct kedge_suit_member *member)
{
    struct kedge_package_stream *check = context;
    kedge_sha256_init(&check->member_hash);
    if (member->firmware)
        return begin_firmware(check, member->size);
    if (member->name.size == 0)
        return begin_severable(check, member);
    check->part = KEDGE_PART_ATTACHMENTS;
    return package_expect_attachment(&check->package.manifest, check->attachments_seen,
                                     member->name, member->size);
}

static enum kedge_rc take(void *context, struct kedge_slice bytes)
{
    struct kedge_package_stream *check = context;
    if (check->part == KEDGE_PART_PAYLOAD)
        return kedge_payload_push(&check->reader, bytes);
    kedge_sha256_update(&check->member_hash, bytes);
    return KEDGE_OK;
}

static enum kedge_rc end_member(void *context)
{
    struct kedge_package_stream *check = context;
    const struct kedge_suit_manifest *manifest = &check->package.manifest;
    uint8_t digest[KEDGE_SHA256_SIZE];
    if (check->part == KEDGE_PART_PAYLOAD)
        return kedge_payload_end(&check->reader, manifest->image_digest);
    kedge_sha256_final(&check->member_hash, digest);
    KEDGE_TRY(check->part == KEDGE_PART_TEXT
                  ? package_check_text(manifest, digest)
                  : package_check_attachment(manifest, check->attachments_seen++, digest));
    check->part = KEDGE_PART_ENVELOPE;
    return KEDGE_OK;
}

void kedge_package_stream_begin(struct kedge_package_stream *check,
                                const struct kedge_suit_trust *trust, bool *signed_by,
                                const struct kedge_payload_sink *sink,
                                const struct kedge_payload_hasher *hasher)
{
    const struct kedge_suit_stream_hooks hooks = {.context = check,
                                                  .head = take_head,
                                                  .begin = begin_member,
                                                  .take = take,
                                                  .end = end_member};
    for (size_t i = 0; trust != NULL && signed_by != NULL && i < trust->key_count; i++)
        signed_by[i] = false;
    memset(&check->package, 0, sizeof check->package);
    check->part = KEDGE_PART_ENVELOPE;
    check->trust = trust;
    check->signed_by = signed_by;
    check->sink = sink != NULL ? *sink : package_nowhere;
    check->hasher = hasher;
    check->attachments_seen = 0;
    check->reader.finished = false;
    kedge_suit_stream_begin(&check->stream, &hooks);
}

enum kedge_rc kedge_package_stream_push(struct kedge_package_stream *check,
                                        struct kedge_slice bytes)
{
    enum kedge_rc rc = kedge_suit_stream_push(&check->stream, bytes);
    /* Bytes behind the end are no fault of the payload. */
    if (rc == KEDGE_E_TRAILING && check->reader.finished)
        check->part = KEDGE_PART_ENVELOPE;
    return rc;
}

enum kedge_rc kedge_package_stream_end(struct kedge_package_stream *check)
{
    enum kedge_rc before = check->stream.failure;
    enum kedge_rc rc = kedge_suit_stream_end(&check->stream);
    if (rc != before)
        check->part = KEDGE_PART_ENVELOPE; /* it ends too early */
    return rc;
}
