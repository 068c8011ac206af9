/* recording.c: see recording.h. */
#include "signer/commands/recording.h"

#include <stdio.h>
#include <string.h>

#include "signer/files/output.h"

#define SUFFIX ".ledger"

enum kedge_exit kedge_record_signature(const char *ledger, enum kedge_ledger_means means,
                                       const struct kedge_public_key *key,
                                       const struct kedge_signed_package *package)
{
    struct kedge_ledger_entry entry = {.means = means, .sequence = package->sequence};
    memcpy(entry.key_id, key->key_id, sizeof entry.key_id);
    memcpy(entry.manifest_digest, package->manifest_digest, sizeof entry.manifest_digest);
    snprintf(entry.version, sizeof entry.version, "%s", package->version);
    return kedge_ledger_append(ledger, &entry);
}

static enum kedge_exit record_beside(const struct kedge_signer *signer,
                                     const struct kedge_signed_package *package)
{
    char path[KEDGE_PATH_MAX];
    int length = snprintf(path, sizeof path, "%s" SUFFIX, signer->name);
    if (length < 0 || (size_t)length >= sizeof path)
        return kedge_complain(KEDGE_EXIT_USAGE, "%s: the name is too long; give --ledger FILE",
                              signer->name);
    return kedge_record_signature(path, KEDGE_LEDGER_FILE, &signer->public_key, package);
}

enum kedge_exit kedge_record_signatures(const struct kedge_signing_keys *keys, const char *ledger,
                                        const struct kedge_signed_package *package)
{
    enum kedge_exit status = KEDGE_EXIT_DONE;
    for (size_t i = 0; i < keys->count && status == KEDGE_EXIT_DONE; i++) {
        const struct kedge_signer *signer = &keys->signers[i];
        enum kedge_ledger_means means =
            signer->token != NULL ? KEDGE_LEDGER_TOKEN : KEDGE_LEDGER_FILE;
        status = ledger != NULL
                     ? kedge_record_signature(ledger, means, &signer->public_key, package)
                     : record_beside(signer, package);
    }
    return status;
}
