/*
 * test_lwm2m_operations.c: what each operation is on the wire, in which format it goes out and in
 * which it is tried again, and that nothing is sent to a device that sleeps.
 */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/fleet_scene.h"
#include "updater/lwm2m/formats.h"

struct note {
    unsigned calls;
    enum kedge_rc rc;
    uint8_t code;
};

static void note_answer(void *context, enum kedge_rc rc,
                        const struct kedge_operation_answer *answer)
{
    struct note *note = context;
    note->calls++;
    note->rc = rc;
    note->code = answer != NULL ? answer->code : 0;
}

/* Registers with these queries and links, without being asked who it is. */
static void registers(struct fleet_scene *scene, const char *version, const char *queue,
                      const char *links)
{
    struct scripted_message request = {.type = KEDGE_COAP_CON,
                                       .code = KEDGE_COAP_POST,
                                       .options = {{KEDGE_COAP_URI_PATH, "rd", 0},
                                                   {KEDGE_COAP_CONTENT_FORMAT, NULL, 40},
                                                   {KEDGE_COAP_URI_QUERY, "ep=device-1", 0},
                                                   {KEDGE_COAP_URI_QUERY, version, 0},
                                                   {KEDGE_COAP_URI_QUERY, queue, 0}},
                                       .payload = kedge_slice_text(links)};
    device_asks(&scene->device, &request);
    assert_int_equal(scene->device.peer.message.code, KEDGE_COAP_CREATED);
}

/* The questions who it is, which it refuses to answer. */
static void settles(struct fleet_scene *scene)
{
    scene->device.strange = true;
    device_rest(&scene->device, 60);
}

static enum kedge_rc ask(struct fleet_scene *scene, struct kedge_operation_request request,
                         struct note *note)
{
    *note = (struct note){0};
    return kedge_device_ask(scene->fleet, "device-1", &request, note_answer, note, NULL);
}

static int32_t option_of(const struct fleet_scene *scene, uint16_t number)
{
    uint32_t value;
    return kedge_coap_option_uint(&scene->device.peer.message, number, &value) ? (int32_t)value
                                                                               : -1;
}

/* The request that comes, as "PUT 5/0/1?pmin=5 ct=0 accept=- observe=-". */
static void arrives(struct fleet_scene *scene, char *out, size_t size)
{
    static const char *const methods[] = {"",       "GET",   "POST", "PUT",
                                          "DELETE", "FETCH", "",     "iPATCH"};
    static int last_id = -1;
    do /* on a busy machine a request is sent again before it is answered */
        peer_receives(&scene->device.peer);
    while (scene->device.peer.message.message_id == last_id);
    last_id = scene->device.peer.message.message_id;
    const struct kedge_coap_message *message = &scene->device.peer.message;
    struct kedge_coap_options walk = kedge_coap_options(message);
    struct kedge_coap_option option;
    size_t used = (size_t)snprintf(out, size, "%s ", methods[message->code & 7]);
    bool first = true;
    while (kedge_coap_option_next(&walk, &option)) {
        const char *mark = option.number == KEDGE_COAP_URI_QUERY ? "?" : first ? "" : "/";
        if (option.number != KEDGE_COAP_URI_PATH && option.number != KEDGE_COAP_URI_QUERY)
            continue;
        used += (size_t)snprintf(out + used, size - used, "%s%.*s", mark, (int)option.value.size,
                                 (const char *)option.value.data);
        first = false;
    }
    snprintf(out + used, size - used, " ct=%d accept=%d observe=%d",
             option_of(scene, KEDGE_COAP_CONTENT_FORMAT), option_of(scene, KEDGE_COAP_ACCEPT),
             option_of(scene, KEDGE_COAP_OBSERVE));
}

static void require_arrival(struct fleet_scene *scene, const char *expected)
{
    char text[256];
    arrives(scene, text, sizeof text);
    assert_string_equal(text, expected);
}

