/* uuid.c: name-based UUIDs (RFC 9562 section 5.5), as SUIT names vendors and classes. */
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/sha.h>

#include <kedge/crypto.h>
#include <string.h>

void kedge_uuid5(const uint8_t parent[16], struct kedge_slice name, uint8_t uuid[16])
{
    wc_Sha hash;
    uint8_t digest[WC_SHA_DIGEST_SIZE];
    wc_InitSha(&hash);
    wc_ShaUpdate(&hash, parent, 16);
    wc_ShaUpdate(&hash, name.data, (word32)name.size);
    wc_ShaFinal(&hash, digest);
    memcpy(uuid, digest, 16);
    uuid[6] = (uint8_t)((uuid[6] & 0x0F) | 0x50); /* version 5 */
    uuid[8] = (uint8_t)((uuid[8] & 0x3F) | 0x80); /* variant of RFC 9562 */
}

void kedge_vendor_uuid(struct kedge_slice domain, uint8_t uuid[16])
{
    /* 6ba7b810-9dad-11d1-80b4-00c04fd430c8: the DNS namespace. */
    static const uint8_t dns[16] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                    0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
    kedge_uuid5(dns, domain, uuid);
}

void kedge_class_uuid(const uint8_t vendor[16], struct kedge_slice name, uint8_t uuid[16])
{
    kedge_uuid5(vendor, name, uuid);
}
