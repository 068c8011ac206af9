/* prepare.c: what a key elsewhere has to sign, in files that can be carried there. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signer/commands/commands.h"
#include "signer/commands/elsewhere.h"
#include "signer/commands/resigning.h"
#include "signer/commands/words.h"
#include "signer/files/output.h"

enum { PUBLIC, OUTPUT, JSON };

static const struct kedge_option options[] = {
    [PUBLIC] = {"public", "PUB.pem", KEDGE_REQUIRED, "the public key of the key that will sign"},
    [OUTPUT] = {"output", "NAME", KEDGE_REQUIRED,
                "write NAME.tbs, NAME.sha256 and NAME.json; files of these names are replaced"},
    [JSON] = {"json", NULL, KEDGE_OPTIONAL, "print the description, which NAME.json has, too"},
    {0},
};

/* The files' names, and what goes into them. */
struct preparation {
    const struct kedge_arguments *arguments;
    struct kedge_public_key key;
    struct kedge_to_be_signed to_be_signed;
    uint8_t digest[KEDGE_SHA256_SIZE]; /* of the Sig_structure */
    char tbs[KEDGE_PATH_MAX], sha256[KEDGE_PATH_MAX], json[KEDGE_PATH_MAX];
};

static enum kedge_exit name_file(const struct preparation *preparation, const char *suffix,
                                 char path[KEDGE_PATH_MAX])
{
    const char *name = kedge_argument(preparation->arguments, OUTPUT);
    int length = snprintf(path, KEDGE_PATH_MAX, "%s.%s", name, suffix);
    if (length > 0 && (size_t)length < KEDGE_PATH_MAX)
        return KEDGE_EXIT_DONE;
    errno = ENAMETOOLONG;
    return kedge_complain_system("write", name);
}

static const char *how_to_sign(enum kedge_algorithm algorithm)
{
    return algorithm == KEDGE_ED25519
               ? "Ed25519 (RFC 8032, no prehash) over the bytes of to_be_signed; 64 bytes"
               : "ECDSA on P-256 over the SHA-256 digest of to_be_signed; r || s or DER";
}

static json_t *describe(const struct preparation *preparation,
                        const struct kedge_resigning *resigning)
{
    const struct kedge_package *package = &resigning->input.package;
    return json_pack(
        "{s:i, s:s, s:o, s:s, s:I, s:o, s:s, s:s, s:o, s:s}", "format", 1, "package",
        resigning->input.path, "manifest_digest",
        kedge_json_hex(package->envelope.manifest_digest, KEDGE_SHA256_SIZE), "version",
        package->version, "sequence", (json_int_t)package->manifest.sequence, "key_id",
        kedge_json_hex(preparation->key.key_id, KEDGE_KEY_ID_SIZE), "algorithm",
        kedge_algorithm_name(preparation->key.algorithm), "to_be_signed", preparation->tbs,
        "to_be_signed_sha256", kedge_json_hex(preparation->digest, KEDGE_SHA256_SIZE), "how",
        how_to_sign(preparation->key.algorithm));
}

static enum kedge_exit write_files(const struct preparation *preparation, json_t *description)
{
    char *text = json_dumps(description, JSON_INDENT(2));
    if (text == NULL)
        return kedge_complain_system("write", preparation->json);
    enum kedge_exit status = kedge_output_save(
        preparation->tbs, 0666, true,
        kedge_slice(preparation->to_be_signed.message, preparation->to_be_signed.message_size));
    if (status == KEDGE_EXIT_DONE)
        status = kedge_output_save(preparation->sha256, 0666, true,
                                   kedge_slice(preparation->digest, sizeof preparation->digest));
    if (status == KEDGE_EXIT_DONE)
        status = kedge_output_save(preparation->json, 0666, true, kedge_slice_text(text));
    free(text);
    return status;
}

static void report(const struct preparation *preparation, const struct kedge_resigning *resigning)
{
    char id[KEDGE_SHORT_ID_SIZE];
    kedge_short_id(preparation->key.key_id, id);
    printf("%s: version %s, sequence %llu, to be signed by %s %s\n", resigning->input.path,
           resigning->input.package.version,
           (unsigned long long)resigning->input.package.manifest.sequence,
           kedge_algorithm_name(preparation->key.algorithm), id);
    printf("  to be signed %s\n  its SHA-256  %s\n  description  %s\n", preparation->tbs,
           preparation->sha256, preparation->json);
}

static enum kedge_exit prepare(struct preparation *preparation, struct kedge_resigning *resigning)
{
    enum kedge_exit status = kedge_resigning_check_new(
        resigning, &preparation->key, kedge_argument(preparation->arguments, PUBLIC));
    if (status == KEDGE_EXIT_DONE)
        status = name_file(preparation, "tbs", preparation->tbs);
    if (status == KEDGE_EXIT_DONE)
        status = name_file(preparation, "sha256", preparation->sha256);
    if (status == KEDGE_EXIT_DONE)
        status = name_file(preparation, "json", preparation->json);
    if (status != KEDGE_EXIT_DONE)
        return status;
    enum kedge_rc rc = kedge_to_be_signed_make(&resigning->input.package.envelope,
                                               &preparation->key, &preparation->to_be_signed);
    if (rc != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_INVALID, "%s: %s", resigning->input.path,
                              kedge_rc_text(rc));
    kedge_sha256(
        kedge_slice(preparation->to_be_signed.message, preparation->to_be_signed.message_size),
        preparation->digest);
    json_t *description = describe(preparation, resigning);
    if (description == NULL)
        return kedge_complain(KEDGE_EXIT_USAGE,
                              "prepare: the description is JSON and holds the names of the files, "
                              "and one of %s and %s is not UTF-8",
                              resigning->input.path, preparation->tbs);
    status = write_files(preparation, description);
    if (status == KEDGE_EXIT_DONE && kedge_argument_given(preparation->arguments, JSON))
        kedge_json_print(json_incref(description));
    else if (status == KEDGE_EXIT_DONE)
        report(preparation, resigning);
    json_decref(description);
    return status;
}

static enum kedge_exit run(const struct kedge_arguments *arguments)
{
    struct preparation preparation = {.arguments = arguments};
    struct kedge_resigning resigning;
    enum kedge_exit status = kedge_resigning_open(arguments->file, &resigning);
    if (status == KEDGE_EXIT_DONE)
        status = kedge_signer_public_key(kedge_argument(arguments, PUBLIC),
                                         &kedge_password_terminal_only, &preparation.key);
    if (status == KEDGE_EXIT_DONE)
        status = prepare(&preparation, &resigning);
    kedge_resigning_close(&resigning);
    return status;
}

const struct kedge_command kedge_command_prepare = {
    .name = "prepare",
    .summary = "Writes what a key elsewhere has to sign; attach takes the signature.",
    .file = "FILE.suit",
    .options = options,
    .more =
        "NAME.tbs is exactly what is signed (the Sig_structure of RFC 9052), NAME.sha256 its\n"
        "SHA-256 in 32 bytes, NAME.json a description. By openssl, an Ed25519 key signs it with\n"
        "  openssl pkeyutl -sign -inkey KEY.pem -rawin -in NAME.tbs -out NAME.sig\n"
        "and a P-256 key with\n"
        "  openssl pkeyutl -sign -inkey KEY.pem -in NAME.sha256 -pkeyopt digest:sha256 "
        "-out NAME.sig\n",
    .example = "kedge-sign prepare board-a-1.4.0.suit --public offline.pub.pem --output to-sign\n",
    .run = run,
};
