/* recording.c: see recording.h. */
#include "signer/commands/recording.h"

#include <stdio.h>
#include <string.h>

#include "signer/commands/guard.h"
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

/* The ledger beside a key is named after the key, as that was named. */
static enum kedge_exit name_ledger(const char *key, char path[KEDGE_PATH_MAX])
{
    int length = snprintf(path, KEDGE_PATH_MAX, "%s" SUFFIX, key);
    if (length > 0 && (size_t)length < KEDGE_PATH_MAX)
        return KEDGE_EXIT_DONE;
    return kedge_complain(KEDGE_EXIT_USAGE, "%s: the name is too long; give --ledger FILE", key);
}

enum kedge_exit kedge_record_guard(const char *output, const struct kedge_arguments *arguments,
                                   const struct kedge_key_options *options)
{
    enum kedge_exit status = KEDGE_EXIT_DONE;
    for (size_t i = 0; i < arguments->counts[options->key] && status == KEDGE_EXIT_DONE; i++) {
        char path[KEDGE_PATH_MAX];
        status = name_ledger(arguments->values[options->key][i], path);
        if (status == KEDGE_EXIT_DONE)
            status = kedge_guard_output(options->command, output, path);
    }
    return status;
}

static enum kedge_exit record_beside(const struct kedge_signer *signer,
                                     const struct kedge_signed_package *package)
{
    char path[KEDGE_PATH_MAX];
    enum kedge_exit status = name_ledger(signer->name, path);
    if (status == KEDGE_EXIT_DONE)
        status = kedge_record_signature(path, KEDGE_LEDGER_FILE, &signer->public_key, package);
    if (status == KEDGE_EXIT_SYSTEM)
        kedge_note("no package is given out without its line; --ledger FILE puts it elsewhere");
    return status;
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
