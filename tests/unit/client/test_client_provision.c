/* test_client_provision.c: what a bootstrap server may do to a device, and what it may not. */
#include "agent/client/provision.h"
#include "tests/unit/client/account_sample.h"

#include <kedge/coap.h>
#include <kedge/lwm2m_records.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NONE KEDGE_LWM2M_FORMAT_NONE
#define TEXT KEDGE_LWM2M_FORMAT_TEXT
#define TLV KEDGE_LWM2M_FORMAT_TLV
#define LINK KEDGE_LWM2M_FORMAT_LINK

static const uint32_t record_formats[] = {KEDGE_LWM2M_FORMAT_TLV, KEDGE_LWM2M_FORMAT_SENML_JSON,
                                          KEDGE_LWM2M_FORMAT_SENML_CBOR, KEDGE_LWM2M_FORMAT_JSON,
                                          KEDGE_LWM2M_FORMAT_LWM2M_CBOR};
#define RECORD_FORMAT_COUNT (sizeof record_formats / sizeof record_formats[0])

struct world {
    struct kedge_provision provision;
    struct kedge_uri own;
    uint8_t payload[KEDGE_PROVISION_PAYLOAD_MAX];
    uint8_t answer[2048];
    struct kedge_writer out;
};

static int make(void **state)
{
    static struct world world;
    struct kedge_account none;
    kedge_account_init(&none);
    assert_int_equal(
        kedge_uri_parse(kedge_slice_text("coaps://bootstrap.example:5685"), &world.own), KEDGE_OK);
    kedge_provision_begin(&world.provision, &none, &world.own, KEDGE_ACCOUNT_PRE_SHARED_KEY);
    *state = &world;
    return 0;
}

static struct kedge_lwm2m_path path_of(const char *text)
{
    struct kedge_lwm2m_path path;
    assert_int_equal(kedge_lwm2m_path_parse(kedge_slice_text(text), &path), KEDGE_OK);
    return path;
}

static struct kedge_model_answer ask(struct world *world, uint8_t method, const char *path,
                                     uint32_t format, uint32_t accept, struct kedge_slice payload)
{
    const struct kedge_model_request request = {.method = method,
                                                .path = path_of(path),
                                                .format = format,
                                                .accept = accept,
                                                .payload = payload};
    world->out = kedge_writer(world->answer, sizeof world->answer);
    return kedge_provision_handle(&world->provision, &request, &world->out);
}

static uint8_t delete (struct world *world, const char *path)
{
    return ask(world, KEDGE_COAP_DELETE, path, NONE, NONE, kedge_slice(NULL, 0)).code;
}

static uint8_t put_text(struct world *world, const char *path, const char *text)
{
    return ask(world, KEDGE_COAP_PUT, path, TEXT, NONE, kedge_slice_text(text)).code;
}

static void assert_answer(const struct world *world, const char *text)
{
    if (world->out.size != strlen(text))
        fail_msg("%.*s", (int)world->out.size, (const char *)world->answer);
    assert_memory_equal(world->answer, text, strlen(text));
}

/* ---- records to write ---- */

struct list {
    struct kedge_lwm2m_record records[20];
    size_t count;
};

static struct kedge_lwm2m_value *add(struct list *list, const char *path,
                                     enum kedge_lwm2m_type type)
{
    struct kedge_lwm2m_record *record = &list->records[list->count++];
    *record = (struct kedge_lwm2m_record){
        .path = path_of(path), .encoding = KEDGE_LWM2M_TYPED, .value = {.type = type}};
    return &record->value;
}

static void add_number(struct list *list, const char *path, int64_t number)
{
    add(list, path, KEDGE_LWM2M_INTEGER)->integer = number;
}

static void add_bool(struct list *list, const char *path, bool is)
{
    add(list, path, KEDGE_LWM2M_BOOLEAN)->integer = is;
}

