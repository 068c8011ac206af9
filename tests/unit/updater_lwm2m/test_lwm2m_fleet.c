/* test_lwm2m_fleet.c: registration, identification, expiry, restoring, and operations. */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/fleet_scene.h"

/* ---- Register ---- */

static void test_a_device_registers_and_is_asked_who_it_is(void **state)
{
    struct fleet_scene *scene = *state;
    device_registers(&scene->device);
    assert_int_equal(scene->registered, 1);
    assert_string_equal(scene->location, scene->device.location);
    assert_int_equal(strlen(scene->device.location), KEDGE_DEVICE_LOCATION_SIZE);
    scene->device.state = 2;
    scene->device.result = 8;
    device_until(&scene->device, &scene->identified, 1);
    assert_string_equal(scene->endpoint, "device-1");
    assert_string_equal(scene->vendor, "vendor.example");
    assert_string_equal(scene->class_name, "meter");
    assert_string_equal(scene->version, "1.0.0");
    assert_string_equal(scene->hardware, "rev-b");
    assert_int_equal(scene->firmware_state, 2);
    assert_int_equal(scene->firmware_result, 8);
    assert_true(scene->has_firmware);
    struct kedge_device found;
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_true(kedge_address_equal(&found.address, &scene->device.peer.address));
    assert_int_equal(found.lifetime_s, 86400);
    assert_false(kedge_fleet_device(scene->fleet, "device-2", &found));
}

static void test_the_answer_to_a_register_comes_before_any_question(void **state)
{
    struct fleet_scene *scene = *state;
    device_registers(&scene->device);
    assert_int_equal(scene->device.reads, 0);
}

static void test_a_device_that_speaks_tlv_is_understood(void **state)
{
    struct fleet_scene *scene = *state;
    scene->device.speaks_tlv = true;
    scene_identify(scene);
    assert_string_equal(scene->vendor, "vendor.example");
    assert_int_equal(scene->firmware_state, 0);
}

static void test_what_a_device_does_not_say_or_says_too_long_is_empty(void **state)
{
    struct fleet_scene *scene = *state;
    char long_version[KEDGE_DEVICE_VERSION_MAX + 2];
    memset(long_version, '1', sizeof long_version - 1);
    long_version[sizeof long_version - 1] = '\0';
    scene->device.hardware = NULL;
    scene->device.version = long_version;
    scene_identify(scene);
    assert_string_equal(scene->hardware, "");
    assert_string_equal(scene->version, "");
    assert_string_equal(scene->vendor, "vendor.example");
}

static void test_a_device_without_object_5_is_not_asked_about_it(void **state)
{
    struct fleet_scene *scene = *state;
    scene->device.links = "</1/0>,</3/0>";
    scene->device.no_firmware = true;
    scene_identify(scene);
    assert_false(scene->has_firmware);
    assert_int_equal(scene->firmware_state, -1);
    assert_int_equal(scene->device.reads, 4);
}

static void test_a_register_from_the_same_address_replaces_and_is_no_conflict(void **state)
{
    struct fleet_scene *scene = *state;
    char first[64];
    scene_identify(scene);
    strcpy(first, scene->device.location);
    scene->device.version = "1.1.0";
    scene_identify(scene);
    assert_int_equal(scene->registered, 2);
    assert_int_equal(scene->conflicts, 0);
    assert_int_equal(scene->gone, 0);
    assert_string_equal(scene->version, "1.1.0");
    assert_string_not_equal(first, scene->device.location);
    assert_int_equal(kedge_fleet_counters(scene->fleet).registered, 1);
}

