/*
 * slot_write.c: an image goes into a slot. The order is the point: the old header is gone for good
 * before the first byte of the new image, and the new header comes when the image has been read
 * back. So a whole header always describes the bytes behind it.
 */
#include "core/boot/internal.h"

#include <string.h>

uint32_t boot_image_offset(const struct kedge_flash *flash)
{
    return boot_round_up(KEDGE_SLOT_HEADER_SIZE + KEDGE_SUIT_HEAD_MAX, flash->erase_size);
}

uint32_t kedge_slot_capacity(const struct kedge_flash *flash)
{
    if (kedge_flash_check(flash) != KEDGE_OK || boot_image_offset(flash) >= flash->size)
        return 0;
    return flash->size - boot_image_offset(flash);
}

enum kedge_rc kedge_slot_open(struct kedge_slot *slot, const struct kedge_flash *flash,
                              uint64_t image_size)
{
    KEDGE_TRY(kedge_flash_check(flash));
    if (image_size > kedge_slot_capacity(flash))
        return KEDGE_E_SPACE;
    uint32_t image_offset = boot_image_offset(flash);
    *slot = (struct kedge_slot){
        .flash = flash, .image_size = (uint32_t)image_size, .erased_to = image_offset};
    KEDGE_TRY(flash->erase(flash->context, 0, image_offset));
    return flash->sync(flash->context);
}

enum kedge_rc kedge_slot_keep(struct kedge_slot *slot, uint64_t size, struct kedge_sha256 *hash)
{
    const struct kedge_flash *flash = slot->flash;
    uint32_t image_offset = boot_image_offset(flash);
    if (slot->written > 0 || size >= slot->image_size || size % flash->erase_size != 0)
        return KEDGE_E_ARGUMENT;
    KEDGE_TRY(boot_feed_flash(flash, image_offset, (uint32_t)size, hash));
    slot->written = (uint32_t)size;
    slot->erased_to = image_offset + (uint32_t)size;
    return KEDGE_OK;
}

/* Writes whole units at `offset`, which counts from the image's start; erases ahead. */
static enum kedge_rc program(struct kedge_slot *slot, uint32_t offset, const uint8_t *data,
                             uint32_t size)
{
    const struct kedge_flash *flash = slot->flash;
    uint32_t at = boot_image_offset(flash) + offset;
    if (at + size > slot->erased_to) {
        uint32_t erase = boot_round_up(at + size - slot->erased_to, flash->erase_size);
        KEDGE_TRY(flash->erase(flash->context, slot->erased_to, erase));
        slot->erased_to += erase;
    }
    return flash->write(flash->context, at, data, size);
}

/* Moves bytes into the write unit that is being filled, and writes it when it is full. */
static enum kedge_rc fill_unit(struct kedge_slot *slot, struct kedge_slice bytes, size_t *taken)
{
    uint32_t unit = slot->flash->write_size;
    uint32_t room = unit - slot->pending_size;
    uint32_t take = bytes.size < room ? (uint32_t)bytes.size : room;
    memcpy(slot->pending + slot->pending_size, bytes.data, take);
    slot->pending_size += take;
    slot->written += take;
    *taken = take;
    if (slot->pending_size < unit)
        return KEDGE_OK;
    slot->pending_size = 0;
    return program(slot, slot->written - unit, slot->pending, unit);
}

