/* inspect.c: what is in a package, and what a device will do with it. For people here; the same for
 * machines is in inspect_json.c. */
#define _GNU_SOURCE
#include "signer/commands/inspect.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "signer/commands/commands.h"
#include "signer/commands/words.h"
#include "signer/package/diagnostic.h"
#include "signer/package/steps.h"

enum { JSON, DIAG };

static const struct kedge_option options[] = {
    [JSON] = {"json", NULL, KEDGE_OPTIONAL, "print it as JSON"},
    [DIAG] = {"diag", NULL, KEDGE_OPTIONAL, "print its bytes in CBOR diagnostic notation"},
    {0},
};

/* ---- facts that both forms tell ---- */

bool kedge_inspect_knows_manifest(const struct kedge_package_input *input)
{
    return input->rc == KEDGE_OK || input->part > KEDGE_PART_VERSION;
}

uint64_t kedge_inspect_device_size(const struct kedge_package *package)
{
    uint8_t bytes[KEDGE_SUIT_HEAD_MAX];
    struct kedge_writer head = kedge_writer(bytes, sizeof bytes);
    if (package->manifest.delivery == KEDGE_DELIVER_PAYLOAD)
        return package->manifest.image_size;
    if (kedge_package_device_head_write(package, &head) != KEDGE_OK)
        return 0;
    return head.size + package->payload.size;
}

uint64_t kedge_inspect_frame_count(const struct kedge_suit_manifest *manifest)
{
    return (manifest->image_size + KEDGE_FRAME_IMAGE_SIZE - 1) / KEDGE_FRAME_IMAGE_SIZE;
}

void kedge_inspect_format(const struct kedge_package *package, size_t attachment,
                          char format[KEDGE_ATTACHMENT_FORMAT_MAX])
{
    struct kedge_slice name = package->manifest.attachments[attachment].name;
    for (size_t i = 0; i < KEDGE_ATTACHMENT_KINDS; i++) {
        enum kedge_attachment_kind kind = (enum kedge_attachment_kind)i;
        if (kedge_slice_equal(name, kedge_slice_text(kedge_attachment_key(kind))) &&
            kedge_attachment_recognise(kind, package->attachments[attachment], format) == KEDGE_OK)
            return;
    }
    format[0] = '\0';
}

/* ---- for people ---- */

static void print_hex(const char *what, const uint8_t *bytes, size_t size)
{
    char digits[2 * KEDGE_SHA256_SIZE + 1];
    kedge_hex_encode(kedge_slice(bytes, size), digits);
    printf("  %-12s %s\n", what, digits);
}

static void print_signatures(const struct kedge_suit_envelope *envelope)
{
    for (size_t i = 0; i < envelope->signature_count; i++) {
        struct kedge_cose_sign1 sign1;
        char key_id[2 * KEDGE_KEY_ID_SIZE + 1] = "(names no key)";
        if (kedge_cose_sign1_read(envelope->signatures[i], &sign1) != KEDGE_OK) {
            puts("  signature    of another kind than COSE_Sign1");
            continue;
        }
        if (sign1.key_id.size > 0 && sign1.key_id.size <= KEDGE_KEY_ID_SIZE)
            kedge_hex_encode(sign1.key_id, key_id);
        printf("  signature    algorithm %" PRId64 ", key %s\n", sign1.algorithm, key_id);
    }
    puts(
        "               who signed is not known here: kedge-sign verify --trust PUB.pem checks it");
}

static void print_named_uuid(const char *what, const uint8_t uuid[16], struct kedge_slice name)
{
    char digits[37], printable[256];
    kedge_uuid_text(uuid, digits);
    kedge_printable(name, printable, sizeof printable);
    if (name.size > 0)
        printf("  %-12s %s (%s)\n", what, printable, digits);
    else
        printf("  %-12s %s (its name is not given)\n", what, digits);
}

static void print_text(struct kedge_slice description)
{
    char printable[1024];
    kedge_printable(description, printable, sizeof printable);
    if (description.size > 0)
        printf("  text         %s\n", printable);
}

/* A bound that is not there is "any". */
static void bound_text(const struct kedge_suit_version *bound,
                       char text[KEDGE_SUIT_VERSION_TEXT_MAX])
{
    if (kedge_suit_version_text(bound, text) != KEDGE_OK)
        snprintf(text, KEDGE_SUIT_VERSION_TEXT_MAX, "any");
}

