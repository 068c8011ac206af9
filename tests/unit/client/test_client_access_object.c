/*
 * test_client_access_object.c: the Access Control object and what it means for each operation: the
 * rights of one server, as a bootstrap server or an owner has set them.
 */
#include "agent/client/access_object.h"
#include "tests/unit/client/model_device.h"

#define R KEDGE_ACCESS_READ
#define W KEDGE_ACCESS_WRITE
#define E KEDGE_ACCESS_EXECUTE
#define SERVER 1u

/* The device of model_device.h, with object 2 behind it. */
struct guarded {
    struct device device; /* first: it is the hooks' context */
    struct kedge_agent_state state;
    struct kedge_agent_state held_from;
    struct kedge_access_object access;
};

static enum kedge_rc read_guarded(void *context, struct kedge_lwm2m_path *path,
                                  struct kedge_lwm2m_value *value)
{
    struct guarded *guarded = context;
    return path->ids[0] == 2 ? kedge_access_object_read(&guarded->access, path, value)
                             : on_read(context, path, value);
}

static uint8_t rights_guarded(void *context, const struct kedge_lwm2m_path *instance)
{
    return kedge_access_object_rights(&((struct guarded *)context)->access, instance);
}

static uint8_t refusal_guarded(void *context, const struct kedge_lwm2m_path *path,
                               const struct kedge_lwm2m_value *value)
{
    (void)context;
    return path->ids[0] != 2 || kedge_access_object_fits(path, value) ? 0 : KEDGE_COAP_BAD_REQUEST;
}

static uint8_t write_guarded(void *context, const struct kedge_lwm2m_path *path,
                             const struct kedge_lwm2m_value *value)
{
    struct guarded *guarded = context;
    if (path->ids[0] != 2)
        return on_write(context, path, value);
    uint8_t refused = refusal_guarded(context, path, value);
    return refused != 0 ? refused : kedge_access_object_write(&guarded->access, path, value);
}

static uint8_t unset_guarded(void *context, const struct kedge_lwm2m_path *path)
{
    struct guarded *guarded = context;
    return path->ids[0] == 2 ? kedge_access_object_unset(&guarded->access, path)
                             : on_unset(context, path);
}

static void hold_guarded(void *context)
{
    struct guarded *guarded = context;
    guarded->held_from = guarded->state;
    on_hold(context);
}

static uint8_t release_guarded(void *context, bool keep)
{
    struct guarded *guarded = context;
    uint8_t code = on_release(context, keep);
    if (!guarded->device.kept)
        guarded->state = guarded->held_from;
    return code;
}

static void begin(struct guarded *guarded, const struct kedge_access *given, uint16_t server)
{
    kedge_access_object_begin(&guarded->access, &guarded->state, given, server,
                              kedge_slice_text("coap://server"));
}

static int make_guarded(void **state)
{
    static struct guarded guarded;
    void *device;
    make(&device);
    guarded = (struct guarded){.device = *(struct device *)device};
    struct kedge_model_hooks *hooks = &guarded.device.hooks;
    hooks->context = &guarded;
    hooks->read = read_guarded;
    hooks->rights = rights_guarded;
    hooks->refusal = refusal_guarded;
    hooks->write = write_guarded;
    hooks->unset = unset_guarded;
    hooks->hold = hold_guarded;
    hooks->release = release_guarded;
    kedge_agent_state_init(&guarded.state);
    begin(&guarded, &(const struct kedge_access){.count = 0}, SERVER);
    *state = &guarded;
    return 0;
}

/* The one server of a device that another one owns, with these rights on an object. */
static void give(struct guarded *guarded, uint16_t object, uint8_t rights)
{
    struct kedge_access given = {.count = 0};
    struct kedge_access_entry *entry = kedge_access_add(&given, 7);
    entry->object = object;
    entry->owner = KEDGE_ACCESS_BOOTSTRAP;
    assert_true(kedge_access_set_list(entry, SERVER, rights));
    begin(guarded, &given, SERVER);
}

