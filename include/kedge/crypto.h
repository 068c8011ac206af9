/*
 * crypto.h: digests, signatures and COSE_Sign1, on wolfCrypt.
 *
 * Algorithms: SHA-256; Ed25519 (RFC 8032); ECDSA on P-256 with SHA-256, raw r || s, signed
 * deterministically (RFC 6979). The algorithm belongs to the key record, never to a message.
 * Guards that Debian's wolfCrypt 5.5.4 needs are applied inside: S >= L is refused, and Ed25519
 * keys of small order, off the curve, or in another encoding than their canonical one. wolfCrypt itself may allocate; nothing here does.
 */
#ifndef KEDGE_CRYPTO_H
#define KEDGE_CRYPTO_H

#include <kedge/base.h>

#define KEDGE_SHA256_SIZE 32
#define KEDGE_SIGNATURE_SIZE 64   /* both algorithms */
#define KEDGE_KEY_ID_SIZE 32      /* SHA-256 of the SubjectPublicKeyInfo */
#define KEDGE_PUBLIC_KEY_MAX 64   /* Ed25519: 32; P-256: x || y */
#define KEDGE_PRIVATE_KEY_SIZE 32 /* Ed25519 seed or P-256 scalar */
#define KEDGE_SPKI_MAX 91         /* DER SubjectPublicKeyInfo of either */
#define KEDGE_PEM_TEXT_MAX 4096u  /* a key file, with what stands outside the armour */
#define KEDGE_PEM_DER_MAX 1023u   /* what an armour may hold; a multiple of 3 */

/** The line that marks a development key, outside the PEM armour of both of its files. */
#define KEDGE_DEVELOPMENT_MARK "KEDGE DEVELOPMENT KEY: not for production"

/** An ongoing SHA-256; the caller's; holds no resources, so it may be copied or dropped at will. */
struct kedge_sha256 {
    _Alignas(16) uint8_t opaque[256];
};

void kedge_sha256_init(struct kedge_sha256 *hash);
void kedge_sha256_update(struct kedge_sha256 *hash, struct kedge_slice bytes);
void kedge_sha256_final(struct kedge_sha256 *hash, uint8_t digest[KEDGE_SHA256_SIZE]);
void kedge_sha256(struct kedge_slice bytes, uint8_t digest[KEDGE_SHA256_SIZE]);

/** RFC 9562 version 5 UUID of `name` in the namespace `parent` (16 bytes each). */
void kedge_uuid5(const uint8_t parent[16], struct kedge_slice name, uint8_t uuid[16]);

/** The vendor's UUID: version 5 of its domain in the DNS namespace (SUIT manifest, section 8.4.8.1). */
void kedge_vendor_uuid(struct kedge_slice domain, uint8_t uuid[16]);

/** The class's UUID: version 5 of its name in the vendor's namespace. */
void kedge_class_uuid(const uint8_t vendor[16], struct kedge_slice name, uint8_t uuid[16]);

/** What one PEM armour holds; wipe it with kedge_wipe() when that is a secret. */
struct kedge_pem {
    struct kedge_slice label; /* "PUBLIC KEY"; borrows the text */
    bool development;         /* the mark stands outside the armour */
    uint8_t der[KEDGE_PEM_DER_MAX];
    size_t der_size;
};

/**
 * Reads the one armour in `text` (RFC 7468). KEDGE_E_KEY when there is none, more than one,
 * something else than Base64 inside, or more of it than a key here can have; KEDGE_E_LIMIT when the
 * text is over KEDGE_PEM_TEXT_MAX.
 */
enum kedge_rc kedge_pem_read(struct kedge_slice text, struct kedge_pem *out) KEDGE_MUST_USE;
/** Writes `der` in an armour, after the mark when `development`. */
enum kedge_rc kedge_pem_write(const char *label, struct kedge_slice der, bool development,
                              struct kedge_writer *out) KEDGE_MUST_USE;

enum kedge_algorithm { KEDGE_ED25519 = 1, KEDGE_ESP256 = 2 };

/** kedge_algorithm_name() is "ed25519" or "esp256". */
const char *kedge_algorithm_name(enum kedge_algorithm algorithm);

/** A trusted public key: a record of its own, which says what the key may do. */
struct kedge_public_key {
    enum kedge_algorithm algorithm;
    uint8_t bytes[KEDGE_PUBLIC_KEY_MAX];
    uint8_t key_id[KEDGE_KEY_ID_SIZE];
    bool development; /* the verifier's own record says so: see docs/format.md */
};

/** Reads a DER SubjectPublicKeyInfo. KEDGE_E_KEY for what is no usable point in its one form. */
enum kedge_rc kedge_public_key_from_spki(struct kedge_slice der, struct kedge_public_key *key)
    KEDGE_MUST_USE;
