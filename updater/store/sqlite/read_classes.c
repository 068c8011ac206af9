/* read_classes.c: how devices of a class do what others do otherwise. */
#include "updater/store/sqlite/reader.h"

#include <string.h>

static const char *const success_names[KEDGE_CLASS_SUCCESS_COUNT] = {
    [KEDGE_CLASS_SUCCESS_BOTH] = "both",
    [KEDGE_CLASS_SUCCESS_RESULT] = "result",
    [KEDGE_CLASS_SUCCESS_VERSION] = "version"};

const char *kedge_class_success_name(enum kedge_class_success success)
{
    return (unsigned)success < KEDGE_CLASS_SUCCESS_COUNT ? success_names[success] : "unknown";
}

bool kedge_class_success_parse(const char *name, enum kedge_class_success *out)
{
    for (unsigned i = 0; i < KEDGE_CLASS_SUCCESS_COUNT; i++)
        if (strcmp(success_names[i], name) == 0) {
            *out = (enum kedge_class_success)i;
            return true;
        }
    return false;
}

static bool read_class(struct sql_columns *from, struct kedge_class_record *out)
{
    char success[16];
    memset(out, 0, sizeof(*out));
    column_text(from, out->class_name, sizeof(out->class_name));
    column_text(from, out->vendor, sizeof(out->vendor));
    column_text(from, out->version_path, sizeof(out->version_path));
    column_text(from, success, sizeof(success));
    out->changed_at_ms = column_unsigned(from);
    if (!kedge_class_success_parse(success, &out->success))
        from->damaged = true;
    return !from->damaged;
}

enum kedge_rc kedge_reader_classes(struct kedge_reader *reader, kedge_class_fn *fn, void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_class_record record;
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT " CLASS_COLUMNS " FROM classes ORDER BY class, vendor"));
    while (query_row(&query, &columns, "") && read_class(&columns, &record) &&
           fn(context, &record)) {
    }
    return query_end(&query, columns.damaged);
}

enum kedge_rc kedge_reader_class_of(struct kedge_reader *reader, const char *vendor,
                                    const char *class_name, struct kedge_class_record *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin_kept(&query, reader, &reader->class_of,
                               "SELECT " CLASS_COLUMNS " FROM classes WHERE class = ?"
                               " AND vendor IN (?, '') ORDER BY vendor DESC LIMIT 1"));
    bind_text(&query.binder, class_name);
    bind_text(&query.binder, vendor);
    bool found = query_row(&query, &columns, "") && read_class(&columns, out);
    return query_end_one(&query, columns.damaged, found, "the class has no settings of its own");
}
