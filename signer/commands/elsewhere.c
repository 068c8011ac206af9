/* elsewhere.c: see elsewhere.h. */
#include "signer/commands/elsewhere.h"

enum kedge_rc kedge_to_be_signed_make(const struct kedge_suit_envelope *envelope,
                                      const struct kedge_public_key *key,
                                      struct kedge_to_be_signed *out)
{
    struct kedge_writer header = kedge_writer(out->header, sizeof out->header);
    struct kedge_writer message = kedge_writer(out->message, sizeof out->message);
    KEDGE_TRY(kedge_cose_protected_write(key, &header));
    KEDGE_TRY(kedge_cose_sig_structure(kedge_writer_slice(&header), envelope->digest, &message));
    out->header_size = header.size;
    out->message_size = message.size;
    return KEDGE_OK;
}
