/* names.c: the registry's names of commands and parameters, for people. */
#include <kedge/processor.h>

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
    /* Of the drafts that extend the manifest: refused, and by their names. */
    {4, "condition-use-before"},
    {7, "condition-dependency-integrity"},
    {8, "condition-is-dependency"},
    {11, "directive-process-dependency"},
    {19, "directive-set-parameters"},
    {25, "condition-image-not-match"},
    {26, "condition-minimum-battery"},
    {27, "condition-update-authorized"},
    {29, "directive-wait"},
    {33, "directive-unlink"},
    {34, "directive-override-multiple"},
    {35, "directive-copy-params"},
};

static const struct name parameters[] = {
    {KEDGE_SUIT_PARAMETER_VENDOR, "vendor-identifier"},
    {KEDGE_SUIT_PARAMETER_CLASS, "class-identifier"},
    {KEDGE_SUIT_PARAMETER_IMAGE_DIGEST, "image-digest"},
    {KEDGE_SUIT_PARAMETER_SLOT, "component-slot"},
    {KEDGE_SUIT_PARAMETER_STRICT_ORDER, "strict-order"},
    {KEDGE_SUIT_PARAMETER_SOFT_FAILURE, "soft-failure"},
    {KEDGE_SUIT_PARAMETER_IMAGE_SIZE, "image-size"},
    {KEDGE_SUIT_PARAMETER_CONTENT, "content"},
    {KEDGE_SUIT_PARAMETER_URI, "uri"},
    {KEDGE_SUIT_PARAMETER_SOURCE, "source-component"},
    {KEDGE_SUIT_PARAMETER_INVOKE_ARGS, "invoke-args"},
    {KEDGE_SUIT_PARAMETER_DEVICE, "device-identifier"},
    {KEDGE_SUIT_PARAMETER_FETCH_ARGS, "fetch-args"},
    {KEDGE_SUIT_PARAMETER_VERSION, "version"},
    {KEDGE_SUIT_PARAMETER_FRAMES, "kedge-frames"},
    {KEDGE_SUIT_PARAMETER_DELIVERY, "kedge-delivery"},
    {KEDGE_SUIT_PARAMETER_ATTACHMENTS, "kedge-attachments"},
    {KEDGE_SUIT_PARAMETER_HARDWARE, "kedge-hardware"},
    {4, "use-before"},
    {19, "encryption-info"},
    {27, "update-priority"},
    {29, "wait-info"},
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

static void put(struct kedge_writer *out, const char *text)
{
    if (kedge_writer_put(out, kedge_slice_text(text)) != KEDGE_OK)
        out->size = out->capacity; /* cut: it is for people */
}

static void put_number(struct kedge_writer *out, int64_t number)
{
    uint64_t size = number < 0 ? (uint64_t) - (number + 1) + 1 : (uint64_t)number;
    put(out, number < 0 ? "-" : "");
    if (kedge_writer_decimal(out, size) != KEDGE_OK)
        out->size = out->capacity;
}

void kedge_suit_refusal_text(const struct kedge_suit_refusal *refusal,
                             char text[KEDGE_SUIT_REFUSAL_TEXT_MAX])
{
    static const char *const sections[] = {
        "the shared sequence", "payload-fetch", "install", "validate", "load", "invoke"};
    struct kedge_writer out = kedge_writer(text, KEDGE_SUIT_REFUSAL_TEXT_MAX - 1);
    const char *name = refusal->parameter ? kedge_suit_parameter_name(refusal->id)
                                          : kedge_suit_command_name(refusal->id);
    if (refusal->named) {
        if (refusal->parameter)
            put(&out, "parameter ");
        put(&out, name != NULL ? name : refusal->parameter ? "without a name" : "unknown command");
        put(&out, " (");
        put_number(&out, refusal->id);
        put(&out, ") in ");
        put(&out, sections[refusal->section]);
    }
    text[out.size] = '\0';
}

void kedge_suit_refusal_words(const struct kedge_suit_refusal *refusal, enum kedge_rc rc,
                              char words[KEDGE_SUIT_WORDS_MAX])
{
    struct kedge_writer out = kedge_writer(words, KEDGE_SUIT_WORDS_MAX - 1);
    char text[KEDGE_SUIT_REFUSAL_TEXT_MAX];
    kedge_suit_refusal_text(refusal, text);
    put(&out, kedge_rc_text(rc));
    if ((rc == KEDGE_E_COMMAND || rc == KEDGE_E_CONDITION) && text[0] != '\0') {
        put(&out, ": ");
        put(&out, text);
    }
    words[out.size] = '\0';
}