static uint8_t post(struct device *device, const char *path, uint32_t format, const char *text)
{
    return ask(device, KEDGE_COAP_POST, path, format, NONE, kedge_slice_text(text)).code;
}

static uint8_t put(struct device *device, const char *path, uint32_t format, const char *text)
{
    return ask(device, KEDGE_COAP_PUT, path, format, NONE, kedge_slice_text(text)).code;
}

static uint8_t delete_path(struct device *device, const char *path)
{
    return ask(device, KEDGE_COAP_DELETE, path, NONE, NONE, kedge_slice(NULL, 0)).code;
}

static void assert_json(struct device *device, const char *path, const char *text)
{
    assert_int_equal(get(device, path, SENML_JSON), KEDGE_COAP_CONTENT);
    assert_payload(device, text);
}

/* ---- the object ---- */

static void at_first_the_server_owns_everything(void **state)
{
    struct guarded *guarded = *state;
    struct device *device = &guarded->device;
    assert_json(device, "/2/1",
                "[{\"bn\":\"/2/1/\",\"n\":\"0\",\"v\":3},{\"n\":\"1\",\"v\":0},"
                "{\"n\":\"3\",\"v\":1}]");
    assert_int_equal(get(device, "/2/1/2", NONE), KEDGE_COAP_NOT_FOUND);
    assert_int_equal(get(device, "/2/5", NONE), KEDGE_COAP_NOT_FOUND);
    assert_int_equal(get(device, "/3/0", NONE), KEDGE_COAP_CONTENT);
    assert_int_equal(put_text(device, "/1/0/1", "300"), KEDGE_COAP_CHANGED);
    assert_int_equal(post(device, "/3/0/4", NONE, ""), KEDGE_COAP_CHANGED);
}

static void an_owner_writes_lists_by_server(void **state)
{
    struct guarded *guarded = *state;
    struct device *device = &guarded->device;
    assert_int_equal(put_text(device, "/2/1/2/310", "1"), KEDGE_COAP_CHANGED);
    assert_int_equal(put_text(device, "/2/1/2/0", "3"), KEDGE_COAP_CHANGED);
    assert_int_equal(
        post(device, "/2/1/2", SENML_JSON, "[{\"bn\":\"/2/1/2/\",\"n\":\"7\",\"v\":31}]"),
        KEDGE_COAP_CHANGED);
    assert_json(device, "/2/1/2",
                "[{\"bn\":\"/2/1/2/\",\"n\":\"0\",\"v\":3},{\"n\":\"7\",\"v\":31},"
                "{\"n\":\"310\",\"v\":1}]");
    assert_json(device, "/2/1/2/310", "[{\"bn\":\"/2/1/2/310\",\"v\":1}]");
    assert_int_equal(get(device, "/2/1/2/310", TEXT), KEDGE_COAP_CONTENT);
    assert_payload(device, "1");
    assert_int_equal(get(device, "/2/1/2/8", TEXT), KEDGE_COAP_NOT_FOUND);
    assert_int_equal(get(device, "/2/1", LINK), KEDGE_COAP_CONTENT);
    assert_payload(device, "</2/1>,</2/1/0>,</2/1/1>,</2/1/2>,</2/1/3>");

    /* TLV, of the resource and of the instance that it is in. */
    static const uint8_t lists[] = {0x87, 2, 0x41, 7, 5, 0x61, 1, 0x36, 3};
    assert_int_equal(
        ask(device, KEDGE_COAP_PUT, "/2/1/2", TLV, NONE, kedge_slice(lists, sizeof lists)).code,
        KEDGE_COAP_CHANGED);
    assert_json(device, "/2/1/2",
                "[{\"bn\":\"/2/1/2/\",\"n\":\"7\",\"v\":5},{\"n\":\"310\",\"v\":3}]");
    assert_int_equal(ask(device, KEDGE_COAP_POST, "/2/1", TLV, NONE, kedge_slice(lists, 5)).code,
                     KEDGE_COAP_BAD_REQUEST); /* cut */
    assert_int_equal(delete_path(device, "/2/1/2/7"), KEDGE_COAP_DELETED);
    assert_int_equal(delete_path(device, "/2/1/2/7"), KEDGE_COAP_NOT_FOUND);
    assert_json(device, "/2/1/2", "[{\"bn\":\"/2/1/2/\",\"n\":\"310\",\"v\":3}]");
    /* A Replace of the instance leaves the owner, who must be there. */
    assert_int_equal(put(device, "/2/1", SENML_JSON, "[{\"bn\":\"/2/1/2/\",\"n\":\"9\",\"v\":2}]"),
                     KEDGE_COAP_CHANGED);
    assert_json(device, "/2/1",
                "[{\"bn\":\"/2/1/\",\"n\":\"0\",\"v\":3},{\"n\":\"1\",\"v\":0},"
                "{\"n\":\"2/9\",\"v\":2},{\"n\":\"3\",\"v\":1}]");
}

