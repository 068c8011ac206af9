/*
 * test_lwm2m_bodies.c: requests of devices whose bodies come in blocks: a Register with many links,
 * and Send; what is out of order, too large or another's is refused and harms nobody.
 */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/fleet_scene.h"
#include "updater/lwm2m/internal.h"

#define BLOCK 64u
#define SZX 2u /* 16 << 2 */

/* One block of a POST; `number` beyond the body makes an empty one. */
static uint8_t send_block(struct fleet_scene *scene, const char *path, const char *query,
                          uint32_t format, struct kedge_slice body, uint32_t number)
{
    size_t start = number * BLOCK < body.size ? number * BLOCK : body.size;
    size_t left = body.size - start;
    const struct kedge_coap_block block = {
        .number = number, .more = left > BLOCK, .size_exponent = SZX};
    struct scripted_message request = {
        .type = KEDGE_COAP_CON,
        .code = KEDGE_COAP_POST,
        .options = {{KEDGE_COAP_URI_PATH, path, 0}, {KEDGE_COAP_CONTENT_FORMAT, NULL, format}},
        .payload = kedge_slice(body.data + start, left > BLOCK ? BLOCK : left)};
    size_t count = 2;
    if (query != NULL) {
        request.options[count++] = (struct scripted_option){KEDGE_COAP_URI_QUERY, query, 0};
        request.options[count++] = (struct scripted_option){KEDGE_COAP_URI_QUERY, "lwm2m=1.1", 0};
    }
    request.options[count] =
        (struct scripted_option){KEDGE_COAP_BLOCK1, NULL, kedge_coap_block_value(&block)};
    device_asks(&scene->device, &request);
    return scene->device.peer.message.code;
}

static uint32_t block_acknowledged(const struct fleet_scene *scene)
{
    struct kedge_coap_block block;
    assert_int_equal(kedge_coap_block_find(&scene->device.peer.message, KEDGE_COAP_BLOCK1, &block),
                     KEDGE_OK);
    return block.number;
}

static struct kedge_slice many_links(void)
{
    static char links[2048];
    size_t used = (size_t)snprintf(links, sizeof links, "</>;rt=\"oma.lwm2m\";ct=\"112\"");
    for (unsigned i = 0; i < 60; i++)
        used += (size_t)snprintf(links + used, sizeof links - used, ",</3303/%u>", i);
    snprintf(links + used, sizeof links - used, ",</5/0>");
    return kedge_slice_text(links);
}

static uint8_t register_in_blocks(struct fleet_scene *scene, struct kedge_slice links)
{
    uint8_t code = 0;
    for (uint32_t number = 0; number * BLOCK < links.size; number++) {
        code = send_block(scene, "rd", "ep=device-1", 40, links, number);
        if (code >> 5 != 2)
            return code;
        assert_int_equal(block_acknowledged(scene), number);
        if ((number + 1) * BLOCK < links.size)
            assert_int_equal(code, KEDGE_COAP_CONTINUE);
    }
    return code;
}

static void test_a_register_in_several_blocks_is_one_register(void **state)
{
    struct fleet_scene *scene = *state;
    assert_int_equal(register_in_blocks(scene, many_links()), KEDGE_COAP_CREATED);
    assert_int_equal(scene->registered, 1);
    assert_true(scene->has_firmware); /* the last of its links */
}

