/*
 * diagnostic.h: CBOR in diagnostic notation (RFC 8949 section 8), for people who want to see every
 * byte: embedded CBOR as <<...>> (RFC 8610 appendix G.3), comments between slashes (G.6).
 */
#ifndef KEDGE_SIGNER_DIAGNOSTIC_H
#define KEDGE_SIGNER_DIAGNOSTIC_H

#include <kedge/cbor.h>
#include <stdio.h>

/** Byte strings up to this size are written out; longer ones as their size and SHA-256, said in a
 * comment beside the empty string that stands in their place. */
#define KEDGE_DIAGNOSTIC_BYTES_MAX 1024u

/**
 * kedge_diagnostic_print() writes one item to `out`. A byte string that holds an array, a map or a
 * tag in strict CBOR is shown as that. Fails as kedge_cbor_check() does, before anything is
 * written.
 */
enum kedge_rc kedge_diagnostic_print(struct kedge_slice item, FILE *out) KEDGE_MUST_USE;

#endif
