// links: kedge-fetch
/* fuzz_http_uri.c: wherever a redirect leads, it is to http or https, and there it is taken as
 * well.
 */
#include "agent/fetch/http_uri.h"
#include "tests/fuzz/fuzz.h"

#include <strings.h>

static void check(const char *text, bool secure)
{
    const char *scheme = secure ? "https:" : "http:";
    FUZZ_REQUIRE(strncasecmp(text, scheme, strlen(scheme)) == 0);
    for (const char *c = text; *c != '\0'; c++)
        FUZZ_REQUIRE(*c > ' ' && *c <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char target[KEDGE_HTTP_URI_MAX + 1], again[KEDGE_HTTP_URI_MAX + 1];
    bool secure, secure_again;
    if (kedge_http_uri_resolve("https://host.example:8443/fw/one?a=b", kedge_slice(data, size),
                               target, &secure) != KEDGE_OK)
        return 0;
    check(target, secure);
    FUZZ_REQUIRE(strchr(target, '#') == NULL);
    FUZZ_REQUIRE(kedge_http_uri_check(target, &secure_again) == KEDGE_OK);
    FUZZ_REQUIRE(secure == secure_again);
    FUZZ_REQUIRE(kedge_http_uri_resolve(target, kedge_slice_text(target), again, &secure_again) ==
                 KEDGE_OK);
    FUZZ_REQUIRE(secure == secure_again);
    return 0;
}
