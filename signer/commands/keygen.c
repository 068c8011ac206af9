/* keygen.c: a new key pair: the private key's file and the public key's. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signer/commands/commands.h"
#include "signer/commands/words.h"
#include "signer/files/input.h"
#include "signer/files/output.h"
#include "signer/keys/key_file.h"
#include "signer/keys/password.h"

enum { ALG, OUT, PUBLIC, PASSWORD_FILE, PIN_SOURCE, NO_PASSWORD, DEVELOPMENT, JSON };

static const struct kedge_option options[] = {
    [ALG] = {"alg", "ed25519|esp256", KEDGE_REQUIRED, "Ed25519, or ECDSA on P-256 with SHA-256"},
    [OUT] = {"out", "KEY.pem", KEDGE_REQUIRED, "the private key's file; it must not exist yet"},
    [PUBLIC] = {"public", "PUB.pem", KEDGE_REQUIRED,
                "the public key's file; it must not exist yet"},
    [PASSWORD_FILE] = {"password-file", "FILE", KEDGE_OPTIONAL,
                       "take the password from the first line of FILE instead of asking"},
    [PIN_SOURCE] = {"pin-source", "file:F|env:V", KEDGE_OPTIONAL,
                    "take it from the first line of file F or of environment variable V"},
    [NO_PASSWORD] = {"no-password", NULL, KEDGE_OPTIONAL,
                     "leave the private key unencrypted: whoever reads the file can sign"},
    [DEVELOPMENT] = {"development", NULL, KEDGE_OPTIONAL,
                     "mark both files: packages that rest on this key are for tests only"},
    [JSON] = {"json", NULL, KEDGE_OPTIONAL, "say what was made as JSON"},
    {0},
};

static enum kedge_rc fill_random(void *context, void *out, size_t size)
{
    (void)context;
    uint8_t *bytes = out;
    while (size > 0) {
        ssize_t got = getrandom(bytes, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return KEDGE_E_SYSTEM;
        bytes += got;
        size -= (size_t)got;
    }
    return KEDGE_OK;
}

static const struct kedge_random system_random = {.fill = fill_random};

static enum kedge_exit choose_algorithm(const char *name, enum kedge_algorithm *algorithm)
{
    static const enum kedge_algorithm all[] = {KEDGE_ED25519, KEDGE_ESP256};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(name, kedge_algorithm_name(all[i])) == 0) {
            *algorithm = all[i];
            return KEDGE_EXIT_DONE;
        }
    }
    return kedge_complain(KEDGE_EXIT_USAGE, "keygen: --alg is ed25519 or esp256, not %s", name);
}

static enum kedge_exit must_be_free(const char *path)
{
    struct stat status;
    if (lstat(path, &status) == 0)
        return kedge_complain(KEDGE_EXIT_SYSTEM,
                              "%s exists already, and a key is never overwritten: move it away, or "
                              "choose another name",
                              path);
    return errno == ENOENT ? KEDGE_EXIT_DONE : kedge_complain_system("write", path);
}

static enum kedge_exit choose_password(const struct kedge_arguments *arguments,
                                       struct kedge_password *password)
{
    const char *path = kedge_argument(arguments, PASSWORD_FILE);
    const char *pin_source = kedge_argument(arguments, PIN_SOURCE);
    bool none = kedge_argument_given(arguments, NO_PASSWORD);
    struct kedge_password_source source = {.place = KEDGE_PASSWORD_TERMINAL};
    if ((path != NULL) + (pin_source != NULL) + none > 1)
        return kedge_complain(
            KEDGE_EXIT_USAGE,
            "keygen: --password-file, --pin-source and --no-password exclude each other");
    if (none)
        return KEDGE_EXIT_DONE;
    if (path != NULL)
        source = (struct kedge_password_source){.place = KEDGE_PASSWORD_FILE, .name = path};
    if (pin_source != NULL && kedge_password_source_parse(pin_source, &source) != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_USAGE, "keygen: " KEDGE_PIN_SOURCE_USAGE);
    return kedge_password_take_new(&source, kedge_argument(arguments, OUT), password);
}

static enum kedge_exit write_files(const struct kedge_arguments *arguments,
                                   const struct kedge_private_key *key, struct kedge_slice password)
{
    const char *private_path = kedge_argument(arguments, OUT);
    const char *public_path = kedge_argument(arguments, PUBLIC);
    uint8_t private_text[KEDGE_KEY_FILE_MAX], public_text[KEDGE_KEY_FILE_MAX];
    struct kedge_writer private_out = kedge_writer(private_text, sizeof private_text);
    struct kedge_writer public_out = kedge_writer(public_text, sizeof public_text);
    enum kedge_rc rc = kedge_key_file_write(key, password, &system_random, &private_out);
    if (rc == KEDGE_OK)
        rc = kedge_public_key_to_pem(&key->public_key, &public_out);
    enum kedge_exit status = KEDGE_EXIT_DONE;
    if (rc != KEDGE_OK)
        status = kedge_complain(KEDGE_EXIT_KEY, "no key could be made: %s", kedge_rc_text(rc));
    if (status == KEDGE_EXIT_DONE)
        status = kedge_output_save(private_path, 0600, false, kedge_writer_slice(&private_out));
    kedge_wipe(private_text, sizeof private_text);
    if (status != KEDGE_EXIT_DONE)
        return status;
    status = kedge_output_save(public_path, 0666, false, kedge_writer_slice(&public_out));
    /* A private key whose public key is nowhere is of no use to anybody. */
    if (status != KEDGE_EXIT_DONE)
        unlink(private_path);
    return status;
}