static void test_a_repeated_block_changes_nothing_and_a_missing_one_is_told(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_slice links = many_links();
    assert_int_equal(send_block(scene, "rd", "ep=device-1", 40, links, 1), KEDGE_COAP_INCOMPLETE);
    assert_int_equal(send_block(scene, "rd", "ep=device-1", 40, links, 0), KEDGE_COAP_CONTINUE);
    assert_int_equal(send_block(scene, "rd", "ep=device-1", 40, links, 1), KEDGE_COAP_CONTINUE);
    assert_int_equal(send_block(scene, "rd", "ep=device-1", 40, links, 1), KEDGE_COAP_CONTINUE);
    assert_int_equal(send_block(scene, "rd", "ep=device-1", 40, links, 3), KEDGE_COAP_INCOMPLETE);
    /* Of another request than the one that began. */
    assert_int_equal(send_block(scene, "rd", "ep=device-2", 40, links, 2), KEDGE_COAP_INCOMPLETE);
    assert_int_equal(scene->registered, 0);
    /* Block 0 begins anew. */
    assert_int_equal(register_in_blocks(scene, links), KEDGE_COAP_CREATED);
    assert_int_equal(scene->registered, 1);
}

static void test_a_block_that_is_not_as_long_as_it_says_is_refused(void **state)
{
    struct fleet_scene *scene = *state;
    const struct kedge_coap_block block = {.number = 0, .more = true, .size_exponent = SZX};
    struct scripted_message request = {
        .type = KEDGE_COAP_CON,
        .code = KEDGE_COAP_POST,
        .options = {{KEDGE_COAP_URI_PATH, "rd", 0},
                    {KEDGE_COAP_URI_QUERY, "ep=device-1", 0},
                    {KEDGE_COAP_URI_QUERY, "lwm2m=1.1", 0},
                    {KEDGE_COAP_BLOCK1, NULL, kedge_coap_block_value(&block)}},
        .payload = kedge_slice_text("</5/0>")};
    device_asks(&scene->device, &request);
    assert_int_equal(scene->device.peer.message.code, KEDGE_COAP_BAD_REQUEST);
    /* Nothing is kept of it, nor of one without any bytes. */
    assert_null(scene->fleet->bodies);
    request.payload = kedge_slice(NULL, 0);
    device_asks(&scene->device, &request);
    assert_int_equal(scene->device.peer.message.code, KEDGE_COAP_BAD_REQUEST);
    assert_null(scene->fleet->bodies);
    /* Nor does a later one count. */
    static const uint8_t full[BLOCK];
    const struct kedge_coap_block second = {.number = 1, .more = true, .size_exponent = SZX};
    request.payload = kedge_slice(full, BLOCK);
    device_asks(&scene->device, &request);
    assert_int_equal(scene->device.peer.message.code, KEDGE_COAP_CONTINUE);
    request.options[3].value = kedge_coap_block_value(&second);
    request.payload = kedge_slice(full, BLOCK - 1);
    device_asks(&scene->device, &request);
    assert_int_equal(scene->device.peer.message.code, KEDGE_COAP_BAD_REQUEST);
    request.payload = kedge_slice(full, BLOCK);
    device_asks(&scene->device, &request);
    assert_int_equal(scene->device.peer.message.code, KEDGE_COAP_CONTINUE);
}

static void test_a_body_beyond_the_limit_is_refused_before_it_comes_and_while_it_does(void **state)
{
    struct fleet_scene *scene = *state;
    static uint8_t bytes[70000];
    memset(bytes, 'x', sizeof bytes);
    const struct kedge_coap_block first = {.number = 0, .more = true, .size_exponent = 6};
    struct scripted_message request = {
        .type = KEDGE_COAP_CON,
        .code = KEDGE_COAP_POST,
        .options = {{KEDGE_COAP_URI_PATH, "dp", 0},
                    {KEDGE_COAP_CONTENT_FORMAT, NULL, 110},
                    {KEDGE_COAP_BLOCK1, NULL, kedge_coap_block_value(&first)},
                    {KEDGE_COAP_SIZE1, NULL, sizeof bytes}},
        .payload = kedge_slice(bytes, 1024)};
    device_asks(&scene->device, &request);
    assert_int_equal(scene->device.peer.message.code, KEDGE_COAP_TOO_LARGE);
    uint32_t size1;
    assert_true(kedge_coap_option_uint(&scene->device.peer.message, KEDGE_COAP_SIZE1, &size1));
    assert_int_equal(size1, 65536);
    request.options[3] = (struct scripted_option){0, NULL, 0};
    uint32_t number = 0;
    do {
        const struct kedge_coap_block block = {.number = number, .more = true, .size_exponent = 6};
        request.options[2].value = kedge_coap_block_value(&block);
        device_asks(&scene->device, &request);
        number++;
    } while (scene->device.peer.message.code == KEDGE_COAP_CONTINUE);
    assert_int_equal(scene->device.peer.message.code, KEDGE_COAP_TOO_LARGE);
    assert_int_equal(number, 65); /* 64 fill the 64 KiB */
}

