/*
 * backend.h: the table of updater/api/backend.h, filled in.
 *
 *   backend.c           the table; looking; tags
 *   trust_changes.c     trust records      package_changes.c   packages
 *   credential_changes.c   credentials of devices
 *   class_changes.c    settings of classes of devices
 *   token_changes.c    tokens of the API
 *   bootstrap_changes.c    their credentials for bootstrapping
 *   expelling.c         whose credentials either of them changes
 *   expulsion.c         that, and the batch by which they change
 *   device_asks.c       operations on devices
 *   rollout_changes.c   rollouts           targets.c           the devices of a new one
 *   rollout_making.c    a new one, in parts
 *   notes.c            what the API keeps for itself
 *   webhook_changes.c  where events are posted to
 *   download_progress.c    how far downloads are
 *   figures.c           what the network threads and the store have done, for /metrics
 *
 * Trust records, packages and tags are the store's alone: the API's thread writes them itself, one
 * at a time, and the network thread hears of it only where it matters (a file that is served).
 */
#ifndef KEDGE_UPDATER_KEDGED_BACKEND_H
#define KEDGE_UPDATER_KEDGED_BACKEND_H

#include "updater/api/backend.h"
#include "updater/kedged/bootstrapping.h"
#include "updater/kedged/bridge.h"
#include "updater/kedged/targets.h"

#include <pthread.h>

struct kedge_backend_state {
    struct kedge_net *net;
    struct kedge_store *store;
    struct kedge_bridge *bridge;
    struct kedge_bootstrapping *bootstrapping;
    struct kedge_webhooks *webhooks;
    const char *folder;
    const struct kedge_pace *pace; /* of what is carried to devices */
    bool allow_development_keys;
    size_t required_signers;       /* different trusted keys that must have signed a package */
    pthread_mutex_t trust_lock;    /* what is looked up is still so when it is written */
    pthread_mutex_t class_lock;    /* likewise */
    pthread_mutex_t token_lock;    /* likewise */
    pthread_mutex_t package_lock;  /* likewise, and one package is checked at a time */
    struct kedge_device_ask *asks; /* on their way; the network thread's, as is what follows */
    size_t ask_count;
    bool asks_ended;
};

/** Fills in `table`; what `state` points to outlives it. */
void kedge_backend_init(struct kedge_backend_state *state, struct kedge_backend *table);
void kedge_backend_clear(struct kedge_backend_state *state);

/* ---- for the files of the backend ---- */

/** What was done, for the audit log. NULL texts are empty. */
struct kedge_change {
    const char *who;
    const char *what;
    const char *subject;
    const char *before;
    const char *after;
};

/**
 * Adds the change's audit entry (NULL: nobody's change) to the batch, commits it and waits, unless
 * `rc`, by which the batch was put together, is a failure already. Takes the batch over in every
 * case. When the store could not be written, it lets the steering know.
 */
enum kedge_rc kedge_backend_commit(struct kedge_backend_state *state, struct kedge_batch *batch,
                                   enum kedge_rc rc, const struct kedge_change *change,
                                   char *text) KEDGE_MUST_USE;
/** A reader for one call; its error goes to `text`. */
enum kedge_rc kedge_backend_reader(struct kedge_backend_state *state, struct kedge_reader **reader,
                                   char *text) KEDGE_MUST_USE;
/** Hands the `rc` of a read back; words go to `text` when the store could not be read. */
enum kedge_rc kedge_backend_read_as(const struct kedge_reader *reader, enum kedge_rc rc,
                                    char *text) KEDGE_MUST_USE;
/**
 * The same for what an audit row has as before: where there is nothing, `identity` is emptied. A row
 * that is left empty because the store could not be read would say that there was none.
 */
enum kedge_rc kedge_backend_read_before(const struct kedge_reader *reader, enum kedge_rc rc,
                                        char *identity, char *text) KEDGE_MUST_USE;
