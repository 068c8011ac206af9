/* notes.c: what the API keeps for itself, on disk when it is answered. */
#define _GNU_SOURCE
#include "updater/kedged/backend.h"
#include "updater/kedged/call.h"

/* Takes the batch over, which `rc` says to be complete. */
static enum kedge_rc commit(struct kedge_backend_state *state, struct kedge_batch *batch,
                            enum kedge_rc rc)
{
    char text[KEDGE_BACKEND_TEXT_MAX];
    if (rc != KEDGE_OK) {
        kedge_batch_destroy(batch);
        return rc;
    }
    rc = kedge_call_commit(state->store, batch, text);
    if (rc != KEDGE_OK && rc != KEDGE_E_CONFLICT)
        kedge_bridge_store_failed(state->bridge, text);
    return rc;
}

enum kedge_rc kedge_backend_note_put(void *context, const struct kedge_note *note,
                                     const struct kedge_backend_keep *how)
{
    struct kedge_batch *batch = kedge_batch_create();
    uint64_t kept_ms = (uint64_t)how->kept_s * 1000u;
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = kedge_batch_put_note(batch, note);
    if (rc == KEDGE_OK)
        rc = kedge_batch_trim_notes(
            batch, note->kind, note->at_ms > kept_ms ? note->at_ms - kept_ms : 0, how->kept_max);
    return commit(context, batch, rc);
}

enum kedge_rc kedge_backend_note_delete(void *context, const char *kind, const char *id)
{
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    return commit(context, batch, kedge_batch_delete_note(batch, kind, id));
}
