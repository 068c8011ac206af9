/* bootstrap_request.c: the queries of a Bootstrap-Request; which format a pack is in. */
#include "updater/lwm2m/bootstrap_request.h"

#include <string.h>

#include "updater/lwm2m/formats.h"
#include "updater/lwm2m/query.h"
#include "updater/lwm2m/registration.h"

enum query { QUERY_EP, QUERY_PCT, QUERY_COUNT };

/* Preferred Content Format; formats that hold no whole instance count as none (section 6.1.7.1). */
static bool read_format(const struct query_value *value, uint8_t *formats)
{
    struct kedge_cursor cursor = kedge_cursor(value->value);
    uint64_t number;
    if (!value->there)
        return true;
    if (kedge_cursor_decimal(&cursor, UINT16_MAX, &number) != KEDGE_OK ||
        kedge_cursor_left(&cursor) > 0)
        return false;
    if (format_holds_records((uint32_t)number))
        *formats = format_bit((uint32_t)number);
    return true;
}

const char *bootstrap_request_read(const struct kedge_coap_message *request,
                                   struct bootstrap_request *out)
{
    static const char *const names[QUERY_COUNT] = {"ep", "pct"};
    struct query_value values[QUERY_COUNT] = {0};
    *out = (struct bootstrap_request){.formats = 0};
    if (!query_collect(request, names, QUERY_COUNT, values))
        return "a query is there twice";
    struct kedge_slice endpoint = values[QUERY_EP].value;
    if (!values[QUERY_EP].there)
        return "ep is missing";
    if (!kedge_registration_endpoint_valid(endpoint))
        return "ep is not a name of 1 to 128 bytes of printable UTF-8";
    if (!read_format(&values[QUERY_PCT], &out->formats))
        return "pct is not a Content-Format";
    memcpy(out->endpoint, endpoint.data, endpoint.size);
    return NULL;
}

bool bootstrap_pack_format(const struct kedge_coap_message *request, uint32_t *format)
{
    uint32_t asked;
    *format = KEDGE_LWM2M_FORMAT_SENML_CBOR;
    if (!kedge_coap_option_uint(request, KEDGE_COAP_ACCEPT, &asked))
        return true;
    *format = asked;
    return asked == KEDGE_LWM2M_FORMAT_SENML_CBOR || asked == KEDGE_LWM2M_FORMAT_SENML_JSON ||
           asked == KEDGE_LWM2M_FORMAT_LWM2M_CBOR;
}
