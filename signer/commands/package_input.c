/* package_input.c: see package_input.h. */
#include "signer/commands/package_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signer/cli/progress.h"
#include "signer/files/input.h"

enum kedge_exit kedge_package_open(const char *path, struct kedge_package_input *input)
{
    memset(input, 0, sizeof *input);
    input->path = path;
    if (kedge_file_map(path, &input->bytes) != KEDGE_OK)
        return kedge_complain_system("read", path);
    input->size = input->bytes.size;
    return KEDGE_EXIT_DONE;
}

void kedge_package_close(struct kedge_package_input *input)
{
    kedge_file_unmap(input->bytes);
    free(input->pass);
}

static enum kedge_rc take_image(void *context, uint64_t offset, struct kedge_slice bytes)
{
    (void)offset;
    kedge_progress_add(context, bytes.size);
    return KEDGE_OK;
}

static enum kedge_rc expand(const struct kedge_package *package)
{
    struct kedge_payload_reader *reader = malloc(sizeof *reader);
    if (reader == NULL)
        return KEDGE_E_MEMORY;
    struct kedge_progress progress;
    const struct kedge_payload_sink sink = {.context = &progress, .write = take_image};
    kedge_progress_begin(&progress, "checking", package->manifest.image_size);
    enum kedge_rc rc = kedge_package_expand(package, reader, &sink);
    kedge_progress_end(&progress);
    free(reader);
    return rc;
}

void kedge_package_check(struct kedge_package_input *input)
{
    input->rc = kedge_package_read(input->bytes, NULL, NULL, &input->package, &input->part);
    if (input->rc == KEDGE_OK)
        input->rc = expand(&input->package);
}

enum kedge_exit kedge_package_complain(const struct kedge_package_input *input)
{
    char words[KEDGE_PACKAGE_WORDS_MAX];
    if (input->rc == KEDGE_E_MEMORY)
        return kedge_complain(KEDGE_EXIT_SYSTEM, "%s: %s", input->path, kedge_rc_text(input->rc));
    if (input->size == 0)
        return kedge_complain(KEDGE_EXIT_INVALID, "%s: the file is empty", input->path);
    kedge_package_words(&input->package, input->part, input->rc, words);
    return kedge_complain(KEDGE_EXIT_INVALID, "%s: %s", input->path, words);
}
