/* expulsion.c: a batch by which credentials change, and whose they are; see backend.h. */
#include "updater/kedged/backend.h"

#include <stdlib.h>

enum kedge_rc kedge_expulsion_begin(struct kedge_expulsion *expulsion, size_t room)
{
    expulsion->expelling = kedge_expelling_create(room);
    expulsion->batch = kedge_batch_create();
    return expulsion->expelling != NULL && expulsion->batch != NULL ? KEDGE_OK : KEDGE_E_MEMORY;
}

enum kedge_rc kedge_expulsion_commit(struct kedge_backend_state *state,
                                     const struct kedge_expulsion *expulsion, enum kedge_rc rc,
                                     const struct kedge_change *change, kedge_expel_fn *expel,
                                     char *text)
{
    rc = kedge_backend_commit(state, expulsion->batch, rc, change, text);
    if (rc == KEDGE_OK)
        return expel(state, expulsion->expelling);
    free(expulsion->expelling);
    return rc;
}