static void test_the_newest_register_for_a_live_name_wins_and_is_told(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device second;
    char before[KEDGE_ADDRESS_TEXT_MAX], now[KEDGE_ADDRESS_TEXT_MAX];
    scene_identify(scene);
    device_init(&second, scene->net, "device-1");
    device_registers(&second);
    assert_int_equal(scene->conflicts, 1);
    kedge_address_text(&scene->device.peer.address, before);
    kedge_address_text(&second.peer.address, now);
    assert_string_equal(scene->before, before);
    assert_string_equal(scene->now, now);
    /* The first one's registration is void. */
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_POST, NULL),
                     KEDGE_COAP_NOT_FOUND);
    assert_int_equal(device_to_location(&second, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
    device_until(&second, &scene->identified, 2);
    peer_close(&second.peer);
}

static void test_another_name_from_the_same_address_ends_the_former(void **state)
{
    struct fleet_scene *scene = *state;
    scene_identify(scene);
    scene->device.endpoint = "device-renamed";
    scene_identify(scene);
    assert_int_equal(scene->gone, 1);
    assert_int_equal(scene->gone_reason, KEDGE_GONE_REPLACED);
    struct kedge_device found;
    assert_false(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_true(kedge_fleet_device(scene->fleet, "device-renamed", &found));
}

/* ---- refusals ---- */

struct refusal {
    const char *queries[7];
    const char *links;
    uint32_t format;
    uint8_t code;
};

static void assert_refused(struct fleet_scene *scene, const struct refusal *refusal)
{
    struct scripted_message request = {
        .type = KEDGE_COAP_CON,
        .code = KEDGE_COAP_POST,
        .options = {{KEDGE_COAP_URI_PATH, "rd", 0},
                    {KEDGE_COAP_CONTENT_FORMAT, NULL, refusal->format ? refusal->format : 40}},
        .payload = kedge_slice_text(refusal->links != NULL ? refusal->links : "</3/0>")};
    for (size_t i = 0; i < 7 && refusal->queries[i] != NULL; i++)
        request.options[2 + i] =
            (struct scripted_option){KEDGE_COAP_URI_QUERY, refusal->queries[i], 0};
    device_asks(&scene->device, &request);
    if (scene->device.peer.message.code != refusal->code)
        fail_msg("\"%s\" %s: %u.%02u", refusal->queries[0] ? refusal->queries[0] : "",
                 refusal->links ? refusal->links : "", scene->device.peer.message.code >> 5,
                 scene->device.peer.message.code & 31u);
    if (refusal->code != KEDGE_COAP_CREATED)
        assert_true(scene->device.peer.message.payload.size > 0);
}

#define NAME_32 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
#define NAME_128 NAME_32 NAME_32 NAME_32 NAME_32
#define USUAL "lt=60", "lwm2m=1.1"

static void test_registers_that_cannot_be_are_refused_with_a_reason(void **state)
{
    struct fleet_scene *scene = *state;
    static const struct refusal refusals[] = {
        {{USUAL}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=", USUAL}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep", USUAL}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=n" NAME_128, USUAL}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a\x01", USUAL}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a\xFF", USUAL}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a\xC3", USUAL}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", "ep=b", USUAL}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", "lt=", "lwm2m=1.1"}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", "lt=-1", "lwm2m=1.1"}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", "lt=60s", "lwm2m=1.1"}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", "lt=4294967296", "lwm2m=1.1"}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", "lt=60"}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", "lt=60", "lwm2m=one"}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", "lt=60", "lwm2m=1.1."}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", "lt=60", "lwm2m=1..1"}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", "lt=60", "lwm2m=1.3"}, NULL, 0, KEDGE_COAP_PRECONDITION_FAILED},
        {{"ep=a", "lt=60", "lwm2m=1.1.1"}, NULL, 0, KEDGE_COAP_PRECONDITION_FAILED},
        {{"ep=a", "lt=60", "lwm2m=2"}, NULL, 0, KEDGE_COAP_PRECONDITION_FAILED},
        {{"ep=a", "lt=60", "lwm2m=2.0"}, NULL, 0, KEDGE_COAP_PRECONDITION_FAILED},
        {{"ep=a", "lt=60", "lwm2m=0.9"}, NULL, 0, KEDGE_COAP_PRECONDITION_FAILED},
        {{"ep=a", "b=X", USUAL}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", "b=UUUUUUUU", USUAL}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", "Q=1", USUAL}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", "sms=123456789012345678901", USUAL}, NULL, 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", USUAL}, "</3/0", 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", USUAL}, "</3/0>,", 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", USUAL}, "hello", 0, KEDGE_COAP_BAD_REQUEST},
        {{"ep=a", USUAL}, NULL, 11542, KEDGE_COAP_UNSUPPORTED_FORMAT},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        assert_refused(scene, &refusals[i]);
    assert_int_equal(scene->registered, 0);
    assert_int_equal(kedge_fleet_counters(scene->fleet).registered, 0);
    assert_int_equal(kedge_fleet_counters(scene->fleet).refused,
                     sizeof refusals / sizeof refusals[0]);
}