static void test_however_many_begin_a_body_the_last_ones_finish_theirs(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_slice links = many_links();
    assert_int_equal(send_block(scene, "rd", "ep=device-1", 40, links, 0), KEDGE_COAP_CONTINUE);
    struct scripted_peer own = scene->device.peer, others[64];
    for (int i = 0; i < 64; i++) { /* all stay open: a port that is free again may come again */
        peer_open(&others[i], scene->net);
        scene->device.peer = others[i];
        assert_int_equal(send_block(scene, "rd", "ep=other", 40, links, 0), KEDGE_COAP_CONTINUE);
    }
    /* The one that began last goes on. */
    assert_int_equal(send_block(scene, "rd", "ep=other", 40, links, 1), KEDGE_COAP_CONTINUE);
    scene->device.peer = own;
    for (int i = 0; i < 64; i++)
        peer_close(&others[i]);
    assert_int_equal(send_block(scene, "rd", "ep=device-1", 40, links, 1), KEDGE_COAP_INCOMPLETE);
    assert_int_equal(register_in_blocks(scene, links), KEDGE_COAP_CREATED);
}

/* Each from a port of its own, all of which stay open. */
static void strangers_begin(struct fleet_scene *scene, struct scripted_peer *peers, unsigned count)
{
    struct scripted_peer own = scene->device.peer;
    for (unsigned i = 0; i < count; i++) {
        peer_open(&peers[i], scene->net);
        scene->device.peer = peers[i];
        assert_int_equal(send_block(scene, "rd", "ep=other", 40, many_links(), 0),
                         KEDGE_COAP_CONTINUE);
    }
    scene->device.peer = own;
}

static void test_strangers_push_out_no_body_of_a_device_that_is_known(void **state)
{
    struct fleet_scene *scene = *state;
    enum { STRANGERS = 70 };
    static struct scripted_peer peers[STRANGERS];
    struct kedge_slice links = many_links();
    scene_identify(scene);
    assert_int_equal(send_block(scene, "rd", "ep=device-1", 40, links, 0), KEDGE_COAP_CONTINUE);
    strangers_begin(scene, peers, STRANGERS);
    assert_int_equal(scene->fleet->body_count, 64 + 1);
    for (uint32_t number = 1; number * BLOCK < links.size; number++)
        assert_int_equal(send_block(scene, "rd", "ep=device-1", 40, links, number),
                         (number + 1) * BLOCK < links.size ? KEDGE_COAP_CONTINUE
                                                           : KEDGE_COAP_CREATED);
    assert_int_equal(scene->fleet->body_count, 64);
    for (unsigned i = 0; i < STRANGERS; i++)
        peer_close(&peers[i]);
}

static void test_the_body_that_was_quiet_longest_goes_first(void **state)
{
    struct fleet_scene *scene = *state;
    static struct scripted_peer peers[63], last;
    struct kedge_slice links = many_links();
    struct scripted_peer own = scene->device.peer;
    assert_int_equal(send_block(scene, "rd", "ep=device-1", 40, links, 0), KEDGE_COAP_CONTINUE);
    strangers_begin(scene, peers, 63);
    /* The first one goes on, so the second one makes room for another. */
    assert_int_equal(send_block(scene, "rd", "ep=device-1", 40, links, 1), KEDGE_COAP_CONTINUE);
    strangers_begin(scene, &last, 1);
    assert_int_equal(send_block(scene, "rd", "ep=device-1", 40, links, 2), KEDGE_COAP_CONTINUE);
    scene->device.peer = peers[0];
    assert_int_equal(send_block(scene, "rd", "ep=other", 40, links, 1), KEDGE_COAP_INCOMPLETE);
    scene->device.peer = own;
    for (unsigned i = 0; i < 63; i++)
        peer_close(&peers[i]);
    peer_close(&last);
}