static void answers(struct fleet_scene *scene, uint8_t code, struct note *note)
{
    unsigned before = note->calls;
    device_refuse(&scene->device, code);
    uint64_t until_ms = test_clock_ms() + PATIENCE_MS;
    while (note->calls == before && test_clock_ms() < until_ms)
        server_turn(scene->net);
    assert_int_equal(note->calls, before + 1);
    assert_int_equal(note->code, code);
}

static const struct kedge_lwm2m_record severity = {
    .path = {{5, 0, 11}, 3}, .value = {.type = KEDGE_LWM2M_INTEGER, .integer = 1}};
static const struct kedge_lwm2m_record paths[] = {
    {.path = {{3, 0, 3}, 3}, .value = {.type = KEDGE_LWM2M_NOTHING}},
    {.path = {{5}, 1}, .value = {.type = KEDGE_LWM2M_NOTHING}}};

static void test_each_operation_is_what_the_specification_says(void **state)
{
    struct fleet_scene *scene = *state;
    struct note note;
    const struct {
        struct kedge_operation_request request;
        const char *arrival;
    } rows[] = {
        {{.kind = KEDGE_OPERATION_READ, .path = "/3/0"}, "GET 3/0 ct=-1 accept=11542 observe=-1"},
        {{.kind = KEDGE_OPERATION_DISCOVER, .path = "/3"}, "GET 3 ct=-1 accept=40 observe=-1"},
        {{.kind = KEDGE_OPERATION_WRITE,
          .path = "/5/0/11",
          .records = &severity,
          .record_count = 1},
         "PUT 5/0/11 ct=0 accept=-1 observe=-1"},
        {{.kind = KEDGE_OPERATION_WRITE, .path = "/5/0", .records = &severity, .record_count = 1},
         "PUT 5/0 ct=11542 accept=-1 observe=-1"},
        {{.kind = KEDGE_OPERATION_WRITE_PARTIAL,
          .path = "/5/0",
          .records = &severity,
          .record_count = 1},
         "POST 5/0 ct=11542 accept=-1 observe=-1"},
        {{.kind = KEDGE_OPERATION_WRITE_ATTRIBUTES, .path = "/5/0/3", .text = "pmin=2&pmax=10"},
         "PUT 5/0/3?pmin=2?pmax=10 ct=-1 accept=-1 observe=-1"},
        {{.kind = KEDGE_OPERATION_EXECUTE, .path = "/5/0/2"},
         "POST 5/0/2 ct=-1 accept=-1 observe=-1"},
        {{.kind = KEDGE_OPERATION_EXECUTE, .path = "/5/0/2", .text = "0='x'"},
         "POST 5/0/2 ct=0 accept=-1 observe=-1"},
        {{.kind = KEDGE_OPERATION_CREATE, .path = "/5", .records = &severity, .record_count = 1},
         "POST 5 ct=11542 accept=-1 observe=-1"},
        {{.kind = KEDGE_OPERATION_DELETE, .path = "/5/1"}, "DELETE 5/1 ct=-1 accept=-1 observe=-1"},
        {{.kind = KEDGE_OPERATION_READ_COMPOSITE, .path = "/", .records = paths, .record_count = 2},
         "FETCH  ct=112 accept=112 observe=-1"},
        {{.kind = KEDGE_OPERATION_OBSERVE_COMPOSITE,
          .path = "/",
          .records = paths,
          .record_count = 2},
         "FETCH  ct=112 accept=112 observe=0"},
        {{.kind = KEDGE_OPERATION_WRITE_COMPOSITE,
          .path = "/",
          .records = &severity,
          .record_count = 1},
         "iPATCH  ct=112 accept=-1 observe=-1"},
        {{.kind = KEDGE_OPERATION_OBSERVE, .path = "/5/0/3"},
         "GET 5/0/3 ct=-1 accept=11542 observe=0"},
    };
    registers(scene, "lwm2m=1.1", "b=U", "</3/0>");
    settles(scene);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(ask(scene, rows[i].request, &note), KEDGE_OK);
        require_arrival(scene, rows[i].arrival);
        answers(scene, KEDGE_COAP_METHOD_NOT_ALLOWED, &note);
    }
}