static void add_text(struct list *list, const char *path, const char *text)
{
    add(list, path, KEDGE_LWM2M_STRING)->bytes = kedge_slice_text(text);
}

static void add_bytes(struct list *list, const char *path, const char *bytes)
{
    add(list, path, KEDGE_LWM2M_OPAQUE)->bytes = kedge_slice_text(bytes);
}

static struct kedge_slice write_list(struct world *world, const struct list *list, const char *path,
                                     uint32_t format)
{
    const struct kedge_lwm2m_path base = path_of(path);
    struct kedge_writer out = kedge_writer(world->payload, sizeof world->payload);
    assert_int_equal(kedge_lwm2m_records_write(format, &base, list->records, list->count, &out),
                     KEDGE_OK);
    return kedge_writer_slice(&out);
}

static uint8_t put_list(struct world *world, const struct list *list, const char *path,
                        uint32_t format)
{
    return ask(world, KEDGE_COAP_PUT, path, format, NONE, write_list(world, list, path, format))
        .code;
}

static void list_security(struct list *list)
{
    add_text(list, "/0/1/0", "coaps://server.example:5684");
    add_bool(list, "/0/1/1", false);
    add_number(list, "/0/1/2", 0);
    add_bytes(list, "/0/1/3", "identity");
    add_bytes(list, "/0/1/4", "");
    add_bytes(list, "/0/1/5", "0123456789abcdef");
    add_number(list, "/0/1/10", 1);
}

static void list_server(struct list *list)
{
    add_number(list, "/1/0/0", 1);
    add_number(list, "/1/0/1", 600);
    add_bool(list, "/1/0/6", true);
    add_text(list, "/1/0/7", "U");
}

static void assert_whole(const struct world *world)
{
    const struct kedge_account *account = &world->provision.account;
    assert_null(kedge_account_flaw(account, false));
    assert_string_equal(account->security.uri, "coaps://server.example:5684");
    assert_int_equal(account->security.instance, 1);
    assert_memory_equal(account->security.identity, "identity", account->security.identity_size);
    assert_memory_equal(account->security.secret, "0123456789abcdef", 16);
    assert_int_equal(account->security.secret_size, 16);
    assert_int_equal(account->server.lifetime_s, 600);
    assert_true(account->server.storing);
}

static void write_account(struct world *world, uint32_t format)
{
    struct list security = {.count = 0}, server = {.count = 0};
    list_security(&security);
    list_server(&server);
    assert_int_equal(put_list(world, &security, "/0/1", format), KEDGE_COAP_CHANGED);
    assert_int_equal(put_list(world, &server, "/1/0", format), KEDGE_COAP_CHANGED);
    assert_whole(world);
}

/* ---- Write ---- */

static void an_account_is_written_in_each_format_of_records(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < RECORD_FORMAT_COUNT; i++) {
        assert_int_equal(delete (world, "/"), KEDGE_COAP_DELETED);
        write_account(world, record_formats[i]);
    }
}

static void a_write_to_the_object_names_its_instance(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < RECORD_FORMAT_COUNT; i++) {
        struct list security = {.count = 0}, server = {.count = 0};
        list_security(&security);
        list_server(&server);
        assert_int_equal(delete (world, "/"), KEDGE_COAP_DELETED);
        assert_int_equal(put_list(world, &security, "/0", record_formats[i]), KEDGE_COAP_CHANGED);
        assert_int_equal(put_list(world, &server, "/1", record_formats[i]), KEDGE_COAP_CHANGED);
        assert_whole(world);
    }
}