static void what_no_list_can_be_is_4_00(void **state)
{
    struct device *device = &((struct guarded *)*state)->device;
    static const struct {
        const char *path, *text;
        uint8_t code;
    } writes[] = {{"/2/0/2/1", "32", KEDGE_COAP_BAD_REQUEST},
                  {"/2/0/2/1", "-1", KEDGE_COAP_BAD_REQUEST},
                  {"/2/0/2/1", "r", KEDGE_COAP_BAD_REQUEST},
                  {"/2/0/3", "0", KEDGE_COAP_BAD_REQUEST},
                  {"/2/0/3", "65536", KEDGE_COAP_BAD_REQUEST},
                  {"/2/0/3/0", "1", KEDGE_COAP_NOT_FOUND},
                  {"/2/0/2", "1", KEDGE_COAP_UNSUPPORTED_FORMAT},
                  {"/2/0/0", "5", KEDGE_COAP_METHOD_NOT_ALLOWED},
                  {"/2/0/1", "5", KEDGE_COAP_METHOD_NOT_ALLOWED},
                  {"/2/9/2/1", "1", KEDGE_COAP_NOT_FOUND}};
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++)
        assert_int_equal(put_text(device, writes[i].path, writes[i].text), writes[i].code);
    assert_int_equal(delete_path(device, "/2/0"), KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(delete_path(device, "/2/0/2"), KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(delete_path(device, "/2"), KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(post(device, "/2", SENML_JSON, "[{\"n\":\"/2/0/2/1\",\"v\":1}]"),
                     KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(get(device, "/2/0/2", NONE), KEDGE_COAP_NOT_FOUND); /* nothing came of it */
}

static void more_lists_than_there_is_room_for_are_4_13_and_none_of_them_stays(void **state)
{
    struct device *device = &((struct guarded *)*state)->device;
    char path[24];
    for (unsigned i = 0; i < KEDGE_ACCESS_LISTS_MAX - 1; i++) {
        snprintf(path, sizeof path, "/2/0/2/%u", i);
        assert_int_equal(put_text(device, path, "1"), KEDGE_COAP_CHANGED);
    }
    assert_int_equal(post(device, "/2/0/2", SENML_JSON,
                          "[{\"bn\":\"/2/0/2/\",\"n\":\"8\",\"v\":1},{\"n\":\"9\",\"v\":1}]"),
                     KEDGE_COAP_TOO_LARGE);
    assert_int_equal(get(device, "/2/0/2/8", NONE), KEDGE_COAP_NOT_FOUND);
    assert_int_equal(put_text(device, "/2/0/2/8", "1"), KEDGE_COAP_CHANGED);
}

static void a_disk_that_does_not_take_it_leaves_the_rights_as_they_were(void **state)
{
    struct device *device = &((struct guarded *)*state)->device;
    assert_int_equal(put_text(device, "/2/1/2/7", "1"), KEDGE_COAP_CHANGED);
    device->disk = KEDGE_COAP_INTERNAL_ERROR;
    assert_int_equal(put_text(device, "/2/1/2/7", "3"), KEDGE_COAP_INTERNAL_ERROR);
    assert_int_equal(put_text(device, "/2/1/3", "7"), KEDGE_COAP_INTERNAL_ERROR);
    assert_int_equal(delete_path(device, "/2/1/2/7"), KEDGE_COAP_INTERNAL_ERROR);
    assert_int_equal(put(device, "/2/1/2", SENML_JSON, "[{\"n\":\"/2/1/2/9\",\"v\":1}]"),
                     KEDGE_COAP_INTERNAL_ERROR);
    device->disk = KEDGE_COAP_CHANGED;
    assert_json(device, "/2/1/2", "[{\"bn\":\"/2/1/2/\",\"n\":\"7\",\"v\":1}]");
    assert_int_equal(put_text(device, "/2/1/2/7", "3"), KEDGE_COAP_CHANGED);
}

static void who_hands_an_instance_over_has_no_say_in_it_any_more(void **state)
{
    struct guarded *guarded = *state;
    struct device *device = &guarded->device;
    assert_int_equal(put_text(device, "/2/1/3", "7"), KEDGE_COAP_CHANGED);
    assert_int_equal(put_text(device, "/2/1/3", "1"), KEDGE_COAP_UNAUTHORIZED);
    assert_int_equal(put_text(device, "/2/1/2/1", "31"), KEDGE_COAP_UNAUTHORIZED);
    assert_int_equal(post(device, "/2/1/2", SENML_JSON, "[{\"n\":\"/2/1/2/1\",\"v\":31}]"),
                     KEDGE_COAP_UNAUTHORIZED);
    assert_int_equal(delete_path(device, "/2/1/2/1"), KEDGE_COAP_UNAUTHORIZED);
    assert_int_equal(get(device, "/2/1/3", TEXT), KEDGE_COAP_CONTENT); /* all may look */
    assert_payload(device, "7");
    assert_int_equal(get(device, "/3/0", NONE), KEDGE_COAP_UNAUTHORIZED);
    assert_int_equal(get(device, "/5/0", NONE), KEDGE_COAP_CONTENT);
    /* The new owner has it. */
    begin(guarded, &(const struct kedge_access){.count = 0}, SERVER);
    guarded->access.server = 7;
    assert_int_equal(put_text(device, "/2/1/2/1", "1"), KEDGE_COAP_CHANGED);
    guarded->access.server = SERVER;
    assert_int_equal(get(device, "/3/0", NONE), KEDGE_COAP_CONTENT);
}

static void what_was_written_counts_for_its_account_alone(void **state)
{
    struct guarded *guarded = *state;
    struct device *device = &guarded->device;
    assert_int_equal(put_text(device, "/2/1/2/1", "4"), KEDGE_COAP_CHANGED);
    assert_int_equal(get(device, "/3/0/3", NONE), KEDGE_COAP_UNAUTHORIZED);
    begin(guarded, &(const struct kedge_access){.count = 0}, SERVER); /* a restart */
    assert_int_equal(get(device, "/3/0/3", NONE), KEDGE_COAP_UNAUTHORIZED);
    kedge_access_object_begin(&guarded->access, &guarded->state,
                              &(const struct kedge_access){.count = 0}, SERVER,
                              kedge_slice_text("coap://another"));
    assert_int_equal(get(device, "/3/0/3", NONE), KEDGE_COAP_CONTENT);
    give(guarded, 5, R);
    assert_int_equal(get(device, "/3/0/3", NONE), KEDGE_COAP_CONTENT);
}

/* ---- what it means ---- */

static void each_operation_asks_for_its_right(void **state)
{
    struct guarded *guarded = *state;
    struct device *device = &guarded->device;
    static const struct {
        uint8_t method;
        const char *path, *text;
        uint32_t format;
        uint8_t right, code; /* `code` by who has the right */
    } operations[] = {
        {KEDGE_COAP_GET, "/5/0/3", "", NONE, R, KEDGE_COAP_CONTENT},
        {KEDGE_COAP_GET, "/5/0/8/0", "", NONE, R, KEDGE_COAP_CONTENT},
        {KEDGE_COAP_GET, "/5/0", "", NONE, R, KEDGE_COAP_CONTENT},
        {KEDGE_COAP_GET, "/5", "", NONE, R, KEDGE_COAP_CONTENT},
        {KEDGE_COAP_GET, "/5/0/2", "", NONE, R, KEDGE_COAP_METHOD_NOT_ALLOWED},
        {KEDGE_COAP_PUT, "/5/0/1", "coap://a/b", TEXT, W, KEDGE_COAP_CHANGED},
        {KEDGE_COAP_PUT, "/5/0/3", "1", TEXT, W, KEDGE_COAP_METHOD_NOT_ALLOWED},
        {KEDGE_COAP_PUT, "/5/0", "[{\"n\":\"/5/0/11\",\"v\":1}]", SENML_JSON, W,
         KEDGE_COAP_CHANGED},
        {KEDGE_COAP_POST, "/5/0", "[{\"n\":\"/5/0/11\",\"v\":1}]", SENML_JSON, W,
         KEDGE_COAP_CHANGED},
        {KEDGE_COAP_IPATCH, "/", "[{\"n\":\"/5/0/11\",\"v\":1}]", SENML_JSON, W,
         KEDGE_COAP_CHANGED},
        {KEDGE_COAP_POST, "/5/0/2", "", NONE, E, KEDGE_COAP_CHANGED},
        {KEDGE_COAP_POST, "/5/0/10", "", NONE, E, KEDGE_COAP_CHANGED},
        {KEDGE_COAP_DELETE, "/5/0", "", NONE, KEDGE_ACCESS_DELETE, KEDGE_COAP_METHOD_NOT_ALLOWED},
    };
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        for (unsigned rights = 0; rights <= KEDGE_ACCESS_ALL; rights++) {
            unsigned done = device->writes + device->executes;
            give(guarded, 5, (uint8_t)rights);
            uint8_t code = ask(device, operations[i].method, operations[i].path,
                               operations[i].format, NONE, kedge_slice_text(operations[i].text))
                               .code;
            bool may = (rights & operations[i].right) != 0;
            assert_int_equal(code, may ? operations[i].code : KEDGE_COAP_UNAUTHORIZED);
            if (!may)
                assert_int_equal(device->writes + device->executes, done);
        }
    }
}

static void discover_and_create_ask_for_no_right(void **state)
{
    struct guarded *guarded = *state;
    struct device *device = &guarded->device;
    give(guarded, 5, 0);
    assert_int_equal(get(device, "/5", LINK), KEDGE_COAP_CONTENT);
    assert_int_equal(get(device, "/5/0", LINK), KEDGE_COAP_CONTENT);
    assert_int_equal(get(device, "/5/0/3", LINK), KEDGE_COAP_CONTENT);
    assert_int_equal(post(device, "/5", SENML_JSON, "[{\"n\":\"/5/1/11\",\"v\":1}]"),
                     KEDGE_COAP_METHOD_NOT_ALLOWED); /* nobody can */
}

static void a_composite_read_leaves_out_what_may_not_be_read(void **state)
{
    struct guarded *guarded = *state;
    struct device *device = &guarded->device;
    give(guarded, 5, W);
    const char *paths = "[{\"n\":\"/5/0/3\"},{\"n\":\"/1/0/1\"},{\"n\":\"/5\"}]";
    assert_int_equal(
        ask(device, KEDGE_COAP_FETCH, "/", SENML_JSON, NONE, kedge_slice_text(paths)).code,
        KEDGE_COAP_CONTENT);
    assert_payload(device, "[{\"n\":\"/1/0/1\",\"v\":1010}]");
}

static void a_composite_write_is_refused_whole(void **state)
{
    struct guarded *guarded = *state;
    struct device *device = &guarded->device;
    give(guarded, 5, R);
    assert_int_equal(
        ask(device, KEDGE_COAP_IPATCH, "/", SENML_JSON, NONE,
            kedge_slice_text("[{\"n\":\"/1/0/1\",\"v\":60},{\"n\":\"/5/0/11\",\"v\":1}]"))
            .code,
        KEDGE_COAP_UNAUTHORIZED);
    assert_int_equal(device->writes, 0);
}

/* A server that takes a right from itself has still written what stands behind that. */
static void a_request_is_judged_by_the_rights_before_it(void **state)
{
    struct device *device = &((struct guarded *)*state)->device;
    const char *request = "[{\"n\":\"/2/3/2/1\",\"v\":1},{\"n\":\"/5/0/11\",\"v\":2}]";
    assert_int_equal(
        ask(device, KEDGE_COAP_IPATCH, "/", SENML_JSON, NONE, kedge_slice_text(request)).code,
        KEDGE_COAP_CHANGED);
    assert_int_equal(device->writes, 1);
    assert_int_equal(
        ask(device, KEDGE_COAP_IPATCH, "/", SENML_JSON, NONE, kedge_slice_text(request)).code,
        KEDGE_COAP_UNAUTHORIZED);
    assert_int_equal(device->writes, 1);
}

static void attributes_ask_for_read_on_an_instance(void **state)
{
    struct guarded *guarded = *state;
    struct kedge_lwm2m_path path = {.ids = {5, 0, 3}, .depth = 3};
    bool is_number;
    give(guarded, 5, W | E);
    const struct kedge_model_hooks *hooks = &guarded->device.hooks;
    assert_int_equal(kedge_model_attributes_refusal(hooks, &path, &is_number),
                     KEDGE_COAP_UNAUTHORIZED);
    path.depth = 2;
    assert_int_equal(kedge_model_attributes_refusal(hooks, &path, &is_number),
                     KEDGE_COAP_UNAUTHORIZED);
    path.depth = 1;
    assert_int_equal(kedge_model_attributes_refusal(hooks, &path, &is_number), 0);
    give(guarded, 5, R);
    path.depth = 3;
    assert_int_equal(kedge_model_attributes_refusal(hooks, &path, &is_number), 0);
}

/* Section 8.2.5: what a notification would hold is asked for anew, and refused. */
static void a_notification_needs_the_right_when_it_is_due(void **state)
{
    struct guarded *guarded = *state;
    struct device *device = &guarded->device;
    const struct kedge_model_paths paths = {.paths = {{.ids = {5, 0, 3}, .depth = 3}}, .count = 1};
    device->out = kedge_writer(device->payload, sizeof device->payload);
    assert_int_equal(kedge_model_read(&device->hooks, &paths, TEXT, &device->out).code,
                     KEDGE_COAP_CONTENT);
    assert_int_equal(put_text(device, "/2/3/2/1", "2"), KEDGE_COAP_CHANGED);
    device->out = kedge_writer(device->payload, sizeof device->payload);
    assert_int_equal(kedge_model_read(&device->hooks, &paths, TEXT, &device->out).code,
                     KEDGE_COAP_UNAUTHORIZED);
    assert_int_equal(device->out.size, 0);
}

#define GUARDED(name) cmocka_unit_test_setup(name, make_guarded)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GUARDED(at_first_the_server_owns_everything),
        GUARDED(an_owner_writes_lists_by_server),
        GUARDED(what_no_list_can_be_is_4_00),
        GUARDED(more_lists_than_there_is_room_for_are_4_13_and_none_of_them_stays),
        GUARDED(a_disk_that_does_not_take_it_leaves_the_rights_as_they_were),
        GUARDED(who_hands_an_instance_over_has_no_say_in_it_any_more),
        GUARDED(what_was_written_counts_for_its_account_alone),
        GUARDED(each_operation_asks_for_its_right),
        GUARDED(discover_and_create_ask_for_no_right),
        GUARDED(a_composite_read_leaves_out_what_may_not_be_read),
        GUARDED(a_composite_write_is_refused_whole),
        GUARDED(a_request_is_judged_by_the_rights_before_it),
        GUARDED(attributes_ask_for_read_on_an_instance),
        GUARDED(a_notification_needs_the_right_when_it_is_due),
    };
    return cmocka_run_group_tests_name("client_access_object", tests, NULL, NULL);
}
