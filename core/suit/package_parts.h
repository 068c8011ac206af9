/*
 * package_parts.h: the checks that a whole package undergoes, whether it is in one piece
 * (package.c) or arrives (package_stream.c).
 */
#ifndef KEDGE_CORE_SUIT_PACKAGE_PARTS_H
#define KEDGE_CORE_SUIT_PACKAGE_PARTS_H

#include <kedge/package.h>

/** kedge_suit_manifest_read(), for one slot unless that is NULL; `refused` may be NULL. */
enum kedge_rc package_manifest(const struct kedge_suit_envelope *envelope, const uint8_t *slot,
                               struct kedge_suit_manifest *out,
                               struct kedge_suit_refusal *refused) KEDGE_MUST_USE;

/** From package->envelope to manifest and version: signatures (unless `trust` is NULL), meaning. */
enum kedge_rc package_read_manifest(struct kedge_package *package,
                                    const struct kedge_suit_trust *trust, bool *signed_by,
                                    enum kedge_package_part *part) KEDGE_MUST_USE;

/** The text's digest covers it with its bstr head, as severable members' digests do. */
enum kedge_rc package_check_text(const struct kedge_suit_manifest *manifest,
                                 const uint8_t digest[KEDGE_SHA256_SIZE]) KEDGE_MUST_USE;

/** The file of this name and size is the manifest's attachment `index`. */
enum kedge_rc package_expect_attachment(const struct kedge_suit_manifest *manifest, size_t index,
                                        struct kedge_slice name, uint64_t size) KEDGE_MUST_USE;
enum kedge_rc package_check_attachment(const struct kedge_suit_manifest *manifest, size_t index,
                                       const uint8_t digest[KEDGE_SHA256_SIZE]) KEDGE_MUST_USE;

/** Where an image goes that is only checked. */
extern const struct kedge_payload_sink package_nowhere;

#endif