static void single_resources_are_written_as_text_and_bytes(void **state)
{
    struct world *world = *state;
    write_account(world, TLV);
    assert_int_equal(put_text(world, "/0/1/0", "coaps://other.example"), KEDGE_COAP_CHANGED);
    assert_int_equal(put_text(world, "/1/0/1", "77"), KEDGE_COAP_CHANGED);
    assert_int_equal(ask(world, KEDGE_COAP_PUT, "/0/1/5", KEDGE_LWM2M_FORMAT_OPAQUE, NONE,
                         kedge_slice("\0\1\2", 3))
                         .code,
                     KEDGE_COAP_CHANGED);
    const struct kedge_account *account = &world->provision.account;
    assert_string_equal(account->security.uri, "coaps://other.example");
    assert_int_equal(account->server.lifetime_s, 77);
    assert_int_equal(account->security.secret_size, 3);
    assert_memory_equal(account->security.secret, "\0\1\2", 3);
    /* The rest of the instance is as it was. */
    assert_memory_equal(account->security.identity, "identity", 8);
    /* Without a Content-Format, each by its type. */
    assert_int_equal(ask(world, KEDGE_COAP_PUT, "/0/1/5", NONE, NONE, kedge_slice("\7", 1)).code,
                     KEDGE_COAP_CHANGED);
    assert_int_equal(account->security.secret_size, 1);
    assert_int_equal(ask(world, KEDGE_COAP_PUT, "/1/0/1", NONE, NONE, kedge_slice_text("78")).code,
                     KEDGE_COAP_CHANGED);
    assert_int_equal(account->server.lifetime_s, 78);
}

static void an_instance_that_is_written_again_is_a_new_one(void **state)
{
    struct world *world = *state;
    write_account(world, TLV);
    struct list list = {.count = 0};
    add_text(&list, "/0/1/0", "coap://server.example");
    add_number(&list, "/0/1/2", 3);
    add_number(&list, "/0/1/10", 1);
    assert_int_equal(put_list(world, &list, "/0/1", TLV), KEDGE_COAP_CHANGED);
    assert_int_equal(world->provision.account.security.secret_size, 0);
    assert_int_equal(world->provision.account.security.identity_size, 0);
    assert_null(kedge_account_flaw(&world->provision.account, false));
}

static void a_write_that_is_wrong_anywhere_changes_nothing(void **state)
{
    struct world *world = *state;
    write_account(world, TLV);
    const struct kedge_account before = world->provision.account;
    for (unsigned what = 0; what < 8; what++) {
        struct list list = {.count = 0};
        list_security(&list);
        static char long_text[300];
        memset(long_text, 'x', sizeof long_text - 1);
        struct kedge_lwm2m_value *value = &list.records[what].value;
        switch (what) {
        case 0:
            value->bytes = kedge_slice_text("\xff");
            break;
        case 1:
            value->integer = 1;
            break; /* a second account with a bootstrap server */
        case 6:
            value->integer = 0;
            break;
        case 3:
        case 4:
            value->bytes = kedge_slice(world->answer, sizeof world->answer);
            break;
        default:
            list.records[6].value.integer = 65535;
        }
        if (what == 3 || what == 4) {
            static uint8_t long_bytes[KEDGE_ACCOUNT_IDENTITY_MAX + 1];
            value->bytes = kedge_slice(long_bytes, sizeof long_bytes);
        }
        uint8_t code = put_list(world, &list, "/0/1", TLV);
        assert_int_equal(code,
                         what == 3 || what == 4 ? KEDGE_COAP_TOO_LARGE : KEDGE_COAP_BAD_REQUEST);
        assert_memory_equal(&world->provision.account, &before, sizeof before);
    }
}

