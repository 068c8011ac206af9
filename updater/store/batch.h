/*
 * batch.h: the inside of a batch, for what writes it.
 */
#ifndef KEDGE_UPDATER_STORE_BATCH_H
#define KEDGE_UPDATER_STORE_BATCH_H

#include "updater/store/figures.h"
#include "updater/store/retention.h"

enum kedge_row_kind {
    KEDGE_ROW_PUT_DEVICE,        /* struct kedge_device_record, but for its tags */
    KEDGE_ROW_PROVISION_DEVICE,  /* struct kedge_provision_row */
    KEDGE_ROW_SET_TAGS,          /* struct kedge_tags_row */
    KEDGE_ROW_TRIM_DEVICES,      /* uint64_t, how many stay */
    KEDGE_ROW_PUT_PACKAGE,       /* struct kedge_package_record */
    KEDGE_ROW_DELETE_PACKAGE,    /* the id, with its NUL */
    KEDGE_ROW_PUT_TRUST,         /* struct kedge_trust_record */
    KEDGE_ROW_DELETE_TRUST,      /* 32 bytes */
    KEDGE_ROW_PUT_CLASS,         /* struct kedge_class_record */
    KEDGE_ROW_DELETE_CLASS,      /* the same; its vendor and class count */
    KEDGE_ROW_PUT_CREDENTIAL,    /* struct kedge_credential_record */
    KEDGE_ROW_DELETE_CREDENTIAL, /* the endpoint, with its NUL */
    KEDGE_ROW_ISSUE_CREDENTIAL,  /* struct kedge_credential_record */
    KEDGE_ROW_TRIM_ISSUED,       /* the endpoint, with its NUL */
    KEDGE_ROW_ADOPT_CREDENTIAL,  /* struct kedge_adopt_row */
    KEDGE_ROW_DROP_ADOPTED,      /* the identity, with its NUL */
    KEDGE_ROW_DROP_ISSUED,       /* the endpoint, with its NUL */
    KEDGE_ROW_PUT_BOOTSTRAP,     /* struct kedge_bootstrap_record */
    KEDGE_ROW_DELETE_BOOTSTRAP,  /* the endpoint, with its NUL */
    KEDGE_ROW_PUT_HANDOUT,       /* struct kedge_handout_record, kedge_handout_size() of it */
    KEDGE_ROW_DELETE_HANDOUT,    /* the endpoint, with its NUL */
    KEDGE_ROW_PUT_TOKEN,         /* struct kedge_token_record */
    KEDGE_ROW_DELETE_TOKEN,      /* the name, with its NUL */
    KEDGE_ROW_PUT_NOTE,          /* struct kedge_note, as far as its content goes */
    KEDGE_ROW_DELETE_NOTE,       /* struct kedge_note_row, and likewise the next */
    KEDGE_ROW_TRIM_NOTES,
    KEDGE_ROW_PUT_CLOCK,   /* struct kedge_clock_record */
    KEDGE_ROW_PUT_ROLLOUT, /* the structs of rollout.h */
    KEDGE_ROW_PUT_GROUP,
    KEDGE_ROW_PUT_DEPLOYMENT,
    KEDGE_ROW_ADD_HISTORY,
    KEDGE_ROW_ADD_AUDIT,
    KEDGE_ROW_ADD_SAMPLE,     /* struct kedge_sample */
    KEDGE_ROW_THIN_SAMPLES,   /* uint64_t, of which series */
    KEDGE_ROW_REMOVE_HISTORY, /* struct kedge_removal_slice, and likewise the next two */
    KEDGE_ROW_REMOVE_DEPLOYMENTS,
    KEDGE_ROW_PUT_REMOVAL,
    KEDGE_ROW_MARK_REMOVALS, /* nothing: those that are finished are in the audit log */
    KEDGE_ROW_KIND_COUNT
};

struct kedge_provision_row {
    char endpoint[KEDGE_ENDPOINT_MAX + 1];
    char hardware[KEDGE_HARDWARE_MAX + 1];
};

struct kedge_tags_row {
    char endpoint[KEDGE_ENDPOINT_MAX + 1];
    char tags[KEDGE_TAGS_MAX + 1];
};

struct kedge_note_row {
    char kind[KEDGE_NOTE_KIND_MAX + 1];
    char
        id[KEDGE_NOTE_ID_MAX + 1]; /* of one that is deleted, or how those that are counted begin */
    uint64_t before_ms, keep;      /* of those that stay */
};

struct kedge_adopt_row {
    char identity[KEDGE_CREDENTIAL_IDENTITY_MAX + 1];
    uint64_t now_ms;
};

struct kedge_row {
    struct kedge_row *next;
    enum kedge_row_kind kind;
    size_t size;
    _Alignas(max_align_t) uint8_t record[];
};

struct kedge_batch {
    struct kedge_row *first, *last;
    size_t count;
    /* while it stands in the store's queue */
    struct kedge_batch *next;
    kedge_store_durable_fn *on_durable;
    void *context;
    uint64_t number;
    enum kedge_rc rc;
};

/** Calls `fn` for each row of the batch that others follow. */
void kedge_batch_tell(const struct kedge_batch *batch, kedge_store_committed_fn *fn, void *context);

#endif
