/* account_file.c: see account_file.h. */
#include "agent/client/account_file.h"

#include "agent/client/record.h"

#define MAGIC "KAC1"

/* All of them present. */
enum {
    KEY_ENDPOINT = 1,
    KEY_HOLD_OFF, /* 0: none, else one more than the seconds */
    KEY_SECURITY_INSTANCE,
    KEY_URI,
    KEY_MODE,
    KEY_IDENTITY,
    KEY_SERVER_KEY,
    KEY_SECRET,
    KEY_CERTIFICATE_USAGE,
    KEY_SERVER_ID,
    KEY_SERVER_INSTANCE,
    KEY_LIFETIME,
    KEY_PMIN,
    KEY_PMAX,
    KEY_DISABLE,
    KEY_STORING,
    KEY_BINDING,
    KEY_BOOTSTRAP_ON_FAILURE,
    KEY_RETRY_COUNT,
    KEY_RETRY_TIMER,
    KEY_ACCESS /* only where there are instances */
};
#define KEY_COUNT 20u

static enum kedge_rc put_security(const struct kedge_account_security *security,
                                  struct kedge_writer *out)
{
    KEDGE_TRY(kedge_record_put_number(out, KEY_SECURITY_INSTANCE, security->instance));
    KEDGE_TRY(kedge_record_put_text(out, KEY_URI, security->uri));
    KEDGE_TRY(kedge_record_put_number(out, KEY_MODE, security->mode));
    KEDGE_TRY(kedge_record_put_bytes(out, KEY_IDENTITY,
                                     kedge_slice(security->identity, security->identity_size)));
    KEDGE_TRY(kedge_record_put_bytes(out, KEY_SERVER_KEY,
                                     kedge_slice(security->server_key, security->server_key_size)));
    KEDGE_TRY(kedge_record_put_bytes(out, KEY_SECRET,
                                     kedge_slice(security->secret, security->secret_size)));
    return kedge_record_put_number(out, KEY_CERTIFICATE_USAGE, security->certificate_usage);
}

static enum kedge_rc put_server(const struct kedge_account_server *server, struct kedge_writer *out)
{
    KEDGE_TRY(kedge_record_put_number(out, KEY_SERVER_ID, server->server_id));
    KEDGE_TRY(kedge_record_put_number(out, KEY_SERVER_INSTANCE, server->instance));
    KEDGE_TRY(kedge_record_put_number(out, KEY_LIFETIME, server->lifetime_s));
    KEDGE_TRY(kedge_record_put_number(out, KEY_PMIN, server->default_pmin_s));
    KEDGE_TRY(kedge_record_put_number(out, KEY_PMAX, server->default_pmax_s));
    KEDGE_TRY(kedge_record_put_number(out, KEY_DISABLE, server->disable_s));
    KEDGE_TRY(kedge_record_put_number(out, KEY_STORING, server->storing));
    KEDGE_TRY(kedge_record_put_text(out, KEY_BINDING, server->binding));
    KEDGE_TRY(kedge_record_put_number(out, KEY_BOOTSTRAP_ON_FAILURE, server->bootstrap_on_failure));
    KEDGE_TRY(kedge_record_put_number(out, KEY_RETRY_COUNT, server->retry_count));
    return kedge_record_put_number(out, KEY_RETRY_TIMER, server->retry_timer_s);
}

static enum kedge_rc put_access(const struct kedge_access *access, struct kedge_writer *out)
{
    uint8_t bytes[KEDGE_ACCESS_SIZE_MAX];
    struct kedge_writer table = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(kedge_access_encode(access, &table));
    return kedge_record_put_bytes(out, KEY_ACCESS, kedge_writer_slice(&table));
}

enum kedge_rc kedge_account_encode(const struct kedge_account *account, struct kedge_writer *out)
{
    size_t start;
    const bool has_access = account->access.count > 0;
    uint64_t hold_off = account->has_hold_off ? (uint64_t)account->hold_off_s + 1 : 0;
    KEDGE_TRY(kedge_record_begin(out, MAGIC, KEY_COUNT + has_access, &start));
    KEDGE_TRY(kedge_record_put_text(out, KEY_ENDPOINT, account->endpoint));
    KEDGE_TRY(kedge_record_put_number(out, KEY_HOLD_OFF, hold_off));
    KEDGE_TRY(put_security(&account->security, out));
    KEDGE_TRY(put_server(&account->server, out));
    if (has_access)
        KEDGE_TRY(put_access(&account->access, out));
    return kedge_record_end(out, start);
}

static enum kedge_rc get_u32(struct kedge_record *record, uint64_t key, uint32_t *value)
{
    uint64_t number;
    KEDGE_TRY(kedge_record_get_number(record, key, UINT32_MAX, &number));
    *value = (uint32_t)number;
    return KEDGE_OK;
}

static enum kedge_rc get_u16(struct kedge_record *record, uint64_t key, uint16_t *value)
{
    uint64_t number;
    KEDGE_TRY(kedge_record_get_number(record, key, KEDGE_LWM2M_ID_NONE - 1, &number));
    *value = (uint16_t)number;
    return KEDGE_OK;
}

static enum kedge_rc get_bool(struct kedge_record *record, uint64_t key, bool *value)
{
    uint64_t number;
    KEDGE_TRY(kedge_record_get_number(record, key, 1, &number));
    *value = number == 1;
    return KEDGE_OK;
}

