/*
 * read_credentials.c: by what devices prove who they are. The secret is read for a handshake and
 * for nothing else.
 */
#include "updater/store/sqlite/reader.h"

#include <string.h>

const char *kedge_credential_kind_name(enum kedge_credential_kind kind)
{
    static const char *const names[KEDGE_CREDENTIAL_KIND_COUNT] = {
        [KEDGE_CREDENTIAL_PSK] = "psk",
        [KEDGE_CREDENTIAL_RAW_KEY] = "rpk",
        [KEDGE_CREDENTIAL_CERTIFICATE] = "x509",
        [KEDGE_CREDENTIAL_NONE] = "none"};
    return (unsigned)kind < KEDGE_CREDENTIAL_KIND_COUNT ? names[kind] : "unknown";
}

static void read_kind(struct sql_columns *from, enum kedge_credential_kind *out)
{
    char name[16];
    unsigned kind = 0;
    column_text(from, name, sizeof(name));
    while (kind < KEDGE_CREDENTIAL_KIND_COUNT &&
           strcmp(kedge_credential_kind_name((enum kedge_credential_kind)kind), name) != 0)
        kind++;
    if (kind == KEDGE_CREDENTIAL_KIND_COUNT)
        from->damaged = true;
    *out = (enum kedge_credential_kind)kind;
}

static bool read_credential(struct sql_columns *from, struct kedge_credential_record *out)
{
    memset(out, 0, sizeof(*out));
    column_text(from, out->endpoint, sizeof(out->endpoint));
    read_kind(from, &out->kind);
    column_text(from, out->identity, sizeof(out->identity));
    out->changed_at_ms = column_unsigned(from);
    return !from->damaged;
}

/* Of at most `max` bytes. */
static void read_bytes(struct sql_columns *from, uint8_t *out, size_t max, size_t *size)
{
    int stored = sqlite3_column_bytes(from->statement, from->index);
    *size = stored < 0 || (size_t)stored > max ? 0 : (size_t)stored;
    column_blob(from, out, *size);
}

static bool read_secret(struct sql_columns *from, struct kedge_credential_record *out)
{
    read_bytes(from, out->secret, sizeof(out->secret), &out->secret_size);
    return !from->damaged;
}

enum kedge_rc kedge_reader_credentials(struct kedge_reader *reader, struct kedge_page *page,
                                       kedge_credential_fn *fn, void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_credential_record record = {.endpoint = ""};
    KEDGE_TRY(query_begin(&query, reader, page,
                          "SELECT " CREDENTIAL_COLUMNS
                          " FROM credentials WHERE endpoint > ? ORDER BY endpoint LIMIT ?"));
    bind_text(&query.binder, page == NULL ? "" : page->cursor);
    bind_number(&query.binder, query_limit(page));
    while (query_row(&query, &columns, record.endpoint) && read_credential(&columns, &record)) {
        if (!fn(context, &record)) {
            query_stop(&query, record.endpoint);
            break;
        }
    }
    return query_end(&query, columns.damaged);
}

/* Ends a query of one row. */
static enum kedge_rc end_one(struct query *query, const struct sql_columns *columns, bool found)
{
    return query_end_one(query, columns->damaged, found, "there are no such credentials");
}

enum kedge_rc kedge_reader_credential_of(struct kedge_reader *reader, const char *endpoint,
                                         struct kedge_credential_record *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT " CREDENTIAL_COLUMNS " FROM credentials WHERE endpoint = ?"));
    bind_text(&query.binder, endpoint);
    bool found = query_row(&query, &columns, "") && read_credential(&columns, out);
    return end_one(&query, &columns, found);
}

enum kedge_rc kedge_reader_credential(struct kedge_reader *reader, enum kedge_credential_kind kind,
                                      const char *identity, struct kedge_credential_record *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin_kept(&query, reader, &reader->credential,
                               "SELECT " CREDENTIAL_COLUMNS
                               " FROM credentials WHERE kind = ? AND identity = ?"));
    bind_text(&query.binder, kedge_credential_kind_name(kind));
    bind_text(&query.binder, identity);
    bool found = query_row(&query, &columns, "") && read_credential(&columns, out) &&
                 read_secret(&columns, out);
    return end_one(&query, &columns, found);
}

/* ---- keys that were issued ---- */

enum kedge_rc kedge_reader_issued(struct kedge_reader *reader, const char *identity,
                                  struct kedge_credential_record *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin_kept(&query, reader, &reader->issued,
                               "SELECT " CREDENTIAL_COLUMNS " FROM issued WHERE identity = ?"));
    bind_text(&query.binder, identity);
    bool found = query_row(&query, &columns, "") && read_credential(&columns, out) &&
                 read_secret(&columns, out);
    return end_one(&query, &columns, found);
}

