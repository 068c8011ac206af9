/* verify.c: is this package whole, and signed by whom we trust? */
#define _GNU_SOURCE
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "signer/commands/commands.h"
#include "signer/commands/package_pass.h"
#include "signer/commands/words.h"
#include "signer/keys/load.h"
#include "signer/keys/signer.h"

enum { TRUST, REQUIRE, ALLOW_DEVELOPMENT_KEYS, JSON };

static const struct kedge_option options[] = {
    [TRUST] = {"trust", "PUB.pem", KEDGE_ONE_OR_MORE, "a public key that counts"},
    [REQUIRE] = {"require", "N", KEDGE_OPTIONAL,
                 "how many of the trusted keys must have signed; default: 1"},
    [ALLOW_DEVELOPMENT_KEYS] = {"allow-development-keys", NULL, KEDGE_OPTIONAL,
                                "let development keys count too"},
    [JSON] = {"json", NULL, KEDGE_OPTIONAL, "print the result as JSON"},
    {0},
};

/* The keys that count, and which of them signed. */
struct verification {
    const struct kedge_arguments *arguments;
    struct kedge_public_key keys[KEDGE_VALUES_MAX];
    bool signed_by[KEDGE_VALUES_MAX];
    struct kedge_suit_trust trust;
    struct kedge_package_input input;
};

/* A private key file is no record of trust; a token gives nothing but its public key. */
static enum kedge_exit load_trust(const char *name, struct kedge_public_key *key)
{
    return kedge_signer_is_uri(name)
               ? kedge_signer_public_key(name, &kedge_password_terminal_only, key)
               : kedge_load_public_key(name, key);
}

static enum kedge_exit take_trust(struct verification *verification)
{
    const struct kedge_arguments *arguments = verification->arguments;
    const char *require = kedge_argument(arguments, REQUIRE);
    uint64_t required = 1;
    size_t count = arguments->counts[TRUST];
    for (size_t i = 0; i < count; i++) {
        enum kedge_exit status = load_trust(arguments->values[TRUST][i], &verification->keys[i]);
        if (status != KEDGE_EXIT_DONE)
            return status;
    }
    if (require != NULL && (!kedge_number_parse(require, count, &required) || required == 0))
        return kedge_complain(KEDGE_EXIT_USAGE,
                              "verify: --require is a number from 1 to %zu, the number of --trust "
                              "keys, not %s",
                              count, require);
    verification->trust = (struct kedge_suit_trust){
        .keys = verification->keys,
        .key_count = count,
        .required = (size_t)required,
        .allow_development_keys = kedge_argument_given(arguments, ALLOW_DEVELOPMENT_KEYS)};
    return KEDGE_EXIT_DONE;
}

static size_t signer_count(const struct verification *verification)
{
    size_t count = 0;
    for (size_t i = 0; i < verification->trust.key_count; i++)
        count += verification->signed_by[i] ? 1u : 0u;
    return count;
}

/*
 * Signatures of trusted keys are there and good, but not as the rules want them: too few, or of
 * development keys only.
 */
static bool refused_by_policy(const struct verification *verification)
{
    enum kedge_rc rc = verification->input.rc;
    return rc == KEDGE_E_DEVELOPMENT_KEY ||
           (rc == KEDGE_E_SIGNATURE && signer_count(verification) > 0);
}

static void reason(const struct verification *verification, char *text, size_t size)
{
    const struct kedge_package_input *input = &verification->input;
    char words[KEDGE_PACKAGE_WORDS_MAX];
    kedge_package_words(&input->package, input->part, input->rc, words);
    if (input->rc == KEDGE_E_DEVELOPMENT_KEY)
        snprintf(text, size,
                 "it rests on a development key; for tests, verify --allow-development-keys");
    else if (refused_by_policy(verification))
        snprintf(text, size, "%zu of the trusted keys signed it, and --require asks for %zu",
                 signer_count(verification), verification->trust.required);
    else
        snprintf(text, size, "%s", words);
}

static void print_key_ids(const struct kedge_suit_envelope *envelope)
{
    for (size_t i = 0; i < envelope->signature_count; i++) {
        struct kedge_cose_sign1 sign1;
        char key_id[2 * KEDGE_KEY_ID_SIZE + 1];
        if (kedge_cose_sign1_read(envelope->signatures[i], &sign1) != KEDGE_OK ||
            sign1.key_id.size != KEDGE_KEY_ID_SIZE)
            continue;
        kedge_hex_encode(sign1.key_id, key_id);
        kedge_note("  it names key %s", key_id);
    }
}