static enum kedge_rc get_security(struct kedge_record *record,
                                  struct kedge_account_security *security)
{
    kedge_account_security_init(security, 0);
    KEDGE_TRY(get_u16(record, KEY_SECURITY_INSTANCE, &security->instance));
    KEDGE_TRY(kedge_record_get_text(record, KEY_URI, security->uri, sizeof security->uri));
    KEDGE_TRY(kedge_record_get_number(record, KEY_MODE, UINT64_MAX, &security->mode));
    KEDGE_TRY(kedge_record_get_bytes(record, KEY_IDENTITY, security->identity,
                                     sizeof security->identity, &security->identity_size));
    KEDGE_TRY(kedge_record_get_bytes(record, KEY_SERVER_KEY, security->server_key,
                                     sizeof security->server_key, &security->server_key_size));
    KEDGE_TRY(kedge_record_get_bytes(record, KEY_SECRET, security->secret, sizeof security->secret,
                                     &security->secret_size));
    return kedge_record_get_number(record, KEY_CERTIFICATE_USAGE, UINT64_MAX,
                                   &security->certificate_usage);
}

static enum kedge_rc get_server(struct kedge_record *record, struct kedge_account_server *server)
{
    kedge_account_server_init(server, 0);
    KEDGE_TRY(get_u16(record, KEY_SERVER_ID, &server->server_id));
    KEDGE_TRY(get_u16(record, KEY_SERVER_INSTANCE, &server->instance));
    KEDGE_TRY(get_u32(record, KEY_LIFETIME, &server->lifetime_s));
    KEDGE_TRY(get_u32(record, KEY_PMIN, &server->default_pmin_s));
    KEDGE_TRY(get_u32(record, KEY_PMAX, &server->default_pmax_s));
    KEDGE_TRY(get_u32(record, KEY_DISABLE, &server->disable_s));
    KEDGE_TRY(get_bool(record, KEY_STORING, &server->storing));
    KEDGE_TRY(kedge_record_get_text(record, KEY_BINDING, server->binding, sizeof server->binding));
    KEDGE_TRY(get_bool(record, KEY_BOOTSTRAP_ON_FAILURE, &server->bootstrap_on_failure));
    KEDGE_TRY(get_u32(record, KEY_RETRY_COUNT, &server->retry_count));
    return get_u32(record, KEY_RETRY_TIMER, &server->retry_timer_s);
}

static enum kedge_rc get_access(struct kedge_record *record, struct kedge_access *access)
{
    uint8_t bytes[KEDGE_ACCESS_SIZE_MAX];
    size_t size;
    if (!kedge_record_has(record, KEY_ACCESS))
        return KEDGE_OK;
    KEDGE_TRY(kedge_record_get_bytes(record, KEY_ACCESS, bytes, sizeof bytes, &size));
    KEDGE_TRY(kedge_access_decode(kedge_slice(bytes, size), access));
    return access->count > 0 ? KEDGE_OK : KEDGE_E_NOT_CANONICAL;
}

static enum kedge_rc decode(struct kedge_slice bytes, struct kedge_account *account)
{
    struct kedge_record record;
    uint64_t hold_off;
    KEDGE_TRY(kedge_record_open(&record, bytes, MAGIC, KEY_COUNT));
    KEDGE_TRY(
        kedge_record_get_text(&record, KEY_ENDPOINT, account->endpoint, sizeof account->endpoint));
    KEDGE_TRY(kedge_record_get_number(&record, KEY_HOLD_OFF, (uint64_t)UINT32_MAX + 1, &hold_off));
    account->has_hold_off = hold_off > 0;
    account->hold_off_s = hold_off > 0 ? (uint32_t)(hold_off - 1) : 0;
    KEDGE_TRY(get_security(&record, &account->security));
    KEDGE_TRY(get_server(&record, &account->server));
    account->security.server_id = account->server.server_id;
    KEDGE_TRY(get_access(&record, &account->access));
    return kedge_record_close(&record);
}

enum kedge_rc kedge_account_decode(struct kedge_slice bytes, bool has_own_key,
                                   struct kedge_account *account)
{
    kedge_account_init(account);
    enum kedge_rc rc = decode(bytes, account);
    if (rc == KEDGE_OK && kedge_account_flaw(account, has_own_key) != NULL)
        rc = KEDGE_E_STATE;
    if (rc == KEDGE_OK)
        return KEDGE_OK;
    kedge_wipe(account, sizeof *account);
    kedge_account_init(account);
    return rc;
}

enum kedge_rc kedge_account_load(int folder, bool has_own_key, struct kedge_account *account)
{
    uint8_t bytes[KEDGE_ACCOUNT_FILE_SIZE_MAX];
    size_t size;
    kedge_account_init(account);
    enum kedge_rc rc =
        kedge_record_file_read(folder, KEDGE_ACCOUNT_FILE, bytes, sizeof bytes, &size);
    if (rc == KEDGE_OK)
        rc = kedge_account_decode(kedge_slice(bytes, size), has_own_key, account);
    kedge_wipe(bytes, sizeof bytes);
    return rc;
}

enum kedge_rc kedge_account_save(const struct kedge_folder *folder,
                                 const struct kedge_account *account)
{
    uint8_t bytes[KEDGE_ACCOUNT_FILE_SIZE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    enum kedge_rc rc = kedge_account_encode(account, &out);
    if (rc == KEDGE_OK)
        rc = kedge_record_file_replace(folder, KEDGE_ACCOUNT_FILE, kedge_writer_slice(&out));
    kedge_wipe(bytes, sizeof bytes);
    return rc;
}
