/*
 * recording.h: the signatures of a command go into the ledgers of their keys before the package is
 * given out.
 */
#ifndef KEDGE_SIGNER_RECORDING_H
#define KEDGE_SIGNER_RECORDING_H

#include "signer/commands/signing_keys.h"
#include "signer/ledger/ledger.h"

#define KEDGE_OPTION_LEDGER                                                            \
    {                                                                                  \
        "ledger", "FILE", KEDGE_OPTIONAL,                                              \
            "record the signatures there; default: beside each key, in KEY.pem.ledger" \
    }

/** What the signatures are about. */
struct kedge_signed_package {
    const uint8_t *manifest_digest; /* KEDGE_SHA256_SIZE bytes */
    const char *version;
    uint64_t sequence;
};

/**
 * kedge_record_signatures() adds a line for each of `keys` to `ledger`; NULL: to the one beside the
 * key. Says what is wrong when one cannot be written.
 */
enum kedge_exit kedge_record_signatures(const struct kedge_signing_keys *keys, const char *ledger,
                                        const struct kedge_signed_package *package);

/**
 * kedge_record_guard() refuses an output that would replace the ledger beside one of the keys, as
 * kedge_guard_output() does.
 */
enum kedge_exit kedge_record_guard(const char *output, const struct kedge_arguments *arguments,
                                   const struct kedge_key_options *options);

/** kedge_record_signature() adds one line to `ledger`. */
enum kedge_exit kedge_record_signature(const char *ledger, enum kedge_ledger_means means,
                                       const struct kedge_public_key *key,
                                       const struct kedge_signed_package *package);

#endif