static void print_window(const struct kedge_suit_manifest *manifest)
{
    char min[KEDGE_SUIT_VERSION_TEXT_MAX], max[KEDGE_SUIT_VERSION_TEXT_MAX];
    if (manifest->min_version.count == 0 && manifest->max_version.count == 0)
        return;
    bound_text(&manifest->min_version, min);
    bound_text(&manifest->max_version, max);
    printf("  replaces     versions from %s to %s\n", min, max);
}

static void print_hardware(const struct kedge_suit_manifest *manifest)
{
    for (size_t i = 0; i < manifest->hardware_count; i++) {
        char printable[KEDGE_SUIT_HARDWARE_TEXT_MAX + 1];
        kedge_printable(manifest->hardware[i], printable, sizeof printable);
        printf("  hardware     %s\n", printable);
    }
}

static void print_attachments(const struct kedge_package *package)
{
    const struct kedge_suit_manifest *manifest = &package->manifest;
    for (size_t i = 0; i < manifest->attachment_count; i++) {
        const struct kedge_suit_attachment *attachment = &manifest->attachments[i];
        char digest[2 * KEDGE_SHA256_SIZE + 1], name[32], format[KEDGE_ATTACHMENT_FORMAT_MAX];
        kedge_inspect_format(package, i, format);
        kedge_hex_encode(kedge_slice(attachment->digest, KEDGE_SHA256_SIZE), digest);
        kedge_printable(attachment->name, name, sizeof name);
        printf("  attachment   %s, %s%s%" PRIu64 " %s, SHA-256 %s\n", name, format,
               format[0] != '\0' ? ", " : "", attachment->size,
               kedge_by_count(attachment->size, "byte", "bytes"), digest);
    }
}

static void print_manifest(const struct kedge_package_input *input,
                           const struct kedge_suit_text *names)
{
    const struct kedge_package *package = &input->package;
    const struct kedge_suit_manifest *manifest = &package->manifest;
    print_named_uuid("vendor", manifest->vendor, names->vendor_domain);
    print_named_uuid("class", manifest->class_id, names->class_name);
    printf("  version      %s\n", package->version);
    printf("  sequence     %" PRIu64 "\n", manifest->sequence);
    print_window(manifest);
    print_hardware(manifest);
    print_text(names->description);
    printf("  image        %" PRIu64 " %s\n", manifest->image_size,
           kedge_by_count(manifest->image_size, "byte", "bytes"));
    print_hex("  SHA-256", manifest->image_digest, KEDGE_SHA256_SIZE);
    printf("  payload      %" PRIu64 " %s, %" PRIu64 " bytes (%" PRIu64 " %% of the image), %s\n",
           kedge_inspect_frame_count(manifest),
           kedge_by_count(kedge_inspect_frame_count(manifest), "frame", "frames"),
           manifest->payload.encoded_size,
           manifest->payload.encoded_size * 100 / manifest->image_size,
           manifest->payload.encoding == KEDGE_FRAME_ZLIB ? "zlib" : "stored");
    print_attachments(package);
    printf("  package      %zu bytes; a device is sent %" PRIu64 ", %s\n", input->bytes.size,
           kedge_inspect_device_size(package),
           manifest->delivery == KEDGE_DELIVER_PAYLOAD ? "the bare image"
                                                       : "without text and attachments");
    if (kedge_inspect_device_size(package) > KEDGE_COAP_TRANSFER_MAX)
        puts("               more than CoAP's block numbers reach (1 GiB): devices get it by HTTP");
}

/* Steps under the name of their sequence. */
struct printing {
    const char *sequence;
    unsigned number; /* of the step, through all sequences */
};

static void print_step(void *context, const struct kedge_described_step *step)
{
    struct printing *printing = context;
    if (printing->sequence != step->sequence)
        printf("  %s\n", step->sequence);
    printing->sequence = step->sequence;
    printf("    %u. %s: %s\n", ++printing->number, step->name, step->text);
    for (size_t i = 0; i < step->parameter_count; i++)
        printf("         %s: %s\n", step->parameters[i].name, step->parameters[i].value);
}

