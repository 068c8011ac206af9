// links: kedge-updater-lwm2m
/*
 * The server as the network sees it: datagrams of two peers, in order, to the loop and the fleet
 * behind it. Each is a kind, a length of two bytes, and its bytes. A kind 2 or 3 is made into an
 * answer to what the server has asked, for its token and message id cannot be guessed.
 */
#include "updater/lwm2m/fleet.h"
#include "updater/net/internal.h"

#include <stdlib.h>
#include <string.h>

#define FILE_NAME "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define DATAGRAMS_MAX 64u
#define HEAD 12u /* of an answer: 4 bytes and a token of 8 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool find_blob(void *context, const char *name, struct kedge_blob *blob)
{
    static const uint8_t bytes[3000];
    (void)context;
    (void)name;
    *blob = (struct kedge_blob){.bytes = kedge_slice(bytes, sizeof bytes),
                                .etag = kedge_slice("etag", 4),
                                .content_format = 42};
    return true;
}

/* As soon as a device is known, it is to be updated. */
static void offer(void *context, const struct kedge_device *device)
{
    struct kedge_fleet **fleet = context;
    const struct kedge_update_plan plan = {.file = FILE_NAME,
                                           .file_size = 3000,
                                           .version = "2.0.0",
                                           .offer_limit_s = 60,
                                           .download_limit_s = 60,
                                           .install_limit_s = 60,
                                           .verify_limit_s = 60};
    if (kedge_fleet_offer(*fleet, 7, device->endpoint, &plan) != KEDGE_OK)
        abort();
}

static void deliver(struct kedge_net *net, uint8_t kind, struct kedge_slice bytes)
{
    static const struct path path;
    uint8_t answer[2048];
    struct kedge_address from;
    if (kedge_address_from_host("10.0.0.1", (uint16_t)(5000 + kind % 2), &from) != KEDGE_OK)
        abort();
    struct peer *peer = peer_find(net, &from);
    const struct exchange *asked = peer != NULL ? peer->in_flight : NULL;
    if (kind >= 2 && asked != NULL && bytes.size >= 2 && bytes.size < sizeof answer - HEAD) {
        answer[0] = (uint8_t)(0x48u | (bytes.data[0] & 0x30u));
        answer[1] = bytes.data[1];
        answer[2] = (uint8_t)(asked->message_id >> 8);
        answer[3] = (uint8_t)asked->message_id;
        memcpy(answer + 4, &asked->token, sizeof asked->token);
        memcpy(answer + HEAD, bytes.data + 2, bytes.size - 2);
        bytes = kedge_slice(answer, HEAD + bytes.size - 2);
    }
    net_on_datagram(net, &from, &path, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(data, size));
    struct kedge_net *net;
    struct kedge_fleet *fleet;
    const struct kedge_net_config config = {.ack_timeout_ms = 60000};
    if (kedge_net_create(&config, &net) != KEDGE_OK)
        abort();
    const struct kedge_fleet_config fleet_config = {
        .net = net, .hooks = {.context = &fleet, .registered = offer, .blob = find_blob}};
    if (kedge_fleet_create(&fleet_config, &fleet) != KEDGE_OK)
        abort();
    for (unsigned i = 0; i < DATAGRAMS_MAX; i++) {
        uint8_t kind;
        uint16_t length;
        struct kedge_slice bytes;
        if (kedge_cursor_u8(&cursor, &kind) != KEDGE_OK ||
            kedge_cursor_u16(&cursor, &length) != KEDGE_OK ||
            kedge_cursor_take(&cursor, length, &bytes) != KEDGE_OK)
            break;
        deliver(net, kind % 4, bytes);
        /* What waits for the next tick is due now. */
        net->now_ms += 2 * WHEEL_TICK_MS;
        timer_wheel_advance(&net->wheel, net->now_ms);
    }
    kedge_fleet_destroy(fleet);
    kedge_net_destroy(net);
    return 0;
}
