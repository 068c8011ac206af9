/* create.c: from an image to a signed package. Here the options become what is to be built. */
#define _GNU_SOURCE
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signer/commands/commands.h"
#include "signer/commands/guard.h"
#include "signer/commands/previous.h"
#include "signer/commands/recording.h"
#include "signer/commands/target.h"
#include "signer/commands/words.h"
#include "signer/files/input.h"
#include "signer/package/attachment.h"
#include "signer/package/build.h"

#define DESCRIPTION_SIZE_MAX 4096u                /* bytes of --text */
#define ATTACHMENT_SIZE_MAX (16u << 20)           /* bytes of one attached file */
#define SEQUENCE_MAX UINT64_C(0x7fffffffffffffff) /* what a store's signed column holds */

enum {
    PAYLOAD,
    VENDOR,
    VENDOR_UUID,
    CLASS,
    CLASS_UUID,
    HARDWARE,
    VERSION,
    MIN_VERSION,
    MAX_VERSION,
    SEQUENCE,
    COMPRESS,
    TEXT,
    DELIVER,
    ATTACH,
    KEY,
    PASSWORD_FILE,
    PIN_SOURCE,
    UNSIGNED,
    LEDGER,
    OUTPUT,
    PREVIOUS,
    SLOT_SIZE,
    ALLOW_DOWNGRADE,
    JSON
};

static const struct kedge_option options[] = {
    [PAYLOAD] = {"payload", "IMAGE", KEDGE_REQUIRED, "the firmware image"},
    [VENDOR] = {"vendor", "DOMAIN", KEDGE_OPTIONAL,
                "the vendor's domain; devices compare its UUID"},
    [VENDOR_UUID] = {"vendor-uuid", "UUID", KEDGE_OPTIONAL, "instead of --vendor: the UUID itself"},
    [CLASS] = {"class", "NAME", KEDGE_OPTIONAL, "the device class; devices compare its UUID"},
    [CLASS_UUID] = {"class-uuid", "UUID", KEDGE_OPTIONAL, "instead of --class: the UUID itself"},
    [HARDWARE] = {"hardware", "REVISION", KEDGE_REPEATED,
                  "a hardware revision that it runs on; default: all of the class"},
    [VERSION] = {"version", "X.Y.Z", KEDGE_REQUIRED,
                 "the image's version; X.Y.Z-rc.N, -beta.N and -alpha.N too"},
    [MIN_VERSION] = {"min-version", "X.Y.Z", KEDGE_OPTIONAL,
                     "devices that run an earlier version refuse it"},
    [MAX_VERSION] = {"max-version", "X.Y.Z", KEDGE_OPTIONAL,
                     "devices that run a later version refuse it"},
    [SEQUENCE] = {"sequence", "N", KEDGE_REQUIRED,
                  "the sequence number; devices take none below what they confirmed"},
    [COMPRESS] = {"compress", "none|zlib", KEDGE_OPTIONAL, "default: zlib"},
    [TEXT] = {"text", "DESCRIPTION", KEDGE_OPTIONAL, "a description for people"},
    [DELIVER] = {"deliver", "envelope|payload", KEDGE_OPTIONAL,
                 "default: envelope; payload: devices are sent the bare image"},
    [ATTACH] = {"attach", "sbom|prov|notes=FILE", KEDGE_REPEATED,
                "a file for people: SBOM, provenance, release notes"},
    [KEY] = {"key", "KEY", KEDGE_REPEATED,
             "who signs: a private key file or a PKCS#11 URI; once for each signer"},
    [PASSWORD_FILE] = KEDGE_OPTION_PASSWORD_FILE(KEDGE_REPEATED),
    [PIN_SOURCE] = KEDGE_OPTION_PIN_SOURCE(KEDGE_REPEATED),
    [UNSIGNED] = {"unsigned", NULL, KEDGE_OPTIONAL,
                  "make it without a signature, for keys elsewhere: sign, or prepare and attach"},
    [LEDGER] = KEDGE_OPTION_LEDGER,
    [OUTPUT] = {"output", "OUT.suit", KEDGE_REQUIRED,
                "the package; a file of this name is replaced"},
    [PREVIOUS] = KEDGE_OPTION_PREVIOUS,
    [SLOT_SIZE] = KEDGE_OPTION_SLOT_SIZE,
    [ALLOW_DOWNGRADE] = KEDGE_OPTION_ALLOW_DOWNGRADE,
    [JSON] = {"json", NULL, KEDGE_OPTIONAL, "say what was made as JSON"},
    {0},
};