/* What a device does that is in no sequence, because every device does it. */
static void print_before(const struct kedge_suit_manifest *manifest)
{
    bool bare = manifest->delivery == KEDGE_DELIVER_PAYLOAD;
    puts(bare ? "What the server does, before it sends devices the bare image"
              : "What a device does");
    printf("  first\n"
           "    refuses it (Update Result %d) unless a key that it trusts signed the manifest\n",
           kedge_rc_update_result(KEDGE_E_SIGNATURE));
    if (bare)
        return;
    printf("    refuses it (Update Result %d) when it has confirmed a sequence number above "
           "%" PRIu64 "\n",
           kedge_rc_update_result(KEDGE_E_SEQUENCE), manifest->sequence);
    printf("    refuses it (Update Result %d) when %" PRIu64 " %s not fit its spare slot\n",
           kedge_rc_update_result(KEDGE_E_SPACE), manifest->image_size,
           kedge_by_count(manifest->image_size, "byte does", "bytes do"));
}

static void print_after(const struct kedge_suit_manifest *manifest)
{
    if (manifest->delivery == KEDGE_DELIVER_ENVELOPE)
        printf("  last\n"
               "    when told to, starts the image on trial; confirms it when it is healthy, and "
               "goes back\n"
               "    otherwise (Update Result %d)\n",
               kedge_rc_update_result(KEDGE_E_TRIAL));
}

static enum kedge_exit print_package(const struct kedge_package_input *input)
{
    bool known = kedge_inspect_knows_manifest(input);
    struct kedge_suit_text names = {0};
    struct printing printing = {0};
    const struct kedge_step_sink sink = {.context = &printing, .take = print_step};
    if (!known && input->part < KEDGE_PART_MANIFEST)
        return kedge_package_complain(input);
    printf("%s\n", input->path);
    print_hex("manifest", input->package.envelope.manifest_digest, KEDGE_SHA256_SIZE);
    print_signatures(&input->package.envelope);
    if (known) {
        kedge_package_names(&input->package, &names);
        print_manifest(input, &names);
        print_before(&input->package.manifest);
    } else {
        puts("What its manifest asks a device to do");
    }
    enum kedge_rc told = kedge_steps_describe(&input->package.envelope, &names, &sink);
    if (known)
        print_after(&input->package.manifest);
    if (told != KEDGE_OK)
        kedge_note("%s: the rest of the manifest cannot be read: %s", input->path,
                   kedge_rc_text(told));
    return input->rc == KEDGE_OK ? KEDGE_EXIT_DONE : kedge_package_complain(input);
}

/* Any strict CBOR can be shown; whether it is a whole package is said all the same. */
static enum kedge_exit print_diagnostic(const struct kedge_package_input *input)
{
    if (input->bytes.size > 0) {
        enum kedge_rc rc = kedge_diagnostic_print(input->bytes, stdout);
        if (rc != KEDGE_OK)
            return kedge_complain(KEDGE_EXIT_INVALID, "%s: this is no CBOR as packages have it: %s",
                                  input->path, kedge_rc_text(rc));
    }
    return input->rc == KEDGE_OK ? KEDGE_EXIT_DONE : kedge_package_complain(input);
}

static enum kedge_exit run(const struct kedge_arguments *arguments)
{
    struct kedge_package_input input;
    bool json = kedge_argument_given(arguments, JSON);
    bool diagnostic = kedge_argument_given(arguments, DIAG);
    if (json && diagnostic)
        return kedge_complain(KEDGE_EXIT_USAGE, "inspect: --json or --diag, not both");
    enum kedge_exit status = kedge_package_open(arguments->file, &input);
    if (status != KEDGE_EXIT_DONE)
        return status;
    kedge_package_check(&input);
    if (diagnostic)
        status = print_diagnostic(&input);
    else
        status = json ? kedge_inspect_json(&input) : print_package(&input);
    kedge_package_close(&input);
    return status;
}

const struct kedge_command kedge_command_inspect = {
    .name = "inspect",
    .summary = "Shows what is in a package and, step by step, what a device will do with it.",
    .file = "FILE.suit",
    .options = options,
    .more = "Digests and frames are checked; who signed it is not asked here: kedge-sign verify\n"
            "does. Exit status 1 when the package is not whole.\n",
    .example = "kedge-sign inspect board-a-1.4.0.suit\n",
    .run = run,
};
