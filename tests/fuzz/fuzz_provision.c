// links: kedge-client-core
/*
 * fuzz_provision.c: a bootstrap server that writes, deletes and asks: requests one after the other,
 * each a byte for method and format, its path as text behind a length, and its payload behind
 * another. Whatever it does, no answer holds what was written as a key, and the account with the
 * bootstrap server is the first that Discover tells of.
 */
#include "agent/client/provision.h"
#include "tests/fuzz/fuzz.h"

#include <kedge/coap.h>
#include <string.h>

static const uint32_t formats[] = {KEDGE_LWM2M_FORMAT_TLV,        KEDGE_LWM2M_FORMAT_SENML_CBOR,
                                   KEDGE_LWM2M_FORMAT_SENML_JSON, KEDGE_LWM2M_FORMAT_JSON,
                                   KEDGE_LWM2M_FORMAT_LWM2M_CBOR, KEDGE_LWM2M_FORMAT_NONE,
                                   KEDGE_LWM2M_FORMAT_TEXT,       KEDGE_LWM2M_FORMAT_LINK};
static const uint8_t methods[] = {KEDGE_COAP_PUT, KEDGE_COAP_DELETE, KEDGE_COAP_GET,
                                  KEDGE_COAP_POST};
#define PACK 4u /* instead of a method */

static enum kedge_rc take_request(struct kedge_cursor *cursor, uint8_t *head,
                                  struct kedge_model_request *request)
{
    uint8_t path_size;
    uint16_t size;
    struct kedge_slice path;
    KEDGE_TRY(kedge_cursor_u8(cursor, head));
    KEDGE_TRY(kedge_cursor_u8(cursor, &path_size));
    KEDGE_TRY(kedge_cursor_take(cursor, path_size, &path));
    KEDGE_TRY(kedge_cursor_u16(cursor, &size));
    KEDGE_TRY(kedge_cursor_take(cursor, size, &request->payload));
    return kedge_lwm2m_path_parse(path, &request->path);
}

static void require_sound(const struct kedge_provision *provision)
{
    const struct kedge_account *account = &provision->account;
    FUZZ_REQUIRE(memchr(account->security.uri, '\0', sizeof account->security.uri) != NULL);
    FUZZ_REQUIRE(memchr(account->server.binding, '\0', sizeof account->server.binding) != NULL);
    FUZZ_REQUIRE(account->security.identity_size <= KEDGE_ACCOUNT_IDENTITY_MAX);
    FUZZ_REQUIRE(account->security.server_key_size <= KEDGE_ACCOUNT_SERVER_KEY_MAX);
    FUZZ_REQUIRE(account->security.secret_size <= KEDGE_ACCOUNT_SECRET_MAX);
    FUZZ_REQUIRE(!account->security.present ||
                 account->security.instance != KEDGE_PROVISION_OWN_INSTANCE);
    FUZZ_REQUIRE(!account->security.present || !account->security.bootstrap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kedge_provision provision;
    static struct kedge_account none;
    struct kedge_uri own;
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(data, size));
    struct kedge_model_request request;
    uint8_t head, bytes[4096];
    FUZZ_REQUIRE(kedge_uri_parse(kedge_slice_text("coaps://bootstrap.example"), &own) == KEDGE_OK);
    kedge_provision_begin(&provision, &none, &own, KEDGE_ACCOUNT_PRE_SHARED_KEY);
    while (take_request(&cursor, &head, &request) == KEDGE_OK) {
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        request.format = request.accept = formats[head & 7u];
        unsigned method = head >> 3u & 7u;
        if (method >= PACK) {
            (void)kedge_provision_pack(&provision, request.format, request.payload);
        } else {
            request.method = methods[method];
            const struct kedge_model_answer answer =
                kedge_provision_handle(&provision, &request, &out);
            bool of_keys =
                request.path.depth > 0 && request.path.ids[0] == KEDGE_LWM2M_OBJECT_SECURITY;
            FUZZ_REQUIRE(answer.code == KEDGE_COAP_CONTENT || out.size == 0);
            FUZZ_REQUIRE(!of_keys || out.size == 0 || answer.format == KEDGE_LWM2M_FORMAT_LINK);
        }
        require_sound(&provision);
    }
    return 0;
}
