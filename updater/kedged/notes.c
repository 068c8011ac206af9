/* notes.c: what the API keeps for itself, on disk when it is answered. */
#define _GNU_SOURCE
#include "updater/kedged/backend.h"

enum kedge_rc kedge_backend_note_put(void *context, const struct kedge_note *note,
                                     const struct kedge_backend_keep *how)
{
    char text[KEDGE_BACKEND_TEXT_MAX];
    struct kedge_batch *batch = kedge_batch_create();
    uint64_t kept_ms = (uint64_t)how->kept_s * 1000u;
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = kedge_batch_put_note(batch, note);
    if (rc == KEDGE_OK)
        rc = kedge_batch_trim_notes(batch, note->kind, how->owner,
                                    note->at_ms > kept_ms ? note->at_ms - kept_ms : 0,
                                    how->kept_max);
    return kedge_backend_commit(context, batch, rc, NULL, text);
}

enum kedge_rc kedge_backend_note_delete(void *context, const char *kind, const char *id)
{
    char text[KEDGE_BACKEND_TEXT_MAX];
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    return kedge_backend_commit(context, batch, kedge_batch_delete_note(batch, kind, id), NULL,
                                text);
}