static enum kedge_rc ask_whether(struct kedge_reader *reader, const char *sql, const char *endpoint)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin(&query, reader, NULL, sql));
    if (endpoint != NULL)
        bind_text(&query.binder, endpoint);
    bool found = query_row(&query, &columns, "");
    return end_one(&query, &columns, found);
}

enum kedge_rc kedge_reader_any_issued(struct kedge_reader *reader)
{
    return ask_whether(reader, "SELECT 1 FROM issued LIMIT 1", NULL);
}

enum kedge_rc kedge_reader_is_enrolled(struct kedge_reader *reader, const char *endpoint)
{
    return ask_whether(reader,
                       "SELECT 1 FROM credentials WHERE endpoint = ?1"
                       " UNION ALL SELECT 1 FROM bootstrap WHERE endpoint = ?1"
                       " UNION ALL SELECT 1 FROM issued WHERE endpoint = ?1 LIMIT 1",
                       endpoint);
}

/* ---- credentials for bootstrapping ---- */

/* Of all columns; the secret is read only when it is asked for. */
static bool read_bootstrap(struct sql_columns *from, struct kedge_bootstrap_record *out,
                           bool with_secret)
{
    memset(out, 0, sizeof(*out));
    if (!read_credential(from, &out->credential))
        return false;
    if (!with_secret)
        from->index++;
    else if (!read_secret(from, &out->credential))
        return false;
    column_text(from, out->serial, sizeof(out->serial));
    column_text(from, out->hardware, sizeof(out->hardware));
    column_text(from, out->batch, sizeof(out->batch));
    return !from->damaged;
}

enum kedge_rc kedge_reader_bootstraps(struct kedge_reader *reader, struct kedge_page *page,
                                      kedge_bootstrap_fn *fn, void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_bootstrap_record record = {.serial = ""};
    KEDGE_TRY(query_begin(&query, reader, page,
                          "SELECT " BOOTSTRAP_COLUMNS
                          " FROM bootstrap WHERE endpoint > ? ORDER BY endpoint LIMIT ?"));
    bind_text(&query.binder, page == NULL ? "" : page->cursor);
    bind_number(&query.binder, query_limit(page));
    while (query_row(&query, &columns, record.credential.endpoint) &&
           read_bootstrap(&columns, &record, false)) {
        if (!fn(context, &record)) {
            query_stop(&query, record.credential.endpoint);
            break;
        }
    }
    return query_end(&query, columns.damaged);
}

enum kedge_rc kedge_reader_bootstrap_of(struct kedge_reader *reader, const char *endpoint,
                                        struct kedge_bootstrap_record *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT " BOOTSTRAP_COLUMNS " FROM bootstrap WHERE endpoint = ?"));
    bind_text(&query.binder, endpoint);
    bool found = query_row(&query, &columns, "") && read_bootstrap(&columns, out, false);
    return end_one(&query, &columns, found);
}

enum kedge_rc kedge_reader_bootstrap(struct kedge_reader *reader, enum kedge_credential_kind kind,
                                     const char *identity, struct kedge_bootstrap_record *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin_kept(&query, reader, &reader->bootstrap,
                               "SELECT " BOOTSTRAP_COLUMNS
                               " FROM bootstrap WHERE kind = ? AND identity = ?"));
    bind_text(&query.binder, kedge_credential_kind_name(kind));
    bind_text(&query.binder, identity);
    bool found = query_row(&query, &columns, "") && read_bootstrap(&columns, out, true);
    return end_one(&query, &columns, found);
}

/* ---- what a device is given ---- */

static bool read_handout(struct sql_columns *from, struct kedge_handout_record *out)
{
    memset(out, 0, sizeof(*out));
    column_text(from, out->endpoint, sizeof(out->endpoint));
    read_bytes(from, out->certificate, sizeof(out->certificate), &out->certificate_size);
    read_bytes(from, out->private_key, sizeof(out->private_key), &out->private_key_size);
    return !from->damaged;
}

enum kedge_rc kedge_reader_handout(struct kedge_reader *reader, const char *endpoint,
                                   struct kedge_handout_record *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT " HANDOUT_COLUMNS " FROM handouts WHERE endpoint = ?"));
    bind_text(&query.binder, endpoint);
    bool found = query_row(&query, &columns, "") && read_handout(&columns, out);
    return end_one(&query, &columns, found);
}