static void report_json(const struct kedge_arguments *arguments, const struct kedge_public_key *key)
{
    kedge_json_print(json_pack(
        "{s:o, s:s, s:s, s:s, s:b, s:b}", "key_id", kedge_json_hex(key->key_id, KEDGE_KEY_ID_SIZE),
        "algorithm", kedge_algorithm_name(key->algorithm), "private_key",
        kedge_argument(arguments, OUT), "public_key", kedge_argument(arguments, PUBLIC),
        "encrypted", (int)!kedge_argument_given(arguments, NO_PASSWORD), "development",
        (int)key->development));
}

static void report_text(const struct kedge_arguments *arguments, const struct kedge_public_key *key)
{
    char key_id[2 * KEDGE_KEY_ID_SIZE + 1];
    kedge_hex_encode(kedge_slice(key->key_id, KEDGE_KEY_ID_SIZE), key_id);
    printf("%s key %s\n  private key  %s%s\n  public key   %s\n",
           kedge_algorithm_name(key->algorithm), key_id, kedge_argument(arguments, OUT),
           kedge_argument_given(arguments, NO_PASSWORD) ? "" : " (encrypted)",
           kedge_argument(arguments, PUBLIC));
    if (key->development)
        puts("  for development only: production verifiers refuse what rests on it");
}

static void report(const struct kedge_arguments *arguments, const struct kedge_public_key *key)
{
    if (kedge_argument_given(arguments, JSON))
        report_json(arguments, key);
    else
        report_text(arguments, key);
    if (kedge_argument_given(arguments, NO_PASSWORD))
        kedge_note("%s is NOT protected by a password: whoever reads the file can sign",
                   kedge_argument(arguments, OUT));
}

static enum kedge_exit make_pair(const struct kedge_arguments *arguments,
                                 enum kedge_algorithm algorithm, struct kedge_slice password)
{
    struct kedge_private_key key;
    enum kedge_rc rc = kedge_private_key_generate(algorithm, &system_random, &key);
    if (rc != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_KEY, "no key could be made: %s", kedge_rc_text(rc));
    key.public_key.development = kedge_argument_given(arguments, DEVELOPMENT);
    enum kedge_exit status = write_files(arguments, &key, password);
    if (status == KEDGE_EXIT_DONE)
        report(arguments, &key.public_key);
    kedge_wipe(&key, sizeof key);
    return status;
}

static enum kedge_exit run(const struct kedge_arguments *arguments)
{
    enum kedge_algorithm algorithm = KEDGE_ED25519;
    struct kedge_password password = {.size = 0};
    enum kedge_exit status = choose_algorithm(kedge_argument(arguments, ALG), &algorithm);
    if (status == KEDGE_EXIT_DONE &&
        strcmp(kedge_argument(arguments, OUT), kedge_argument(arguments, PUBLIC)) == 0)
        status = kedge_complain(KEDGE_EXIT_USAGE, "keygen: --out and --public are the same file");
    if (status == KEDGE_EXIT_DONE)
        status = must_be_free(kedge_argument(arguments, OUT));
    if (status == KEDGE_EXIT_DONE)
        status = must_be_free(kedge_argument(arguments, PUBLIC));
    if (status == KEDGE_EXIT_DONE)
        status = choose_password(arguments, &password);
    if (status == KEDGE_EXIT_DONE)
        status = make_pair(arguments, algorithm, kedge_password_slice(&password));
    kedge_wipe(&password, sizeof password);
    return status;
}

const struct kedge_command kedge_command_keygen = {
    .name = "keygen",
    .summary = "Makes a key pair.",
    .options = options,
    .more = "Without --password-file, --pin-source or --no-password the password is asked for on "
            "the terminal.\n"
            "The private key is PKCS#8 (PBKDF2-HMAC-SHA256, AES-256-CBC), the public key\n"
            "SubjectPublicKeyInfo, both in PEM: openssl reads and makes them too.\n",
    .example = "kedge-sign keygen --alg ed25519 --out release.pem --public release.pub.pem \\\n"
               "    --password-file password\n",
    .run = run,
};
