// links: kedge-fetch
/* fuzz_uri.c: a URI that is taken is taken again as itself, and its options are what CoAP allows.
 */
#include "agent/fetch/uri.h"
#include "tests/fuzz/fuzz.h"

struct seen {
    size_t options;
    uint16_t last_number;
};

static bool look(void *context, uint16_t number, struct kedge_slice value)
{
    struct seen *seen = context;
    FUZZ_REQUIRE(number == 11 || number == 15);
    FUZZ_REQUIRE(number >= seen->last_number);
    FUZZ_REQUIRE(value.size <= KEDGE_URI_MAX);
    volatile uint8_t touched = 0; /* so that a sanitizer sees what is lent */
    for (size_t i = 0; i < value.size; i++)
        touched = (uint8_t)(touched ^ value.data[i]);
    seen->last_number = number;
    seen->options++;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_uri uri;
    struct kedge_uri again;
    struct seen seen = {0};
    if (kedge_uri_parse(kedge_slice(data, size), &uri) != KEDGE_OK)
        return 0;
    FUZZ_REQUIRE(strlen(uri.text) == size && uri.host[0] != '\0' && uri.port != 0);
    FUZZ_REQUIRE(fuzz_inside(uri.path, kedge_slice(uri.text, size)));
    FUZZ_REQUIRE(fuzz_inside(uri.query, kedge_slice(uri.text, size)));
    FUZZ_REQUIRE(kedge_uri_options(&uri, look, &seen));
    FUZZ_REQUIRE(kedge_uri_parse(kedge_slice_text(uri.text), &again) == KEDGE_OK);
    FUZZ_REQUIRE(strcmp(again.text, uri.text) == 0);
    FUZZ_REQUIRE(kedge_uri_same_server(&uri, &again));
    FUZZ_REQUIRE(kedge_slice_equal(uri.path, again.path));
    return 0;
}
