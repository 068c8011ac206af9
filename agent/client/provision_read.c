/* provision_read.c: Bootstrap-Discover and Bootstrap-Read; see provision.h. */
#include "agent/client/model_parts.h"
#include "agent/client/provision_parts.h"

#include <stdio.h>

#define ATTRIBUTES_SIZE (KEDGE_URI_MAX + 32u)

/* ---- Discover ---- */

static bool is_wanted(const struct kedge_lwm2m_path *asked, uint16_t object, uint16_t instance)
{
    return (asked->depth < 1 || asked->ids[0] == object) &&
           (asked->depth < 2 || asked->ids[1] == instance);
}

static enum kedge_rc write_link(struct kedge_writer *out, const struct kedge_lwm2m_path *asked,
                                uint16_t object, uint16_t instance, const char *attributes)
{
    char target[25];
    const struct kedge_lwm2m_path path = {.ids = {object, instance}, .depth = 2};
    if (!is_wanted(asked, object, instance))
        return KEDGE_OK;
    kedge_lwm2m_path_text(&path, target);
    return kedge_link_write(out, target, attributes);
}

/* A Short Server ID tells an account with a server from the one with the bootstrap server. */
static enum kedge_rc write_security(const struct kedge_provision *provision,
                                    const struct kedge_lwm2m_path *asked, struct kedge_writer *out)
{
    const struct kedge_account_security *security = &provision->account.security;
    char attributes[ATTRIBUTES_SIZE];
    struct kedge_uri uri;
    KEDGE_TRY(
        write_link(out, asked, KEDGE_LWM2M_OBJECT_SECURITY, KEDGE_PROVISION_OWN_INSTANCE, ""));
    if (!security->present)
        return KEDGE_OK;
    /* Any text may have been written: only what is a URI goes between quotes. */
    bool has_uri = kedge_uri_parse(kedge_slice_text(security->uri), &uri) == KEDGE_OK;
    snprintf(attributes, sizeof attributes, has_uri ? ";ssid=%u;uri=\"%s\"" : ";ssid=%u",
             (unsigned)security->server_id, security->uri);
    return write_link(out, asked, KEDGE_LWM2M_OBJECT_SECURITY, security->instance, attributes);
}

static enum kedge_rc write_server(const struct kedge_provision *provision,
                                  const struct kedge_lwm2m_path *asked, struct kedge_writer *out)
{
    const struct kedge_account_server *server = &provision->account.server;
    char attributes[16];
    if (!server->present)
        return KEDGE_OK;
    snprintf(attributes, sizeof attributes, ";ssid=%u", (unsigned)server->server_id);
    return write_link(out, asked, KEDGE_LWM2M_OBJECT_SERVER, server->instance, attributes);
}

static enum kedge_rc write_access(const struct kedge_provision *provision,
                                  const struct kedge_lwm2m_path *asked, struct kedge_writer *out)
{
    const struct kedge_access *access = &provision->account.access;
    for (size_t i = 0; i < access->count; i++)
        KEDGE_TRY(write_link(out, asked, KEDGE_LWM2M_OBJECT_ACCESS, access->entries[i].number, ""));
    return KEDGE_OK;
}

/* The objects that the device has in any case. */
static enum kedge_rc write_others(const struct kedge_lwm2m_path *asked, struct kedge_writer *out)
{
    size_t count;
    const struct model_resource *resources = kedge_model_resources(&count);
    for (size_t i = 0; i < count; i++) {
        uint16_t object = resources[i].object;
        if (object <= KEDGE_LWM2M_OBJECT_ACCESS || (i > 0 && resources[i - 1].object == object))
            continue;
        KEDGE_TRY(write_link(out, asked, object, 0, ""));
    }
    return KEDGE_OK;
}

struct kedge_model_answer kedge_provision_discover(const struct kedge_provision *provision,
                                                   const struct kedge_lwm2m_path *path,
                                                   struct kedge_writer *out)
{
    if (path->depth > 2)
        return kedge_model_code(KEDGE_COAP_METHOD_NOT_ALLOWED);
    enum kedge_rc rc = kedge_link_write(out, "/", ";lwm2m=1.1");
    if (rc == KEDGE_OK)
        rc = write_security(provision, path, out);
    if (rc == KEDGE_OK)
        rc = write_server(provision, path, out);
    if (rc == KEDGE_OK)
        rc = write_access(provision, path, out);
    if (rc == KEDGE_OK)
        rc = write_others(path, out);
    if (rc != KEDGE_OK)
        return kedge_model_code(KEDGE_COAP_INTERNAL_ERROR);
    return (struct kedge_model_answer){.code = KEDGE_COAP_CONTENT,
                                       .format = KEDGE_LWM2M_FORMAT_LINK};
}

