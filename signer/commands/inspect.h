/*
 * inspect.h: what the two forms of inspect, for people and as JSON, share.
 */
#ifndef KEDGE_SIGNER_INSPECT_H
#define KEDGE_SIGNER_INSPECT_H

#include <jansson.h>

#include "signer/commands/package_input.h"
#include "signer/package/attachment.h"

/** kedge_inspect_knows_manifest() says whether the manifest is that of a Kedge package. */
bool kedge_inspect_knows_manifest(const struct kedge_package_input *input);

/** kedge_inspect_device_size() is how many bytes a device is sent. */
uint64_t kedge_inspect_device_size(const struct kedge_package *package);

/** kedge_inspect_frame_count() is how many frames the payload has. */
uint64_t kedge_inspect_frame_count(const struct kedge_suit_manifest *manifest);

/** The most bytes that fit the block numbers of RFC 7959: 2^20 blocks of 1024 bytes. */
#define KEDGE_COAP_TRANSFER_MAX (UINT64_C(1) << 30)

/** kedge_inspect_format() is what an attachment is recognised as; "" when as nothing. */
void kedge_inspect_format(const struct kedge_package *package, size_t attachment,
                          char format[KEDGE_ATTACHMENT_FORMAT_MAX]);

/** kedge_inspect_tell() is all of it as a JSON object, which is the caller's. */
json_t *kedge_inspect_tell(const struct kedge_package_input *input);

/** kedge_inspect_json() prints that. */
enum kedge_exit kedge_inspect_json(const struct kedge_package_input *input);

#endif
