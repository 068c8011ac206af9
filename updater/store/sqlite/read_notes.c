/*
 * read_notes.c: what parts of the server keep for themselves.
 */
#include "updater/store/sqlite/reader.h"

#include <string.h>

static bool read_note(struct sql_columns *from, struct kedge_note *out)
{
    memset(out, 0, offsetof(struct kedge_note, content));
    column_text(from, out->kind, sizeof(out->kind));
    column_text(from, out->id, sizeof(out->id));
    out->at_ms = column_unsigned(from);
    int size = sqlite3_column_bytes(from->statement, from->index);
    if (size < 0 || (size_t)size > KEDGE_NOTE_MAX)
        return !(from->damaged = true);
    out->size = (size_t)size;
    column_blob(from, out->content, out->size);
    out->content[out->size] = '\0';
    return !from->damaged;
}

enum kedge_rc kedge_reader_note(struct kedge_reader *reader, const char *kind, const char *id,
                                struct kedge_note *out)
{
    struct query query;
    struct sql_columns columns = {0};
    KEDGE_TRY(query_begin(&query, reader, NULL,
                          "SELECT " NOTE_COLUMNS " FROM notes WHERE kind = ? AND id = ?"));
    bind_text(&query.binder, kind);
    bind_text(&query.binder, id);
    bool found = query_row(&query, &columns, "") && read_note(&columns, out);
    return query_end_one(&query, columns.damaged, found, "there is no such note");
}

enum kedge_rc kedge_reader_notes(struct kedge_reader *reader, const char *kind,
                                 struct kedge_page *page, kedge_note_fn *fn, void *context)
{
    struct query query;
    struct sql_columns columns = {0};
    struct kedge_note note;
    note.id[0] = '\0';
    KEDGE_TRY(query_begin(&query, reader, page,
                          "SELECT " NOTE_COLUMNS
                          " FROM notes WHERE kind = ? AND id > ? ORDER BY id LIMIT ?"));
    bind_text(&query.binder, kind);
    bind_text(&query.binder, page == NULL ? "" : page->cursor);
    bind_number(&query.binder, query_limit(page));
    while (query_row(&query, &columns, note.id) && read_note(&columns, &note)) {
        if (!fn(context, &note)) {
            query_stop(&query, note.id);
            break;
        }
    }
    return query_end(&query, columns.damaged);
}
