/*
 * inspect.h: what the two forms of inspect, for people and as JSON, share.
 */
#ifndef KEDGE_SIGNER_INSPECT_H
#define KEDGE_SIGNER_INSPECT_H

#include "signer/commands/package_input.h"

/** kedge_inspect_knows_manifest() says whether the manifest is that of a Kedge package. */
bool kedge_inspect_knows_manifest(const struct kedge_package_input *input);

/** kedge_inspect_device_size() is how many bytes a device is sent. */
uint64_t kedge_inspect_device_size(const struct kedge_package *package);

/** kedge_inspect_frame_count() is how many frames the payload has. */
uint64_t kedge_inspect_frame_count(const struct kedge_suit_manifest *manifest);

/** kedge_inspect_json() prints it all as JSON. */
enum kedge_exit kedge_inspect_json(const struct kedge_package_input *input);

#endif
