/* pubkey.c: a public key in the form that somebody else asks for. */
#define _GNU_SOURCE
#include <ctype.h>
#include <kedge/cbor.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "signer/commands/commands.h"
#include "signer/commands/signing_keys.h"
#include "signer/commands/words.h"
#include "signer/files/output.h"

#define NAME_DEFAULT "kedge_public_key"
#define NAME_SIZE_MAX 64u
#define TEXT_MAX 4096u
#define BYTES_ON_A_LINE 12u

enum { FORMAT, NAME, OUTPUT, PASSWORD_FILE, PIN_SOURCE };

static const struct kedge_option options[] = {
    [FORMAT] = {"format", "pem|der|hex|cose|c|json", KEDGE_OPTIONAL, "default: pem"},
    [NAME] = {"name", "IDENTIFIER", KEDGE_OPTIONAL,
              "what the arrays of --format c are called; default: " NAME_DEFAULT},
    [OUTPUT] = {"output", "FILE", KEDGE_OPTIONAL, "write it to FILE and not to standard output"},
    [PASSWORD_FILE] = KEDGE_OPTION_PASSWORD_FILE(KEDGE_OPTIONAL),
    [PIN_SOURCE] = KEDGE_OPTION_PIN_SOURCE(KEDGE_OPTIONAL),
    {0},
};

/* ---- the forms ---- */

static enum kedge_rc put_text(struct kedge_writer *out, const char *text)
{
    return kedge_writer_put(out, kedge_slice_text(text));
}

static enum kedge_rc put_hex(struct kedge_writer *out, struct kedge_slice bytes)
{
    char digits[2 * KEDGE_SPKI_MAX + 1];
    kedge_hex_encode(bytes, digits);
    return put_text(out, digits);
}

/* RFC 8032's 32 bytes, or the uncompressed point of SEC 1: what other tools mean by a raw key. */
static enum kedge_rc put_raw_hex(const struct kedge_public_key *key, struct kedge_writer *out)
{
    bool point = key->algorithm == KEDGE_ESP256;
    if (point)
        KEDGE_TRY(put_text(out, "04"));
    KEDGE_TRY(put_hex(out, kedge_slice(key->bytes, point ? 64 : 32)));
    return put_text(out, "\n");
}

/* RFC 9053 section 7: {1: kty, 2: kid, 3: alg, -1: crv, -2: x, -3: y}, in canonical order. */
static enum kedge_rc put_cose_key(const struct kedge_public_key *key, struct kedge_writer *out)
{
    bool point = key->algorithm == KEDGE_ESP256;
    KEDGE_TRY(kedge_cbor_write_map(out, point ? 6 : 5));
    KEDGE_TRY(kedge_cbor_write_uint(out, 1));
    KEDGE_TRY(kedge_cbor_write_uint(out, point ? 2 : 1)); /* EC2, OKP */
    KEDGE_TRY(kedge_cbor_write_uint(out, 2));
    KEDGE_TRY(kedge_cbor_write_bstr(out, kedge_slice(key->key_id, KEDGE_KEY_ID_SIZE)));
    KEDGE_TRY(kedge_cbor_write_uint(out, 3));
    KEDGE_TRY(kedge_cbor_write_int(out, point ? -9 : -19)); /* ESP256, Ed25519 (RFC 9864) */
    KEDGE_TRY(kedge_cbor_write_int(out, -1));
    KEDGE_TRY(kedge_cbor_write_uint(out, point ? 1 : 6)); /* P-256, Ed25519 */
    KEDGE_TRY(kedge_cbor_write_int(out, -2));
    KEDGE_TRY(kedge_cbor_write_bstr(out, kedge_slice(key->bytes, 32)));
    if (!point)
        return KEDGE_OK;
    KEDGE_TRY(kedge_cbor_write_int(out, -3));
    return kedge_cbor_write_bstr(out, kedge_slice(key->bytes + 32, 32));
}

static enum kedge_rc put_array(struct kedge_writer *out, const char *name, const char *suffix,
                               struct kedge_slice bytes)
{
    char text[160];
    snprintf(text, sizeof text, "const unsigned char %s%s[%zu] = {", name, suffix, bytes.size);
    KEDGE_TRY(put_text(out, text));
    for (size_t i = 0; i < bytes.size; i++) {
        snprintf(text, sizeof text, "%s0x%02x,", i % BYTES_ON_A_LINE == 0 ? "\n    " : " ",
                 bytes.data[i]);
        KEDGE_TRY(put_text(out, text));
    }
    return put_text(out, "\n};\n");
}

static enum kedge_rc put_c(const struct kedge_public_key *key, const char *name,
                           struct kedge_writer *out)
{
    uint8_t spki_bytes[KEDGE_SPKI_MAX];
    struct kedge_writer spki = kedge_writer(spki_bytes, sizeof spki_bytes);
    KEDGE_TRY(kedge_public_key_to_spki(key, &spki));
    if (key->development)
        KEDGE_TRY(put_text(out, "/* " KEDGE_DEVELOPMENT_MARK " */\n"));
    KEDGE_TRY(put_text(out, "/* SubjectPublicKeyInfo (DER), "));
    KEDGE_TRY(put_text(out, kedge_algorithm_name(key->algorithm)));
    KEDGE_TRY(put_text(out, " */\n"));
    KEDGE_TRY(put_array(out, name, "", kedge_writer_slice(&spki)));
    KEDGE_TRY(put_text(out, "/* its key id: SHA-256 of the above */\n"));
    return put_array(out, name, "_id", kedge_slice(key->key_id, KEDGE_KEY_ID_SIZE));
}