static void test_what_does_not_go_together_is_not_sent(void **state)
{
    struct fleet_scene *scene = *state;
    struct note note;
    const struct kedge_operation_request rows[] = {
        {.kind = KEDGE_OPERATION_READ, .path = "/"},
        {.kind = KEDGE_OPERATION_EXECUTE, .path = "/5/0"},
        {.kind = KEDGE_OPERATION_WRITE, .path = "/5/0/11"},
        {.kind = KEDGE_OPERATION_WRITE, .path = "/5", .records = &severity, .record_count = 1},
        {.kind = KEDGE_OPERATION_CREATE, .path = "/5/0", .records = &severity, .record_count = 1},
        {.kind = KEDGE_OPERATION_READ, .path = "/5", .records = &severity, .record_count = 1},
        {.kind = KEDGE_OPERATION_WRITE, .path = "/3/0/11", .records = &severity, .record_count = 1},
        {.kind = KEDGE_OPERATION_READ_COMPOSITE, .path = "/3", .records = paths, .record_count = 2},
        {.kind = KEDGE_OPERATION_DELETE, .path = "/5"},
    };
    registers(scene, "lwm2m=1.1", "b=U", "</3/0>");
    settles(scene);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(ask(scene, rows[i], &note), KEDGE_E_ARGUMENT);
    peer_hears_nothing(&scene->device.peer, 30);
}

/* ---- formats ---- */

static void test_a_refused_format_is_not_used_again_until_the_next_register(void **state)
{
    struct fleet_scene *scene = *state;
    struct note note;
    const struct kedge_operation_request write = {
        .kind = KEDGE_OPERATION_WRITE, .path = "/5/0/11", .records = &severity, .record_count = 1};
    const struct kedge_operation_request read = {.kind = KEDGE_OPERATION_READ, .path = "/3/0"};
    registers(scene, "lwm2m=1.1", "b=U", "</3/0>");
    settles(scene);
    assert_int_equal(ask(scene, write, &note), KEDGE_OK);
    require_arrival(scene, "PUT 5/0/11 ct=0 accept=-1 observe=-1");
    device_refuse(&scene->device, KEDGE_COAP_UNSUPPORTED_FORMAT);
    require_arrival(scene, "PUT 5/0/11 ct=60 accept=-1 observe=-1");
    assert_true(kedge_slice_equal(scene->device.peer.message.payload, kedge_slice("\x01", 1)));
    answers(scene, KEDGE_COAP_CHANGED, &note);
    assert_int_equal(ask(scene, write, &note), KEDGE_OK);
    require_arrival(scene, "PUT 5/0/11 ct=60 accept=-1 observe=-1");
    answers(scene, KEDGE_COAP_CHANGED, &note);
    assert_int_equal(ask(scene, read, &note), KEDGE_OK);
    require_arrival(scene, "GET 3/0 ct=-1 accept=11542 observe=-1");
    device_refuse(&scene->device, KEDGE_COAP_NOT_ACCEPTABLE);
    require_arrival(scene, "GET 3/0 ct=-1 accept=-1 observe=-1");
    answers(scene, KEDGE_COAP_NOT_FOUND, &note);
    assert_int_equal(ask(scene, read, &note), KEDGE_OK);
    require_arrival(scene, "GET 3/0 ct=-1 accept=-1 observe=-1");
    answers(scene, KEDGE_COAP_NOT_FOUND, &note);
    registers(scene, "lwm2m=1.1", "b=U", "</3/0>");
    settles(scene);
    assert_int_equal(ask(scene, write, &note), KEDGE_OK);
    require_arrival(scene, "PUT 5/0/11 ct=0 accept=-1 observe=-1");
}

static const struct kedge_operation_request write_severity = {
    .kind = KEDGE_OPERATION_WRITE, .path = "/5/0/11", .records = &severity, .record_count = 1};

