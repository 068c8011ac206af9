/* bootstrap_objects.c: what a device is given, as records; what it has, from its links. */
#include "updater/lwm2m/bootstrap_objects.h"

#include <kedge/lwm2m_records.h>
#include <string.h>

#define SCRATCH_MAX 512u

/* ---- giving ---- */

enum {
    SECURITY_URI = 0,
    SECURITY_BOOTSTRAP = 1,
    SECURITY_MODE = 2,
    SECURITY_IDENTITY = 3,
    SECURITY_SERVER_KEY = 4,
    SECURITY_SECRET = 5,
    SECURITY_SERVER_ID = 10,
    SERVER_ID = 0,
    SERVER_LIFETIME = 1,
    SERVER_STORING = 6, /* notifications while it cannot be reached */
    SERVER_BINDING = 7
};

#define RECORDS_MAX 16u

struct list {
    struct kedge_lwm2m_record records[RECORDS_MAX];
    size_t count;
    uint16_t object, instance;
};

static struct kedge_lwm2m_value *add(struct list *list, uint16_t resource,
                                     enum kedge_lwm2m_type type)
{
    struct kedge_lwm2m_record *record = &list->records[list->count++];
    *record = (struct kedge_lwm2m_record){.path = {{list->object, list->instance, resource, 0}, 3},
                                          .encoding = KEDGE_LWM2M_TYPED,
                                          .value = {.type = type}};
    return &record->value;
}

static void add_number(struct list *list, uint16_t resource, enum kedge_lwm2m_type type,
                       int64_t number)
{
    add(list, resource, type)->integer = number;
}

static void add_text(struct list *list, uint16_t resource, const char *text)
{
    add(list, resource, KEDGE_LWM2M_STRING)->bytes = kedge_slice_text(text);
}

static void add_bytes(struct list *list, uint16_t resource, const uint8_t *bytes, size_t size)
{
    add(list, resource, KEDGE_LWM2M_OPAQUE)->bytes = kedge_slice(bytes, size);
}

/* LwM2M 1.0 has identity and both keys as mandatory: what there is none of is empty. */
static void add_security(struct list *list, const struct bootstrap_account *account)
{
    const struct kedge_bootstrap_grant *grant = account->grant;
    list->object = KEDGE_LWM2M_OBJECT_SECURITY;
    list->instance = account->security;
    add_text(list, SECURITY_URI, account->uri);
    add_number(list, SECURITY_BOOTSTRAP, KEDGE_LWM2M_BOOLEAN, 0);
    add_number(list, SECURITY_MODE, KEDGE_LWM2M_INTEGER, grant->mode);
    add_bytes(list, SECURITY_IDENTITY, grant->identity, grant->identity_size);
    add_bytes(list, SECURITY_SERVER_KEY, grant->server_key, grant->server_key_size);
    add_bytes(list, SECURITY_SECRET, grant->secret, grant->secret_size);
    add_number(list, SECURITY_SERVER_ID, KEDGE_LWM2M_INTEGER, account->server_id);
}

static void add_server(struct list *list, const struct bootstrap_account *account)
{
    list->object = KEDGE_LWM2M_OBJECT_SERVER;
    list->instance = account->server;
    add_number(list, SERVER_ID, KEDGE_LWM2M_INTEGER, account->server_id);
    add_number(list, SERVER_LIFETIME, KEDGE_LWM2M_INTEGER, account->lifetime_s);
    add_number(list, SERVER_STORING, KEDGE_LWM2M_BOOLEAN, 1);
    add_text(list, SERVER_BINDING, "U");
}

enum kedge_rc bootstrap_write_instance(const struct bootstrap_account *account, uint16_t object,
                                       uint32_t format, struct kedge_writer *out)
{
    struct list list = {.count = 0};
    if (object == KEDGE_LWM2M_OBJECT_SECURITY)
        add_security(&list, account);
    else
        add_server(&list, account);
    const struct kedge_lwm2m_path path = {{list.object, list.instance, 0, 0}, 2};
    return kedge_lwm2m_records_write(format, &path, list.records, list.count, out);
}

