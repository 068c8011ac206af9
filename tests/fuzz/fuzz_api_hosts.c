// links: kedge-api jansson microhttpd
/* fuzz_api_hosts.c: networks that are taken hold their own first host, and no header makes a client
 * out of a peer that is not trusted. */
#include "updater/api/forwarded.h"

#include "tests/fuzz/fuzz.h"

/* The first byte says how much of the rest are networks; what is left is a header. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(data, size));
    struct kedge_slice text, header;
    struct networks networks, nobody = {.count = 0};
    struct forwarded forwarded = {.count = 0};
    struct host peer;
    uint8_t length;
    if (kedge_cursor_u8(&cursor, &length) != KEDGE_OK ||
        kedge_cursor_take(&cursor, length, &text) != KEDGE_OK ||
        kedge_cursor_take(&cursor, kedge_cursor_left(&cursor), &header) != KEDGE_OK)
        return 0;
    FUZZ_REQUIRE(host_parse(kedge_slice_text("192.0.2.1"), &peer) == KEDGE_OK);
    forwarded_take(&forwarded, header);
    FUZZ_REQUIRE(forwarded.count >= 1 && forwarded.count <= FORWARDED_MAX);
    for (size_t i = 0; i < forwarded.count; i++)
        FUZZ_REQUIRE(fuzz_inside(forwarded.last[i], header));
    struct host client = forwarded_client(&forwarded, &nobody, &peer);
    FUZZ_REQUIRE(memcmp(&client, &peer, sizeof(peer)) == 0);
    if (networks_parse(text, &networks) != KEDGE_OK)
        return 0;
    for (size_t i = 0; i < networks.count; i++)
        FUZZ_REQUIRE(networks_hold(&networks, &networks.items[i].first));
    client = forwarded_client(&forwarded, &networks, &peer);
    FUZZ_REQUIRE(networks_hold(&networks, &peer) || memcmp(&client, &peer, sizeof(peer)) == 0);
    return 0;
}