/* Writes, and refuses each format of these in turn; the last one is answered so. */
static void refuses_each(struct fleet_scene *scene, const int *formats, size_t count,
                         uint8_t last_answer)
{
    struct note note;
    assert_int_equal(ask(scene, write_severity, &note), KEDGE_OK);
    for (size_t i = 0; i < count; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "PUT 5/0/11 ct=%d accept=-1 observe=-1", formats[i]);
        require_arrival(scene, expected);
        if (i + 1 < count)
            device_refuse(&scene->device, KEDGE_COAP_UNSUPPORTED_FORMAT);
    }
    answers(scene, last_answer, &note);
}

static void test_a_device_that_refuses_every_format_is_asked_once_in_each(void **state)
{
    struct fleet_scene *scene = *state;
    static const int formats[] = {0, 60, 11542, 112, 11544, 110, 11543};
    registers(scene, "lwm2m=1.1", "b=U", "</3/0>");
    settles(scene);
    refuses_each(scene, formats, 7, KEDGE_COAP_UNSUPPORTED_FORMAT);
    peer_hears_nothing(&scene->device.peer, 30);
}

/* It may take no value at all for one resource, which says nothing of others. */
static void test_a_write_that_no_format_helps_leaves_other_writes_alone(void **state)
{
    struct fleet_scene *scene = *state;
    static const int formats[] = {60, 112, 0, 11542, 11544, 110, 11543};
    registers(scene, "lwm2m=1.1", "b=U", "</>;ct=\"60 112\",</3/0>");
    settles(scene);
    refuses_each(scene, formats, 7, KEDGE_COAP_UNSUPPORTED_FORMAT);
    refuses_each(scene, formats, 1, KEDGE_COAP_CHANGED);
}

static void test_what_was_refused_elsewhere_is_tried_when_nothing_else_is_left(void **state)
{
    struct fleet_scene *scene = *state;
    static const int at_first[] = {0, 60, 11542}, then[] = {11542, 112, 11544, 110, 11543, 0, 60};
    registers(scene, "lwm2m=1.1", "b=U", "</3/0>");
    settles(scene);
    refuses_each(scene, at_first, 3, KEDGE_COAP_CHANGED);
    refuses_each(scene, then, 7, KEDGE_COAP_CHANGED);
}

