/* inspect_json.c: inspect for machines. */
#include <jansson.h>

#include "signer/commands/inspect.h"
#include "signer/commands/words.h"
#include "signer/package/steps.h"

static json_t *signatures(const struct kedge_suit_envelope *envelope)
{
    json_t *array = json_array();
    for (size_t i = 0; i < envelope->signature_count; i++) {
        struct kedge_cose_sign1 sign1;
        if (kedge_cose_sign1_read(envelope->signatures[i], &sign1) != KEDGE_OK)
            continue;
        json_array_append_new(
            array,
            json_pack("{s:I, s:o, s:b}", "algorithm", (json_int_t)sign1.algorithm, "key_id",
                      sign1.key_id.size > 0 ? kedge_json_hex(sign1.key_id.data, sign1.key_id.size)
                                            : json_null(),
                      "checked", 0));
    }
    return array;
}

static json_t *named_uuid(const uint8_t uuid[16], struct kedge_slice name)
{
    char digits[37];
    kedge_uuid_text(uuid, digits);
    return json_pack("{s:s, s:o}", "uuid", digits, "name", kedge_json_slice(name));
}

static json_t *bound(const struct kedge_suit_version *version)
{
    char text[KEDGE_SUIT_VERSION_TEXT_MAX];
    return kedge_suit_version_text(version, text) == KEDGE_OK ? json_string(text) : json_null();
}

static json_t *hardware(const struct kedge_suit_manifest *manifest)
{
    json_t *array = json_array();
    for (size_t i = 0; i < manifest->hardware_count; i++)
        json_array_append_new(array, kedge_json_slice(manifest->hardware[i]));
    return array;
}

static json_t *attachments(const struct kedge_package *package)
{
    const struct kedge_suit_manifest *manifest = &package->manifest;
    json_t *array = json_array();
    for (size_t i = 0; i < manifest->attachment_count; i++) {
        const struct kedge_suit_attachment *attachment = &manifest->attachments[i];
        char format[KEDGE_ATTACHMENT_FORMAT_MAX];
        kedge_inspect_format(package, i, format);
        json_array_append_new(
            array, json_pack("{s:o, s:o, s:I, s:o}", "name", kedge_json_slice(attachment->name),
                             "format", kedge_json_slice(kedge_slice_text(format)), "size",
                             (json_int_t)attachment->size, "digest",
                             kedge_json_hex(attachment->digest, KEDGE_SHA256_SIZE)));
    }
    return array;
}

static void add_manifest(json_t *root, const struct kedge_package *package,
                         const struct kedge_suit_text *names)
{
    const struct kedge_suit_manifest *manifest = &package->manifest;
    bool zlib = manifest->payload.encoding == KEDGE_FRAME_ZLIB;
    bool bare = manifest->delivery == KEDGE_DELIVER_PAYLOAD;
    json_t *image = json_pack("{s:I, s:o}", "size", (json_int_t)manifest->image_size, "digest",
                              kedge_json_hex(manifest->image_digest, KEDGE_SHA256_SIZE));
    json_t *payload =
        json_pack("{s:s, s:I, s:I, s:o}", "encoding", zlib ? "zlib" : "none", "size",
                  (json_int_t)manifest->payload.encoded_size, "frames",
                  (json_int_t)kedge_inspect_frame_count(manifest), "first_frame_digest",
                  kedge_json_hex(manifest->payload.first_frame_digest, KEDGE_SHA256_SIZE));
    json_object_set_new(root, "version", json_string(package->version));
    json_object_set_new(root, "sequence", json_integer((json_int_t)manifest->sequence));
    json_object_set_new(root, "vendor", named_uuid(manifest->vendor, names->vendor_domain));
    json_object_set_new(root, "class", named_uuid(manifest->class_id, names->class_name));
    json_object_set_new(root, "min_version", bound(&manifest->min_version));
    json_object_set_new(root, "max_version", bound(&manifest->max_version));
    json_object_set_new(root, "hardware", hardware(manifest));
    json_object_set_new(root, "description", kedge_json_slice(names->description));
    json_object_set_new(root, "image", image);
    json_object_set_new(root, "payload", payload);
    json_object_set_new(root, "delivery", json_string(bare ? "payload" : "envelope"));
    json_object_set_new(root, "attachments", attachments(package));
    json_object_set_new(root, "device_size",
                        json_integer((json_int_t)kedge_inspect_device_size(package)));
    json_object_set_new(
        root, "fits_coap",
        json_boolean(kedge_inspect_device_size(package) <= KEDGE_COAP_TRANSFER_MAX));
}

static void add_step(void *context, const struct kedge_described_step *step)
{
    json_t *parameters = json_object();
    for (size_t i = 0; i < step->parameter_count; i++)
        json_object_set_new(parameters, step->parameters[i].name,
                            json_string(step->parameters[i].value));
    json_array_append_new(context,
                          json_pack("{s:s, s:I, s:s, s:s, s:o}", "sequence", step->sequence,
                                    "command", (json_int_t)step->command, "name", step->name,
                                    "does", step->text, "parameters", parameters));
}

static json_t *steps(const struct kedge_package_input *input, const struct kedge_suit_text *names)
{
    json_t *array = json_array();
    const struct kedge_step_sink sink = {.context = array, .take = add_step};
    /* Steps that cannot be read end the list; `reason` says why the package is refused. */
    enum kedge_rc told = kedge_steps_describe(&input->package.envelope, names, &sink);
    (void)told;
    return array;
}

json_t *kedge_inspect_tell(const struct kedge_package_input *input)
{
    struct kedge_suit_text names = {0};
    char words[KEDGE_PACKAGE_WORDS_MAX];
    bool whole = input->rc == KEDGE_OK;
    kedge_package_words(&input->package, input->part, input->rc, words);
    json_t *root = json_pack("{s:s, s:b, s:o, s:I}", "file", input->path, "whole", (int)whole,
                             "reason", whole ? json_null() : json_string(words), "package_size",
                             (json_int_t)input->bytes.size);
    if (kedge_inspect_knows_manifest(input)) {
        kedge_package_names(&input->package, &names);
        add_manifest(root, &input->package, &names);
    }
    if (whole || input->part >= KEDGE_PART_MANIFEST) {
        const struct kedge_suit_envelope *envelope = &input->package.envelope;
        json_object_set_new(root, "manifest_digest",
                            kedge_json_hex(envelope->manifest_digest, KEDGE_SHA256_SIZE));
        json_object_set_new(root, "signatures", signatures(envelope));
        json_object_set_new(root, "steps", steps(input, &names));
    }
    return root;
}

enum kedge_exit kedge_inspect_json(const struct kedge_package_input *input)
{
    kedge_json_print(kedge_inspect_tell(input));
    return input->rc == KEDGE_OK ? KEDGE_EXIT_DONE : kedge_package_complain(input);
}