enum kedge_rc kedge_slot_write(struct kedge_slot *slot, struct kedge_slice bytes)
{
    if (bytes.size > slot->image_size - slot->written)
        return KEDGE_E_SPACE;
    uint32_t unit = slot->flash->write_size;
    while (bytes.size > 0) {
        size_t taken = bytes.size - bytes.size % unit;
        if (slot->pending_size == 0 && taken > 0) {
            KEDGE_TRY(program(slot, slot->written, bytes.data, (uint32_t)taken));
            slot->written += (uint32_t)taken;
        } else {
            KEDGE_TRY(fill_unit(slot, bytes, &taken));
        }
        bytes = kedge_slice(bytes.data + taken, bytes.size - taken);
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_slot_sync(const struct kedge_slot *slot)
{
    return slot->flash->sync(slot->flash->context);
}

void kedge_slot_give_back(struct kedge_slot *slot)
{
    const struct kedge_flash *flash = slot->flash;
    enum kedge_rc rc = flash->erase(flash->context, 0, slot->erased_to);
    if (rc == KEDGE_OK)
        slot->erased_to = 0;
}

static enum kedge_rc flush_image(struct kedge_slot *slot)
{
    if (slot->pending_size == 0)
        return KEDGE_OK;
    uint32_t unit = slot->flash->write_size;
    memset(slot->pending + slot->pending_size, slot->flash->erased_value,
           unit - slot->pending_size);
    uint32_t offset = slot->written - slot->pending_size;
    slot->pending_size = 0;
    return program(slot, offset, slot->pending, unit);
}

/* What was written must read back as what was signed: drivers and cells have lied before. */
static enum kedge_rc read_back_image(const struct kedge_slot *slot,
                                     const uint8_t image_digest[KEDGE_SHA256_SIZE])
{
    uint8_t digest[KEDGE_SHA256_SIZE];
    KEDGE_TRY(
        boot_hash_flash(slot->flash, boot_image_offset(slot->flash), slot->image_size, digest));
    return memcmp(digest, image_digest, sizeof digest) == 0 ? KEDGE_OK : KEDGE_E_FLASH;
}

/* ---- the header, docs/format.md "Slot" ---- */

static enum kedge_rc compose_header(const struct kedge_slot *slot, struct kedge_slice head,
                                    uint8_t bytes[KEDGE_SLOT_HEADER_SIZE])
{
    struct kedge_writer out = kedge_writer(bytes, KEDGE_SLOT_HEADER_SIZE);
    KEDGE_TRY(kedge_writer_put(&out, kedge_slice(SLOT_MAGIC, SLOT_MAGIC_SIZE)));
    KEDGE_TRY(kedge_writer_u16(&out, SLOT_FORMAT));
    KEDGE_TRY(kedge_writer_u16(&out, (uint16_t)head.size));
    KEDGE_TRY(kedge_writer_u32(&out, boot_image_offset(slot->flash)));
    KEDGE_TRY(kedge_writer_u32(&out, slot->image_size));
    KEDGE_TRY(kedge_writer_u64(&out, 0));
    return kedge_writer_u32(&out, boot_header_crc(kedge_writer_slice(&out), head));
}

/* The header area's bytes from `offset`: header, head, then the erased value. */
static void header_piece(const struct kedge_slot *slot,
                         const uint8_t header[KEDGE_SLOT_HEADER_SIZE], struct kedge_slice head,
                         uint32_t offset, uint8_t *piece, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        uint32_t at = offset + i;
        if (at < KEDGE_SLOT_HEADER_SIZE)
            piece[i] = header[at];
        else if (at - KEDGE_SLOT_HEADER_SIZE < head.size)
            piece[i] = head.data[at - KEDGE_SLOT_HEADER_SIZE];
        else
            piece[i] = slot->flash->erased_value;
    }
}

static enum kedge_rc write_header(struct kedge_slot *slot, struct kedge_slice head)
{
    const struct kedge_flash *flash = slot->flash;
    uint8_t header[KEDGE_SLOT_HEADER_SIZE];
    uint8_t read_back[KEDGE_FLASH_WRITE_SIZE_MAX];
    uint32_t piece = KEDGE_FLASH_WRITE_SIZE_MAX - KEDGE_FLASH_WRITE_SIZE_MAX % flash->write_size;
    uint32_t end = KEDGE_SLOT_HEADER_SIZE + (uint32_t)head.size;
    KEDGE_TRY(compose_header(slot, head, header));
    for (uint32_t at = 0; at < end; at += piece) {
        uint32_t size = end - at < piece ? boot_round_up(end - at, flash->write_size) : piece;
        header_piece(slot, header, head, at, slot->pending, size);
        KEDGE_TRY(flash->write(flash->context, at, slot->pending, size));
    }
    KEDGE_TRY(flash->sync(flash->context));
    for (uint32_t at = 0; at < end; at += piece) {
        uint32_t size = end - at < piece ? end - at : piece;
        header_piece(slot, header, head, at, slot->pending, size);
        KEDGE_TRY(flash->read(flash->context, at, read_back, size));
        if (memcmp(read_back, slot->pending, size) != 0)
            return KEDGE_E_FLASH;
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_slot_finish(struct kedge_slot *slot, struct kedge_slice head,
                                const uint8_t image_digest[KEDGE_SHA256_SIZE])
{
    if (slot->written != slot->image_size)
        return KEDGE_E_TRUNCATED;
    if (head.size > KEDGE_SUIT_HEAD_MAX)
        return KEDGE_E_LIMIT;
    KEDGE_TRY(flush_image(slot));
    KEDGE_TRY(kedge_slot_sync(slot));
    KEDGE_TRY(read_back_image(slot, image_digest));
    return write_header(slot, head);
}
