/* attach.c: a signature that was made elsewhere goes into the package, if it is one. */
#include <string.h>

#include "signer/commands/commands.h"
#include "signer/commands/elsewhere.h"
#include "signer/commands/guard.h"
#include "signer/commands/resigning.h"
#include "signer/files/input.h"
#include "signer/keys/ecdsa_signature.h"

#define SIGNATURE_FILE_MAX 256u

enum { PUBLIC, SIGNATURE, LEDGER, OUTPUT, JSON };

static const struct kedge_option options[] = {
    [PUBLIC] = {"public", "PUB.pem", KEDGE_REQUIRED, "the public key of the key that signed"},
    [SIGNATURE] = {"signature", "FILE", KEDGE_REQUIRED,
                   "the signature: 64 raw bytes, or DER for P-256"},
    [LEDGER] = {"ledger", "FILE", KEDGE_OPTIONAL, "record the signature there; default: nowhere"},
    [OUTPUT] = KEDGE_OPTION_PACKAGE_OUTPUT,
    [JSON] = {"json", NULL, KEDGE_OPTIONAL, "say what was made as JSON"},
    {0},
};

/* Takes the file's bytes for what they may be, and believes what verifies. */
static enum kedge_rc recognise(struct kedge_slice file, const struct kedge_public_key *key,
                               struct kedge_slice message, uint8_t signature[KEDGE_SIGNATURE_SIZE])
{
    if (file.size == KEDGE_SIGNATURE_SIZE && kedge_verify(key, message, file) == KEDGE_OK) {
        memcpy(signature, file.data, KEDGE_SIGNATURE_SIZE);
        return KEDGE_OK;
    }
    if (key->algorithm != KEDGE_ESP256 ||
        kedge_ecdsa_signature_from_der(file, signature) != KEDGE_OK)
        return KEDGE_E_SIGNATURE;
    return kedge_verify(key, message, kedge_slice(signature, KEDGE_SIGNATURE_SIZE));
}

static enum kedge_exit read_signature(const char *path, const struct kedge_public_key *key,
                                      struct kedge_slice message,
                                      uint8_t signature[KEDGE_SIGNATURE_SIZE])
{
    struct kedge_slice file = {0};
    enum kedge_rc rc = kedge_file_read(path, SIGNATURE_FILE_MAX, &file);
    if (rc == KEDGE_E_SYSTEM)
        return kedge_complain_system("read the signature", path);
    if (rc == KEDGE_OK)
        rc = recognise(file, key, message, signature);
    kedge_file_release(file);
    if (rc == KEDGE_OK)
        return KEDGE_EXIT_DONE;
    return kedge_complain(KEDGE_EXIT_INVALID,
                          "%s is no signature of this package by this key (%s): 64 raw bytes%s "
                          "over what kedge-sign prepare writes",
                          path, kedge_algorithm_name(key->algorithm),
                          key->algorithm == KEDGE_ESP256 ? ", or DER," : "");
}

static enum kedge_exit add_signature(const struct kedge_arguments *arguments,
                                     const struct kedge_public_key *key,
                                     struct kedge_resigning *resigning)
{
    struct kedge_to_be_signed to_be_signed;
    uint8_t signature[KEDGE_SIGNATURE_SIZE];
    enum kedge_rc rc =
        kedge_to_be_signed_make(&resigning->input.package.envelope, key, &to_be_signed);
    if (rc != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_INVALID, "%s: %s", arguments->file, kedge_rc_text(rc));
    enum kedge_exit status =
        read_signature(kedge_argument(arguments, SIGNATURE), key,
                       kedge_slice(to_be_signed.message, to_be_signed.message_size), signature);
    if (status != KEDGE_EXIT_DONE)
        return status;
    struct kedge_writer sign1 = kedge_resigning_room(resigning);
    rc = kedge_cose_sign1_assemble(kedge_slice(to_be_signed.header, to_be_signed.header_size),
                                   signature, &sign1);
    if (rc != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_INVALID, "%s: %s", arguments->file, kedge_rc_text(rc));
    kedge_resigning_add(resigning, &sign1);
    return KEDGE_EXIT_DONE;
}

static enum kedge_exit attach(const struct kedge_arguments *arguments,
                              const struct kedge_public_key *key, struct kedge_resigning *resigning)
{
    const char *output = kedge_argument(arguments, OUTPUT);
    const char *ledger = kedge_argument(arguments, LEDGER);
    const struct kedge_signed_package package = kedge_resigning_signed_package(resigning);
    enum kedge_exit status =
        kedge_resigning_check_new(resigning, key, kedge_argument(arguments, PUBLIC));
    if (status == KEDGE_EXIT_DONE)
        status = add_signature(arguments, key, resigning);
    if (status == KEDGE_EXIT_DONE && ledger != NULL)
        status = kedge_record_signature(ledger, KEDGE_LEDGER_ELSEWHERE, key, &package);
    if (status == KEDGE_EXIT_DONE)
        status = kedge_resigning_write(resigning, output);
    if (status == KEDGE_EXIT_DONE)
        kedge_resigning_report(resigning, output, "added", &key, 1,
                               kedge_argument_given(arguments, JSON));
    return status;
}

static enum kedge_exit run(const struct kedge_arguments *arguments)
{
    struct kedge_resigning resigning;
    struct kedge_public_key key;
    static const size_t inputs[] = {PUBLIC, SIGNATURE, LEDGER};
    enum kedge_exit status =
        kedge_guard_output_options("attach", kedge_argument(arguments, OUTPUT), arguments, inputs,
                                   sizeof inputs / sizeof inputs[0]);
    if (status != KEDGE_EXIT_DONE)
        return status;
    status = kedge_resigning_open(arguments->file, &resigning);
    if (status == KEDGE_EXIT_DONE)
        status = kedge_signer_public_key(kedge_argument(arguments, PUBLIC),
                                         &kedge_password_terminal_only, &key);
    if (status == KEDGE_EXIT_DONE)
        status = attach(arguments, &key, &resigning);
    kedge_resigning_close(&resigning);
    return status;
}

const struct kedge_command kedge_command_attach = {
    .name = "attach",
    .summary = "Adds a signature that was made elsewhere over what prepare wrote.",
    .file = "FILE.suit",
    .options = options,
    .more = "A signature that does not verify is refused with exit status 1, a key that signed\n"
            "already with 3.\n",
    .example =
        "openssl pkeyutl -sign -inkey offline.pem -rawin -in to-sign.tbs -out to-sign.sig\n"
        "kedge-sign attach board-a-1.4.0.suit --public offline.pub.pem --signature to-sign.sig \\\n"
        "    --output board-a-1.4.0.suit\n",
    .run = run,
};