static enum kedge_exit refuse(const struct verification *verification)
{
    const struct kedge_package_input *input = &verification->input;
    if (refused_by_policy(verification)) {
        char text[256];
        reason(verification, text, sizeof text);
        return kedge_complain(KEDGE_EXIT_POLICY, "%s: %s", input->path, text);
    }
    enum kedge_exit status = kedge_package_complain(input);
    if (input->rc == KEDGE_E_SIGNATURE)
        print_key_ids(&input->package.envelope);
    return status;
}

static void report(const struct verification *verification)
{
    const struct kedge_package *package = &verification->input.package;
    printf("%s: good, version %s, sequence %llu, image of %llu %s\n", verification->input.path,
           package->version, (unsigned long long)package->manifest.sequence,
           (unsigned long long)package->manifest.image_size,
           kedge_by_count(package->manifest.image_size, "byte", "bytes"));
    for (size_t i = 0; i < verification->trust.key_count; i++)
        kedge_print_key(verification->signed_by[i] ? "signed by" : "not signed by",
                        &verification->keys[i], verification->arguments->values[TRUST][i]);
}

static json_t *signers(const struct verification *verification)
{
    json_t *array = json_array();
    for (size_t i = 0; i < verification->trust.key_count; i++) {
        const struct kedge_public_key *key = &verification->keys[i];
        if (verification->signed_by[i])
            json_array_append_new(array,
                                  json_pack("{s:o, s:s, s:s, s:b}", "key_id",
                                            kedge_json_hex(key->key_id, KEDGE_KEY_ID_SIZE),
                                            "algorithm", kedge_algorithm_name(key->algorithm),
                                            "file", verification->arguments->values[TRUST][i],
                                            "development", (int)key->development));
    }
    return array;
}

static void report_json(const struct verification *verification)
{
    const struct kedge_package_input *input = &verification->input;
    const struct kedge_suit_manifest *manifest = &input->package.manifest;
    bool valid = input->rc == KEDGE_OK;
    char text[256] = "";
    if (!valid)
        reason(verification, text, sizeof text);
    json_t *root =
        json_pack("{s:s, s:b, s:o, s:o}", "file", input->path, "valid", (int)valid, "reason",
                  valid ? json_null() : json_string(text), "signed_by", signers(verification));
    if (valid) {
        json_object_set_new(
            root, "manifest_digest",
            kedge_json_hex(input->package.envelope.manifest_digest, KEDGE_SHA256_SIZE));
        json_object_set_new(root, "version", json_string(input->package.version));
        json_object_set_new(root, "sequence", json_integer((json_int_t)manifest->sequence));
        json_object_set_new(root, "image_size", json_integer((json_int_t)manifest->image_size));
    }
    kedge_json_print(root);
}

static enum kedge_exit run(const struct kedge_arguments *arguments)
{
    struct verification verification = {.arguments = arguments};
    enum kedge_exit status = take_trust(&verification);
    if (status != KEDGE_EXIT_DONE)
        return status;
    status = kedge_package_pass(arguments->file, &verification.trust, verification.signed_by, NULL,
                                &verification.input);
    if (status != KEDGE_EXIT_DONE)
        goto cleanup;
    if (kedge_argument_given(arguments, JSON))
        report_json(&verification);
    else if (verification.input.rc == KEDGE_OK)
        report(&verification);
    if (verification.input.rc != KEDGE_OK)
        status = refuse(&verification);
cleanup:
    kedge_package_close(&verification.input);
    return status;
}

const struct kedge_command kedge_command_verify = {
    .name = "verify",
    .summary =
        "Checks a package completely: signatures, manifest, every frame, image, text, files.",
    .file = "FILE.suit",
    .options = options,
    .more =
        "Exit status 1 when it is not whole or not signed by a trusted key; 3 when trusted keys\n"
        "signed it, but fewer than --require asks for, or development keys only.\n",
    .example = "kedge-sign verify --require 2 --trust release.pub.pem --trust second.pub.pem \\\n"
               "    --trust offline.pub.pem board-a-1.4.0.suit\n",
    .run = run,
};