static const struct kedge_target_options target_options = {
    "create", VENDOR, VENDOR_UUID, CLASS, CLASS_UUID, HARDWARE, MIN_VERSION, MAX_VERSION};

static const struct kedge_previous_options previous_options = {"create", PREVIOUS, SLOT_SIZE,
                                                               ALLOW_DOWNGRADE};

static const struct kedge_key_options key_options = {"create", KEY, PASSWORD_FILE, PIN_SOURCE,
                                                     LEDGER};

/* All that creating holds on to; released by release(). */
struct order {
    const struct kedge_arguments *arguments;
    struct kedge_build build;
    struct kedge_signing_keys keys;
    const char *attachment_paths[KEDGE_ATTACHMENT_KINDS];
    uint8_t text[KEDGE_TEXT_MAX];
};

static void release(struct order *order)
{
    for (size_t i = 0; i < order->build.manifest.attachment_count; i++)
        kedge_file_release(order->build.attachments[i]);
    kedge_signing_keys_close(&order->keys);
    free(order);
}

/* ---- options ---- */

/* Chooses 0 or 1 by the word given; 0 when the option is absent. */
static enum kedge_exit choose(const struct kedge_arguments *arguments, size_t option,
                              const char *const words[2], int *choice)
{
    const char *given = kedge_argument(arguments, option);
    for (int i = 0; i < 2; i++) {
        if (given == NULL || strcmp(given, words[i]) == 0) {
            *choice = given == NULL ? 0 : i;
            return KEDGE_EXIT_DONE;
        }
    }
    return kedge_complain(KEDGE_EXIT_USAGE, "create: --%s is %s, not %s", options[option].name,
                          options[option].value, given);
}

static enum kedge_exit take_target(struct order *order)
{
    return kedge_target_take(order->arguments, &target_options, &order->build.manifest);
}

static enum kedge_exit take_version_and_sequence(struct order *order)
{
    struct kedge_suit_manifest *manifest = &order->build.manifest;
    const char *version = kedge_argument(order->arguments, VERSION);
    const char *sequence = kedge_argument(order->arguments, SEQUENCE);
    uint64_t number;
    if (kedge_suit_version_parse(kedge_slice_text(version), &manifest->version) != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_USAGE,
                              "create: --version %s cannot be expressed in a SUIT manifest: it is "
                              "X.Y.Z, and X.Y.Z-rc, -beta or -alpha, with .N or without; no build "
                              "metadata, no other pre-release",
                              version);
    if (!kedge_number_parse(sequence, SEQUENCE_MAX, &number))
        return kedge_complain(KEDGE_EXIT_USAGE,
                              "create: --sequence is a whole number from 0 to %llu, not %s",
                              (unsigned long long)SEQUENCE_MAX, sequence);
    manifest->sequence = number;
    return KEDGE_EXIT_DONE;
}

/* A device that is sent the bare image runs no condition, so nobody would keep such a promise. */
static enum kedge_exit check_bare(const struct order *order)
{
    static const size_t judged_by_devices[] = {HARDWARE, MIN_VERSION, MAX_VERSION};
    if (order->build.manifest.delivery != KEDGE_DELIVER_PAYLOAD)
        return KEDGE_EXIT_DONE;
    for (size_t i = 0; i < sizeof judged_by_devices / sizeof judged_by_devices[0]; i++)
        if (kedge_argument_given(order->arguments, judged_by_devices[i]))
            return kedge_complain(KEDGE_EXIT_USAGE,
                                  "create: --%s is judged by the device, and with --deliver "
                                  "payload it is sent the bare image only",
                                  options[judged_by_devices[i]].name);
    return KEDGE_EXIT_DONE;
}

static enum kedge_exit take_choices(struct order *order)
{
    static const char *const compressions[] = {"zlib", "none"};
    static const char *const deliveries[] = {"envelope", "payload"};
    int compression = 0, delivery = 0;
    enum kedge_exit status = choose(order->arguments, COMPRESS, compressions, &compression);
    if (status == KEDGE_EXIT_DONE)
        status = choose(order->arguments, DELIVER, deliveries, &delivery);
    order->build.compress = compression == 0;
    order->build.manifest.delivery = delivery == 0 ? KEDGE_DELIVER_ENVELOPE : KEDGE_DELIVER_PAYLOAD;
    return status == KEDGE_EXIT_DONE ? check_bare(order) : status;
}