static void test_what_a_device_lists_is_used_towards_it(void **state)
{
    struct fleet_scene *scene = *state;
    struct note note;
    const struct {
        const char *links, *read, *write;
    } rows[] = {
        {"</>;rt=\"oma.lwm2m\";ct=\"110 112 60\",</3/0>", "GET 3/0 ct=-1 accept=112 observe=-1",
         "PUT 5/0/11 ct=60 accept=-1 observe=-1"},
        {"</>;ct=11544,</3/0>", "GET 3/0 ct=-1 accept=11544 observe=-1",
         "PUT 5/0/11 ct=11544 accept=-1 observe=-1"},
        {"</>;ct=\"0 11542\",</3/0>", "GET 3/0 ct=-1 accept=11542 observe=-1",
         "PUT 5/0/11 ct=0 accept=-1 observe=-1"},
        {"</>;ct=\"11543\",</3/0>", "GET 3/0 ct=-1 accept=11543 observe=-1",
         "PUT 5/0/11 ct=11543 accept=-1 observe=-1"},
        {"</>;ct=\"50 41\",</3/0>", "GET 3/0 ct=-1 accept=11542 observe=-1",
         "PUT 5/0/11 ct=0 accept=-1 observe=-1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        registers(scene, "lwm2m=1.2", "b=U", rows[i].links);
        settles(scene);
        assert_int_equal(
            ask(scene,
                (struct kedge_operation_request){.kind = KEDGE_OPERATION_READ, .path = "/3/0"},
                &note),
            KEDGE_OK);
        require_arrival(scene, rows[i].read);
        answers(scene, KEDGE_COAP_NOT_FOUND, &note);
        assert_int_equal(ask(scene,
                             (struct kedge_operation_request){.kind = KEDGE_OPERATION_WRITE,
                                                              .path = "/5/0/11",
                                                              .records = &severity,
                                                              .record_count = 1},
                             &note),
                         KEDGE_OK);
        require_arrival(scene, rows[i].write);
        answers(scene, KEDGE_COAP_CHANGED, &note);
    }
}

static void test_the_next_format_that_a_device_lists_is_asked_for_and_at_last_none(void **state)
{
    struct fleet_scene *scene = *state;
    struct note note;
    const struct kedge_operation_request read = {.kind = KEDGE_OPERATION_READ, .path = "/3/0"};
    registers(scene, "lwm2m=1.1", "b=U", "</>;ct=\"110 112\",</3/0>");
    settles(scene);
    assert_int_equal(ask(scene, read, &note), KEDGE_OK);
    require_arrival(scene, "GET 3/0 ct=-1 accept=112 observe=-1");
    device_refuse(&scene->device, KEDGE_COAP_NOT_ACCEPTABLE);
    require_arrival(scene, "GET 3/0 ct=-1 accept=110 observe=-1");
    device_refuse(&scene->device, KEDGE_COAP_NOT_ACCEPTABLE);
    require_arrival(scene, "GET 3/0 ct=-1 accept=-1 observe=-1");
    answers(scene, KEDGE_COAP_NOT_ACCEPTABLE, &note);
}

static void test_formats_are_chosen_among_what_is_said_and_not_refused(void **state)
{
    (void)state;
    const uint8_t text = format_bit(0), tlv = format_bit(11542), senml_json = format_bit(110),
                  senml_cbor = format_bit(112), cbor = format_bit(60);
    assert_int_equal(format_bit(40), 0);
    assert_int_equal(format_bit(KEDGE_LWM2M_FORMAT_NONE), 0);
    assert_int_equal(format_to_read(FORMAT_USE_RECORDS, 0, 0), 11542);
    assert_int_equal(format_to_read(FORMAT_USE_RECORDS, 0, tlv), FORMAT_NONE_LEFT);
    assert_int_equal(format_to_read(FORMAT_USE_RECORDS, text | cbor, 0), FORMAT_NONE_LEFT);
    assert_int_equal(format_to_read(FORMAT_USE_VALUE, text | cbor, 0), 60);
    assert_int_equal(format_to_read(FORMAT_USE_VALUE, text | cbor, cbor), 0);
    assert_int_equal(format_to_read(FORMAT_USE_COMPOSITE, tlv | senml_json, 0), 110);
    assert_int_equal(format_to_write(FORMAT_USE_COMPOSITE, tlv, 0), 112);
    assert_int_equal(format_to_write(FORMAT_USE_COMPOSITE, 0, senml_cbor | senml_json),
                     FORMAT_NONE_LEFT);
    assert_int_equal(format_to_write(FORMAT_USE_BYTES, 0, 0), 42);
    assert_int_equal(format_to_write(FORMAT_USE_BYTES, tlv, 0), 11542);
    assert_int_equal(format_to_write(FORMAT_USE_RECORDS, text, 0), 11542);
}

/* ---- where its objects are, and whether it listens ---- */

static void test_objects_below_an_alternate_path_are_asked_there(void **state)
{
    struct fleet_scene *scene = *state;
    struct note note;
    struct kedge_device found;
    registers(scene, "lwm2m=1.1", "b=U",
              "</lwm2m/3/0>,</lwm2m/5/0>,</lwm2m>;rt=\"oma.lwm2m\";ct=112,</3/7>,</lwm2m2/4/0>");
    settles(scene);
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_true(found.has_firmware_object);
    assert_int_equal(
        ask(scene, (struct kedge_operation_request){.kind = KEDGE_OPERATION_READ, .path = "/5/0/3"},
            &note),
        KEDGE_OK);
    require_arrival(scene, "GET lwm2m/5/0/3 ct=-1 accept=112 observe=-1");
}

static void test_what_only_begins_like_the_alternate_path_is_not_below_it(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_device found;
    registers(scene, "lwm2m=1.1", "b=U",
              "</lwm2m>;rt=\"oma.lwm2m\",</lwm2m/3/0>,</lwm2m5/0>,</5/0>");
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_false(found.has_firmware_object);
}

/* Its location is that of the answer to the Register, which came last. */
static void updates(struct fleet_scene *scene, const char *query)
{
    struct kedge_device found;
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    snprintf(scene->device.location, sizeof scene->device.location, "%s", found.location);
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_POST, query),
                     KEDGE_COAP_CHANGED);
}

