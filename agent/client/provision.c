/* provision.c: Bootstrap-Write and Bootstrap-Delete; see provision.h. */
#include "agent/client/model_parts.h"
#include "agent/client/provision_parts.h"

#include <kedge/lwm2m_records.h>
#include <string.h>

#define SECURITY KEDGE_LWM2M_OBJECT_SECURITY
#define SERVER KEDGE_LWM2M_OBJECT_SERVER
#define ACCESS KEDGE_LWM2M_OBJECT_ACCESS

void kedge_provision_begin(struct kedge_provision *provision, const struct kedge_account *account,
                           const struct kedge_uri *own, enum kedge_account_mode mode)
{
    provision->account = *account;
    provision->own = own;
    provision->mode = mode;
}

/* ---- one value ---- */

static uint8_t keep_bytes(const struct kedge_lwm2m_value *value, uint8_t *bytes, size_t capacity,
                          size_t *size)
{
    if (value->bytes.size > capacity)
        return KEDGE_COAP_TOO_LARGE;
    if (value->bytes.size > 0)
        memcpy(bytes, value->bytes.data, value->bytes.size);
    *size = value->bytes.size;
    return 0;
}

static uint8_t keep_text(const struct kedge_lwm2m_value *value, char *text, size_t capacity)
{
    size_t size;
    if (value->bytes.size >= capacity)
        return KEDGE_COAP_BAD_REQUEST;
    keep_bytes(value, (uint8_t *)text, capacity, &size);
    text[size] = '\0';
    return 0;
}

static uint8_t keep_number(int64_t value, uint32_t *number)
{
    if (value < 0 || value > (int64_t)UINT32_MAX)
        return KEDGE_COAP_BAD_REQUEST;
    *number = (uint32_t)value;
    return 0;
}

/* A resource of type Unsigned Integer. */
static uint8_t keep_unsigned(const struct kedge_lwm2m_value *value, uint32_t *number)
{
    if (value->unsigned_integer > UINT32_MAX)
        return KEDGE_COAP_BAD_REQUEST;
    *number = (uint32_t)value->unsigned_integer;
    return 0;
}

static uint8_t keep_server_id(int64_t value, uint16_t *server_id)
{
    if (value < 1 || value >= (int64_t)KEDGE_LWM2M_ID_NONE)
        return KEDGE_COAP_BAD_REQUEST;
    *server_id = (uint16_t)value;
    return 0;
}

/* What is not known here (SMS, for one) need not be. */
static uint8_t set_security(struct kedge_account_security *security, uint16_t resource,
                            const struct kedge_lwm2m_value *value)
{
    switch (resource) {
    case 0:
        return keep_text(value, security->uri, sizeof security->uri);
    case 1:
        security->bootstrap = value->integer != 0;
        return 0;
    case 2:
        security->mode = value->integer >= 0 ? (uint64_t)value->integer : UINT64_MAX;
        return 0;
    case 3:
        return keep_bytes(value, security->identity, sizeof security->identity,
                          &security->identity_size);
    case 4:
        return keep_bytes(value, security->server_key, sizeof security->server_key,
                          &security->server_key_size);
    case 5:
        return keep_bytes(value, security->secret, sizeof security->secret, &security->secret_size);
    case 10:
        return keep_server_id(value->integer, &security->server_id);
    case 13: /* Matching Type: the certificate itself, not a digest of it */
        security->unfamiliar = security->unfamiliar || value->unsigned_integer != 0;
        return 0;
    case 14: /* SNI */
        security->unfamiliar = security->unfamiliar || value->bytes.size > 0;
        return 0;
    case 15:
        security->certificate_usage = value->unsigned_integer;
        return 0;
    case 16: /* cipher suites */
        security->unfamiliar = true;
        return 0;
    case 17: /* OSCORE */
        security->unfamiliar = security->unfamiliar || value->link.object != KEDGE_LWM2M_ID_NONE;
        return 0;
    default:
        return 0;
    }
}

static uint8_t set_server(struct kedge_account_server *server, uint16_t resource,
                          const struct kedge_lwm2m_value *value)
{
    switch (resource) {
    case 0:
        return keep_server_id(value->integer, &server->server_id);
    case 1:
        return keep_number(value->integer, &server->lifetime_s);
    case 2:
        return keep_number(value->integer, &server->default_pmin_s);
    case 3:
        return keep_number(value->integer, &server->default_pmax_s);
    case 5:
        return keep_number(value->integer, &server->disable_s);
    case 6:
        server->storing = value->integer != 0;
        return 0;
    case 7:
        return keep_text(value, server->binding, sizeof server->binding);
    case 16:
        server->bootstrap_on_failure = value->integer != 0;
        return 0;
    case 17:
        return keep_unsigned(value, &server->retry_count);
    case 18:
        return keep_unsigned(value, &server->retry_timer_s);
    default:
        return 0;
    }
}