static struct kedge_slice optional_text(const struct kedge_arguments *arguments, size_t option)
{
    const char *text = kedge_argument(arguments, option);
    return kedge_slice_text(text != NULL ? text : "");
}

static enum kedge_exit take_text(struct order *order)
{
    const char *description = kedge_argument(order->arguments, TEXT);
    struct kedge_writer out = kedge_writer(order->text, sizeof order->text);
    if (description == NULL)
        description = "";
    if (strlen(description) > DESCRIPTION_SIZE_MAX ||
        !kedge_utf8_valid(kedge_slice_text(description)))
        return kedge_complain(KEDGE_EXIT_USAGE, "create: --text is UTF-8 of at most %u bytes",
                              DESCRIPTION_SIZE_MAX);
    enum kedge_rc rc = kedge_suit_text_write(
        kedge_slice_text(description), optional_text(order->arguments, VENDOR),
        optional_text(order->arguments, CLASS),
        kedge_slice_text(kedge_argument(order->arguments, VERSION)), &out);
    if (rc == KEDGE_OK)
        rc = kedge_suit_bstr_digest(kedge_writer_slice(&out), order->build.manifest.text_digest);
    if (rc != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_USAGE, "create: the text for people: %s",
                              kedge_rc_text(rc));
    order->build.manifest.has_text = true;
    order->build.text = kedge_writer_slice(&out);
    return KEDGE_EXIT_DONE;
}

/* ---- attachments ---- */

static enum kedge_exit sort_attachment(struct order *order, const char *given)
{
    const char *equals = strchr(given, '=');
    size_t size = equals != NULL ? (size_t)(equals - given) : 0;
    for (size_t i = 0; i < KEDGE_ATTACHMENT_KINDS; i++) {
        const char *word = kedge_attachment_word((enum kedge_attachment_kind)i);
        if (size != strlen(word) || memcmp(given, word, size) != 0)
            continue;
        if (order->attachment_paths[i] != NULL)
            return kedge_complain(KEDGE_EXIT_USAGE, "create: --attach %s= is given twice", word);
        order->attachment_paths[i] = equals + 1;
        return KEDGE_EXIT_DONE;
    }
    return kedge_complain(KEDGE_EXIT_USAGE,
                          "create: --attach is sbom=FILE, prov=FILE or notes=FILE, not %s", given);
}

static enum kedge_exit attach(struct order *order, enum kedge_attachment_kind kind,
                              const char *path)
{
    struct kedge_suit_manifest *manifest = &order->build.manifest;
    char format[KEDGE_ATTACHMENT_FORMAT_MAX];
    struct kedge_slice bytes;
    enum kedge_rc rc = kedge_file_read(path, ATTACHMENT_SIZE_MAX, &bytes);
    if (rc == KEDGE_E_LIMIT)
        return kedge_complain(KEDGE_EXIT_USAGE, "%s: an attachment has at most %u bytes", path,
                              ATTACHMENT_SIZE_MAX);
    if (rc != KEDGE_OK)
        return kedge_complain_system("read", path);
    struct kedge_suit_attachment *attachment = &manifest->attachments[manifest->attachment_count];
    attachment->name = kedge_slice_text(kedge_attachment_key(kind));
    attachment->size = bytes.size;
    kedge_sha256(bytes, attachment->digest);
    order->build.attachments[manifest->attachment_count++] = bytes;
    if (kedge_attachment_recognise(kind, bytes, format) != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_USAGE, "--attach %s=%s: %s", kedge_attachment_word(kind),
                              path, format);
    return KEDGE_EXIT_DONE;
}

static enum kedge_exit take_attachments(struct order *order)
{
    enum kedge_exit status = KEDGE_EXIT_DONE;
    for (size_t i = 0; i < order->arguments->counts[ATTACH] && status == KEDGE_EXIT_DONE; i++)
        status = sort_attachment(order, order->arguments->values[ATTACH][i]);
    for (size_t i = 0; i < KEDGE_ATTACHMENT_KINDS && status == KEDGE_EXIT_DONE; i++)
        if (order->attachment_paths[i] != NULL)
            status = attach(order, (enum kedge_attachment_kind)i, order->attachment_paths[i]);
    return status;
}

/* ---- keys ---- */

