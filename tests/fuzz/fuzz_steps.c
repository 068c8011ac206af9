// links: kedge-signing
/*
 * fuzz_steps.c: any manifest in words. They end, they are complete strings, and nothing that comes
 * from the manifest can command a terminal.
 */
#include "signer/package/steps.h"
#include "tests/fuzz/fuzz.h"

static void require_printable(const char *text, size_t size)
{
    FUZZ_REQUIRE(memchr(text, '\0', size) != NULL);
    for (size_t i = 0; text[i] != '\0'; i++)
        FUZZ_REQUIRE((unsigned char)text[i] >= 0x20 && text[i] != 0x7F);
}

static void look_at(void *context, const struct kedge_described_step *step)
{
    size_t *count = context;
    (*count)++;
    require_printable(step->name, sizeof step->name);
    require_printable(step->text, sizeof step->text);
    FUZZ_REQUIRE(step->text[0] != '\0');
    FUZZ_REQUIRE(step->parameter_count <= KEDGE_STEP_PARAMETERS_MAX);
    for (size_t i = 0; i < step->parameter_count; i++) {
        require_printable(step->parameters[i].name, sizeof step->parameters[i].name);
        require_printable(step->parameters[i].value, sizeof step->parameters[i].value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct kedge_suit_envelope envelope = {.manifest = kedge_slice(data, size)};
    const struct kedge_suit_text names = {.vendor_domain = kedge_slice_text("example.com"),
                                          .class_name = kedge_slice_text("\x1b[2Jboard")};
    size_t count = 0;
    const struct kedge_step_sink sink = {.context = &count, .take = look_at};
    if (kedge_steps_describe(&envelope, &names, &sink) == KEDGE_OK)
        FUZZ_REQUIRE(count <= size);
    return 0;
}
