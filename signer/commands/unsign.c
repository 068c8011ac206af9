/* unsign.c: one signature less. */
#include <string.h>

#include "signer/commands/commands.h"
#include "signer/commands/resigning.h"

#define DIGITS_MIN 8u /* of a key id, so that nothing is removed by accident */
#define DIGITS_MAX (2u * KEDGE_KEY_ID_SIZE)

enum { KEY_ID, OUTPUT, JSON };

static const struct kedge_option options[] = {
    [KEY_ID] = {"key-id", "HEX", KEDGE_REQUIRED,
                "whose signature to remove: a key id, or its first digits (8 or more)"},
    [OUTPUT] = KEDGE_OPTION_PACKAGE_OUTPUT,
    [JSON] = {"json", NULL, KEDGE_OPTIONAL, "say what was made as JSON"},
    {0},
};

/* The key ids are hex digits of lower case; what people give need not be. */
static bool begins_with(const uint8_t key_id[KEDGE_KEY_ID_SIZE], const char *digits)
{
    char text[DIGITS_MAX + 1];
    kedge_hex_encode(kedge_slice(key_id, KEDGE_KEY_ID_SIZE), text);
    for (size_t i = 0; digits[i] != '\0'; i++) {
        char digit = digits[i] >= 'A' && digits[i] <= 'F' ? (char)(digits[i] + 32) : digits[i];
        if (digit != text[i])
            return false;
    }
    return true;
}

static enum kedge_exit check_digits(const char *digits)
{
    size_t size = strlen(digits);
    if (size >= DIGITS_MIN && size <= DIGITS_MAX &&
        strspn(digits, "0123456789abcdefABCDEF") == size)
        return KEDGE_EXIT_DONE;
    return kedge_complain(KEDGE_EXIT_USAGE, "unsign: --key-id is %u to %u hex digits, not %s",
                          DIGITS_MIN, DIGITS_MAX, digits);
}

/* The key id that a signature names; false when it names none of ours. */
static bool key_id_of(struct kedge_slice signature, uint8_t key_id[KEDGE_KEY_ID_SIZE])
{
    struct kedge_cose_sign1 sign1;
    if (kedge_cose_sign1_read(signature, &sign1) != KEDGE_OK ||
        sign1.key_id.size != KEDGE_KEY_ID_SIZE)
        return false;
    memcpy(key_id, sign1.key_id.data, KEDGE_KEY_ID_SIZE);
    return true;
}

/* Finds the one key that the digits mean. */
static enum kedge_exit choose_key(const struct kedge_resigning *resigning, const char *digits,
                                  struct kedge_public_key *chosen)
{
    size_t found = 0;
    for (size_t i = 0; i < resigning->count; i++) {
        uint8_t key_id[KEDGE_KEY_ID_SIZE];
        if (!key_id_of(resigning->signatures[i], key_id) || !begins_with(key_id, digits) ||
            (found > 0 && memcmp(key_id, chosen->key_id, sizeof key_id) == 0))
            continue;
        memcpy(chosen->key_id, key_id, sizeof key_id);
        found++;
    }
    if (found == 1)
        return KEDGE_EXIT_DONE;
    if (found > 1)
        return kedge_complain(KEDGE_EXIT_USAGE,
                              "unsign: --key-id %s means %zu keys: give more "
                              "digits",
                              digits, found);
    return kedge_complain(KEDGE_EXIT_INVALID, "%s: no signature in it names a key %s",
                          resigning->input.path, digits);
}

static void remove_signatures(struct kedge_resigning *resigning, const struct kedge_public_key *key)
{
    size_t kept = 0;
    for (size_t i = 0; i < resigning->count; i++) {
        uint8_t key_id[KEDGE_KEY_ID_SIZE];
        if (!key_id_of(resigning->signatures[i], key_id) ||
            memcmp(key_id, key->key_id, sizeof key_id) != 0)
            resigning->signatures[kept++] = resigning->signatures[i];
    }
    resigning->count = kept;
}

static enum kedge_exit run(const struct kedge_arguments *arguments)
{
    const char *digits = kedge_argument(arguments, KEY_ID);
    const char *output = kedge_argument(arguments, OUTPUT);
    struct kedge_public_key key = {.algorithm = KEDGE_ED25519};
    const struct kedge_public_key *const removed[] = {&key};
    struct kedge_resigning resigning;
    enum kedge_exit status = check_digits(digits);
    if (status != KEDGE_EXIT_DONE)
        return status;
    status = kedge_resigning_open(arguments->file, &resigning);
    if (status == KEDGE_EXIT_DONE)
        status = choose_key(&resigning, digits, &key);
    if (status == KEDGE_EXIT_DONE) {
        remove_signatures(&resigning, &key);
        status = kedge_resigning_write(&resigning, output);
    }
    if (status == KEDGE_EXIT_DONE) {
        kedge_resigning_report(&resigning, output, "removed", removed, 1,
                               kedge_argument_given(arguments, JSON));
        if (resigning.count == 0)
            kedge_note("%s has no signature left: no device takes it", output);
    }
    kedge_resigning_close(&resigning);
    return status;
}

const struct kedge_command kedge_command_unsign = {
    .name = "unsign",
    .summary = "Removes the signature of one key from a package.",
    .file = "FILE.suit",
    .options = options,
    .more = "Which keys signed is what verify and inspect show. No key is needed for it: whoever\n"
            "has a package can leave a signature out; so only the verifier's --require says how\n"
            "many there must be.\n",
    .example =
        "kedge-sign unsign board-a-1.4.0.suit --key-id 0a1b2c3d --output without-second.suit\n",
    .run = run,
};