static enum kedge_exit take_keys(struct order *order)
{
    if (kedge_argument_given(order->arguments, UNSIGNED) ==
        kedge_argument_given(order->arguments, KEY))
        return kedge_complain(KEDGE_EXIT_USAGE,
                              "create: needs --key KEY.pem, or --unsigned when the keys are "
                              "elsewhere; see kedge-sign create --help");
    enum kedge_exit status = kedge_signing_keys_open(order->arguments, &key_options, &order->keys);
    order->build.signers = order->keys.signers;
    order->build.signer_count = order->keys.count;
    return status;
}

/* ---- building ---- */

static enum kedge_exit check_output(struct order *order)
{
    static const size_t inputs[] = {PAYLOAD, KEY, PASSWORD_FILE, PIN_SOURCE, LEDGER, PREVIOUS};
    const char *output = kedge_argument(order->arguments, OUTPUT);
    enum kedge_exit status = kedge_guard_output_options("create", output, order->arguments, inputs,
                                                        sizeof inputs / sizeof inputs[0]);
    for (size_t i = 0; i < KEDGE_ATTACHMENT_KINDS && status == KEDGE_EXIT_DONE; i++)
        status = kedge_guard_output("create", output, order->attachment_paths[i]);
    return status == KEDGE_EXIT_DONE ? kedge_record_guard(output, order->arguments, &key_options)
                                     : status;
}

static enum kedge_exit complain_image(const char *path, enum kedge_rc rc)
{
    if (rc == KEDGE_E_MISSING)
        return kedge_complain(KEDGE_EXIT_USAGE, "%s: the image is empty", path);
    if (rc == KEDGE_E_LIMIT)
        return kedge_complain(KEDGE_EXIT_USAGE, "%s: an image has at most 4 GiB", path);
    if (rc == KEDGE_E_CONFLICT)
        return kedge_complain(KEDGE_EXIT_SYSTEM, "%s was changed while it was read: run it again",
                              path);
    return kedge_complain_system("read", path);
}

static enum kedge_exit complain_build(const struct kedge_arguments *arguments, enum kedge_rc rc)
{
    if (rc == KEDGE_E_CONFLICT)
        return complain_image(kedge_argument(arguments, PAYLOAD), rc);
    if (rc == KEDGE_E_KEY)
        return kedge_complain(KEDGE_EXIT_KEY, "signing failed: %s", kedge_rc_text(rc));
    if (rc == KEDGE_E_SYSTEM)
        return kedge_complain(KEDGE_EXIT_SYSTEM, "cannot read %s or write %s: %s",
                              kedge_argument(arguments, PAYLOAD), kedge_argument(arguments, OUTPUT),
                              strerror(errno));
    return kedge_complain(KEDGE_EXIT_SYSTEM, "%s: %s", kedge_argument(arguments, OUTPUT),
                          kedge_rc_text(rc));
}

static enum kedge_rc write_output(struct order *order, const struct kedge_image *image,
                                  struct kedge_output *output, struct kedge_built *built)
{
    KEDGE_TRY(kedge_output_open(output, kedge_argument(order->arguments, OUTPUT), 0666));
    return kedge_build_write(&order->build, image, output, built);
}

static enum kedge_exit record(struct order *order, const struct kedge_built *built)
{
    const struct kedge_signed_package package = {.manifest_digest = built->manifest_digest,
                                                 .version =
                                                     kedge_argument(order->arguments, VERSION),
                                                 .sequence = order->build.manifest.sequence};
    return kedge_record_signatures(&order->keys, kedge_argument(order->arguments, LEDGER),
                                   &package);
}

static enum kedge_exit write_package(struct order *order, struct kedge_built *built)
{
    const struct kedge_arguments *arguments = order->arguments;
    const char *image_path = kedge_argument(arguments, PAYLOAD);
    struct kedge_image image;
    struct kedge_output output = {.file = -1};
    enum kedge_rc rc = kedge_image_open(&image, image_path);
    if (rc != KEDGE_OK)
        return complain_image(image_path, rc);
    order->build.manifest.image_size = image.size;
    enum kedge_exit status = kedge_previous_check(
        arguments, &previous_options, &order->build.manifest, kedge_argument(arguments, OUTPUT));
    if (status == KEDGE_EXIT_DONE)
        rc = write_output(order, &image, &output, built);
    enum kedge_rc closed = kedge_image_close(&image);
    if (rc == KEDGE_OK)
        rc = closed;
    if (rc == KEDGE_OK && status == KEDGE_EXIT_DONE)
        status = record(order, built);
    if (rc == KEDGE_OK && status == KEDGE_EXIT_DONE)
        rc = kedge_output_keep(&output, true);
    kedge_output_drop(&output);
    return rc == KEDGE_OK ? status : complain_build(arguments, rc);
}

