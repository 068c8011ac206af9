/* sign.c: one more signature, over the same manifest digest. */
#include "signer/commands/commands.h"
#include "signer/commands/guard.h"
#include "signer/commands/previous.h"
#include "signer/commands/resigning.h"

enum { KEY, PASSWORD_FILE, PIN_SOURCE, LEDGER, OUTPUT, PREVIOUS, SLOT_SIZE, ALLOW_DOWNGRADE, JSON };

static const struct kedge_option options[] = {
    [KEY] = {"key", "KEY", KEDGE_ONE_OR_MORE,
             "who signs: a private key file or a PKCS#11 URI; once for each signer"},
    [PASSWORD_FILE] = KEDGE_OPTION_PASSWORD_FILE(KEDGE_REPEATED),
    [PIN_SOURCE] = KEDGE_OPTION_PIN_SOURCE(KEDGE_REPEATED),
    [LEDGER] = KEDGE_OPTION_LEDGER,
    [OUTPUT] = KEDGE_OPTION_PACKAGE_OUTPUT,
    [PREVIOUS] = KEDGE_OPTION_PREVIOUS,
    [SLOT_SIZE] = KEDGE_OPTION_SLOT_SIZE,
    [ALLOW_DOWNGRADE] = KEDGE_OPTION_ALLOW_DOWNGRADE,
    [JSON] = {"json", NULL, KEDGE_OPTIONAL, "say what was made as JSON"},
    {0},
};

static enum kedge_exit add_signature(struct kedge_resigning *resigning,
                                     const struct kedge_signer *signer)
{
    enum kedge_exit status =
        kedge_resigning_check_new(resigning, &signer->public_key, signer->name);
    if (status != KEDGE_EXIT_DONE)
        return status;
    struct kedge_writer sign1 = kedge_resigning_room(resigning);
    enum kedge_rc rc = kedge_signer_sign1(signer, resigning->input.package.envelope.digest, &sign1);
    if (rc != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_KEY, "%s: signing failed: %s", signer->name,
                              kedge_rc_text(rc));
    kedge_resigning_add(resigning, &sign1);
    return KEDGE_EXIT_DONE;
}

static enum kedge_exit add_signatures(const struct kedge_arguments *arguments,
                                      const struct kedge_signing_keys *keys,
                                      struct kedge_resigning *resigning)
{
    const char *output = kedge_argument(arguments, OUTPUT);
    const struct kedge_signed_package package = kedge_resigning_signed_package(resigning);
    const struct kedge_public_key *added[KEDGE_SUIT_SIGNATURES_MAX];
    enum kedge_exit status = KEDGE_EXIT_DONE;
    for (size_t i = 0; i < keys->count && status == KEDGE_EXIT_DONE; i++) {
        status = add_signature(resigning, &keys->signers[i]);
        added[i] = &keys->signers[i].public_key;
    }
    if (status == KEDGE_EXIT_DONE)
        status = kedge_record_signatures(keys, kedge_argument(arguments, LEDGER), &package);
    if (status == KEDGE_EXIT_DONE)
        status = kedge_resigning_write(resigning, output);
    if (status == KEDGE_EXIT_DONE)
        kedge_resigning_report(resigning, output, "added", added, keys->count,
                               kedge_argument_given(arguments, JSON));
    return status;
}

static enum kedge_exit run(const struct kedge_arguments *arguments)
{
    static const struct kedge_key_options key_options = {"sign", KEY, PASSWORD_FILE, PIN_SOURCE,
                                                         LEDGER};
    static const struct kedge_previous_options previous = {"sign", PREVIOUS, SLOT_SIZE,
                                                           ALLOW_DOWNGRADE};
    struct kedge_resigning resigning;
    struct kedge_signing_keys keys = {.count = 0};
    static const size_t inputs[] = {KEY, PASSWORD_FILE, PIN_SOURCE, LEDGER, PREVIOUS};
    enum kedge_exit status =
        kedge_guard_output_options("sign", kedge_argument(arguments, OUTPUT), arguments, inputs,
                                   sizeof inputs / sizeof inputs[0]);
    if (status == KEDGE_EXIT_DONE)
        status = kedge_record_guard(kedge_argument(arguments, OUTPUT), arguments, &key_options);
    if (status != KEDGE_EXIT_DONE)
        return status;
    status = kedge_resigning_open(arguments->file, &resigning);
    if (status == KEDGE_EXIT_DONE)
        status = kedge_previous_check(arguments, &previous, &resigning.input.package.manifest,
                                      arguments->file);
    if (status == KEDGE_EXIT_DONE)
        status = kedge_signing_keys_open(arguments, &key_options, &keys);
    if (status == KEDGE_EXIT_DONE)
        status = add_signatures(arguments, &keys, &resigning);
    kedge_signing_keys_close(&keys);
    kedge_resigning_close(&resigning);
    return status;
}

const struct kedge_command kedge_command_sign = {
    .name = "sign",
    .summary = "Adds signatures to a package.",
    .file = "FILE.suit",
    .options = options,
    .more = "The package is checked completely first; nothing in it changes but the list of\n"
            "signatures. A key that signed already is refused with exit status 3.\n",
    .example = "kedge-sign sign board-a-1.4.0.suit --key second.pem --password-file password \\\n"
               "    --output board-a-1.4.0.suit\n",
    .run = run,
};
