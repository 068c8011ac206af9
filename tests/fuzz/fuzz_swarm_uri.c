// links: kedge-swarm-parts
/* fuzz_swarm_uri.c: a URI that a simulated device takes names loopback, and its path is in it. */
#include "tests/fuzz/fuzz.h"
#include "tests/swarm/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice text = kedge_slice(data, size);
    struct swarm_uri uri;
    if (uri_read(text, &uri) != KEDGE_OK)
        return 0;
    FUZZ_REQUIRE(size >= sizeof "coap://[::1]" - 1 && memcmp(data, "coap", 4) == 0);
    FUZZ_REQUIRE(uri.secure == (data[4] == 's'));
    if (uri.server.any.sa_family == AF_INET6) {
        FUZZ_REQUIRE(IN6_IS_ADDR_LOOPBACK(&uri.server.v6.sin6_addr));
        FUZZ_REQUIRE(uri.server.v6.sin6_port != 0);
    } else {
        FUZZ_REQUIRE(ntohl(uri.server.v4.sin_addr.s_addr) >> 24 == 127);
        FUZZ_REQUIRE(uri.server.v4.sin_port != 0);
    }
    FUZZ_REQUIRE(fuzz_inside(uri.path, text));
    FUZZ_REQUIRE(uri.path.size == 0 || uri.path.data[-1] == '/');
    return 0;
}
