/* resigning.c: see resigning.h. */
#include "signer/commands/resigning.h"

#include <stdio.h>
#include <string.h>

#include "signer/commands/words.h"
#include "signer/package/rewrap.h"

enum kedge_exit kedge_resigning_open(const char *path, struct kedge_resigning *resigning)
{
    memset(resigning, 0, sizeof *resigning);
    enum kedge_exit status = kedge_package_open(path, &resigning->input);
    if (status != KEDGE_EXIT_DONE)
        return status;
    kedge_package_check(&resigning->input);
    if (resigning->input.rc != KEDGE_OK)
        return kedge_package_complain(&resigning->input);
    const struct kedge_suit_envelope *envelope = &resigning->input.package.envelope;
    resigning->count = envelope->signature_count;
    memcpy(resigning->signatures, envelope->signatures, sizeof resigning->signatures);
    return KEDGE_EXIT_DONE;
}

void kedge_resigning_close(struct kedge_resigning *resigning)
{
    kedge_package_close(&resigning->input);
}

struct kedge_signed_package kedge_resigning_signed_package(const struct kedge_resigning *resigning)
{
    const struct kedge_package *package = &resigning->input.package;
    return (struct kedge_signed_package){.manifest_digest = package->envelope.manifest_digest,
                                         .version = package->version,
                                         .sequence = package->manifest.sequence};
}

enum kedge_exit kedge_resigning_check_new(const struct kedge_resigning *resigning,
                                          const struct kedge_public_key *key, const char *name)
{
    const struct kedge_suit_trust trust = {
        .keys = key, .key_count = 1, .required = 1, .allow_development_keys = true};
    if (kedge_suit_authenticate(&resigning->input.package.envelope, &trust, NULL) == KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_POLICY,
                              "%s: %s signed it already, and a key that signs twice counts once",
                              resigning->input.path, name);
    if (resigning->count == KEDGE_SUIT_SIGNATURES_MAX)
        return kedge_complain(KEDGE_EXIT_USAGE,
                              "%s: it has %zu signatures, which is as many as a package may have",
                              resigning->input.path, resigning->count);
    return KEDGE_EXIT_DONE;
}

struct kedge_writer kedge_resigning_room(struct kedge_resigning *resigning)
{
    return kedge_writer(resigning->made[resigning->count], KEDGE_COSE_SIGN1_MAX);
}

void kedge_resigning_add(struct kedge_resigning *resigning, const struct kedge_writer *sign1)
{
    resigning->signatures[resigning->count++] = kedge_writer_slice(sign1);
}

enum kedge_exit kedge_resigning_write(const struct kedge_resigning *resigning, const char *path)
{
    struct kedge_output output;
    enum kedge_rc rc = kedge_output_open(&output, path, 0666);
    if (rc == KEDGE_OK)
        rc = kedge_rewrap_write(resigning->input.bytes, &resigning->input.package.envelope,
                                resigning->signatures, resigning->count, &output);
    if (rc == KEDGE_OK)
        rc = kedge_output_keep(&output, true);
    kedge_output_drop(&output);
    if (rc == KEDGE_E_SYSTEM)
        return kedge_complain_system("write", path);
    return rc == KEDGE_OK ? KEDGE_EXIT_DONE
                          : kedge_complain(KEDGE_EXIT_SYSTEM, "%s: %s", path, kedge_rc_text(rc));
}

static void report_json(const struct kedge_resigning *resigning, const char *path, const char *what,
                        const struct kedge_public_key *const *keys, size_t key_count)
{
    const struct kedge_package *package = &resigning->input.package;
    json_t *ids = json_array();
    for (size_t i = 0; i < key_count; i++)
        json_array_append_new(ids, kedge_json_hex(keys[i]->key_id, KEDGE_KEY_ID_SIZE));
    kedge_json_print(json_pack("{s:s, s:o, s:s, s:I, s:o, s:I}", "output", path, "manifest_digest",
                               kedge_json_hex(package->envelope.manifest_digest, KEDGE_SHA256_SIZE),
                               "version", package->version, "sequence",
                               (json_int_t)package->manifest.sequence, what, ids, "signatures",
                               (json_int_t)resigning->count));
}

void kedge_resigning_report(const struct kedge_resigning *resigning, const char *path,
                            const char *what, const struct kedge_public_key *const *keys,
                            size_t key_count, bool json)
{
    if (json) {
        report_json(resigning, path, what, keys, key_count);
        return;
    }
    printf("%s: version %s, sequence %llu, %zu %s\n", path,
           resigning->input.package.version,
           (unsigned long long)resigning->input.package.manifest.sequence, resigning->count,
           kedge_by_count(resigning->count, "signature", "signatures"));
    for (size_t i = 0; i < key_count; i++) {
        char id[KEDGE_SHORT_ID_SIZE];
        kedge_short_id(keys[i]->key_id, id);
        printf("  %-12s %s\n", what, id);
    }
}
