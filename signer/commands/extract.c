/* extract.c: the image out of a package, checked frame by frame as a device does. */
#define _GNU_SOURCE
#include <stdio.h>

#include "signer/commands/commands.h"
#include "signer/commands/guard.h"
#include "signer/commands/package_pass.h"

enum { OUTPUT };

static const struct kedge_option options[] = {
    [OUTPUT] = {"output", "IMAGE", KEDGE_REQUIRED, "the image; a file of this name is replaced"},
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
    if (rc != KEDGE_OK)
        return kedge_package_complain(input);
    printf("%s: %llu bytes, version %s\n", path,
           (unsigned long long)input->package.manifest.image_size, input->package.version);
    return KEDGE_EXIT_DONE;
}

static enum kedge_exit run(const struct kedge_arguments *arguments)
{
    const char *path = kedge_argument(arguments, OUTPUT);
    struct kedge_package_input input = {0};
    enum kedge_exit status = kedge_guard_output("extract", path, arguments->file);
    if (status != KEDGE_EXIT_DONE)
        return status;
    status = extract(arguments->file, path, &input);
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
