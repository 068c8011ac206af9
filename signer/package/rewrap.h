/*
 * rewrap.h: the same package with other signatures. What was signed stays as it is, byte for byte:
 * only the authentication wrapper is written anew.
 */
#ifndef KEDGE_SIGNER_REWRAP_H
#define KEDGE_SIGNER_REWRAP_H

#include "signer/files/output.h"
#include <kedge/suit.h>

/**
 * kedge_rewrap_write() writes the envelope in `bytes`, which has been read into `envelope`, to the
 * open `output` with these `count` signatures (encoded COSE_Sign1). KEDGE_E_LIMIT when there are
 * more than KEDGE_SUIT_SIGNATURES_MAX, KEDGE_E_SYSTEM when writing is refused.
 */
enum kedge_rc kedge_rewrap_write(struct kedge_slice bytes,
                                 const struct kedge_suit_envelope *envelope,
                                 const struct kedge_slice *signatures, size_t count,
                                 struct kedge_output *output) KEDGE_MUST_USE;

#endif