enum kedge_rc bootstrap_write_pack(const struct bootstrap_account *account, uint32_t format,
                                   struct kedge_writer *out)
{
    const struct kedge_lwm2m_path root = {.depth = 0};
    struct list list = {.count = 0};
    add_security(&list, account);
    add_server(&list, account);
    return kedge_lwm2m_records_write(format, &root, list.records, list.count, out);
}

/* ---- looking ---- */

static bool is_later_than_1_0(struct kedge_slice version)
{
    return !kedge_slice_equal(version, kedge_slice_text("1.0")) &&
           !kedge_slice_equal(version, kedge_slice_text("\"1.0\""));
}

/* In LwM2M 1.0 the list begins with the version, which is no link. */
static struct kedge_slice after_version(struct kedge_slice links, bool *reads)
{
    const struct kedge_slice name = kedge_slice_text("lwm2m=");
    struct kedge_cursor cursor = kedge_cursor(links);
    struct kedge_slice before;
    if (kedge_cursor_take(&cursor, name.size, &before) != KEDGE_OK ||
        !kedge_slice_equal(before, name))
        return links;
    const uint8_t *end = memchr(links.data, ',', links.size);
    size_t size = end != NULL ? (size_t)(end - links.data) : links.size;
    *reads = is_later_than_1_0(kedge_slice(links.data + name.size, size - name.size));
    if (end == NULL)
        return kedge_slice(NULL, 0);
    return kedge_slice(end + 1, links.size - size - 1);
}

static void take_link(const struct kedge_link *link, struct bootstrap_discovery *out)
{
    struct kedge_lwm2m_path path;
    struct kedge_slice value;
    if (kedge_lwm2m_path_parse(link->target, &path) != KEDGE_OK)
        return;
    if (path.depth == 0 && kedge_link_attribute(link, "lwm2m", &value))
        out->reads = is_later_than_1_0(value);
    if (path.depth != 2)
        return;
    if (path.ids[0] == KEDGE_LWM2M_OBJECT_SECURITY && !kedge_link_attribute(link, "ssid", &value)) {
        out->own_instance = path.ids[1];
        out->own_count++;
    }
    out->has_acl = out->has_acl || path.ids[0] == KEDGE_LWM2M_OBJECT_ACCESS;
    out->has_oscore = out->has_oscore || path.ids[0] == KEDGE_LWM2M_OBJECT_OSCORE;
}

bool bootstrap_read_discovery(struct kedge_slice links, struct bootstrap_discovery *out)
{
    struct kedge_link link;
    enum kedge_rc rc;
    *out = (struct bootstrap_discovery){.own_instance = -1};
    struct kedge_cursor cursor = kedge_cursor(after_version(links, &out->reads));
    while ((rc = kedge_link_next(&cursor, &link)) == KEDGE_OK)
        take_link(&link, out);
    if (out->own_count > 1)
        out->own_instance = -1;
    return rc == KEDGE_E_NOT_FOUND;
}

enum kedge_rc bootstrap_check_server(const struct bootstrap_account *account, uint32_t format,
                                     struct kedge_slice payload)
{
    const struct kedge_lwm2m_path path = {{KEDGE_LWM2M_OBJECT_SERVER, account->server, 0, 0}, 2};
    uint8_t bytes[SCRATCH_MAX];
    struct kedge_writer scratch = kedge_writer(bytes, sizeof bytes);
    struct kedge_lwm2m_reader reader;
    struct kedge_lwm2m_record record;
    struct kedge_lwm2m_value value;
    bool found = false;
    enum kedge_rc rc = kedge_lwm2m_reader_open(&reader, format, payload, &path, &scratch);
    while (rc == KEDGE_OK) {
        scratch.size = 0;
        rc = kedge_lwm2m_reader_next(&reader, &record);
        if (rc != KEDGE_OK || record.path.depth != 3 || record.path.ids[2] != SERVER_ID)
            continue;
        found =
            kedge_lwm2m_record_value(&record, KEDGE_LWM2M_INTEGER, &scratch, &value) == KEDGE_OK &&
            value.integer == account->server_id;
    }
    if (rc != KEDGE_E_NOT_FOUND)
        return rc;
    return found ? KEDGE_OK : KEDGE_E_NOT_FOUND;
}
