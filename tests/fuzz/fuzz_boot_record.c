// links: kedge-boot
/* A copy of the boot record: what decodes must encode to the very same bytes. */
#include <kedge/boot.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[KEDGE_BOOT_RECORD_SIZE];
    struct kedge_boot_record record;
    if (kedge_boot_record_decode(kedge_slice(data, size), &record) == KEDGE_OK) {
        kedge_boot_record_encode(&record, bytes);
        if (size != sizeof bytes || memcmp(bytes, data, size) != 0)
            abort();
    }
    /* Past the CRC, which a fuzzer does not guess. */
    if (size != KEDGE_BOOT_RECORD_SIZE)
        return 0;
    memcpy(bytes, data, size);
    uint32_t crc = kedge_crc32(0, kedge_slice(bytes, size - 4));
    for (size_t i = 0; i < 4; i++)
        bytes[size - 4 + i] = (uint8_t)(crc >> (8 * (3 - i)));
    if (kedge_boot_record_decode(kedge_slice(bytes, size), &record) == KEDGE_OK) {
        uint8_t again[KEDGE_BOOT_RECORD_SIZE];
        kedge_boot_record_encode(&record, again);
        if (memcmp(bytes, again, sizeof again) != 0)
            abort();
    }
    return 0;
}