/** Reads "BEGIN PUBLIC KEY" PEM; sets `development` when the mark stands outside the armour. */
enum kedge_rc kedge_public_key_from_pem(struct kedge_slice pem, struct kedge_public_key *key)
    KEDGE_MUST_USE;
/** Writes it back, with the mark when `development` is set. */
enum kedge_rc kedge_public_key_to_pem(const struct kedge_public_key *key, struct kedge_writer *out)
    KEDGE_MUST_USE;
/** Writes the DER SubjectPublicKeyInfo (44 or 91 bytes). */
enum kedge_rc kedge_public_key_to_spki(const struct kedge_public_key *key, struct kedge_writer *out)
    KEDGE_MUST_USE;

/** A private key; wipe it with kedge_wipe() when done. */
struct kedge_private_key {
    uint8_t secret[KEDGE_PRIVATE_KEY_SIZE];
    struct kedge_public_key public_key;
};

enum kedge_rc kedge_private_key_generate(enum kedge_algorithm algorithm,
                                         const struct kedge_random *random,
                                         struct kedge_private_key *key) KEDGE_MUST_USE;
/** Derives the public half of `secret`; KEDGE_E_KEY when it is no valid secret. */
enum kedge_rc kedge_private_key_from_secret(enum kedge_algorithm algorithm,
                                            const uint8_t secret[KEDGE_PRIVATE_KEY_SIZE],
                                            struct kedge_private_key *key) KEDGE_MUST_USE;

enum kedge_rc kedge_sign(const struct kedge_private_key *key, struct kedge_slice message,
                         uint8_t signature[KEDGE_SIGNATURE_SIZE]) KEDGE_MUST_USE;
/** KEDGE_E_SIGNATURE unless `signature` is exactly 64 bytes and right. */
enum kedge_rc kedge_verify(const struct kedge_public_key *key, struct kedge_slice message,
                           struct kedge_slice signature) KEDGE_MUST_USE;

/* ---- COSE_Sign1 (RFC 9052 section 4.2), detached payload, empty external_aad ---- */

#define KEDGE_COSE_SIGN1_MAX 192

/** What a COSE_Sign1 says of itself, before any of it is believed. */
struct kedge_cose_sign1 {
    struct kedge_slice protected_header; /* the encoded map, without its bstr head */
    struct kedge_slice payload;          /* empty when detached (null) */
    bool detached;
    bool has_algorithm;
    int64_t algorithm; /* -9, -19, -7, -8, ... */
    struct kedge_slice key_id; /* protected, or (vectors of others) unprotected; may be empty */
    struct kedge_slice signature;
};

/** Reads tag 18 (or no tag) strictly; borrows `bytes`. */
enum kedge_rc kedge_cose_sign1_read(struct kedge_slice bytes, struct kedge_cose_sign1 *out)
    KEDGE_MUST_USE;
/** Writes ["Signature1", protected, h'', payload]: exactly the bytes that are signed. */
enum kedge_rc kedge_cose_sig_structure(struct kedge_slice protected_header,
                                       struct kedge_slice payload, struct kedge_writer *out)
    KEDGE_MUST_USE;
/** Writes the protected header of `key`'s signatures: its algorithm (-19 or -9) and its key id. */
enum kedge_rc kedge_cose_protected_write(const struct kedge_public_key *key,
                                         struct kedge_writer *out) KEDGE_MUST_USE;
/**
 * Writes tag 18 around a protected header and the signature over it, which somebody made elsewhere;
 * the unprotected map is empty and the payload detached.
 */
enum kedge_rc kedge_cose_sign1_assemble(struct kedge_slice protected_header,
                                        const uint8_t signature[KEDGE_SIGNATURE_SIZE],
                                        struct kedge_writer *out) KEDGE_MUST_USE;
/**
 * Signs with `key` and writes what kedge_cose_sign1_assemble() makes of it, over the detached
 * `payload` (at most 128 bytes here: a SUIT digest).
 */
enum kedge_rc kedge_cose_sign1_write(const struct kedge_private_key *key, struct kedge_slice payload,
                                     struct kedge_writer *out) KEDGE_MUST_USE;
/**
 * Verifies against `key`: the algorithm named must be one of the key's (-19/-8 for Ed25519,
 * -9/-7 for P-256), a key id that is given must be the key's or absent from all Kedge keys
 * (a foreign kid is no reason to refuse; the signature decides).
 */
enum kedge_rc kedge_cose_sign1_verify(const struct kedge_cose_sign1 *sign1,
                                      struct kedge_slice detached_payload,
                                      const struct kedge_public_key *key) KEDGE_MUST_USE;

#endif
