/* slot_read.c: what a slot says it holds, and whether that may be run. */
#include "core/boot/internal.h"

#include <kedge/processor.h>
#include <string.h>

uint32_t boot_header_crc(struct kedge_slice header, struct kedge_slice head)
{
    return kedge_crc32(kedge_crc32(0, header), head);
}

/* Reads and checks the 32 bytes before the head, except for their CRC, which covers the head too.
 */
static enum kedge_rc read_fields(const struct kedge_flash *flash, struct kedge_slice bytes,
                                 struct kedge_slot_image *image, uint32_t *crc)
{
    struct kedge_cursor cursor = kedge_cursor(bytes);
    struct kedge_slice magic;
    uint16_t format, head_size;
    uint64_t reserved;
    KEDGE_TRY(kedge_cursor_take(&cursor, SLOT_MAGIC_SIZE, &magic));
    KEDGE_TRY(kedge_cursor_u16(&cursor, &format));
    KEDGE_TRY(kedge_cursor_u16(&cursor, &head_size));
    KEDGE_TRY(kedge_cursor_u32(&cursor, &image->image_offset));
    KEDGE_TRY(kedge_cursor_u32(&cursor, &image->image_size));
    KEDGE_TRY(kedge_cursor_u64(&cursor, &reserved));
    KEDGE_TRY(kedge_cursor_u32(&cursor, crc));
    image->head_size = head_size;
    bool ours = memcmp(magic.data, SLOT_MAGIC, SLOT_MAGIC_SIZE) == 0 && format == SLOT_FORMAT &&
                reserved == 0;
    bool inside = head_size <= KEDGE_SUIT_HEAD_MAX && image->image_offset <= flash->size &&
                  image->image_offset >= KEDGE_SLOT_HEADER_SIZE + head_size &&
                  image->image_size <= flash->size - image->image_offset;
    return ours && inside ? KEDGE_OK : KEDGE_E_NOT_FOUND;
}

static enum kedge_rc read_header(const struct kedge_flash *flash, struct kedge_slot_image *image,
                                 struct kedge_suit_envelope *envelope)
{
    uint8_t bytes[KEDGE_SLOT_HEADER_SIZE];
    uint32_t crc;
    KEDGE_TRY(kedge_flash_check(flash));
    if (kedge_slot_capacity(flash) == 0)
        return KEDGE_E_NOT_FOUND;
    KEDGE_TRY(flash->read(flash->context, 0, bytes, sizeof bytes));
    KEDGE_TRY(read_fields(flash, kedge_slice(bytes, sizeof bytes), image, &crc));
    KEDGE_TRY(flash->read(flash->context, KEDGE_SLOT_HEADER_SIZE, image->head, image->head_size));
    struct kedge_slice head = kedge_slice(image->head, image->head_size);
    if (boot_header_crc(kedge_slice(bytes, sizeof bytes - sizeof crc), head) != crc)
        return KEDGE_E_NOT_FOUND;
    return kedge_suit_head_read(head, envelope);
}

enum kedge_rc kedge_slot_manifest(const struct kedge_flash *flash, uint8_t slot,
                                  struct kedge_slot_image *image)
{
    struct kedge_suit_envelope envelope;
    KEDGE_TRY(read_header(flash, image, &envelope));
    return kedge_suit_manifest_read_for_slot(&envelope, slot, &image->manifest, NULL);
}

enum kedge_rc kedge_slot_verify(const struct kedge_flash *flash, uint8_t slot,
                                const struct kedge_suit_trust *trust,
                                struct kedge_slot_image *image)
{
    struct kedge_suit_envelope envelope;
    uint8_t digest[KEDGE_SHA256_SIZE];
    KEDGE_TRY(read_header(flash, image, &envelope));
    KEDGE_TRY(kedge_suit_authenticate(&envelope, trust, NULL));
    KEDGE_TRY(kedge_suit_manifest_read_for_slot(&envelope, slot, &image->manifest, NULL));
    if (image->image_size != image->manifest.image_size)
        return KEDGE_E_DIGEST;
    KEDGE_TRY(boot_hash_flash(flash, image->image_offset, image->image_size, digest));
    return memcmp(digest, image->manifest.image_digest, sizeof digest) == 0 ? KEDGE_OK
                                                                            : KEDGE_E_DIGEST;
}

enum kedge_rc kedge_slot_read(const struct kedge_flash *flash, const struct kedge_slot_image *image,
                              uint32_t offset, void *out, size_t size)
{
    if (offset > image->image_size || size > image->image_size - offset)
        return KEDGE_E_ARGUMENT;
    return flash->read(flash->context, image->image_offset + offset, out, size);
}