static void what_can_be_no_value_is_refused(void **state)
{
    struct world *world = *state;
    write_account(world, TLV);
    assert_int_equal(put_text(world, "/1/0/0", "0"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(put_text(world, "/1/0/0", "65535"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(put_text(world, "/1/0/1", "-1"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(put_text(world, "/1/0/1", "4294967296"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(put_text(world, "/1/0/1", "soon"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(put_text(world, "/1/0/7", "UQSTNHMU"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(put_text(world, "/1/0/17", "4294967296"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(put_text(world, "/1/0/8", ""), KEDGE_COAP_BAD_REQUEST); /* is executed */
    assert_int_equal(put_text(world, "/1/0/99", "1"), KEDGE_COAP_NOT_FOUND);
    assert_whole(world);
}

static void other_formats_and_other_places_are_refused(void **state)
{
    struct world *world = *state;
    write_account(world, TLV);
    assert_int_equal(put_text(world, "/0/1", "x"), KEDGE_COAP_UNSUPPORTED_FORMAT);
    assert_int_equal(ask(world, KEDGE_COAP_PUT, "/0/1", 50, NONE, kedge_slice_text("{}")).code,
                     KEDGE_COAP_UNSUPPORTED_FORMAT);
    assert_int_equal(ask(world, KEDGE_COAP_PUT, "/0/1", TLV, NONE, kedge_slice(NULL, 0)).code,
                     KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(ask(world, KEDGE_COAP_PUT, "/0/1", TLV, NONE, kedge_slice("\xff", 1)).code,
                     KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(put_text(world, "/", "x"), KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(put_text(world, "/3/0/13", "1"), KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(put_text(world, "/5/0/1", "coap://x"), KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(ask(world, KEDGE_COAP_POST, "/1/0/8", NONE, NONE, kedge_slice(NULL, 0)).code,
                     KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_whole(world);
}

static void there_is_room_for_one_account(void **state)
{
    struct world *world = *state;
    write_account(world, TLV);
    assert_int_equal(put_text(world, "/0/2/10", "2"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(put_text(world, "/1/1/0", "2"), KEDGE_COAP_BAD_REQUEST);
    struct list list = {.count = 0};
    add_number(&list, "/1/0/0", 1);
    add_number(&list, "/1/1/0", 2);
    assert_int_equal(put_list(world, &list, "/1", TLV), KEDGE_COAP_BAD_REQUEST);
    assert_whole(world);
    assert_int_equal(delete (world, "/1/0"), KEDGE_COAP_DELETED);
    assert_int_equal(put_text(world, "/1/1/0", "1"), KEDGE_COAP_CHANGED);
    assert_int_equal(world->provision.account.server.instance, 1);
}

/* What a device does not do it must not pretend to do. */
static void protections_that_there_are_none_of_make_no_account(void **state)
{
    struct world *world = *state;
    const char *const asked[][2] = {
        {"/0/1/13", "1"}, {"/0/1/14", "name.example"}, {"/0/1/16/0", "49320"}, {"/0/1/17", "21:0"}};
    const char *const not_asked[][2] = {
        {"/0/1/13", "0"}, {"/0/1/14", ""}, {"/0/1/17", "65535:65535"}};
    for (size_t i = 0; i < 3; i++) {
        write_account(world, TLV);
        assert_int_equal(put_text(world, not_asked[i][0], not_asked[i][1]), KEDGE_COAP_CHANGED);
        assert_whole(world);
    }
    for (size_t i = 0; i < 4; i++) {
        write_account(world, TLV);
        assert_int_equal(put_text(world, asked[i][0], asked[i][1]), KEDGE_COAP_CHANGED);
        assert_non_null(kedge_account_flaw(&world->provision.account, false));
        assert_int_equal(delete (world, "/0"), KEDGE_COAP_DELETED);
    }
}

/* ---- the account with the bootstrap server ---- */

static void the_account_with_the_bootstrap_server_stays_what_it_is(void **state)
{
    struct world *world = *state;
    write_account(world, TLV);
    assert_int_equal(put_text(world, "/0/0/0", "coaps://bootstrap.example:5685"),
                     KEDGE_COAP_CHANGED);
    assert_int_equal(put_text(world, "/0/0/1", "1"), KEDGE_COAP_CHANGED);
    assert_int_equal(put_text(world, "/0/0/2", "0"), KEDGE_COAP_CHANGED);
    assert_int_equal(put_text(world, "/0/0/0", "coaps://another.example"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(put_text(world, "/0/0/1", "0"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(put_text(world, "/0/0/2", "3"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(put_text(world, "/0/0/5", "c2VjcmV0"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(delete (world, "/0/0"), KEDGE_COAP_BAD_REQUEST);
    assert_whole(world);
}

static void its_hold_off_time_can_be_written(void **state)
{
    struct world *world = *state;
    assert_false(world->provision.account.has_hold_off);
    assert_int_equal(put_text(world, "/0/0/11", "30"), KEDGE_COAP_CHANGED);
    assert_true(world->provision.account.has_hold_off);
    assert_int_equal(world->provision.account.hold_off_s, 30);
    assert_int_equal(put_text(world, "/0/0/11", "-1"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(delete (world, "/0"), KEDGE_COAP_DELETED);
    assert_true(world->provision.account.has_hold_off);
}

/* ---- Delete ---- */

static void deleting_removes_accounts_and_nothing_else(void **state)
{
    struct world *world = *state;
    const struct kedge_account *account = &world->provision.account;
    const char *const all[] = {"/", "/0", "/1", "/0/1", "/1/0"};
    for (size_t i = 0; i < 5; i++) {
        write_account(world, TLV);
        assert_int_equal(delete (world, all[i]), KEDGE_COAP_DELETED);
        assert_int_equal(account->security.present, i == 2 || i == 4);
        assert_int_equal(account->server.present, i == 1 || i == 3);
        assert_int_equal(delete (world, "/"), KEDGE_COAP_DELETED);
    }
    for (size_t i = 0; i < sizeof account->security.secret; i++)
        assert_int_equal(account->security.secret[i], 0);
    write_account(world, TLV);
    assert_int_equal(delete (world, "/0/2"), KEDGE_COAP_NOT_FOUND);
    assert_int_equal(delete (world, "/1/3"), KEDGE_COAP_NOT_FOUND);
    assert_int_equal(delete (world, "/2"), KEDGE_COAP_DELETED);
    assert_int_equal(delete (world, "/21"), KEDGE_COAP_DELETED);
    assert_int_equal(delete (world, "/3"), KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(delete (world, "/3/0"), KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(delete (world, "/0/1/5"), KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_whole(world);
}

/* ---- Discover and Read ---- */

static struct kedge_model_answer get(struct world *world, const char *path, uint32_t accept)
{
    return ask(world, KEDGE_COAP_GET, path, NONE, accept, kedge_slice(NULL, 0));
}

/* ---- who may do what ---- */

static void list_access(struct list *list)
{
    add_number(list, "/2/7/0", 5);
    add_number(list, "/2/7/1", 0);
    add_number(list, "/2/7/2/0", 1);
    add_number(list, "/2/7/2/310", 7);
    add_number(list, "/2/7/3", 65535);
    add_number(list, "/2/9/0", 3);
    add_number(list, "/2/9/1", 0);
    add_number(list, "/2/9/3", 1);
}

static void access_control_is_written_in_each_format_of_records(void **state)
{
    struct world *world = *state;
    struct list list = {.count = 0};
    list_access(&list);
    for (size_t i = 0; i < RECORD_FORMAT_COUNT; i++) {
        const struct kedge_access *access = &world->provision.account.access;
        assert_int_equal(delete (world, "/2"), KEDGE_COAP_DELETED);
        assert_int_equal(access->count, 0);
        assert_int_equal(put_list(world, &list, "/2", record_formats[i]), KEDGE_COAP_CHANGED);
        assert_int_equal(access->count, 2);
        assert_null(kedge_access_flaw(access));
        assert_int_equal(kedge_access_rights(access, 5, 0, 310), 7);
        assert_int_equal(kedge_access_rights(access, 5, 0, 1), 1);
        assert_int_equal(kedge_access_rights(access, 3, 0, 1), KEDGE_ACCESS_ALL);
    }
}

static void access_control_is_read_discovered_and_deleted_as_it_was_written(void **state)
{
    struct world *world = *state;
    struct list list = {.count = 0};
    list_access(&list);
    assert_int_equal(put_list(world, &list, "/2", TLV), KEDGE_COAP_CHANGED);
    ask(world, KEDGE_COAP_GET, "/2", NONE, LINK, kedge_slice(NULL, 0));
    assert_answer(world, "</>;lwm2m=1.1,</2/7>,</2/9>");
    ask(world, KEDGE_COAP_GET, "/2/7", NONE, KEDGE_LWM2M_FORMAT_SENML_JSON, kedge_slice(NULL, 0));
    assert_answer(world, "[{\"bn\":\"/2/7/\",\"n\":\"0\",\"v\":5},{\"n\":\"1\",\"v\":0},"
                         "{\"n\":\"2/0\",\"v\":1},{\"n\":\"2/310\",\"v\":7},"
                         "{\"n\":\"3\",\"v\":65535}]");
    ask(world, KEDGE_COAP_GET, "/2/9/3", NONE, NONE, kedge_slice(NULL, 0));
    assert_answer(world, "1");
    assert_int_equal(delete (world, "/2/8"), KEDGE_COAP_NOT_FOUND);
    assert_int_equal(delete (world, "/2/7"), KEDGE_COAP_DELETED);
    ask(world, KEDGE_COAP_GET, "/2", NONE, LINK, kedge_slice(NULL, 0));
    assert_answer(world, "</>;lwm2m=1.1,</2/9>");
    assert_int_equal(delete (world, "/"), KEDGE_COAP_DELETED);
    assert_int_equal(world->provision.account.access.count, 0);
}

static void a_whole_instance_of_access_control_takes_the_place_of_the_old_one(void **state)
{
    struct world *world = *state;
    struct list list = {.count = 0}, second = {.count = 0};
    list_access(&list);
    assert_int_equal(put_list(world, &list, "/2", TLV), KEDGE_COAP_CHANGED);
    assert_int_equal(put_text(world, "/2/7/3", "2"), KEDGE_COAP_CHANGED); /* one value alone */
    assert_int_equal(kedge_access_about(&world->provision.account.access, 5, 0)->list_count, 2);
    add_number(&second, "/2/7/0", 4);
    add_number(&second, "/2/7/3", 1);
    assert_int_equal(put_list(world, &second, "/2/7", TLV), KEDGE_COAP_CHANGED);
    const struct kedge_access *access = &world->provision.account.access;
    assert_null(kedge_access_about(access, 5, 0));
    assert_int_equal(kedge_access_about(access, 4, 0)->list_count, 0);
    assert_int_equal(access->count, 2);
}

static void what_no_access_control_can_be_changes_nothing(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *path, *text;
        uint8_t code;
    } writes[] = {
        {"/2/7/0", "0", KEDGE_COAP_BAD_REQUEST}, {"/2/7/1", "65536", KEDGE_COAP_BAD_REQUEST},
        {"/2/7/3", "0", KEDGE_COAP_BAD_REQUEST}, {"/2/7/2/1", "32", KEDGE_COAP_BAD_REQUEST},
        {"/2/7/2", "1", KEDGE_COAP_BAD_REQUEST}, {"/2/7/4", "1", KEDGE_COAP_NOT_FOUND}};
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++)
        assert_int_equal(put_text(world, writes[i].path, writes[i].text), writes[i].code);
    for (unsigned i = 0; i < KEDGE_ACCESS_ENTRIES_MAX; i++) {
        char path[16];
        snprintf(path, sizeof path, "/2/%u/0", i + 10);
        assert_int_equal(put_text(world, path, "3"), KEDGE_COAP_CHANGED);
    }
    assert_int_equal(put_text(world, "/2/1/0", "3"), KEDGE_COAP_TOO_LARGE);
    assert_int_equal(world->provision.account.access.count, KEDGE_ACCESS_ENTRIES_MAX);
}

/* Appendix E.1.3 of the specification. */
static void an_account_that_is_deleted_takes_its_rights_along(void **state)
{
    struct world *world = *state;
    struct list list = {.count = 0};
    write_account(world, TLV);
    list_access(&list);
    assert_int_equal(put_list(world, &list, "/2", TLV), KEDGE_COAP_CHANGED);
    assert_int_equal(put_text(world, "/2/7/2/1", "3"), KEDGE_COAP_CHANGED);
    assert_int_equal(delete (world, "/0/1"), KEDGE_COAP_DELETED);
    const struct kedge_access *access = &world->provision.account.access;
    assert_int_equal(access->count, 1); /* what it owned alone is gone */
    assert_int_equal(kedge_access_about(access, 5, 0)->list_count, 2);
}

static void discover_tells_which_account_is_which(void **state)
{
    struct world *world = *state;
    assert_int_equal(get(world, "/", LINK).code, KEDGE_COAP_CONTENT);
    assert_answer(world, "</>;lwm2m=1.1,</0/0>,</3/0>,</4/0>,</5/0>,</26241/0>");
    write_account(world, TLV);
    struct kedge_model_answer answer = get(world, "/", LINK);
    assert_int_equal(answer.format, LINK);
    assert_answer(world, "</>;lwm2m=1.1,</0/0>,</0/1>;ssid=1;uri=\"coaps://server.example:5684\","
                         "</1/0>;ssid=1,</3/0>,</4/0>,</5/0>,</26241/0>");
    get(world, "/0", LINK);
    assert_answer(world, "</>;lwm2m=1.1,</0/0>,</0/1>;ssid=1;uri=\"coaps://server.example:5684\"");
    get(world, "/1/0", LINK);
    assert_answer(world, "</>;lwm2m=1.1,</1/0>;ssid=1");
    assert_int_equal(get(world, "/0/1/0", LINK).code, KEDGE_COAP_METHOD_NOT_ALLOWED);
    /* What is no URI could be anything, and is not repeated. */
    assert_int_equal(put_text(world, "/0/1/0", "\",</9/9>;x=\""), KEDGE_COAP_CHANGED);
    get(world, "/0", LINK);
    assert_answer(world, "</>;lwm2m=1.1,</0/0>,</0/1>;ssid=1");
}

static void the_server_object_can_be_read_and_keys_never(void **state)
{
    struct world *world = *state;
    write_account(world, TLV);
    assert_int_equal(get(world, "/1/0/1", NONE).code, KEDGE_COAP_CONTENT);
    assert_answer(world, "600");
    assert_int_equal(get(world, "/1/0", NONE).format, TLV);
    assert_int_equal(get(world, "/1", KEDGE_LWM2M_FORMAT_SENML_JSON).code, KEDGE_COAP_CONTENT);
    assert_answer(world, "[{\"bn\":\"/1/\",\"n\":\"0/0\",\"v\":1},{\"n\":\"0/1\",\"v\":600},"
                         "{\"n\":\"0/6\",\"vb\":true},{\"n\":\"0/7\",\"vs\":\"U\"}]");
    assert_int_equal(get(world, "/1/3", NONE).code, KEDGE_COAP_NOT_FOUND);
    assert_int_equal(get(world, "/1/0/99", NONE).code, KEDGE_COAP_NOT_FOUND);
    assert_int_equal(get(world, "/1/0", 50).code, KEDGE_COAP_NOT_ACCEPTABLE);
    assert_int_equal(get(world, "/3/0", NONE).code, KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(get(world, "/", NONE).code, KEDGE_COAP_METHOD_NOT_ALLOWED);
    const char *const secrets[] = {"/0", "/0/1", "/0/1/5", "/0/1/3", "/0/0", "/0/0/5"};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(get(world, secrets[i], NONE).code, KEDGE_COAP_UNAUTHORIZED);
        assert_int_equal(world->out.size, 0);
    }
}

/* ---- Bootstrap-Pack ---- */

static const uint32_t pack_formats[] = {
    KEDGE_LWM2M_FORMAT_SENML_CBOR, KEDGE_LWM2M_FORMAT_SENML_JSON, KEDGE_LWM2M_FORMAT_LWM2M_CBOR};

static void a_pack_takes_the_place_of_what_was_there(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(delete (world, "/"), KEDGE_COAP_DELETED);
        assert_int_equal(put_text(world, "/0/9/10", "9"), KEDGE_COAP_CHANGED);
        assert_int_equal(put_text(world, "/1/9/0", "9"), KEDGE_COAP_CHANGED);
        struct list list = {.count = 0};
        list_security(&list);
        list_server(&list);
        struct kedge_slice payload = write_list(world, &list, "/", pack_formats[i]);
        assert_int_equal(kedge_provision_pack(&world->provision, pack_formats[i], payload),
                         KEDGE_COAP_CHANGED);
        assert_whole(world);
    }
}

static void a_pack_that_is_wrong_changes_nothing(void **state)
{
    struct world *world = *state;
    write_account(world, TLV);
    const struct kedge_account before = world->provision.account;
    struct list list = {.count = 0};
    list_security(&list);
    add_text(&list, "/5/0/1", "coap://host/x");
    struct kedge_slice payload = write_list(world, &list, "/", KEDGE_LWM2M_FORMAT_SENML_CBOR);
    assert_int_equal(
        kedge_provision_pack(&world->provision, KEDGE_LWM2M_FORMAT_SENML_CBOR, payload),
        KEDGE_COAP_BAD_REQUEST);
    for (size_t cut = 0; cut < payload.size; cut++)
        assert_int_not_equal(kedge_provision_pack(&world->provision, KEDGE_LWM2M_FORMAT_SENML_CBOR,
                                                  kedge_slice(payload.data, cut)),
                             KEDGE_COAP_CHANGED);
    assert_int_equal(kedge_provision_pack(&world->provision, TEXT, payload),
                     KEDGE_COAP_UNSUPPORTED_FORMAT);
    assert_memory_equal(&world->provision.account, &before, sizeof before);
}

/* Nothing of what was written is left where the next request could find it. */
static void what_was_worked_on_is_wiped(void **state)
{
    struct world *world = *state;
    write_account(world, KEDGE_LWM2M_FORMAT_SENML_JSON);
    for (size_t i = 0; i < sizeof world->provision.scratch; i++)
        assert_int_equal(world->provision.scratch[i], 0);
    for (size_t i = 0; i < sizeof world->provision.next.security.secret; i++)
        assert_int_equal(world->provision.next.security.secret[i], 0);
}

#define TEST(name) cmocka_unit_test_setup(name, make)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_account_is_written_in_each_format_of_records),
        TEST(a_write_to_the_object_names_its_instance),
        TEST(single_resources_are_written_as_text_and_bytes),
        TEST(an_instance_that_is_written_again_is_a_new_one),
        TEST(a_write_that_is_wrong_anywhere_changes_nothing),
        TEST(what_can_be_no_value_is_refused),
        TEST(other_formats_and_other_places_are_refused),
        TEST(there_is_room_for_one_account),
        TEST(protections_that_there_are_none_of_make_no_account),
        TEST(the_account_with_the_bootstrap_server_stays_what_it_is),
        TEST(its_hold_off_time_can_be_written),
        TEST(deleting_removes_accounts_and_nothing_else),
        TEST(access_control_is_written_in_each_format_of_records),
        TEST(access_control_is_read_discovered_and_deleted_as_it_was_written),
        TEST(a_whole_instance_of_access_control_takes_the_place_of_the_old_one),
        TEST(what_no_access_control_can_be_changes_nothing),
        TEST(an_account_that_is_deleted_takes_its_rights_along),
        TEST(discover_tells_which_account_is_which),
        TEST(the_server_object_can_be_read_and_keys_never),
        TEST(a_pack_takes_the_place_of_what_was_there),
        TEST(a_pack_that_is_wrong_changes_nothing),
        TEST(what_was_worked_on_is_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
