/* guard.c: see guard.h. */
#include "signer/commands/guard.h"

#include <string.h>

#include "signer/files/input.h"

#define FILE_PREFIX "file:" /* of a --pin-source */

enum kedge_exit kedge_guard_output(const char *command, const char *output, const char *input)
{
    struct kedge_file_identity written, read;
    if (input == NULL)
        return KEDGE_EXIT_DONE;
    if (strncmp(input, FILE_PREFIX, strlen(FILE_PREFIX)) == 0)
        input += strlen(FILE_PREFIX);
    if (kedge_file_identify(output, &written) != KEDGE_OK ||
        kedge_file_identify(input, &read) != KEDGE_OK || written.device != read.device ||
        written.inode != read.inode)
        return KEDGE_EXIT_DONE;
    return kedge_complain(KEDGE_EXIT_USAGE,
                          "%s: --output %s is %s, which is read: choose another name", command,
                          output, input);
}

enum kedge_exit kedge_guard_output_options(const char *command, const char *output,
                                           const struct kedge_arguments *arguments,
                                           const size_t *inputs, size_t count)
{
    enum kedge_exit status = KEDGE_EXIT_DONE;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < arguments->counts[inputs[i]] && status == KEDGE_EXIT_DONE; k++)
            status = kedge_guard_output(command, output, arguments->values[inputs[i]][k]);
    return status;
}
