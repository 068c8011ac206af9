/*
 * read_matching.c: the devices, and the packages, that a filter means.
 *
 * Rows are judged one after the other; SQLite narrows devices by what each match must have, and
 * looks up what the factory said only for filters that ask for it.
 */
#include "updater/store/sqlite/reader.h"

#include <jansson.h>
#include <stdio.h>

#define TAGS_MAX (KEDGE_TAGS_MAX / 6u) /* "":"", is the shortest one in JSON */

struct judging {
    struct kedge_device_record record;
    char serial[KEDGE_FACTORY_TEXT_MAX + 1];
    char batch[KEDGE_FACTORY_TEXT_MAX + 1];
};

static bool take_row(struct sql_columns *columns, struct judging *judging)
{
    if (!reader_take_device(columns, &judging->record))
        return false;
    column_text(columns, judging->serial, sizeof(judging->serial));
    column_text(columns, judging->batch, sizeof(judging->batch));
    return !columns->damaged;
}

/* ---- one device ---- */

static size_t list_tags(json_t *json, struct kedge_filter_tag tags[TAGS_MAX])
{
    const char *name;
    json_t *value;
    size_t count = 0;
    json_object_foreach(json, name, value)
    {
        const char *text = json_string_value(value);
        if (text != NULL && count < TAGS_MAX)
            tags[count++] = (struct kedge_filter_tag){.name = name, .value = text};
    }
    return count;
}

bool kedge_matching_means(const struct kedge_matching *which,
                          const struct kedge_device_record *record, const char *serial,
                          const char *batch)
{
    const struct kedge_filter *filter = which->filter;
    struct kedge_filter_tag tags[TAGS_MAX];
    struct kedge_filter_subject subject = {
        .texts = {[KEDGE_FILTER_ENDPOINT] = record->endpoint,
                  [KEDGE_FILTER_VENDOR] = record->vendor,
                  [KEDGE_FILTER_CLASS] = record->class_name,
                  [KEDGE_FILTER_HARDWARE] = record->hardware,
                  [KEDGE_FILTER_SERIAL] = serial,
                  [KEDGE_FILTER_BATCH] = batch,
                  [KEDGE_FILTER_VERSION] = record->version},
        .tags = tags,
        .registered = record->registered,
        .first_seen_ms = record->first_seen_ms,
        .last_seen_ms = record->last_seen_ms,
        .now_ms = which->now_ms,
    };
    json_t *json = NULL;
    if (kedge_filter_uses(filter, KEDGE_FILTER_TAG) ||
        kedge_filter_uses(filter, KEDGE_FILTER_TAG_VALUE)) {
        json = json_loads(record->tags, 0, NULL);
        subject.tag_count = list_tags(json, tags);
    }
    bool matched = kedge_filter_matches(filter, &subject);
    json_decref(json);
    return matched;
}

/* ---- a page ---- */

/* It is full by what matches, not by rows. */
struct scan {
    struct kedge_page *page; /* NULL: all */
    uint32_t scanned, left;
};

static struct scan scan_begin(struct query *query, struct kedge_page *page)
{
    query->page = NULL;
    return (struct scan){.page = page, .left = page == NULL ? 0 : page->limit};
}

/* Whether another row is looked at behind that of `key`; `wanted`: by who is told of the matches.
 */
static bool scan_goes_on(struct scan *scan, struct query *query, bool matched, bool wanted,
                         const char *key)
{
    scan->scanned++;
    scan->left -= matched && scan->page != NULL;
    if (wanted && (scan->page == NULL || (scan->left > 0 && scan->scanned < KEDGE_STORE_SCAN_MAX)))
        return true;
    query->page = scan->page;
    query_stop(query, key);
    return false;
}

/* ---- all devices ---- */

#define SELECT_MATCHING(factory)                                      \
    "SELECT " DEVICE_COLUMNS ", " factory " FROM devices"             \
    " WHERE endpoint > ?1 AND (?2 IS NULL OR vendor = ?2)"            \
    " AND (?3 IS NULL OR class = ?3) AND (?4 IS NULL OR vendor = ?4)" \
    " AND (?5 IS NULL OR class = ?5) ORDER BY endpoint"

#define FACTORY(column) \
    "coalesce((SELECT " column " FROM bootstrap WHERE bootstrap.endpoint = devices.endpoint), '')"

static enum kedge_rc begin(struct query *query, struct kedge_reader *reader,
                           const struct kedge_matching *which, struct kedge_page *page)
{
    const struct kedge_filter *filter = which->filter;
    bool factory = kedge_filter_uses(filter, KEDGE_FILTER_SERIAL) ||
                   kedge_filter_uses(filter, KEDGE_FILTER_BATCH);
    KEDGE_TRY(query_begin(query, reader, page,
                          factory ? SELECT_MATCHING(FACTORY("serial") ", " FACTORY("batch"))
                                  : SELECT_MATCHING("'', ''")));
    bind_text(&query->binder, page == NULL ? "" : page->cursor);
    bind_text(&query->binder, which->vendor);
    bind_text(&query->binder, which->class_name);
    bind_text(&query->binder, kedge_filter_requires(filter, KEDGE_FILTER_VENDOR));
    bind_text(&query->binder, kedge_filter_requires(filter, KEDGE_FILTER_CLASS));
    return KEDGE_OK;
}

enum kedge_rc kedge_reader_matching(struct kedge_reader *reader, const struct kedge_matching *which,
                                    struct kedge_page *page, kedge_device_fn *fn, void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct judging judging;
    KEDGE_TRY(begin(&query, reader, which, page));
    struct scan scan = scan_begin(&query, page);
    while (query_row(&query, &columns, "") && take_row(&columns, &judging)) {
        bool matched = kedge_matching_means(which, &judging.record, judging.serial, judging.batch);
        bool wanted = !matched || fn(context, &judging.record);
        if (!scan_goes_on(&scan, &query, matched, wanted, judging.record.endpoint))
            break;
    }
    return query_end(&query, columns.damaged);
}

/* ---- all packages ---- */

static bool means_package(const struct kedge_filter *filter, uint64_t now_ms,
                          const struct kedge_package_record *record)
{
    const struct kedge_filter_subject subject = {
        .texts = {[KEDGE_FILTER_VENDOR] = record->vendor,
                  [KEDGE_FILTER_CLASS] = record->class_name,
                  [KEDGE_FILTER_VERSION] = record->version,
                  [KEDGE_FILTER_ID] = record->id,
                  [KEDGE_FILTER_UPLOADER] = record->uploader},
        .revisions = record->hardware,
        .uploaded_ms = record->uploaded_at_ms,
        .now_ms = now_ms,
    };
    return kedge_filter_matches(filter, &subject);
}

enum kedge_rc kedge_reader_matching_packages(struct kedge_reader *reader,
                                             const struct kedge_filter *filter, uint64_t now_ms,
                                             struct kedge_page *page, kedge_package_fn *fn,
                                             void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_package_record record;
    char key[KEDGE_STORE_CURSOR_MAX];
    KEDGE_TRY(reader_begin_packages(&query, reader, page, -1));
    struct scan scan = scan_begin(&query, page);
    while (query_row(&query, &columns, "") && reader_take_package(&columns, &record, key)) {
        bool matched = means_package(filter, now_ms, &record);
        bool wanted = !matched || fn(context, &record);
        if (!scan_goes_on(&scan, &query, matched, wanted, key))
            break;
    }
    return query_end(&query, columns.damaged);
}