static void test_half_a_body_is_kept_as_long_as_a_client_tries_and_no_longer(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_slice links = many_links();
    assert_int_equal(send_block(scene, "rd", "ep=device-1", 40, links, 0), KEDGE_COAP_CONTINUE);
    uint64_t now_ms = kedge_net_now_ms(scene->net);
    timer_wheel_advance(&scene->net->wheel, now_ms + 92000); /* MAX_TRANSMIT_WAIT is 93 s */
    assert_int_equal(scene->fleet->body_count, 1);
    timer_wheel_advance(&scene->net->wheel, now_ms + 93100);
    assert_int_equal(scene->fleet->body_count, 0);
    assert_int_equal(send_block(scene, "rd", "ep=device-1", 40, links, 1), KEDGE_COAP_INCOMPLETE);
}

static void test_blocks_of_a_network_of_strangers_are_paced_and_a_devices_are_not(void **state)
{
    struct fleet_scene *scene = *state;
    static const uint8_t head[] = {0x40, KEDGE_COAP_POST, 0x12, 0x34, 0xB2, 'r', 'd',
                                   0xD1, 27 - 11 - 13,    0x08, 0xFF};
    const struct path path = {.socket = 0};
    uint8_t first[sizeof head + 16];
    memcpy(first, head, sizeof head);
    memset(first + sizeof head, 'x', 16);
    scene_identify(scene);
    const struct kedge_address known = scene->device.peer.address;
    struct kedge_address stranger = known;
    stranger.v4.sin_port = htons((uint16_t)(ntohs(known.v4.sin_port) ^ 1u));
    net_flush(scene->net);
    while (kedge_net_admit(scene->net, &stranger, KEDGE_CLAIM_NONE))
        continue;
    net_on_datagram(scene->net, &stranger, &path, kedge_slice(first, sizeof first));
    assert_int_equal(scene->net->outgoing_count, 0);
    assert_int_equal(scene->fleet->body_count, 0);
    net_on_datagram(scene->net, &known, &path, kedge_slice(first, sizeof first));
    assert_int_equal(scene->net->outgoing_count, 1);
    assert_int_equal(scene->net->outgoing[0].bytes[1], KEDGE_COAP_CONTINUE);
    assert_int_equal(scene->fleet->body_count, 1);
}

/* ---- Send ---- */

static uint8_t sends(struct fleet_scene *scene, uint32_t format, struct kedge_slice payload)
{
    struct scripted_message request = {
        .type = KEDGE_COAP_CON,
        .code = KEDGE_COAP_POST,
        .options = {{KEDGE_COAP_URI_PATH, "dp", 0}, {KEDGE_COAP_CONTENT_FORMAT, NULL, format}},
        .payload = payload};
    device_asks(&scene->device, &request);
    return scene->device.peer.message.code;
}

static const char state_2[] = "[{\"bn\":\"/5/0/\",\"n\":\"3\",\"v\":2},{\"n\":\"5\",\"v\":8}]";

