/* sever.c: the same package without its text for people. The manifest holds the text's digest, so
 * what was signed stays as it is. */
#define _GNU_SOURCE
#include <stdio.h>

#include "signer/commands/commands.h"
#include "signer/commands/package_input.h"
#include "signer/commands/words.h"
#include "signer/files/output.h"

enum { OUTPUT, JSON };

static const struct kedge_option options[] = {
    [OUTPUT] = {"output", "OUT.suit", KEDGE_REQUIRED,
                "the package; a file of this name is replaced, and it may be FILE.suit itself"},
    [JSON] = {"json", NULL, KEDGE_OPTIONAL, "say what was made as JSON"},
    {0},
};

/* One member less in the map; the others as they stand, which is in canonical order. */
static enum kedge_rc write_without_text(const struct kedge_package_input *input,
                                        struct kedge_output *output)
{
    const struct kedge_package *package = &input->package;
    struct kedge_cursor cursor = kedge_cursor(input->bytes);
    struct kedge_cbor_map members;
    uint64_t tag;
    uint8_t head_bytes[16];
    struct kedge_writer head = kedge_writer(head_bytes, sizeof head_bytes);
    KEDGE_TRY(kedge_cbor_tag(&cursor, &tag));
    KEDGE_TRY(kedge_cbor_map(&cursor, &members));
    KEDGE_TRY(kedge_cbor_write_tag(&head, tag));
    KEDGE_TRY(kedge_cbor_write_map(&head, members.left - 1));
    KEDGE_TRY(kedge_output_write(output, kedge_writer_slice(&head)));
    struct kedge_slice manifest = package->envelope.manifest;
    size_t before_text = (size_t)(manifest.data + manifest.size - input->bytes.data);
    size_t after_text = (size_t)(package->text.data + package->text.size - input->bytes.data);
    KEDGE_TRY(kedge_output_write(
        output, kedge_slice(input->bytes.data + cursor.offset, before_text - cursor.offset)));
    return kedge_output_write(
        output, kedge_slice(input->bytes.data + after_text, input->bytes.size - after_text));
}

static enum kedge_exit write_package(const struct kedge_package_input *input, const char *path)
{
    struct kedge_output output;
    bool text = input->package.text.size > 0;
    if (kedge_output_open(&output, path, 0666) != KEDGE_OK)
        return kedge_complain_system("write", path);
    enum kedge_rc rc =
        text ? write_without_text(input, &output) : kedge_output_write(&output, input->bytes);
    if (rc == KEDGE_OK)
        rc = kedge_output_keep(&output, true);
    kedge_output_drop(&output);
    return rc == KEDGE_OK ? KEDGE_EXIT_DONE : kedge_complain_system("write", path);
}

static void report(const struct kedge_package_input *input, const char *path, bool json)
{
    const struct kedge_package *package = &input->package;
    if (json)
        kedge_json_print(json_pack(
            "{s:s, s:o, s:s, s:I, s:I}", "output", path, "manifest_digest",
            kedge_json_hex(package->envelope.manifest_digest, KEDGE_SHA256_SIZE), "version",
            package->version, "sequence", (json_int_t)package->manifest.sequence,
            "removed_text_size", (json_int_t)package->text.size));
    else if (package->text.size > 0)
        printf("%s: without %zu bytes of text\n", path, package->text.size);
    else
        printf("%s: the same, for it has no text\n", path);
}

static enum kedge_exit sever(const struct kedge_package_input *input,
                             const struct kedge_arguments *arguments)
{
    const char *path = kedge_argument(arguments, OUTPUT);
    enum kedge_exit status = write_package(input, path);
    if (status == KEDGE_EXIT_DONE)
        report(input, path, kedge_argument_given(arguments, JSON));
    return status;
}

static enum kedge_exit run(const struct kedge_arguments *arguments)
{
    struct kedge_package_input input;
    enum kedge_exit status = kedge_package_open(arguments->file, &input);
    if (status != KEDGE_EXIT_DONE)
        return status;
    kedge_package_check(&input);
    status = input.rc == KEDGE_OK ? sever(&input, arguments) : kedge_package_complain(&input);
    kedge_package_close(&input);
    return status;
}

const struct kedge_command kedge_command_sever = {
    .name = "sever",
    .summary = "Removes the text for people from a package; its signatures stay good.",
    .file = "FILE.suit",
    .options = options,
    .more =
        "The manifest, and with it the package's identity, stays the same. Attached files stay\n"
        "too: the manifest asks for them.\n",
    .example = "kedge-sign sever board-a-1.4.0.suit --output board-a-1.4.0-bare.suit\n",
    .run = run,
};