/* ---- saying what was made ---- */

static void report_json(const struct order *order, const struct kedge_built *built)
{
    const struct kedge_suit_manifest *manifest = &order->build.manifest;
    json_t *keys = json_array();
    for (size_t i = 0; i < order->keys.count; i++)
        json_array_append_new(keys, kedge_json_hex(order->keys.signers[i].public_key.key_id, 32));
    json_t *root = json_pack("{s:s, s:o, s:s, s:I, s:o, s:I, s:I, s:I, s:o}", "output",
                             kedge_argument(order->arguments, OUTPUT), "manifest_digest",
                             kedge_json_hex(built->manifest_digest, KEDGE_SHA256_SIZE), "version",
                             kedge_argument(order->arguments, VERSION), "sequence",
                             (json_int_t)manifest->sequence, "image_digest",
                             kedge_json_hex(manifest->image_digest, KEDGE_SHA256_SIZE),
                             "image_size", (json_int_t)manifest->image_size, "encoded_size",
                             (json_int_t)manifest->payload.encoded_size, "package_size",
                             (json_int_t)built->package_size, "signed_by", keys);
    kedge_json_print(root);
}

static const char *one_argument(const struct kedge_arguments *arguments, size_t first,
                                size_t second)
{
    return kedge_argument(arguments, kedge_argument_given(arguments, first) ? first : second);
}

static void report(const struct order *order, const struct kedge_built *built)
{
    const struct kedge_suit_manifest *manifest = &order->build.manifest;
    const struct kedge_arguments *arguments = order->arguments;
    char digest[2 * KEDGE_SHA256_SIZE + 1];
    kedge_hex_encode(kedge_slice(built->manifest_digest, KEDGE_SHA256_SIZE), digest);
    printf("%s: %s %s, version %s, sequence %llu\n", kedge_argument(arguments, OUTPUT),
           one_argument(arguments, VENDOR, VENDOR_UUID), one_argument(arguments, CLASS, CLASS_UUID),
           kedge_argument(arguments, VERSION), (unsigned long long)manifest->sequence);
    printf("  manifest     %s\n", digest);
    printf("  image        %llu %s\n", (unsigned long long)manifest->image_size,
           kedge_by_count(manifest->image_size, "byte", "bytes"));
    printf("  package      %llu bytes, of which the payload %llu\n",
           (unsigned long long)built->package_size,
           (unsigned long long)manifest->payload.encoded_size);
    for (size_t i = 0; i < order->keys.count; i++)
        kedge_print_key("signed by", &order->keys.signers[i].public_key,
                        order->keys.signers[i].name);
    if (order->keys.count == 0)
        puts("  not signed: no device takes it before it is");
}

static enum kedge_exit fill(struct order *order)
{
    static enum kedge_exit (*const steps[])(struct order *) = {
        take_target, take_version_and_sequence, take_choices,
        take_text,   take_attachments,          check_output,
        take_keys};
    enum kedge_exit status = KEDGE_EXIT_DONE;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && status == KEDGE_EXIT_DONE; i++)
        status = steps[i](order);
    return status;
}

static enum kedge_exit run(const struct kedge_arguments *arguments)
{
    struct order *order = calloc(1, sizeof *order);
    if (order == NULL)
        return kedge_complain_system("create", "a package");
    struct kedge_built built = {0};
    order->arguments = arguments;
    enum kedge_exit status = fill(order);
    if (status == KEDGE_EXIT_DONE)
        status = write_package(order, &built);
    if (status == KEDGE_EXIT_DONE && kedge_argument_given(arguments, JSON))
        report_json(order, &built);
    else if (status == KEDGE_EXIT_DONE)
        report(order, &built);
    release(order);
    return status;
}

const struct kedge_command kedge_command_create = {
    .name = "create",
    .summary = "Turns an image into a signed package.",
    .options = options,
    .more = "The same image, options and keys give the same bytes.\n",
    .example = "kedge-sign create --payload firmware.bin --vendor example.com --class board-a \\\n"
               "    --version 1.4.0 --sequence 12 --attach sbom=sbom.json --key release.pem \\\n"
               "    --password-file password --output board-a-1.4.0.suit\n",
    .run = run,
};
