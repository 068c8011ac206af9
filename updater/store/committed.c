/*
 * committed.c: which things a batch has written, for those who follow them.
 */
#include "updater/store/batch.h"

/* The record of a row is as aligned as any. */
#define RECORD(row, type) ((const type *)(const void *)(row)->record)

static bool name_row(const struct kedge_row *row, struct kedge_committed *what)
{
    const struct kedge_deployment *deployment;
    switch (row->kind) {
    case KEDGE_ROW_PUT_DEVICE:
        what->kind = KEDGE_COMMITTED_DEVICE;
        what->endpoint = RECORD(row, struct kedge_device_record)->endpoint;
        return true;
    case KEDGE_ROW_PROVISION_DEVICE:
        what->kind = KEDGE_COMMITTED_DEVICE;
        what->endpoint = RECORD(row, struct kedge_provision_row)->endpoint;
        return true;
    case KEDGE_ROW_SET_TAGS:
        what->kind = KEDGE_COMMITTED_DEVICE;
        what->endpoint = RECORD(row, struct kedge_tags_row)->endpoint;
        return true;
    case KEDGE_ROW_PUT_ROLLOUT:
        what->kind = KEDGE_COMMITTED_ROLLOUT;
        what->rollout_id = RECORD(row, struct kedge_rollout)->id;
        return true;
    case KEDGE_ROW_PUT_GROUP:
        what->kind = KEDGE_COMMITTED_GROUP;
        what->rollout_id = RECORD(row, struct kedge_group)->rollout_id;
        what->id = RECORD(row, struct kedge_group)->index;
        return true;
    case KEDGE_ROW_PUT_DEPLOYMENT:
        deployment = RECORD(row, struct kedge_deployment);
        *what = (struct kedge_committed){.kind = KEDGE_COMMITTED_DEPLOYMENT,
                                         .rollout_id = deployment->rollout_id,
                                         .id = deployment->id,
                                         .endpoint = deployment->endpoint};
        return true;
    default:
        return false;
    }
}

void kedge_batch_tell(const struct kedge_batch *batch, kedge_store_committed_fn *fn, void *context)
{
    for (const struct kedge_row *row = batch->first; row != NULL; row = row->next) {
        struct kedge_committed what = {.endpoint = ""};
        if (name_row(row, &what))
            fn(context, &what);
    }
}