static enum kedge_rc put_json(const struct kedge_public_key *key, struct kedge_writer *out)
{
    char key_id[2 * KEDGE_KEY_ID_SIZE + 1], short_id[KEDGE_SHORT_ID_SIZE];
    kedge_hex_encode(kedge_slice(key->key_id, KEDGE_KEY_ID_SIZE), key_id);
    kedge_short_id(key->key_id, short_id);
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:b}", "key_id", key_id, "short_id", short_id, "algorithm",
                  kedge_algorithm_name(key->algorithm), "development", (int)key->development);
    char *text = json_dumps(root, JSON_INDENT(2));
    json_decref(root);
    if (text == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = put_text(out, text);
    free(text);
    return rc == KEDGE_OK ? put_text(out, "\n") : rc;
}

enum form { FORM_PEM, FORM_DER, FORM_HEX, FORM_COSE, FORM_C, FORM_JSON, FORM_COUNT };

static const char *const form_names[FORM_COUNT] = {"pem", "der", "hex", "cose", "c", "json"};

static enum kedge_rc put(const struct kedge_public_key *key, enum form form, const char *name,
                         struct kedge_writer *out)
{
    switch (form) {
    case FORM_PEM:
        return kedge_public_key_to_pem(key, out);
    case FORM_DER:
        return kedge_public_key_to_spki(key, out);
    case FORM_HEX:
        return put_raw_hex(key, out);
    case FORM_COSE:
        return put_cose_key(key, out);
    case FORM_C:
        return put_c(key, name, out);
    case FORM_JSON:
        return put_json(key, out);
    case FORM_COUNT:
        break;
    }
    return KEDGE_E_ARGUMENT;
}

/* ---- options ---- */

static enum kedge_exit choose_form(const struct kedge_arguments *arguments, enum form *form)
{
    const char *given = kedge_argument(arguments, FORMAT);
    *form = FORM_PEM;
    if (given == NULL)
        return KEDGE_EXIT_DONE;
    for (int i = 0; i < FORM_COUNT; i++) {
        if (strcmp(given, form_names[i]) == 0) {
            *form = (enum form)i;
            return KEDGE_EXIT_DONE;
        }
    }
    return kedge_complain(KEDGE_EXIT_USAGE, "pubkey: --format is %s, not %s", options[FORMAT].value,
                          given);
}

static enum kedge_exit choose_name(const struct kedge_arguments *arguments, const char **name)
{
    const char *given = kedge_argument(arguments, NAME);
    *name = given != NULL ? given : NAME_DEFAULT;
    size_t size = strlen(*name);
    bool good = size > 0 && size <= NAME_SIZE_MAX && !isdigit((unsigned char)(*name)[0]);
    for (size_t i = 0; i < size; i++)
        good = good && (isalnum((unsigned char)(*name)[i]) || (*name)[i] == '_');
    return good ? KEDGE_EXIT_DONE
                : kedge_complain(KEDGE_EXIT_USAGE,
                                 "pubkey: --name is a C identifier of at most %u characters",
                                 NAME_SIZE_MAX);
}

static enum kedge_exit write_out(const char *path, enum form form, struct kedge_slice bytes)
{
    bool binary = form == FORM_DER || form == FORM_COSE;
    if (path != NULL)
        return kedge_output_save(path, 0666, true, bytes);
    if (binary && isatty(STDOUT_FILENO))
        return kedge_complain(KEDGE_EXIT_USAGE,
                              "pubkey: --format %s is binary: give --output FILE, or a pipe",
                              form_names[form]);
    fwrite(bytes.data, 1, bytes.size, stdout);
    return KEDGE_EXIT_DONE;
}

static enum kedge_exit run(const struct kedge_arguments *arguments)
{
    static const struct kedge_key_options key_options = {
        .command = "pubkey", .password_file = PASSWORD_FILE, .pin_source = PIN_SOURCE};
    enum form form;
    const char *name;
    struct kedge_password_source source;
    struct kedge_public_key key;
    uint8_t text[TEXT_MAX];
    struct kedge_writer out = kedge_writer(text, sizeof text);
    enum kedge_exit status = choose_form(arguments, &form);
    if (status == KEDGE_EXIT_DONE)
        status = choose_name(arguments, &name);
    if (status == KEDGE_EXIT_DONE)
        status = kedge_password_source_choose(arguments, &key_options, 0, &source);
    if (status == KEDGE_EXIT_DONE)
        status = kedge_signer_public_key(arguments->file, &source, &key);
    if (status != KEDGE_EXIT_DONE)
        return status;
    enum kedge_rc rc = put(&key, form, name, &out);
    if (rc != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_KEY, "%s: %s", arguments->file, kedge_rc_text(rc));
    return write_out(kedge_argument(arguments, OUTPUT), form, kedge_writer_slice(&out));
}

const struct kedge_command kedge_command_pubkey = {
    .name = "pubkey",
    .summary = "Writes the public key of a key in another form, or says its key id.",
    .file = "KEY",
    .options = options,
    .more = "KEY is a public key file, a private one, or a PKCS#11 URI of a key on a token.\n"
            "pem and der are SubjectPublicKeyInfo; hex is the raw key: 32 bytes of Ed25519, or\n"
            "04 || x || y of P-256; cose is a COSE_Key (RFC 9052); c is two C arrays, the\n"
            "SubjectPublicKeyInfo and the key id; json says key id, algorithm and whether it is\n"
            "for development.\n",
    .example =
        "kedge-sign pubkey --format c --name release_key --output release_key.h release.pub.pem\n",
    .run = run,
};
