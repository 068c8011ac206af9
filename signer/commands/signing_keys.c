/* signing_keys.c: see signing_keys.h. */
#include "signer/commands/signing_keys.h"

#include <string.h>

enum kedge_exit kedge_password_source_choose(const struct kedge_arguments *arguments,
                                             const struct kedge_key_options *options, size_t index,
                                             struct kedge_password_source *source)
{
    bool files = arguments->counts[options->password_file] > 0;
    size_t option = files ? options->password_file : options->pin_source;
    size_t given = arguments->counts[option];
    *source = (struct kedge_password_source){.place = KEDGE_PASSWORD_TERMINAL};
    if (files && arguments->counts[options->pin_source] > 0)
        return kedge_complain(
            KEDGE_EXIT_USAGE,
            "%s: --password-file and --pin-source exclude each other; --pin-source "
            "file:F does what --password-file F does",
            options->command);
    if (given == 0)
        return KEDGE_EXIT_DONE;
    const char *value = arguments->values[option][given == 1 ? 0 : index];
    if (files)
        *source = (struct kedge_password_source){.place = KEDGE_PASSWORD_FILE, .name = value};
    else if (kedge_password_source_parse(value, source) != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_USAGE, "%s: " KEDGE_PIN_SOURCE_USAGE, options->command);
    return KEDGE_EXIT_DONE;
}

static enum kedge_exit check_counts(const struct kedge_arguments *arguments,
                                    const struct kedge_key_options *options)
{
    size_t keys = arguments->counts[options->key];
    size_t files = arguments->counts[options->password_file];
    size_t passwords = files > 0 ? files : arguments->counts[options->pin_source];
    if (keys > KEDGE_SUIT_SIGNATURES_MAX)
        return kedge_complain(KEDGE_EXIT_USAGE, "%s: a package has at most %u signatures",
                              options->command, KEDGE_SUIT_SIGNATURES_MAX);
    if (passwords > 1 && passwords != keys)
        return kedge_complain(KEDGE_EXIT_USAGE,
                              "%s: give one --password-file (or --pin-source) for all keys, or one "
                              "for each --key (%zu keys, %zu passwords)",
                              options->command, keys, passwords);
    return KEDGE_EXIT_DONE;
}

/* A token has no folder in which a ledger could stand beside it. */
static enum kedge_exit check_ledger(const struct kedge_arguments *arguments,
                                    const struct kedge_key_options *options)
{
    for (size_t i = 0; i < arguments->counts[options->key]; i++)
        if (kedge_signer_is_uri(arguments->values[options->key][i]) &&
            !kedge_argument_given(arguments, options->ledger))
            return kedge_complain(KEDGE_EXIT_USAGE,
                                  "%s: a key on a token has no ledger beside it: say by --ledger "
                                  "FILE where its signatures are recorded",
                                  options->command);
    return KEDGE_EXIT_DONE;
}

static bool same_key(const struct kedge_signer *a, const struct kedge_signer *b)
{
    return memcmp(a->public_key.key_id, b->public_key.key_id, KEDGE_KEY_ID_SIZE) == 0;
}

static enum kedge_exit open_key(const struct kedge_arguments *arguments,
                                const struct kedge_key_options *options,
                                struct kedge_signing_keys *keys)
{
    struct kedge_signer *signer = &keys->signers[keys->count];
    struct kedge_password_source source;
    enum kedge_exit status = kedge_password_source_choose(arguments, options, keys->count, &source);
    if (status == KEDGE_EXIT_DONE)
        status = kedge_signer_open(arguments->values[options->key][keys->count], &source, signer);
    if (status != KEDGE_EXIT_DONE)
        return status;
    for (size_t i = 0; i < keys->count; i++)
        if (same_key(&keys->signers[i], signer))
            status = kedge_complain(KEDGE_EXIT_USAGE, "%s: --key %s is the same key as --key %s",
                                    options->command, signer->name, keys->signers[i].name);
    if (signer->public_key.development)
        kedge_note("%s is a development key: production verifiers refuse what rests on it",
                   signer->name);
    keys->count++;
    return status;
}

enum kedge_exit kedge_signing_keys_open(const struct kedge_arguments *arguments,
                                        const struct kedge_key_options *options,
                                        struct kedge_signing_keys *keys)
{
    memset(keys, 0, sizeof *keys);
    enum kedge_exit status = check_counts(arguments, options);
    if (status == KEDGE_EXIT_DONE)
        status = check_ledger(arguments, options);
    while (keys->count < arguments->counts[options->key] && status == KEDGE_EXIT_DONE)
        status = open_key(arguments, options, keys);
    return status;
}

void kedge_signing_keys_close(struct kedge_signing_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        kedge_signer_close(&keys->signers[i]);
    keys->count = 0;
}
