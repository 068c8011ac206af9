/*
 * authenticate.c: is this manifest signed by those whom we trust? The digest in the wrapper must be
 * that of the manifest with its bstr head, and the signatures must be over that digest
 * (draft-ietf-suit-manifest-37, section 8.3).
 */
#include <kedge/suit.h>
#include <string.h>

static bool signed_by_key(const struct kedge_suit_envelope *envelope,
                          const struct kedge_public_key *key)
{
    for (size_t i = 0; i < envelope->signature_count; i++) {
        struct kedge_cose_sign1 sign1;
        if (kedge_cose_sign1_read(envelope->signatures[i], &sign1) != KEDGE_OK)
            continue;
        /* A signature that brings a payload of its own says nothing about this digest. */
        if (sign1.detached && kedge_cose_sign1_verify(&sign1, envelope->digest, key) == KEDGE_OK)
            return true;
    }
    return false;
}

/* The same key listed twice is one key. */
static bool listed_before(const struct kedge_suit_trust *trust, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (memcmp(trust->keys[i].key_id, trust->keys[index].key_id, KEDGE_KEY_ID_SIZE) == 0)
            return true;
    return false;
}

enum kedge_rc kedge_suit_digest_check(const struct kedge_suit_envelope *envelope)
{
    uint8_t digest[KEDGE_SHA256_SIZE];
    kedge_sha256(envelope->manifest_bstr, digest);
    return memcmp(digest, envelope->manifest_digest, sizeof digest) == 0 ? KEDGE_OK
                                                                         : KEDGE_E_DIGEST;
}

enum kedge_rc kedge_suit_authenticate(const struct kedge_suit_envelope *envelope,
                                      const struct kedge_suit_trust *trust, bool *signed_by)
{
    if (trust->required == 0)
        return KEDGE_E_ARGUMENT;
    KEDGE_TRY(kedge_suit_digest_check(envelope));
    size_t good = 0;
    size_t development = 0;
    for (size_t i = 0; i < trust->key_count; i++) {
        bool signer = !listed_before(trust, i) && signed_by_key(envelope, &trust->keys[i]);
        if (signed_by != NULL)
            signed_by[i] = signer;
        if (signer && trust->keys[i].development && !trust->allow_development_keys)
            development++;
        else if (signer)
            good++;
    }
    if (good >= trust->required)
        return KEDGE_OK;
    return good + development >= trust->required ? KEDGE_E_DEVELOPMENT_KEY : KEDGE_E_SIGNATURE;
}
