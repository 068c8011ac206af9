/* names.c: the registry's names of commands and parameters, for people. */
#include <kedge/suit.h>

struct name {
    int64_t id;
    const char *text;
};

static const struct name commands[] = {
    {KEDGE_SUIT_CONDITION_VENDOR, "condition-vendor-identifier"},
    {KEDGE_SUIT_CONDITION_CLASS, "condition-class-identifier"},
    {KEDGE_SUIT_CONDITION_IMAGE_MATCH, "condition-image-match"},
    {KEDGE_SUIT_CONDITION_COMPONENT_SLOT, "condition-component-slot"},
    {KEDGE_SUIT_CONDITION_CHECK_CONTENT, "condition-check-content"},
    {KEDGE_SUIT_DIRECTIVE_SET_COMPONENT_INDEX, "directive-set-component-index"},
    {KEDGE_SUIT_CONDITION_ABORT, "condition-abort"},
    {KEDGE_SUIT_DIRECTIVE_TRY_EACH, "directive-try-each"},
    {KEDGE_SUIT_DIRECTIVE_WRITE, "directive-write"},
    {KEDGE_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS, "directive-override-parameters"},
    {KEDGE_SUIT_DIRECTIVE_FETCH, "directive-fetch"},
    {KEDGE_SUIT_DIRECTIVE_COPY, "directive-copy"},
    {KEDGE_SUIT_DIRECTIVE_INVOKE, "directive-invoke"},
    {KEDGE_SUIT_CONDITION_DEVICE, "condition-device-identifier"},
    {KEDGE_SUIT_CONDITION_VERSION, "condition-version"},
    {KEDGE_SUIT_DIRECTIVE_SWAP, "directive-swap"},
    {KEDGE_SUIT_DIRECTIVE_RUN_SEQUENCE, "directive-run-sequence"},
    {KEDGE_SUIT_DIRECTIVE_INSTALL_FRAMES, "kedge-directive-install-frames"},
    {KEDGE_SUIT_CONDITION_HARDWARE, "kedge-condition-hardware"},
};

static const struct name parameters[] = {
    {KEDGE_SUIT_PARAMETER_VENDOR, "vendor-identifier"},
    {KEDGE_SUIT_PARAMETER_CLASS, "class-identifier"},
    {KEDGE_SUIT_PARAMETER_IMAGE_DIGEST, "image-digest"},
    {5, "component-slot"},
    {12, "strict-order"},
    {13, "soft-failure"},
    {KEDGE_SUIT_PARAMETER_IMAGE_SIZE, "image-size"},
    {18, "content"},
    {KEDGE_SUIT_PARAMETER_URI, "uri"},
    {22, "source-component"},
    {23, "invoke-args"},
    {24, "device-identifier"},
    {KEDGE_SUIT_PARAMETER_VERSION, "version"},
    {KEDGE_SUIT_PARAMETER_FRAMES, "kedge-frames"},
    {KEDGE_SUIT_PARAMETER_DELIVERY, "kedge-delivery"},
    {KEDGE_SUIT_PARAMETER_ATTACHMENTS, "kedge-attachments"},
    {KEDGE_SUIT_PARAMETER_HARDWARE, "kedge-hardware"},
};

static const char *find(const struct name *names, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].id == id)
            return names[i].text;
    return NULL;
}

const char *kedge_suit_command_name(int64_t command)
{
    return find(commands, sizeof commands / sizeof commands[0], command);
}

const char *kedge_suit_parameter_name(int64_t parameter)
{
    return find(parameters, sizeof parameters / sizeof parameters[0], parameter);
}
