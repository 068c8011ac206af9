/*
 * ecdsa_signature.h: an ECDSA signature as most tools give it, Ecdsa-Sig-Value of RFC 3279 in DER.
 */
#ifndef KEDGE_SIGNER_ECDSA_SIGNATURE_H
#define KEDGE_SIGNER_ECDSA_SIGNATURE_H

#include <kedge/crypto.h>

/**
 * kedge_ecdsa_signature_from_der() writes r || s of P-256, as COSE has it. KEDGE_E_LIMIT when one
 * of them is negative or over 32 bytes; otherwise what is amiss with the encoding.
 */
enum kedge_rc
kedge_ecdsa_signature_from_der(struct kedge_slice der,
                               uint8_t signature[KEDGE_SIGNATURE_SIZE]) KEDGE_MUST_USE;

#endif
