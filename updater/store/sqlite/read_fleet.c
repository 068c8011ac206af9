/*
 * read_fleet.c: devices, packages, trust and tokens.
 */
#define _POSIX_C_SOURCE 200809L
#include "updater/store/sqlite/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- devices ---- */

bool reader_take_device(struct sql_columns *from, struct kedge_device_record *out)
{
    memset(out, 0, sizeof(*out));
    column_text(from, out->endpoint, sizeof(out->endpoint));
    column_text(from, out->vendor, sizeof(out->vendor));
    column_text(from, out->class_name, sizeof(out->class_name));
    column_text(from, out->version, sizeof(out->version));
    column_text(from, out->hardware, sizeof(out->hardware));
    column_text(from, out->lwm2m_version, sizeof(out->lwm2m_version));
    column_text(from, out->binding, sizeof(out->binding));
    out->lifetime_s = column_u32(from);
    column_text(from, out->address, sizeof(out->address));
    column_text(from, out->location, sizeof(out->location));
    out->registered = column_bool(from);
    out->first_seen_ms = column_unsigned(from);
    out->last_seen_ms = column_unsigned(from);
    column_text(from, out->tags, sizeof(out->tags));
    out->limits.sequence_floor = column_unsigned(from);
    out->limits.slot_capacity = column_unsigned(from);
    return !from->damaged;
}

enum kedge_rc kedge_reader_devices(struct kedge_reader *reader, const char *vendor,
                                   const char *class_name, struct kedge_page *page,
                                   kedge_device_fn *fn, void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_device_record record = {.endpoint = ""};
    KEDGE_TRY(query_begin(&query, reader, page,
                          "SELECT " DEVICE_COLUMNS " FROM devices WHERE endpoint > ?"
                          " AND (?2 IS NULL OR vendor = ?2) AND (?3 IS NULL OR class = ?3)"
                          " ORDER BY endpoint LIMIT ?"));
    bind_text(&query.binder, page == NULL ? "" : page->cursor);
    bind_text(&query.binder, vendor);
    bind_text(&query.binder, class_name);
    bind_number(&query.binder, query_limit(page));
    while (query_row(&query, &columns, record.endpoint) && reader_take_device(&columns, &record)) {
        if (!fn(context, &record)) {
            query_stop(&query, record.endpoint);
            break;
        }
    }
    return query_end(&query, columns.damaged);
}

enum kedge_rc kedge_reader_device(struct kedge_reader *reader, const char *endpoint,
                                  struct kedge_device_record *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT " DEVICE_COLUMNS " FROM devices WHERE endpoint = ?"));
    bind_text(&query.binder, endpoint);
    bool found = query_row(&query, &columns, "") && reader_take_device(&columns, out);
    return query_end_one(&query, columns.damaged, found, "there is no such device");
}

enum kedge_rc kedge_reader_device_counts(struct kedge_reader *reader, uint64_t *stored,
                                         uint64_t *registered)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT count(*), coalesce(sum(registered), 0) FROM devices"));
    if (query_row(&query, &columns, "")) {
        *stored = column_unsigned(&columns);
        *registered = column_unsigned(&columns);
    }
    return query_end(&query, columns.damaged);
}

/* ---- packages ---- */

static void read_signers(struct sql_columns *from, struct kedge_package_record *out)
{
    int size = sqlite3_column_bytes(from->statement, from->index);
    if (size < 0 || (size_t)size > sizeof(out->signers) || size % 32 != 0) {
        from->damaged = true;
        from->index++;
        return;
    }
    out->signer_count = (uint32_t)size / 32;
    column_blob(from, out->signers, (size_t)size);
}