static void test_an_update_without_q_ends_queue_mode_in_1_0_and_not_since_1_1(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_device found;
    scene->device.strange = true;
    registers(scene, "lwm2m=1.0", "b=UQ", "</3/0>");
    updates(scene, "b=U");
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_false(found.queue_mode);
    assert_string_equal(found.binding, "U");
    registers(scene, "lwm2m=1.1", "Q", "</3/0>");
    updates(scene, "b=U");
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_true(found.queue_mode);
    assert_string_equal(found.binding, "UQ");
    updates(scene, "lt=60");
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_true(found.queue_mode);
}

static void test_an_object_listed_without_instances_is_asked(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_device found;
    registers(scene, "lwm2m=1.1", "b=U", "</3>,</5>");
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    assert_true(found.has_firmware_object);
}

static int sleepy_open(void **state)
{
    assert_int_equal(scene_open(state), 0);
    struct fleet_scene *scene = *state;
    kedge_fleet_destroy(scene->fleet);
    const struct kedge_fleet_config config = {
        .net = scene->net,
        .hooks = {.context = scene, .identified = scene_identified, .turned = scene_turned},
        .awake_ms = 300};
    return kedge_fleet_create(&config, &scene->fleet) == KEDGE_OK ? 0 : -1;
}

static void sleeps_after_its_window(struct fleet_scene *scene, const char *version,
                                    const char *queue)
{
    struct note note;
    const struct kedge_operation_request read = {.kind = KEDGE_OPERATION_READ, .path = "/3/0/0"};
    registers(scene, version, queue, "</3/0>");
    assert_int_equal(ask(scene, read, &note), KEDGE_OK); /* it is awake */
    settles(scene);
    uint64_t until_ms = test_clock_ms() + PATIENCE_MS;
    enum kedge_rc rc = KEDGE_OK;
    while (rc == KEDGE_OK && test_clock_ms() < until_ms) {
        peer_hears_nothing(&scene->device.peer, 320);
        rc = ask(scene, read, &note);
        if (rc == KEDGE_OK)
            settles(scene);
    }
    assert_int_equal(rc, KEDGE_E_STATE);
    peer_hears_nothing(&scene->device.peer, 50);
    registers(scene, version, queue, "</3/0>");
    assert_int_equal(ask(scene, read, &note), KEDGE_OK);
}

static void test_a_device_in_queue_mode_of_1_0_is_not_asked_while_it_sleeps(void **state)
{
    sleeps_after_its_window(*state, "lwm2m=1.0", "b=UQ");
}

static void test_a_device_in_queue_mode_of_1_1_is_not_asked_while_it_sleeps(void **state)
{
    sleeps_after_its_window(*state, "lwm2m=1.1", "Q");
}

/* Neither again what it has not answered, nor what had to wait for that. */
static void test_what_a_device_falls_asleep_over_goes_out_when_it_wakes(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_device found = {.asleep = false};
    struct note first, second;
    struct kedge_operation_request read = {.kind = KEDGE_OPERATION_READ, .path = "/3/0/0"};
    registers(scene, "lwm2m=1.1", "Q", "</3/0>");
    settles(scene);
    assert_int_equal(ask(scene, read, &first), KEDGE_OK);
    read.path = "/3/0/1";
    assert_int_equal(ask(scene, read, &second), KEDGE_OK);
    while (!found.asleep) { /* it is sent the first one, and again, and is silent */
        (void)peer_receives_within(&scene->device.peer, 10);
        assert_true(kedge_fleet_device(scene->fleet, "device-1", &found));
    }
    (void)peer_receives_within(&scene->device.peer, 10); /* what was on its way to it */
    while (first.calls == 0)
        peer_hears_nothing(&scene->device.peer, 10);
    assert_int_equal(first.rc, KEDGE_E_TIMEOUT);
    peer_hears_nothing(&scene->device.peer, 100);
    updates(scene, "lt=60");
    require_arrival(scene, "GET 3/0/1 ct=-1 accept=11542 observe=-1");
    answers(scene, KEDGE_COAP_NOT_FOUND, &second);
}

