/* crc32.c: CRC-32 as in IEEE 802.3, four bits at a time: 64 bytes of table suit a small device. */
#include <kedge/base.h>

uint32_t kedge_crc32(uint32_t crc, struct kedge_slice bytes)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
        0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
        0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };
    crc = ~crc;
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= bytes.data[i];
        crc = table[crc & 0x0F] ^ (crc >> 4);
        crc = table[crc & 0x0F] ^ (crc >> 4);
    }
    return ~crc;
}