static void test_registers_at_the_edge_of_what_may_be_are_taken(void **state)
{
    struct fleet_scene *scene = *state;
    static const struct refusal taken[] = {
        {{"ep=" NAME_128, USUAL}, NULL, 0, KEDGE_COAP_CREATED},
        {{"ep=a", "lwm2m=1.0"}, NULL, 0, KEDGE_COAP_CREATED},
        {{"ep=a", "lt=4294967295", "lwm2m=1.2"}, NULL, 0, KEDGE_COAP_CREATED},
        {{"ep=a", "lt=0", "lwm2m=1.1", "Q", "later=1"}, NULL, 0, KEDGE_COAP_CREATED},
        {{"ep=a", "b=UQS", "lwm2m=1.0", "lt=60"}, NULL, 0, KEDGE_COAP_CREATED},
        {{"ep=ger\xC3\xA4t", USUAL}, NULL, 0, KEDGE_COAP_CREATED},
        {{"ep=a", USUAL}, "</>;rt=\"oma.lwm2m\";ct=\"0 11542\",</3/0>,</x>", 0, KEDGE_COAP_CREATED},
    };
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        assert_refused(scene, &taken[i]);
}

static void test_more_links_than_the_limit_are_refused(void **state)
{
    struct fleet_scene *scene = *state;
    char links[4 * 300] = "";
    for (unsigned i = 0; i <= KEDGE_LWM2M_LINKS_MAX; i++)
        strcat(links, i == 0 ? "</>" : ",</>");
    const struct refusal refusal = {{"ep=a", USUAL}, links, 0, KEDGE_COAP_BAD_REQUEST};
    assert_refused(scene, &refusal);
    links[strlen(links) - 4] = '\0';
    const struct refusal taken = {{"ep=a", USUAL}, links, 0, KEDGE_COAP_CREATED};
    assert_refused(scene, &taken);
}

static uint8_t ask_for(struct fleet_scene *scene, uint8_t method, const char *first,
                       const char *second, const char *third)
{
    struct scripted_message request = {.type = KEDGE_COAP_CON, .code = method};
    const char *const segments[] = {first, second, third};
    for (size_t i = 0; i < 3 && segments[i] != NULL; i++)
        request.options[i] = (struct scripted_option){KEDGE_COAP_URI_PATH, segments[i], 0};
    device_asks(&scene->device, &request);
    return scene->device.peer.message.code;
}