static void test_a_job_waits_for_a_sleeper_and_goes_on_when_it_wakes(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    plan.offer_limit_s = 1; /* and the lifetime on top of it */
    registers(scene, "lwm2m=1.1", "Q", "</3/0>,</5/0>");
    settles(scene);
    peer_hears_nothing(&scene->device.peer, 400);
    assert_int_equal(kedge_fleet_offer(scene->fleet, 7, "device-1", &plan), KEDGE_OK);
    peer_hears_nothing(&scene->device.peer, 1500);
    scene->device.strange = false;
    updates(scene, "lt=60");
    device_until(&scene->device, &scene->device.uris, 1);
}

static void test_that_a_device_falls_asleep_and_wakes_is_told_once(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_device found;
    registers(scene, "lwm2m=1.1", "Q", "</3/0>");
    device_until(&scene->device, &scene->identified, 1);
    device_until(&scene->device, &scene->asleep, 1);
    unsigned turns = scene->turns;
    assert_true(scene->expected_in_s > 0);
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &found) && found.asleep);
    peer_hears_nothing(&scene->device.peer, 700);
    assert_int_equal(scene->turns, turns);
    updates(scene, "lt=60");
    device_until(&scene->device, &scene->turns, turns + 2);
    assert_true(scene->asleep);
}

static void test_a_device_without_queue_mode_never_sleeps(void **state)
{
    struct fleet_scene *scene = *state;
    struct note note;
    registers(scene, "lwm2m=1.1", "b=U", "</3/0>");
    settles(scene);
    peer_hears_nothing(&scene->device.peer, 350);
    assert_int_equal(
        ask(scene, (struct kedge_operation_request){.kind = KEDGE_OPERATION_READ, .path = "/3/0/0"},
            &note),
        KEDGE_OK);
}

#define SLEEPY_TEST(name) cmocka_unit_test_setup_teardown(name, sleepy_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_each_operation_is_what_the_specification_says),
        SCENE_TEST(test_what_does_not_go_together_is_not_sent),
        SCENE_TEST(test_a_refused_format_is_not_used_again_until_the_next_register),
        SCENE_TEST(test_a_device_that_refuses_every_format_is_asked_once_in_each),
        SCENE_TEST(test_a_write_that_no_format_helps_leaves_other_writes_alone),
        SCENE_TEST(test_what_was_refused_elsewhere_is_tried_when_nothing_else_is_left),
        SCENE_TEST(test_what_a_device_lists_is_used_towards_it),
        SCENE_TEST(test_the_next_format_that_a_device_lists_is_asked_for_and_at_last_none),
        cmocka_unit_test(test_formats_are_chosen_among_what_is_said_and_not_refused),
        SCENE_TEST(test_objects_below_an_alternate_path_are_asked_there),
        SCENE_TEST(test_an_object_listed_without_instances_is_asked),
        SCENE_TEST(test_what_only_begins_like_the_alternate_path_is_not_below_it),
        SCENE_TEST(test_an_update_without_q_ends_queue_mode_in_1_0_and_not_since_1_1),
        SLEEPY_TEST(test_a_device_in_queue_mode_of_1_0_is_not_asked_while_it_sleeps),
        SLEEPY_TEST(test_a_device_in_queue_mode_of_1_1_is_not_asked_while_it_sleeps),
        SLEEPY_TEST(test_what_a_device_falls_asleep_over_goes_out_when_it_wakes),
        SLEEPY_TEST(test_a_job_waits_for_a_sleeper_and_goes_on_when_it_wakes),
        SLEEPY_TEST(test_that_a_device_falls_asleep_and_wakes_is_told_once),
        SLEEPY_TEST(test_a_device_without_queue_mode_never_sleeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