static void test_send_tells_what_the_firmware_object_is_at(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_device found;
    scene_identify(scene);
    assert_int_equal(sends(scene, KEDGE_LWM2M_FORMAT_SENML_JSON, kedge_slice_text(state_2)),
                     KEDGE_COAP_CHANGED);
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_int_equal(found.firmware_state, 2);
    assert_int_equal(found.firmware_result, 8);
    assert_int_equal(sends(scene, KEDGE_LWM2M_FORMAT_SENML_CBOR,
                           kedge_slice("\x81\xA2\x00\x66/5/0/3\x02\x00", 12)),
                     KEDGE_COAP_CHANGED);
    assert_int_equal(
        sends(scene, KEDGE_LWM2M_FORMAT_LWM2M_CBOR, kedge_slice("\xA1\x83\x05\x00\x05\x01", 6)),
        KEDGE_COAP_CHANGED);
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_int_equal(found.firmware_state, 0);
    assert_int_equal(found.firmware_result, 1);
    assert_int_equal(kedge_fleet_counters(scene->fleet).sends, 3);
}

static void test_a_send_that_cannot_be_taken_changes_nothing(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_device found;
    assert_int_equal(sends(scene, KEDGE_LWM2M_FORMAT_SENML_JSON, kedge_slice_text(state_2)),
                     KEDGE_COAP_NOT_FOUND); /* of nobody who is registered */
    scene_identify(scene);
    const struct {
        uint32_t format;
        const char *payload;
        uint8_t code;
    } rows[] = {
        {KEDGE_LWM2M_FORMAT_TLV, "\xC1\x03\x02", KEDGE_COAP_UNSUPPORTED_FORMAT},
        {KEDGE_LWM2M_FORMAT_TEXT, "2", KEDGE_COAP_UNSUPPORTED_FORMAT},
        {KEDGE_LWM2M_FORMAT_SENML_JSON, "[]", KEDGE_COAP_BAD_REQUEST},
        {KEDGE_LWM2M_FORMAT_SENML_JSON, "[{\"n\":\"/5/0/3\",\"v\":2},{\"n\":\"x\",\"v\":1}]",
         KEDGE_COAP_BAD_REQUEST},
        {KEDGE_LWM2M_FORMAT_SENML_CBOR, "\x81\xA2", KEDGE_COAP_BAD_REQUEST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(sends(scene, rows[i].format, kedge_slice_text(rows[i].payload)),
                         rows[i].code);
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_int_equal(found.firmware_state, 0);
    assert_int_equal(kedge_fleet_counters(scene->fleet).sends, 0);
}

static void test_a_send_in_blocks_is_one_send(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_device found;
    char payload[400];
    scene_identify(scene);
    snprintf(payload, sizeof payload, "[{\"n\":\"/3/0/0\",\"vs\":\"%0200d\"},%s", 0, state_2 + 1);
    for (uint32_t number = 0; number * BLOCK < strlen(payload); number++)
        assert_int_equal(send_block(scene, "dp", NULL, 110, kedge_slice_text(payload), number),
                         (number + 1) * BLOCK < strlen(payload) ? KEDGE_COAP_CONTINUE
                                                                : KEDGE_COAP_CHANGED);
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_int_equal(found.firmware_state, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_register_in_several_blocks_is_one_register),
        SCENE_TEST(test_a_repeated_block_changes_nothing_and_a_missing_one_is_told),
        SCENE_TEST(test_a_block_that_is_not_as_long_as_it_says_is_refused),
        SCENE_TEST(test_a_body_beyond_the_limit_is_refused_before_it_comes_and_while_it_does),
        SCENE_TEST(test_however_many_begin_a_body_the_last_ones_finish_theirs),
        SCENE_TEST(test_strangers_push_out_no_body_of_a_device_that_is_known),
        SCENE_TEST(test_the_body_that_was_quiet_longest_goes_first),
        SCENE_TEST(test_half_a_body_is_kept_as_long_as_a_client_tries_and_no_longer),
        SCENE_TEST(test_blocks_of_a_network_of_strangers_are_paced_and_a_devices_are_not),
        SCENE_TEST(test_send_tells_what_the_firmware_object_is_at),
        SCENE_TEST(test_a_send_that_cannot_be_taken_changes_nothing),
        SCENE_TEST(test_a_send_in_blocks_is_one_send),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