/* The account with the bootstrap server: what it is cannot be changed, only confirmed. */
static uint8_t set_own(struct kedge_provision *provision, uint16_t resource,
                       const struct kedge_lwm2m_value *value)
{
    bool same = true;
    switch (resource) {
    case 0:
        same = kedge_slice_equal(value->bytes, kedge_slice_text(provision->own->text));
        break;
    case 1:
        same = value->integer != 0;
        break;
    case 2:
        same = value->integer == (int64_t)provision->mode;
        break;
    case 11:
        provision->next.has_hold_off = true;
        return keep_number(value->integer, &provision->next.hold_off_s);
    default:
        same = false;
    }
    return same ? 0 : KEDGE_COAP_BAD_REQUEST;
}

/* ---- instances ---- */

/* The instance is there from now on: as it was, or, when the whole of it is written, anew. */
static uint8_t have_instance(struct kedge_account *account, const struct kedge_lwm2m_path *path,
                             bool whole, bool *begun)
{
    uint16_t instance = path->ids[1];
    bool is_security = path->ids[0] == SECURITY;
    bool present = is_security ? account->security.present : account->server.present;
    uint16_t known = is_security ? account->security.instance : account->server.instance;
    if (present && known != instance)
        return KEDGE_COAP_BAD_REQUEST; /* there is room for one */
    if (present && (!whole || *begun))
        return 0;
    *begun = true;
    if (is_security)
        kedge_account_security_init(&account->security, instance);
    else
        kedge_account_server_init(&account->server, instance);
    return 0;
}

/* How far a write has got: which instances it has begun anew. */
struct writing {
    bool whole;
    bool security_begun, server_begun;
    uint32_t access_begun;
};

/* What a bootstrap server writes at all. */
static bool is_written(uint16_t object)
{
    return object == SECURITY || object == SERVER || object == ACCESS;
}

static bool is_own(const struct kedge_lwm2m_path *path)
{
    return path->ids[0] == SECURITY && path->ids[1] == KEDGE_PROVISION_OWN_INSTANCE;
}

static uint8_t take_record(struct kedge_provision *provision, struct writing *writing,
                           const struct kedge_lwm2m_record *record, struct kedge_writer *scratch)
{
    const struct kedge_lwm2m_path *path = &record->path;
    struct kedge_lwm2m_value value;
    if (path->depth < 3 || !is_written(path->ids[0]))
        return KEDGE_COAP_BAD_REQUEST;
    if (path->ids[0] != ACCESS && !is_own(path)) {
        uint8_t refused = have_instance(&provision->next, path, writing->whole,
                                        path->ids[0] == SECURITY ? &writing->security_begun
                                                                 : &writing->server_begun);
        if (refused != 0)
            return refused;
    }
    const struct kedge_lwm2m_definition *definition =
        kedge_lwm2m_definition(path->ids[0], path->ids[2]);
    if (definition == NULL)
        return 0;
    if (definition->type == KEDGE_LWM2M_NOTHING ||
        kedge_lwm2m_record_value(record, definition->type, scratch, &value) != KEDGE_OK)
        return KEDGE_COAP_BAD_REQUEST;
    if (path->ids[0] == ACCESS)
        return kedge_provision_write_access(&provision->next.access, writing->whole,
                                            &writing->access_begun, path, &value);
    if (is_own(path))
        return set_own(provision, path->ids[2], &value);
    return path->ids[0] == SECURITY ? set_security(&provision->next.security, path->ids[2], &value)
                                    : set_server(&provision->next.server, path->ids[2], &value);
}

static uint8_t refusal(enum kedge_rc rc, bool is_opening)
{
    /* Text and the like hold one value, without its path. */
    if (rc == KEDGE_E_UNSUPPORTED || (rc == KEDGE_E_TYPE && is_opening))
        return KEDGE_COAP_UNSUPPORTED_FORMAT;
    return KEDGE_COAP_BAD_REQUEST;
}

static uint8_t take_records(struct kedge_provision *provision, const struct kedge_lwm2m_path *path,
                            uint32_t format, struct kedge_slice payload)
{
    struct writing writing = {.whole = path->depth < 3};
    struct kedge_writer scratch = kedge_writer(provision->scratch, sizeof provision->scratch);
    struct kedge_lwm2m_reader reader;
    struct kedge_lwm2m_record record;
    size_t count = 0;
    enum kedge_rc rc = kedge_lwm2m_reader_open(&reader, format, payload, path, &scratch);
    if (rc != KEDGE_OK)
        return refusal(rc, true);
    while ((rc = kedge_lwm2m_reader_next(&reader, &record)) == KEDGE_OK) {
        uint8_t refused = take_record(provision, &writing, &record, &scratch);
        if (refused != 0)
            return refused;
        scratch.size = 0;
        count++;
    }
    if (rc != KEDGE_E_NOT_FOUND)
        return refusal(rc, false);
    /* OMA LwM2M Core 1.1, section 6.1.4: one account with a bootstrap server, and that is ours. */
    bool second = provision->next.security.present && provision->next.security.bootstrap;
    return count > 0 && !second ? KEDGE_COAP_CHANGED : KEDGE_COAP_BAD_REQUEST;
}