static void test_what_is_not_there_is_not_found(void **state)
{
    struct fleet_scene *scene = *state;
    scene_identify(scene);
    assert_int_equal(ask_for(scene, KEDGE_COAP_GET, NULL, NULL, NULL), KEDGE_COAP_NOT_FOUND);
    assert_int_equal(ask_for(scene, KEDGE_COAP_GET, "x", NULL, NULL), KEDGE_COAP_NOT_FOUND);
    assert_int_equal(ask_for(scene, KEDGE_COAP_POST, "rd", "nobody", NULL), KEDGE_COAP_NOT_FOUND);
    assert_int_equal(ask_for(scene, KEDGE_COAP_DELETE, "rd", "nobody", NULL), KEDGE_COAP_NOT_FOUND);
    assert_int_equal(ask_for(scene, KEDGE_COAP_POST, "rd", "a", "b"), KEDGE_COAP_NOT_FOUND);
    assert_int_equal(ask_for(scene, KEDGE_COAP_GET, "rd", NULL, NULL),
                     KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(ask_for(scene, KEDGE_COAP_PUT, "rd", "nobody", NULL),
                     KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(ask_for(scene, KEDGE_COAP_GET, "fw", NULL, NULL), KEDGE_COAP_NOT_FOUND);
    assert_int_equal(ask_for(scene, KEDGE_COAP_GET, "fw", "..", NULL), KEDGE_COAP_NOT_FOUND);
    assert_int_equal(ask_for(scene, KEDGE_COAP_GET, "fw", FILE_NAME, "x"), KEDGE_COAP_NOT_FOUND);
    assert_int_equal(ask_for(scene, KEDGE_COAP_GET, "fw", FILE_NAME, NULL), KEDGE_COAP_CONTENT);
    assert_int_equal(ask_for(scene, KEDGE_COAP_POST, "fw", FILE_NAME, NULL),
                     KEDGE_COAP_METHOD_NOT_ALLOWED);
}

/* ---- Update, De-register, expiry ---- */

static void test_an_update_renews_and_changes_what_it_names(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_device found;
    scene_identify(scene);
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_POST, "lt=120"),
                     KEDGE_COAP_CHANGED);
    assert_int_equal(scene->updated, 1);
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_int_equal(found.lifetime_s, 120);
    assert_true(found.identified);
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_POST, "lt=x"),
                     KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_POST, "ep=other"),
                     KEDGE_COAP_BAD_REQUEST);
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_int_equal(found.lifetime_s, 120);
}

