/* registration.c: the queries and the links of a Register and of an Update. */
#include "updater/lwm2m/registration.h"

#include "updater/lwm2m/formats.h"
#include "updater/lwm2m/query.h"

#include <string.h>

#define SMS_NUMBER_MAX 20u

/* ---- what may be ---- */

bool kedge_registration_endpoint_valid(struct kedge_slice endpoint)
{
    return kedge_name_valid(endpoint, KEDGE_LWM2M_ENDPOINT_MAX);
}

/* Transport letters of 1.0 to 1.2; in 1.0 with a Q for queue mode behind them. */
bool kedge_registration_binding_valid(struct kedge_slice binding)
{
    if (binding.size == 0 || binding.size > KEDGE_REGISTRATION_BINDING_MAX)
        return false;
    for (size_t i = 0; i < binding.size; i++)
        if (binding.data[i] == '\0' || strchr("UTSNMHQ", binding.data[i]) == NULL)
            return false;
    return true;
}

bool kedge_registration_version_spoken(struct kedge_slice version)
{
    static const char *const spoken[] = {"1.0", "1.1", "1.2"};
    for (size_t i = 0; i < sizeof spoken / sizeof spoken[0]; i++)
        if (kedge_slice_equal(version, kedge_slice_text(spoken[i])))
            return true;
    return false;
}

/* Numbers with dots between them: "1.1", and what later versions may be called. */
static bool is_version(struct kedge_slice text)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    uint64_t number;
    if (text.size > KEDGE_REGISTRATION_VERSION_MAX)
        return false;
    do
        if (kedge_cursor_decimal(&cursor, UINT16_MAX, &number) != KEDGE_OK)
            return false;
    while (kedge_cursor_accept(&cursor, '.'));
    return kedge_cursor_left(&cursor) == 0;
}

static bool read_lifetime(struct kedge_slice text, uint32_t *lifetime_s)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    uint64_t number;
    if (kedge_cursor_decimal(&cursor, UINT32_MAX, &number) != KEDGE_OK ||
        kedge_cursor_left(&cursor) > 0)
        return false;
    *lifetime_s = (uint32_t)number;
    return true;
}

/* ---- queries ---- */

static bool refuse(struct kedge_registration_refusal *refusal, uint8_t code, const char *reason)
{
    *refusal = (struct kedge_registration_refusal){.code = code, .reason = reason};
    return false;
}

enum query { QUERY_EP, QUERY_LT, QUERY_LWM2M, QUERY_B, QUERY_Q, QUERY_SMS, QUERY_COUNT };

/* Each has a value, but for Q, which is there or not. */
static bool collect(const struct kedge_coap_message *request,
                    struct query_value values[QUERY_COUNT],
                    struct kedge_registration_refusal *refusal)
{
    static const char *const names[QUERY_COUNT] = {"ep", "lt", "lwm2m", "b", "Q", "sms"};
    if (!query_collect(request, names, QUERY_COUNT, values))
        return refuse(refusal, KEDGE_COAP_BAD_REQUEST, "a query is there twice");
    for (size_t i = 0; i < QUERY_COUNT; i++)
        if (values[i].there && values[i].has_value == (i == QUERY_Q))
            return refuse(refusal, KEDGE_COAP_BAD_REQUEST, "a query lacks its value, or Q has one");
    return true;
}

static bool read_common(const struct query_value values[QUERY_COUNT],
                        struct kedge_registration_request *out,
                        struct kedge_registration_refusal *refusal)
{
    out->has_lifetime = values[QUERY_LT].there;
    if (out->has_lifetime && !read_lifetime(values[QUERY_LT].value, &out->lifetime_s))
        return refuse(refusal, KEDGE_COAP_BAD_REQUEST, "lt is not a number of seconds");
    out->has_binding = values[QUERY_B].there;
    out->binding = out->has_binding ? values[QUERY_B].value : kedge_slice("U", 1);
    if (!kedge_registration_binding_valid(out->binding))
        return refuse(refusal, KEDGE_COAP_BAD_REQUEST, "b is not a binding");
    if (values[QUERY_SMS].there && values[QUERY_SMS].value.size > SMS_NUMBER_MAX)
        return refuse(refusal, KEDGE_COAP_BAD_REQUEST, "sms is too long");
    out->queue_mode =
        values[QUERY_Q].there || memchr(out->binding.data, 'Q', out->binding.size) != NULL;
    return true;
}

/* ---- links ---- */

/* The root's "ct", a list of numbers with spaces between them (RFC 7252 section 7.2.1). */
static void read_formats(const struct kedge_link *link, struct kedge_registration_links *links)
{
    struct kedge_slice list;
    if (!kedge_link_attribute(link, "ct", &list))
        return;
    struct kedge_cursor cursor = kedge_cursor(list);
    uint64_t format;
    while (kedge_cursor_decimal(&cursor, UINT16_MAX, &format) == KEDGE_OK) {
        links->formats |= format_bit((uint32_t)format);
        if (!kedge_cursor_accept(&cursor, ' '))
            return;
    }
}

static bool is_root_type(const struct kedge_link *link)
{
    struct kedge_slice type;
    return kedge_link_attribute(link, "rt", &type) &&
           kedge_slice_equal(type, kedge_slice_text("oma.lwm2m"));
}

/* OMA LwM2M Core 1.1 section 6.2.1: the objects may be below a path that the client names. */
static bool find_root(struct kedge_slice payload, struct kedge_slice *root)
{
    struct kedge_cursor cursor = kedge_cursor(payload);
    struct kedge_link link;
    *root = kedge_slice(NULL, 0);
    while (kedge_link_next(&cursor, &link) == KEDGE_OK) {
        if (!is_root_type(&link))
            continue;
        struct kedge_cursor target = kedge_cursor(link.target);
        while (kedge_cursor_accept(&target, '/')) {
        }
        *root = kedge_slice(link.target.data + target.offset, kedge_cursor_left(&target));
        while (root->size > 0 && root->data[root->size - 1] == '/')
            root->size--;
        return root->size <= KEDGE_REGISTRATION_ROOT_MAX;
    }
    return true;
}

