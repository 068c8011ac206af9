/*
 * elsewhere.h: what prepare writes and attach checks: the bytes that a key elsewhere signs.
 */
#ifndef KEDGE_SIGNER_ELSEWHERE_H
#define KEDGE_SIGNER_ELSEWHERE_H

#include <kedge/suit.h>

/** What is to be signed. */
struct kedge_to_be_signed {
    uint8_t header[64]; /* the protected header, without its bstr head */
    size_t header_size;
    uint8_t message[256]; /* the Sig_structure (RFC 9052 section 4.4): exactly what is signed */
    size_t message_size;
};

/** kedge_to_be_signed_make() puts it together for `key` and this package. */
enum kedge_rc kedge_to_be_signed_make(const struct kedge_suit_envelope *envelope,
                                      const struct kedge_public_key *key,
                                      struct kedge_to_be_signed *out) KEDGE_MUST_USE;

#endif
