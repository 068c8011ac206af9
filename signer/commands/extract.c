/* extract.c: the image out of a package, checked frame by frame as a device does. */
#define _GNU_SOURCE
#include <stdio.h>

#include "signer/commands/commands.h"
#include "signer/commands/guard.h"
#include "signer/commands/package_input.h"

enum { OUTPUT };

static const struct kedge_option options[] = {
    [OUTPUT] = {"output", "IMAGE", KEDGE_REQUIRED, "the image; a file of this name is replaced"},
    {0},
};

static enum kedge_exit extract(struct kedge_package_input *input, const char *path)
{
    struct kedge_output image;
    if (kedge_output_open(&image, path, 0666) != KEDGE_OK)
        return kedge_complain_system("write", path);
    kedge_package_check(input, NULL, NULL, &image);
    enum kedge_rc rc = input->rc;
    if (rc == KEDGE_OK)
        rc = kedge_output_keep(&image, true);
    kedge_output_drop(&image);
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
    struct kedge_package_input input;
    enum kedge_exit status = kedge_guard_output("extract", path, arguments->file);
    if (status != KEDGE_EXIT_DONE)
        return status;
    status = kedge_package_open(arguments->file, &input);
    if (status != KEDGE_EXIT_DONE)
        return status;
    status = extract(&input, path);
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
    .run = run,
};
