/* extract.c: the image out of a package, checked frame by frame as a device does. */
#define _GNU_SOURCE
#include <stdio.h>

#include "signer/commands/commands.h"
#include "signer/commands/guard.h"
#include "signer/commands/package_pass.h"
#include "signer/commands/words.h"

enum { OUTPUT, JSON };

static const struct kedge_option options[] = {
    [OUTPUT] = {"output", "IMAGE", KEDGE_REQUIRED, "the image; a file of this name is replaced"},
    [JSON] = {"json", NULL, KEDGE_OPTIONAL, "say what was written as JSON"},
    {0},
};

static enum kedge_exit extract(const char *package, const char *path,
                               struct kedge_package_input *input)
{
    struct kedge_output image;
    if (kedge_output_open(&image, path, 0666) != KEDGE_OK)
        return kedge_complain_system("write", path);
    enum kedge_exit status = kedge_package_pass(package, NULL, NULL, &image, input);
    enum kedge_rc rc = input->rc;
    if (rc == KEDGE_OK && status == KEDGE_EXIT_DONE)
        rc = kedge_output_keep(&image, true);
    kedge_output_drop(&image);
    if (status != KEDGE_EXIT_DONE)
        return status;
    if (rc == KEDGE_E_SYSTEM)
        return kedge_complain_system("write", path);
    return rc == KEDGE_OK ? KEDGE_EXIT_DONE : kedge_package_complain(input);
}

static void report(const struct kedge_package_input *input, const char *path, bool json)
{
    const struct kedge_package *package = &input->package;
    if (json)
        kedge_json_print(json_pack(
            "{s:s, s:o, s:s, s:I, s:o, s:I}", "output", path, "manifest_digest",
            kedge_json_hex(package->envelope.manifest_digest, KEDGE_SHA256_SIZE), "version",
            package->version, "sequence", (json_int_t)package->manifest.sequence, "image_digest",
            kedge_json_hex(package->manifest.image_digest, KEDGE_SHA256_SIZE), "image_size",
            (json_int_t)package->manifest.image_size));
    else
        printf("%s: %llu %s, version %s\n", path,
               (unsigned long long)package->manifest.image_size,
               kedge_by_count(package->manifest.image_size, "byte", "bytes"), package->version);
}

static enum kedge_exit run(const struct kedge_arguments *arguments)
{
    const char *path = kedge_argument(arguments, OUTPUT);
    struct kedge_package_input input = {0};
    enum kedge_exit status = kedge_guard_output("extract", path, arguments->file);
    if (status != KEDGE_EXIT_DONE)
        return status;
    status = extract(arguments->file, path, &input);
    if (status == KEDGE_EXIT_DONE)
        report(&input, path, kedge_argument_given(arguments, JSON));
    kedge_package_close(&input);
    return status;
}

const struct kedge_command kedge_command_extract = {
    .name = "extract",
    .summary = "Writes the image of a package to a file.",
    .file = "FILE.suit",
    .options = options,
    .more = "Every frame and the image's digest are checked before the image gets its name. Who\n"
            "signed the package is not asked here: kedge-sign verify does.\n",
    .example = "kedge-sign extract board-a-1.4.0.suit --output firmware-1.4.0.bin\n",
    .run = run,
};
