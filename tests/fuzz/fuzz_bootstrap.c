// links: kedge-updater-lwm2m
/*
 * fuzz_bootstrap.c: the requests at the bootstrap server, and what devices answer it. The first
 * byte says which: a request, the links of a Discover, or a Read of the server object.
 */
#include "tests/fuzz/fuzz.h"
#include "updater/lwm2m/bootstrap_objects.h"
#include "updater/lwm2m/bootstrap_request.h"
#include "updater/lwm2m/formats.h"

static void read_request(struct kedge_slice bytes)
{
    struct kedge_coap_message message;
    struct bootstrap_request asked;
    uint32_t format;
    if (kedge_coap_parse(bytes, &message) != KEDGE_OK)
        return;
    const char *wrong = bootstrap_request_read(&message, &asked);
    if (wrong == NULL)
        FUZZ_REQUIRE(kedge_name_valid(kedge_slice_text(asked.endpoint), KEDGE_LWM2M_ENDPOINT_MAX));
    /* No more than one format is preferred. */
    FUZZ_REQUIRE((asked.formats & (asked.formats - 1)) == 0);
    if (bootstrap_pack_format(&message, &format))
        FUZZ_REQUIRE(format_holds_records(format));
}

static void read_links(struct kedge_slice bytes)
{
    struct bootstrap_discovery has;
    if (bootstrap_read_discovery(bytes, &has))
        FUZZ_REQUIRE(has.own_instance >= -1 && has.own_instance < (int32_t)KEDGE_LWM2M_ID_NONE);
}

static void read_server(struct kedge_slice bytes)
{
    static const uint32_t formats[] = {KEDGE_LWM2M_FORMAT_TLV,        KEDGE_LWM2M_FORMAT_SENML_CBOR,
                                       KEDGE_LWM2M_FORMAT_SENML_JSON, KEDGE_LWM2M_FORMAT_JSON,
                                       KEDGE_LWM2M_FORMAT_LWM2M_CBOR, KEDGE_LWM2M_FORMAT_NONE};
    const struct bootstrap_account account = {.server_id = 1, .server = 0};
    uint8_t which;
    struct kedge_cursor cursor = kedge_cursor(bytes);
    if (kedge_cursor_u8(&cursor, &which) != KEDGE_OK)
        return;
    const struct kedge_slice payload = kedge_slice(bytes.data + 1, bytes.size - 1);
    enum kedge_rc rc = bootstrap_check_server(
        &account, formats[which % (sizeof formats / sizeof formats[0])], payload);
    FUZZ_REQUIRE(rc != KEDGE_OK || payload.size > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct kedge_slice bytes = kedge_slice(data + 1, size - 1);
    if (data[0] == 'r')
        read_request(bytes);
    else if (data[0] == 'l')
        read_links(bytes);
    else
        read_server(bytes);
    return 0;
}