/* ---- operations ---- */

static uint8_t carry_out(struct kedge_provision *provision, const struct kedge_lwm2m_path *path,
                         uint32_t format, struct kedge_slice payload)
{
    uint8_t code = take_records(provision, path, format, payload);
    if (code == KEDGE_COAP_CHANGED)
        provision->account = provision->next;
    kedge_wipe(&provision->next, sizeof provision->next);
    kedge_wipe(provision->scratch, sizeof provision->scratch);
    return code;
}

static uint8_t write(struct kedge_provision *provision, const struct kedge_model_request *request)
{
    const struct kedge_lwm2m_path *path = &request->path;
    uint32_t format = request->format;
    if (path->depth == 0 || !is_written(path->ids[0]))
        return KEDGE_COAP_METHOD_NOT_ALLOWED;
    if (path->depth > 2) {
        const struct kedge_lwm2m_definition *definition =
            kedge_lwm2m_definition(path->ids[0], path->ids[2]);
        if (definition == NULL)
            return KEDGE_COAP_NOT_FOUND;
        if (format == KEDGE_LWM2M_FORMAT_NONE)
            format = definition->type == KEDGE_LWM2M_OPAQUE ? KEDGE_LWM2M_FORMAT_OPAQUE
                                                            : KEDGE_LWM2M_FORMAT_TEXT;
    }
    provision->next = provision->account;
    return carry_out(provision, path, format, request->payload);
}

/* What the server of the account had a say in is another's, or nobody's. */
static void delete_security(struct kedge_account *account)
{
    if (account->security.present && account->security.server_id != 0)
        kedge_access_forget(&account->access, account->security.server_id);
    kedge_wipe(&account->security, sizeof account->security);
}

static uint8_t delete_instance(struct kedge_account *account, const struct kedge_lwm2m_path *path)
{
    if (is_own(path))
        return KEDGE_COAP_BAD_REQUEST;
    if (path->ids[0] == ACCESS)
        return kedge_access_remove(&account->access, path->ids[1]) ? KEDGE_COAP_DELETED
                                                                   : KEDGE_COAP_NOT_FOUND;
    if (path->ids[0] == SECURITY && account->security.present &&
        account->security.instance == path->ids[1]) {
        delete_security(account);
        return KEDGE_COAP_DELETED;
    }
    if (path->ids[0] == SERVER && account->server.present &&
        account->server.instance == path->ids[1]) {
        kedge_wipe(&account->server, sizeof account->server);
        return KEDGE_COAP_DELETED;
    }
    return KEDGE_COAP_NOT_FOUND;
}

/* The account with the bootstrap server stays, and so does what a device cannot be without. */
static uint8_t delete (struct kedge_account *account, const struct kedge_lwm2m_path *path)
{
    bool all = path->depth == 0;
    uint16_t object = path->ids[0];
    if (path->depth > 2)
        return KEDGE_COAP_METHOD_NOT_ALLOWED;
    if (path->depth == 2 && is_written(object))
        return delete_instance(account, path);
    if (!all && !is_written(object))
        return object == KEDGE_LWM2M_OBJECT_OSCORE ? KEDGE_COAP_DELETED /* there is nothing */
                                                   : KEDGE_COAP_METHOD_NOT_ALLOWED;
    if (all || object == ACCESS)
        account->access.count = 0;
    if (all || object == SECURITY)
        delete_security(account);
    if (all || object == SERVER)
        kedge_wipe(&account->server, sizeof account->server);
    return KEDGE_COAP_DELETED;
}

struct kedge_model_answer kedge_provision_handle(struct kedge_provision *provision,
                                                 const struct kedge_model_request *request,
                                                 struct kedge_writer *out)
{
    switch (request->method) {
    case KEDGE_COAP_PUT:
        return kedge_model_code(write(provision, request));
    case KEDGE_COAP_DELETE:
        return kedge_model_code(delete (&provision->account, &request->path));
    case KEDGE_COAP_GET:
        return request->accept == KEDGE_LWM2M_FORMAT_LINK
                   ? kedge_provision_discover(provision, &request->path, out)
                   : kedge_provision_read(provision, request, out);
    default:
        return kedge_model_code(KEDGE_COAP_METHOD_NOT_ALLOWED);
    }
}

uint8_t kedge_provision_pack(struct kedge_provision *provision, uint32_t format,
                             struct kedge_slice payload)
{
    static const struct kedge_lwm2m_path root = {.depth = 0};
    provision->next = provision->account;
    delete (&provision->next, &root);
    return carry_out(provision, &root, format, payload);
}