static void test_that_a_device_needs_no_dtls_is_asked_once_and_again_after_a_change(void **state)
{
    static const char *const changed[] = {"device-1"};
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    scene_identify(scene);
    assert_int_equal(device_to_location(device, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
    unsigned asked = scene->enrolled_asked;
    for (int i = 0; i < 5; i++)
        assert_int_equal(device_to_location(device, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
    assert_int_equal(scene->enrolled_asked, asked);
    scene->enrolled = true;
    kedge_fleet_expel(scene->fleet, changed, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(device_to_location(device, KEDGE_COAP_POST, NULL), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(device_to_location(device, KEDGE_COAP_DELETE, NULL), KEDGE_COAP_BAD_REQUEST);
    /* And when the credentials are taken away again, it is let in. */
    scene->enrolled = false;
    kedge_fleet_expel(scene->fleet, changed, 1);
    assert_int_equal(device_to_location(device, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
}

static void test_an_update_from_a_new_address_moves_the_device(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    struct kedge_device found;
    scene_identify(scene);
    peer_close(&device->peer);
    peer_open(&device->peer, scene->net);
    assert_int_equal(device_to_location(device, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_true(kedge_address_equal(&found.address, &device->peer.address));
    assert_int_equal(scene->conflicts, 0);
    assert_int_equal(scene->gone, 0);
}

static void test_a_device_that_de_registers_is_gone(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_device found;
    scene_identify(scene);
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_DELETE, NULL),
                     KEDGE_COAP_DELETED);
    assert_int_equal(scene->gone, 1);
    assert_int_equal(scene->gone_reason, KEDGE_GONE_DEREGISTERED);
    assert_false(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_DELETE, NULL),
                     KEDGE_COAP_NOT_FOUND);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
}

static void wait_for(struct fleet_scene *scene, const unsigned *flag, uint64_t wait_ms)
{
    uint64_t until_ms = test_clock_ms() + wait_ms;
    while (*flag == 0 && test_clock_ms() < until_ms)
        server_turn(scene->net);
}

static void test_a_lifetime_expires_after_its_grace_and_an_update_prevents_it(void **state)
{
    struct fleet_scene *scene = *state;
    uint64_t began_ms = test_clock_ms();
    assert_int_equal(device_registers_with(&scene->device, "1"), KEDGE_COAP_CREATED);
    device_until(&scene->device, &scene->identified, 1);
    wait_for(scene, &scene->gone, 900);
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
    uint64_t renewed_ms = test_clock_ms();
    wait_for(scene, &scene->gone, 3000);
    assert_int_equal(scene->gone, 1);
    assert_int_equal(scene->gone_reason, KEDGE_GONE_EXPIRED);
    assert_true(test_clock_ms() >= renewed_ms + 1450 && test_clock_ms() >= began_ms + 2300);
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_POST, NULL),
                     KEDGE_COAP_NOT_FOUND);
}

/* ---- restoring ---- */

static struct kedge_device stored_device(const struct scripted_device *device)
{
    return (struct kedge_device){.endpoint = device->endpoint,
                                 .vendor = "vendor.example",
                                 .class_name = "meter",
                                 .version = "0.9.0",
                                 .hardware = "",
                                 .lwm2m_version = "1.1",
                                 .binding = "U",
                                 .location = "0123456789abcdef01234567",
                                 .lifetime_s = 60,
                                 .address = device->peer.address};
}

static void test_a_restored_device_is_asked_and_its_location_holds(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_device stored = stored_device(&scene->device), found;
    assert_int_equal(kedge_fleet_restore(scene->fleet, &stored), KEDGE_OK);
    assert_int_equal(kedge_fleet_restore(scene->fleet, &stored), KEDGE_E_EXISTS);
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_false(found.identified);
    assert_string_equal(found.version, "0.9.0");
    assert_int_equal(scene->registered, 0);
    device_until(&scene->device, &scene->identified, 1);
    assert_string_equal(scene->version, "1.0.0");
    assert_string_equal(scene->hardware, "rev-b");
    strcpy(scene->device.location, stored.location);
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
}

static void test_a_restored_device_that_is_silent_is_asked_again_when_heard_of(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_device stored = stored_device(&scene->device);
    scene->device.deaf = true;
    assert_int_equal(kedge_fleet_restore(scene->fleet, &stored), KEDGE_OK);
    uint64_t until_ms = test_clock_ms() + PATIENCE_MS;
    while (kedge_net_counters(scene->net).timeouts == 0 && test_clock_ms() < until_ms)
        device_turn(&scene->device, 10);
    assert_int_equal(kedge_net_counters(scene->net).timeouts, 1);
    assert_int_equal(scene->identified, 0);
    assert_int_equal(scene->gone, 0);
    scene->device.deaf = false;
    strcpy(scene->device.location, stored.location);
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
    device_until(&scene->device, &scene->identified, 1);
}

static void test_a_restored_device_without_object_5_is_found_out(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_device stored = stored_device(&scene->device);
    scene->device.no_firmware = true;
    assert_int_equal(kedge_fleet_restore(scene->fleet, &stored), KEDGE_OK);
    device_until(&scene->device, &scene->identified, 1);
    assert_false(scene->has_firmware);
}

static void test_a_restored_device_that_refuses_keeps_what_was_known_of_it(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_device stored = stored_device(&scene->device), found;
    scene->device.strange = true;
    assert_int_equal(kedge_fleet_restore(scene->fleet, &stored), KEDGE_OK);
    assert_true(device_turn(&scene->device, PATIENCE_MS));
    device_rest(&scene->device, 50);
    assert_int_equal(scene->identified, 0);
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_string_equal(found.vendor, "vendor.example");
    scene->device.strange = false;
    scene_identify(scene);
    assert_string_equal(scene->version, "1.0.0");
}

static void test_records_that_no_register_can_have_left_are_not_restored(void **state)
{
    struct fleet_scene *scene = *state;
    const struct kedge_device good = stored_device(&scene->device);
    struct kedge_device bad[] = {good, good, good, good, good, good};
    bad[0].endpoint = "";
    strcpy(bad[1].location, "short");
    strcpy(bad[2].location, "zzzzzzzzzzzzzzzzzzzzzzzz");
    bad[3].lwm2m_version = "9.9";
    bad[4].binding = "?";
    bad[5].endpoint = "n" NAME_128;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(kedge_fleet_restore(scene->fleet, &bad[i]), KEDGE_E_ARGUMENT);
    assert_int_equal(kedge_fleet_counters(scene->fleet).registered, 0);
}

/* ---- operations ---- */

struct note {
    unsigned calls;
    enum kedge_rc rc;
    uint8_t code;
    uint32_t format;
    bool observing;
    char payload[600];
};

static void note_answer(void *context, enum kedge_rc rc,
                        const struct kedge_operation_answer *answer)
{
    struct note *note = context;
    note->calls++;
    note->rc = rc;
    note->code = answer != NULL ? answer->code : 0;
    note->format = answer != NULL ? answer->content_format : 0;
    note->observing = answer != NULL && answer->observing;
    snprintf(note->payload, sizeof note->payload, "%.*s",
             answer != NULL ? (int)answer->payload.size : 0,
             answer != NULL ? (const char *)answer->payload.data : "");
}

static enum kedge_rc ask(struct fleet_scene *scene, enum kedge_operation_kind kind,
                         const char *path, struct note *note, uint64_t *handle)
{
    const struct kedge_operation_request request = {.kind = kind, .path = path};
    return kedge_device_ask(scene->fleet, "device-1", &request, note_answer, note, handle);
}

static void test_read_write_execute_reach_the_device(void **state)
{
    struct fleet_scene *scene = *state;
    struct note note = {0};
    scene_identify(scene);
    const struct kedge_operation_request read = {.kind = KEDGE_OPERATION_READ, .path = "/3/0/0"};
    assert_int_equal(ask(scene, read.kind, read.path, &note, NULL), KEDGE_OK);
    device_until(&scene->device, &note.calls, 1);
    assert_int_equal(note.code, KEDGE_COAP_CONTENT);
    assert_string_equal(note.payload, "vendor.example");
    assert_int_equal(note.format, KEDGE_LWM2M_FORMAT_TEXT);
    struct kedge_lwm2m_record uri = {
        .encoding = KEDGE_LWM2M_TYPED,
        .value = {.type = KEDGE_LWM2M_STRING, .bytes = kedge_slice_text("coap://x/fw/1")}};
    const struct kedge_operation_request write = {
        .kind = KEDGE_OPERATION_WRITE, .path = "/5/0/1", .records = &uri, .record_count = 1};
    assert_int_equal(kedge_lwm2m_path_parse(kedge_slice_text(write.path), &uri.path), KEDGE_OK);
    assert_int_equal(
        kedge_device_ask(scene->fleet, "device-1", &write, note_answer, &note, NULL), KEDGE_OK);
    device_until(&scene->device, &note.calls, 2);
    assert_string_equal(scene->device.uri, "coap://x/fw/1");
    const struct kedge_operation_request execute = {
        .kind = KEDGE_OPERATION_EXECUTE, .path = "/5/0/2", .text = ""};
    assert_int_equal(
        kedge_device_ask(scene->fleet, "device-1", &execute, note_answer, &note, NULL), KEDGE_OK);
    device_until(&scene->device, &note.calls, 3);
    assert_int_equal(scene->device.executes, 1);
    assert_int_equal(note.code, KEDGE_COAP_CHANGED);
    assert_int_equal(ask(scene, KEDGE_OPERATION_DISCOVER, "/77", &note, NULL), KEDGE_OK);
    device_until(&scene->device, &note.calls, 4);
    assert_int_equal(note.code, KEDGE_COAP_NOT_FOUND);
    assert_int_equal(kedge_device_ask(scene->fleet, "nobody", &read, note_answer, &note, NULL),
                     KEDGE_E_NOT_FOUND);
}

static void test_an_observation_tells_each_change_until_the_next_register(void **state)
{
    struct fleet_scene *scene = *state;
    struct note note = {0};
    scene_identify(scene);
    assert_int_equal(ask(scene, KEDGE_OPERATION_OBSERVE, "/5/0/3", &note, NULL), KEDGE_OK);
    device_until(&scene->device, &note.calls, 1);
    assert_true(note.observing);
    scene->device.state = 1;
    device_notifies(&scene->device, 0);
    device_until(&scene->device, &note.calls, 2);
    assert_string_equal(note.payload, "1");
    device_registers(&scene->device);
    assert_int_equal(note.calls, 3);
    assert_int_equal(note.rc, KEDGE_E_CANCELED);
}

static void test_a_cancelled_operation_is_not_heard_of_again(void **state)
{
    struct fleet_scene *scene = *state;
    struct note read = {0}, watched = {0};
    uint64_t handle;
    scene_identify(scene);
    assert_int_equal(ask(scene, KEDGE_OPERATION_READ, "/3/0/0", &read, &handle), KEDGE_OK);
    kedge_device_cancel(scene->fleet, handle);
    assert_int_equal(ask(scene, KEDGE_OPERATION_OBSERVE, "/5/0/3", &watched, &handle), KEDGE_OK);
    device_until(&scene->device, &watched.calls, 1);
    kedge_device_cancel(scene->fleet, handle);
    scene->device.state = 1;
    device_notifies(&scene->device, 0);
    peer_receives(&scene->device.peer);
    assert_int_equal(scene->device.peer.message.type, KEDGE_COAP_RST);
    assert_int_equal(read.calls, 0);
    assert_int_equal(watched.calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_device_registers_and_is_asked_who_it_is),
        SCENE_TEST(test_the_answer_to_a_register_comes_before_any_question),
        SCENE_TEST(test_a_device_that_speaks_tlv_is_understood),
        SCENE_TEST(test_what_a_device_does_not_say_or_says_too_long_is_empty),
        SCENE_TEST(test_a_device_without_object_5_is_not_asked_about_it),
        SCENE_TEST(test_a_register_from_the_same_address_replaces_and_is_no_conflict),
        SCENE_TEST(test_the_newest_register_for_a_live_name_wins_and_is_told),
        SCENE_TEST(test_another_name_from_the_same_address_ends_the_former),
        SCENE_TEST(test_registers_that_cannot_be_are_refused_with_a_reason),
        SCENE_TEST(test_registers_at_the_edge_of_what_may_be_are_taken),
        SCENE_TEST(test_more_links_than_the_limit_are_refused),
        SCENE_TEST(test_what_is_not_there_is_not_found),
        SCENE_TEST(test_an_update_renews_and_changes_what_it_names),
        SCENE_TEST(test_that_a_device_needs_no_dtls_is_asked_once_and_again_after_a_change),
        SCENE_TEST(test_an_update_from_a_new_address_moves_the_device),
        SCENE_TEST(test_a_device_that_de_registers_is_gone),
        SCENE_TEST(test_a_lifetime_expires_after_its_grace_and_an_update_prevents_it),
        SCENE_TEST(test_a_restored_device_is_asked_and_its_location_holds),
        SCENE_TEST(test_a_restored_device_that_is_silent_is_asked_again_when_heard_of),
        SCENE_TEST(test_a_restored_device_without_object_5_is_found_out),
        SCENE_TEST(test_a_restored_device_that_refuses_keeps_what_was_known_of_it),
        SCENE_TEST(test_records_that_no_register_can_have_left_are_not_restored),
        SCENE_TEST(test_read_write_execute_reach_the_device),
        SCENE_TEST(test_an_observation_tells_each_change_until_the_next_register),
        SCENE_TEST(test_a_cancelled_operation_is_not_heard_of_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
