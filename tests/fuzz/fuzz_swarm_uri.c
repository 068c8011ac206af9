// links: kedge-swarm-parts
/* fuzz_swarm_uri.c: a URI that a simulated device takes names loopback, and its path is in it. */
#include "tests/fuzz/fuzz.h"
#include "tests/swarm/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice text = kedge_slice(data, size), path;
    struct sockaddr_in server;
    if (uri_read(text, &server, &path) != KEDGE_OK)
        return 0;
    FUZZ_REQUIRE(size >= sizeof "coap://127.0.0.0" - 1 && memcmp(data, "coap://127.", 11) == 0);
    FUZZ_REQUIRE(ntohl(server.sin_addr.s_addr) >> 24 == 127 && server.sin_port != 0);
    FUZZ_REQUIRE(fuzz_inside(path, text));
    FUZZ_REQUIRE(path.size == 0 || path.data[-1] == '/');
    return 0;
}