static bool read_package(struct sql_columns *from, struct kedge_package_record *out)
{
    memset(out, 0, sizeof(*out));
    column_text(from, out->id, sizeof(out->id));
    out->sequence = column_unsigned(from);
    column_text(from, out->version, sizeof(out->version));
    column_blob(from, out->vendor_id, sizeof(out->vendor_id));
    column_blob(from, out->class_id, sizeof(out->class_id));
    column_text(from, out->vendor, sizeof(out->vendor));
    column_text(from, out->class_name, sizeof(out->class_name));
    out->envelope_size = column_unsigned(from);
    out->image_size = column_unsigned(from);
    out->device_size = column_unsigned(from);
    column_blob(from, out->image_digest, sizeof(out->image_digest));
    column_text(from, out->device_digest, sizeof(out->device_digest));
    out->deliver_payload = column_bool(from);
    read_signers(from, out);
    out->uploaded_at_ms = column_unsigned(from);
    column_text(from, out->uploader, sizeof(out->uploader));
    column_text(from, out->hardware, sizeof(out->hardware));
    column_text(from, out->min_version, sizeof(out->min_version));
    column_text(from, out->max_version, sizeof(out->max_version));
    return !from->damaged;
}

/* The cursor is "milliseconds.id": two packages may have been uploaded in the same millisecond. */
static enum kedge_rc split_package_cursor(struct kedge_reader *reader,
                                          const struct kedge_page *page, int64_t *uploaded_at_ms,
                                          const char **id)
{
    struct kedge_page number = {.cursor = ""};
    *id = "";
    size_t digits = page == NULL ? 0 : strcspn(page->cursor, ".");
    if (page != NULL && page->cursor[0] != '\0') {
        if (page->cursor[digits] != '.' || digits == 0)
            return reader_failed(reader, KEDGE_E_ARGUMENT, "the cursor is not one of this listing");
        memcpy(number.cursor, page->cursor, digits);
        *id = &page->cursor[digits + 1];
    }
    return reader_cursor_number(reader, &number, INT64_MAX, uploaded_at_ms);
}

enum kedge_rc reader_begin_packages(struct query *query, struct kedge_reader *reader,
                                    struct kedge_page *page, int64_t limit)
{
    int64_t uploaded_at_ms;
    const char *id;
    KEDGE_TRY(split_package_cursor(reader, page, &uploaded_at_ms, &id));
    KEDGE_TRY(query_begin(query, reader, page,
                          "SELECT " PACKAGE_COLUMNS " FROM packages"
                          " WHERE (uploaded_at_ms, id) < (?, ?)"
                          " ORDER BY uploaded_at_ms DESC, id DESC LIMIT ?"));
    bind_number(&query->binder, uploaded_at_ms);
    bind_text(&query->binder, id);
    bind_number(&query->binder, limit);
    return KEDGE_OK;
}

bool reader_take_package(struct sql_columns *from, struct kedge_package_record *out,
                         char key[KEDGE_STORE_CURSOR_MAX])
{
    if (!read_package(from, out))
        return false;
    (void)snprintf(key, KEDGE_STORE_CURSOR_MAX, "%" PRIu64 ".%s", out->uploaded_at_ms, out->id);
    return true;
}

enum kedge_rc kedge_reader_packages(struct kedge_reader *reader, struct kedge_page *page,
                                    kedge_package_fn *fn, void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_package_record record;
    char key[KEDGE_STORE_CURSOR_MAX] = "";
    KEDGE_TRY(reader_begin_packages(&query, reader, page, query_limit(page)));
    while (query_row(&query, &columns, key) && reader_take_package(&columns, &record, key)) {
        if (!fn(context, &record)) {
            query_stop(&query, key);
            break;
        }
    }
    return query_end(&query, columns.damaged);
}

enum kedge_rc kedge_reader_package(struct kedge_reader *reader, const char *id,
                                   struct kedge_package_record *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(
        query_begin(&query, reader, NULL, "SELECT " PACKAGE_COLUMNS " FROM packages WHERE id = ?"));
    bind_text(&query.binder, id);
    bool found = query_row(&query, &columns, "") && read_package(&columns, out);
    return query_end_one(&query, columns.damaged, found, "there is no such package");
}

/* ---- trust ---- */

