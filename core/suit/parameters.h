/* parameters.h: values of parameters, read when they are set; and what they mean to a package. */
#ifndef KEDGE_CORE_SUIT_PARAMETERS_H
#define KEDGE_CORE_SUIT_PARAMETERS_H

#include <kedge/processor.h>

/** A SUIT_Digest of `members` items, of which the first two are SHA-256 and its 32 bytes. */
enum kedge_rc suit_digest_read(struct kedge_cursor *cursor, size_t members,
                               struct kedge_slice *digest) KEDGE_MUST_USE;

/** [+ int], at most KEDGE_SUIT_VERSION_PARTS_MAX of them. */
enum kedge_rc suit_version_read(struct kedge_cursor *cursor,
                                struct kedge_suit_version *version) KEDGE_MUST_USE;

/** Whether the sequence that sets it has it (strict order, soft failure), and no component. */
bool suit_parameter_is_flag(int64_t id);
/** A map's key that is an integer; KEDGE_E_COMMAND for another one. */
enum kedge_rc suit_parameter_id(const struct kedge_cbor_item *key, int64_t *id) KEDGE_MUST_USE;

/** Whether a parameter of a component has this id. */
bool suit_parameter_known(int64_t id);

/** Sets the parameter `id` of a component to the next item. KEDGE_E_COMMAND when it is not known.
 */
enum kedge_rc suit_parameter_set(struct kedge_suit_parameters *parameters, int64_t id,
                                 struct kedge_cursor *value) KEDGE_MUST_USE;

/** The attachments and hardware revisions that are set, taken apart. */
enum kedge_rc suit_attachments_read(struct kedge_slice encoded,
                                    struct kedge_suit_manifest *out) KEDGE_MUST_USE;
enum kedge_rc suit_hardware_read(struct kedge_slice encoded,
                                 struct kedge_slice revisions[KEDGE_SUIT_HARDWARE_MAX],
                                 size_t *count) KEDGE_MUST_USE;

#endif
