// links: kedge-api jansson microhttpd
/* fuzz_api_name.c: a name that may be given is one that may be shown, and what nobody could see is
 * refused wherever in it somebody puts that. */
#include "updater/api/names.h"

#include "tests/fuzz/fuzz.h"

#define NAME_MAX_SIZE 128u

/* At the head, at the end, and before each character of `name`. */
static void hide_in(const char *name, const char *hidden)
{
    char longer[NAME_MAX_SIZE + 8];
    for (size_t at = 0; at <= strlen(name); at++) {
        if (((uint8_t)name[at] & 0xC0) == 0x80)
            continue;
        (void)snprintf(longer, sizeof(longer), "%.*s%s%s", (int)at, name, hidden, name + at);
        FUZZ_REQUIRE(names_text_fault(longer) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const hidden[] = {"\xE2\x80\x8B", "\xEF\xBB\xBF", "\xE2\x80\x8F",
                                         "\xE2\x81\xA0", "\xE2\x80\xAE", "\xEF\xB8\x8F",
                                         "\xC2\xAD",     "\xC2\xA0",     "\n"};
    char name[NAME_MAX_SIZE + 1];
    struct kedge_slice input = kedge_slice(data, size);
    struct kedge_slice taken = fuzz_take(&input, NAME_MAX_SIZE);
    if (taken.size > 0)
        memcpy(name, taken.data, taken.size);
    name[taken.size] = '\0';
    size_t length = strlen(name);
    if (names_text_fault(name) != NULL) {
        FUZZ_REQUIRE(names_fault(name) != NULL);
        return 0;
    }
    FUZZ_REQUIRE(kedge_utf8_printable(kedge_slice_text(name)));
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        hide_in(name, hidden[i]);
    if (names_fault(name) == NULL && length > 0)
        FUZZ_REQUIRE(name[0] != ' ' && name[length - 1] != ' ' && strstr(name, "  ") == NULL);
    return 0;
}
