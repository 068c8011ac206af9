/*
 * build.h: from an image and what is to be said about it to a signed package in a file.
 */
#ifndef KEDGE_SIGNER_BUILD_H
#define KEDGE_SIGNER_BUILD_H

#include "signer/files/output.h"
#include "signer/keys/signer.h"
#include "signer/package/image.h"
#include <kedge/suit.h>

#define KEDGE_TEXT_MAX 8192u /* the encoded text */

/** What goes into a package. Slices and signers are the caller's. */
struct kedge_build {
    struct kedge_suit_manifest manifest; /* all but what follows from the image */
    bool compress;
    struct kedge_slice text;                                    /* encoded; empty for none */
    struct kedge_slice attachments[KEDGE_SUIT_ATTACHMENTS_MAX]; /* as the manifest names them */
    const struct kedge_signer *signers;
    size_t signer_count; /* 0: a package that nobody signed yet */
};

/** What came of it. */
struct kedge_built {
    uint8_t manifest_digest[KEDGE_SHA256_SIZE];
    uint64_t package_size;
};

/**
 * kedge_build_write() writes the package of `image` to the open `output`, which the caller keeps.
 * It reads the image twice and needs as much room again beside the output while compressing. The
 * same input gives the same bytes. Each signer signs once. Fills in the rest of build->manifest.
 * Fails as reading the image does; KEDGE_E_SYSTEM when writing is refused, KEDGE_E_LIMIT when it
 * does not fit into a package.
 */
enum kedge_rc kedge_build_write(struct kedge_build *build, const struct kedge_image *image,
                                struct kedge_output *output,
                                struct kedge_built *built) KEDGE_MUST_USE;

#endif