/* The target without the root before it; false when it lies elsewhere. */
static bool below_root(struct kedge_slice target, struct kedge_slice root, struct kedge_slice *path)
{
    struct kedge_cursor cursor = kedge_cursor(target);
    struct kedge_slice before;
    if (root.size > 0) {
        (void)kedge_cursor_accept(&cursor, '/');
        if (kedge_cursor_take(&cursor, root.size, &before) != KEDGE_OK ||
            !kedge_slice_equal(before, root))
            return false;
    }
    *path = kedge_slice(target.data + cursor.offset, kedge_cursor_left(&cursor));
    return root.size == 0 || path->size == 0 || path->data[0] == '/';
}

/* Object 5 has Cancel (/5/0/10) since its version 1.1. */
static bool has_cancel(const struct kedge_link *link)
{
    struct kedge_slice version;
    return kedge_link_attribute(link, "ver", &version) && version.size > 0 &&
           !kedge_slice_equal(version, kedge_slice_text("1.0"));
}

static void read_link(const struct kedge_link *link, struct kedge_slice root,
                      struct kedge_registration_links *links)
{
    struct kedge_lwm2m_path path;
    struct kedge_slice target;
    if (!below_root(link->target, root, &target) ||
        kedge_lwm2m_path_parse(target, &path) != KEDGE_OK)
        return; /* not an LwM2M path: some other resource of the device */
    if (path.depth == 0)
        read_formats(link, links);
    bool listed_alone = path.depth == 1; /* an object without its instances */
    if (path.depth == 0 || (!listed_alone && path.ids[1] != 0))
        return;
    links->firmware = links->firmware || path.ids[0] == KEDGE_LWM2M_OBJECT_FIRMWARE;
    links->cancels =
        links->cancels || (path.ids[0] == KEDGE_LWM2M_OBJECT_FIRMWARE && has_cancel(link));
    links->words = links->words || path.ids[0] == KEDGE_LWM2M_OBJECT_KEDGE;
    links->limits = links->words;
}

static bool read_links(const struct kedge_coap_message *request,
                       struct kedge_registration_request *out,
                       struct kedge_registration_refusal *refusal)
{
    uint32_t format;
    enum kedge_rc rc;
    out->has_links = request->payload.size > 0;
    if (out->has_links && kedge_coap_option_uint(request, KEDGE_COAP_CONTENT_FORMAT, &format) &&
        format != KEDGE_LWM2M_FORMAT_LINK)
        return refuse(refusal, KEDGE_COAP_UNSUPPORTED_FORMAT, "the links are not in link format");
    if (!find_root(request->payload, &out->root))
        return refuse(refusal, KEDGE_COAP_BAD_REQUEST, "the alternate path is too long");
    struct kedge_cursor cursor = kedge_cursor(request->payload);
    struct kedge_link link;
    size_t count = 0;
    while ((rc = kedge_link_next(&cursor, &link)) == KEDGE_OK) {
        if (++count > KEDGE_LWM2M_LINKS_MAX)
            return refuse(refusal, KEDGE_COAP_BAD_REQUEST, "more than 256 links");
        read_link(&link, out->root, &out->links);
    }
    if (rc != KEDGE_E_NOT_FOUND)
        return refuse(refusal, KEDGE_COAP_BAD_REQUEST, "the links are not well-formed");
    return true;
}

/* ---- the two requests ---- */

bool kedge_registration_read_register(const struct kedge_coap_message *request,
                                      struct kedge_registration_request *out,
                                      struct kedge_registration_refusal *refusal)
{
    struct query_value values[QUERY_COUNT] = {0};
    *out = (struct kedge_registration_request){.lifetime_s = KEDGE_REGISTRATION_LIFETIME_DEFAULT_S};
    if (!collect(request, values, refusal))
        return false;
    out->endpoint = values[QUERY_EP].value;
    out->version = values[QUERY_LWM2M].value;
    if (!values[QUERY_EP].there)
        return refuse(refusal, KEDGE_COAP_BAD_REQUEST, "ep is missing");
    if (!kedge_registration_endpoint_valid(out->endpoint))
        return refuse(refusal, KEDGE_COAP_BAD_REQUEST,
                      "ep is not a name of 1 to 128 bytes of printable UTF-8");
    if (!values[QUERY_LWM2M].there || !is_version(out->version))
        return refuse(refusal, KEDGE_COAP_BAD_REQUEST, "lwm2m is not a version");
    if (!kedge_registration_version_spoken(out->version))
        return refuse(refusal, KEDGE_COAP_PRECONDITION_FAILED,
                      "this server speaks LwM2M 1.0, 1.1 and 1.2");
    return read_common(values, out, refusal) && read_links(request, out, refusal);
}

bool kedge_registration_read_update(const struct kedge_coap_message *request,
                                    struct kedge_registration_request *out,
                                    struct kedge_registration_refusal *refusal)
{
    struct query_value values[QUERY_COUNT] = {0};
    *out = (struct kedge_registration_request){0};
    if (!collect(request, values, refusal))
        return false;
    if (values[QUERY_EP].there || values[QUERY_LWM2M].there)
        return refuse(refusal, KEDGE_COAP_BAD_REQUEST, "ep and lwm2m belong to a Register");
    return read_common(values, out, refusal) && read_links(request, out, refusal);
}
