// links: kedge-key-files
/* fuzz_pkcs11_uri.c: what is taken for a PKCS#11 URI names a token and a key, in text that ends. */
#include "signer/keys/pkcs11_uri.h"
#include "tests/fuzz/fuzz.h"

#define REQUIRE_TEXT(field)                                   \
    FUZZ_REQUIRE(memchr(field, '\0', sizeof field) != NULL && \
                 kedge_utf8_valid(kedge_slice_text(field)))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_pkcs11_uri uri;
    struct kedge_slice fault;
    struct kedge_slice text = kedge_slice(data, size);
    enum kedge_rc rc = kedge_pkcs11_uri_parse(text, &uri, &fault);
    FUZZ_REQUIRE(fuzz_inside(fault, text));
    if (rc != KEDGE_OK)
        return 0;
    FUZZ_REQUIRE(kedge_pkcs11_uri_is(text) && fault.size == 0);
    REQUIRE_TEXT(uri.token);
    REQUIRE_TEXT(uri.manufacturer);
    REQUIRE_TEXT(uri.model);
    REQUIRE_TEXT(uri.serial);
    REQUIRE_TEXT(uri.object);
    REQUIRE_TEXT(uri.module_path);
    REQUIRE_TEXT(uri.pin_source);
    FUZZ_REQUIRE(uri.token[0] != '\0' && (uri.object[0] != '\0' || uri.id_size > 0));
    FUZZ_REQUIRE(uri.id_size <= sizeof uri.id);
    FUZZ_REQUIRE(uri.module_path[0] == '\0' || uri.module_path[0] == '/');
    FUZZ_REQUIRE(uri.pin_source[0] == '\0' || strncmp(uri.pin_source, "file:/", 6) == 0 ||
                 strncmp(uri.pin_source, "env:", 4) == 0);
    return 0;
}