/* ---- Read ---- */

static void add(struct kedge_provision_records *all, const struct kedge_lwm2m_path *asked,
                uint16_t instance, uint16_t resource, struct kedge_lwm2m_value value)
{
    const struct kedge_lwm2m_path path = {.ids = {KEDGE_LWM2M_OBJECT_SERVER, instance, resource},
                                          .depth = 3};
    if (asked->depth < 3 || asked->ids[2] == resource)
        all->records[all->count++] = (struct kedge_lwm2m_record){
            .path = path, .encoding = KEDGE_LWM2M_TYPED, .value = value};
}

static struct kedge_lwm2m_value number(int64_t integer, enum kedge_lwm2m_type type)
{
    return (struct kedge_lwm2m_value){.type = type, .integer = integer};
}

static void gather(const struct kedge_account_server *server, const struct kedge_lwm2m_path *asked,
                   struct kedge_provision_records *all)
{
    const struct kedge_lwm2m_value binding = {.type = KEDGE_LWM2M_STRING,
                                              .bytes = kedge_slice_text(server->binding)};
    uint16_t instance = server->instance;
    add(all, asked, instance, 0, number(server->server_id, KEDGE_LWM2M_INTEGER));
    add(all, asked, instance, 1, number(server->lifetime_s, KEDGE_LWM2M_INTEGER));
    if (server->default_pmin_s > 0)
        add(all, asked, instance, 2, number(server->default_pmin_s, KEDGE_LWM2M_INTEGER));
    if (server->default_pmax_s > 0)
        add(all, asked, instance, 3, number(server->default_pmax_s, KEDGE_LWM2M_INTEGER));
    if (server->disable_s > 0)
        add(all, asked, instance, 5, number(server->disable_s, KEDGE_LWM2M_INTEGER));
    add(all, asked, instance, 6, number(server->storing, KEDGE_LWM2M_BOOLEAN));
    add(all, asked, instance, 7, binding);
}

struct kedge_model_answer kedge_provision_read(const struct kedge_provision *provision,
                                               const struct kedge_model_request *request,
                                               struct kedge_writer *out)
{
    const struct kedge_lwm2m_path *path = &request->path;
    const struct kedge_account_server *server = &provision->account.server;
    struct kedge_provision_records all = {.count = 0};
    bool reads_access = path->depth > 0 && path->ids[0] == KEDGE_LWM2M_OBJECT_ACCESS;
    if (path->depth > 0 && path->ids[0] == KEDGE_LWM2M_OBJECT_SECURITY)
        return kedge_model_code(KEDGE_COAP_UNAUTHORIZED); /* keys are never told */
    if (path->depth == 0 || path->depth > 3 ||
        (!reads_access && path->ids[0] != KEDGE_LWM2M_OBJECT_SERVER))
        return kedge_model_code(KEDGE_COAP_METHOD_NOT_ALLOWED);
    if (reads_access)
        kedge_provision_gather_access(&provision->account.access, path, &all);
    else if (server->present && (path->depth < 2 || path->ids[1] == server->instance))
        gather(server, path, &all);
    if (path->depth > 1 && all.count == 0)
        return kedge_model_code(KEDGE_COAP_NOT_FOUND);
    uint32_t format = request->accept;
    if (format == KEDGE_LWM2M_FORMAT_NONE)
        format = path->depth > 2 ? KEDGE_LWM2M_FORMAT_TEXT : KEDGE_LWM2M_FORMAT_TLV;
    enum kedge_rc rc = kedge_lwm2m_records_write(format, path, all.records, all.count, out);
    if (rc == KEDGE_E_UNSUPPORTED || rc == KEDGE_E_TYPE)
        return kedge_model_code(KEDGE_COAP_NOT_ACCEPTABLE);
    if (rc != KEDGE_OK)
        return kedge_model_code(KEDGE_COAP_INTERNAL_ERROR);
    return (struct kedge_model_answer){.code = KEDGE_COAP_CONTENT, .format = format};
}