static bool read_trust(struct sql_columns *from, struct kedge_trust_record *out)
{
    memset(out, 0, sizeof(*out));
    column_blob(from, out->key_id, sizeof(out->key_id));
    column_text(from, out->name, sizeof(out->name));
    int size = sqlite3_column_bytes(from->statement, from->index);
    out->spki_size = size < 0 || size > (int)sizeof(out->spki) ? 0 : (size_t)size;
    column_blob(from, out->spki, out->spki_size);
    out->development = column_bool(from);
    out->added_at_ms = column_unsigned(from);
    return !from->damaged;
}

enum kedge_rc kedge_reader_trust(struct kedge_reader *reader, struct kedge_page *page,
                                 kedge_trust_fn *fn, void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_trust_record record;
    uint8_t after[32];
    char key[65] = "";
    bool from_start = page == NULL || page->cursor[0] == '\0';
    if (!from_start &&
        kedge_hex_decode(kedge_slice(page->cursor, strnlen(page->cursor, sizeof(page->cursor))),
                         after, sizeof(after)) != KEDGE_OK)
        return reader_failed(reader, KEDGE_E_ARGUMENT, "the cursor is not one of this listing");
    KEDGE_TRY(query_begin(&query, reader, page,
                          "SELECT " TRUST_COLUMNS
                          " FROM trust WHERE key_id > ? ORDER BY key_id LIMIT ?"));
    bind_blob(&query.binder, after, from_start ? 0 : sizeof(after));
    bind_number(&query.binder, query_limit(page));
    while (query_row(&query, &columns, key) && read_trust(&columns, &record)) {
        kedge_hex_encode(kedge_slice(record.key_id, sizeof(record.key_id)), key);
        if (!fn(context, &record)) {
            query_stop(&query, key);
            break;
        }
    }
    return query_end(&query, columns.damaged);
}

enum kedge_rc kedge_reader_trust_key(struct kedge_reader *reader, const uint8_t key_id[32],
                                     struct kedge_trust_record *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(
        query_begin(&query, reader, NULL, "SELECT " TRUST_COLUMNS " FROM trust WHERE key_id = ?"));
    bind_blob(&query.binder, key_id, 32);
    bool found = query_row(&query, &columns, "") && read_trust(&columns, out);
    return query_end_one(&query, columns.damaged, found, "there is no such key");
}

/* ---- tokens ---- */

static bool read_token(struct sql_columns *from, struct kedge_token_record *out)
{
    memset(out, 0, sizeof(*out));
    column_text(from, out->name, sizeof(out->name));
    column_blob(from, out->hash, sizeof(out->hash));
    char role[16];
    out->created_at_ms = column_unsigned(from);
    out->expires_at_ms = column_unsigned(from);
    column_text(from, role, sizeof(role));
    if (!kedge_role_parse(role, &out->role))
        from->damaged = true;
    column_text(from, out->creator, sizeof(out->creator));
    return !from->damaged;
}

enum kedge_rc kedge_reader_tokens(struct kedge_reader *reader, struct kedge_page *page,
                                  kedge_token_fn *fn, void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_token_record record = {.name = ""};
    KEDGE_TRY(query_begin(&query, reader, page,
                          "SELECT " TOKEN_COLUMNS
                          " FROM tokens WHERE name > ? ORDER BY name LIMIT ?"));
    bind_text(&query.binder, page == NULL ? "" : page->cursor);
    bind_number(&query.binder, query_limit(page));
    while (query_row(&query, &columns, record.name) && read_token(&columns, &record)) {
        if (!fn(context, &record)) {
            query_stop(&query, record.name);
            break;
        }
    }
    return query_end(&query, columns.damaged);
}

enum kedge_rc kedge_reader_token(struct kedge_reader *reader, const uint8_t hash[32],
                                 struct kedge_token_record *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(
        query_begin(&query, reader, NULL, "SELECT " TOKEN_COLUMNS " FROM tokens WHERE hash = ?"));
    bind_blob(&query.binder, hash, 32);
    bool found = query_row(&query, &columns, "") && read_token(&columns, out);
    return query_end_one(&query, columns.damaged, found, "there is no such token");
}