/** Leaves words in `text` and hands `rc` back. */
enum kedge_rc kedge_backend_refuse(char *text, enum kedge_rc rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Names the reason in words where credentials were not written for a conflict; gives `rc` back. */
enum kedge_rc kedge_backend_name_conflict(char *text, enum kedge_rc rc);

/** Adds one audit entry more, where one change is of several things. */
enum kedge_rc kedge_backend_add_audit(struct kedge_batch *batch,
                                      const struct kedge_change *change) KEDGE_MUST_USE;

/* expulsion.c */
/** A change of credentials that is put together: the batch, and whose they are. */
struct kedge_expulsion {
    struct kedge_batch *batch;
    struct kedge_expelling *expelling;
};

/** Tells who holds devices by former credentials that these have changed; takes the list over. */
typedef enum kedge_rc kedge_expel_fn(struct kedge_backend_state *state,
                                     struct kedge_expelling *expelling);

/** With room for so many endpoints. Ends with kedge_expulsion_commit(), also when this failed. */
enum kedge_rc kedge_expulsion_begin(struct kedge_expulsion *expulsion, size_t room) KEDGE_MUST_USE;
/** As kedge_backend_commit(); has `expel` act on the list once it is durable. */
enum kedge_rc kedge_expulsion_commit(struct kedge_backend_state *state,
                                     const struct kedge_expulsion *expulsion, enum kedge_rc rc,
                                     const struct kedge_change *change, kedge_expel_fn *expel,
                                     char *text) KEDGE_MUST_USE;

/* credential_changes.c */
enum kedge_rc kedge_backend_credentials_put(void *context, const char *who,
                                            const struct kedge_credential_record *records,
                                            size_t count, char *text);
enum kedge_rc kedge_backend_credentials_remove(void *context, const char *who, const char *endpoint,
                                               char *text);
/* bootstrap_changes.c */
enum kedge_rc kedge_backend_bootstraps_put(void *context, const char *who,
                                           const struct kedge_backend_factory *devices, char *text);
enum kedge_rc kedge_backend_bootstrap_remove(void *context, const char *who, const char *endpoint,
                                             char *text);
/* class_changes.c */
enum kedge_rc kedge_backend_class_put(void *context, const char *who,
                                      const struct kedge_backend_class *settings,
                                      struct kedge_class_record *out, char *text);
enum kedge_rc kedge_backend_class_remove(void *context, const char *who, const char *vendor,
                                         const char *class_name, char *text);
/* device_asks.c */
enum kedge_rc kedge_backend_device_ask(void *context, const char *who, const char *endpoint,
                                       struct kedge_backend_question *question, char *text);
/** Answers those that wait, and all to come, with KEDGE_E_BUSY: the server is ending. */
void kedge_backend_end_asks(struct kedge_backend_state *state);
/* token_changes.c */
enum kedge_rc kedge_backend_token_create(void *context, const char *who,
                                         struct kedge_token_record *record, uint32_t lifetime_s,
                                         char token[KEDGE_TOKEN_SIZE + 1], char *text);
enum kedge_rc kedge_backend_token_revoke(void *context, const char *who, const char *name,
                                         char *text);
/* trust_changes.c */
enum kedge_rc kedge_backend_trust_add(void *context, const char *who, const char *name,
                                      struct kedge_slice pem, struct kedge_trust_record *out,
                                      char *text);
enum kedge_rc kedge_backend_trust_remove(void *context, const char *who, const uint8_t key_id[32],
                                         char *text);
/* package_changes.c */
enum kedge_rc kedge_backend_package_accept(void *context, const char *who, const char *path,
                                           char id[KEDGE_PACKAGE_ID_SIZE + 1], bool *existed,
                                           char *text);
enum kedge_rc kedge_backend_package_delete(void *context, const char *who, const char *id,
                                           char *text);
/* notes.c */
enum kedge_rc kedge_backend_note_put(void *context, const struct kedge_note *note,
                                     const struct kedge_backend_keep *how);
enum kedge_rc kedge_backend_note_delete(void *context, const char *kind, const char *id);
/* webhook_changes.c */
enum kedge_rc kedge_backend_webhook_put(void *context, const char *who,
                                        const struct kedge_note *hook, const char *url,
                                        bool allow_http, char *text);
enum kedge_rc kedge_backend_webhook_remove(void *context, const char *who, const char *name,
                                           char *text);
enum kedge_rc kedge_backend_webhook_again(void *context, const char *who, const char *number,
                                          char *text);
/* download_progress.c */
void kedge_backend_downloaded(void *context, const struct kedge_backend_progress *progress,
                              size_t count);
/* rollout_joins.c */
/** These are looked at, whether they have come to match a dynamic rollout. Waits for that. */
void kedge_backend_devices_changed(struct kedge_backend_state *state, const char *const *endpoints,
                                   size_t count);
/** The same of devices that are targets now, and were not when the rollout was created. */
void kedge_backend_join_missed(struct kedge_backend_state *state,
                               const struct kedge_targets *before,
                               const struct kedge_targets *after);
/* rollout_changes.c */
enum kedge_rc kedge_backend_rollout_plan(void *context, const struct kedge_backend_rollout *rollout,
                                         struct kedge_backend_plan *plan,
                                         kedge_backend_target_fn *fn, void *fn_context, char *text,
                                         const char **field);
enum kedge_rc kedge_backend_rollout_create(void *context, const char *who,
                                           const struct kedge_backend_rollout *rollout,
                                           uint64_t *rollout_id, char *text,
                                           const char **field);
enum kedge_rc kedge_backend_rollout_change(void *context, const char *who, uint64_t rollout_id,
                                           enum kedge_backend_rollout_change change, char *text);
/* figures.c */
void kedge_backend_figures(void *context, struct kedge_exposition *out);

#endif
