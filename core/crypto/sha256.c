/* sha256.c: SHA-256 by wolfCrypt, in a context that the caller may copy and drop at will. */
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/sha256.h>

#include <kedge/crypto.h>

#ifdef WOLFSSL_SMALL_STACK
#error "wolfCrypt's small-stack SHA-256 allocates: a context could not be dropped"
#endif
_Static_assert(sizeof(wc_Sha256) <= sizeof(struct kedge_sha256), "the context fits");

static wc_Sha256 *context_of(struct kedge_sha256 *hash)
{
    return (wc_Sha256 *)(void *)hash->opaque;
}

void kedge_sha256_init(struct kedge_sha256 *hash)
{
    wc_InitSha256(context_of(hash));
}

void kedge_sha256_update(struct kedge_sha256 *hash, struct kedge_slice bytes)
{
    /* wolfCrypt counts in 32 bits. */
    while (bytes.size > 0) {
        size_t piece = bytes.size < (1u << 30) ? bytes.size : (1u << 30);
        wc_Sha256Update(context_of(hash), bytes.data, (word32)piece);
        bytes = kedge_slice(bytes.data + piece, bytes.size - piece);
    }
}

void kedge_sha256_final(struct kedge_sha256 *hash, uint8_t digest[KEDGE_SHA256_SIZE])
{
    wc_Sha256Final(context_of(hash), digest);
}

void kedge_sha256(struct kedge_slice bytes, uint8_t digest[KEDGE_SHA256_SIZE])
{
    struct kedge_sha256 hash;
    kedge_sha256_init(&hash);
    kedge_sha256_update(&hash, bytes);
    kedge_sha256_final(&hash, digest);
}
