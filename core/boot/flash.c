/* flash.c: is this geometry possible? And what is read from flash by every other file here. */
#include "core/boot/internal.h"

#define READ_PIECE 1024u

enum kedge_rc kedge_flash_check(const struct kedge_flash *flash)
{
    bool complete =
        flash->read != NULL && flash->write != NULL && flash->erase != NULL && flash->sync != NULL;
    bool write_unit = flash->write_size >= 1 && flash->write_size <= KEDGE_FLASH_WRITE_SIZE_MAX;
    if (!complete || !write_unit)
        return KEDGE_E_ARGUMENT;
    bool erase_unit = flash->erase_size > 0 && flash->erase_size % flash->write_size == 0;
    bool whole = erase_unit && flash->size > 0 && flash->size % flash->erase_size == 0;
    bool erased = flash->erased_value == 0x00 || flash->erased_value == 0xFF;
    return whole && erased ? KEDGE_OK : KEDGE_E_ARGUMENT;
}

uint32_t boot_round_up(uint32_t value, uint32_t unit)
{
    uint64_t rounded = ((uint64_t)value + unit - 1) / unit * unit;
    return rounded > UINT32_MAX ? UINT32_MAX : (uint32_t)rounded;
}

enum kedge_rc boot_feed_flash(const struct kedge_flash *flash, uint32_t offset, uint32_t size,
                              struct kedge_sha256 *hash)
{
    uint8_t piece[READ_PIECE];
    while (size > 0) {
        uint32_t take = size < READ_PIECE ? size : READ_PIECE;
        KEDGE_TRY(flash->read(flash->context, offset, piece, take));
        kedge_sha256_update(hash, kedge_slice(piece, take));
        offset += take;
        size -= take;
    }
    return KEDGE_OK;
}

enum kedge_rc boot_hash_flash(const struct kedge_flash *flash, uint32_t offset, uint32_t size,
                              uint8_t digest[KEDGE_SHA256_SIZE])
{
    struct kedge_sha256 hash;
    kedge_sha256_init(&hash);
    KEDGE_TRY(boot_feed_flash(flash, offset, size, &hash));
    kedge_sha256_final(&hash, digest);
    return KEDGE_OK;
}
