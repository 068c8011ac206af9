/*
 * backend.h: the one table of functions through which the API asks for changes and for what only
 * the network thread knows.
 *
 * What is committed, the API reads from the store itself. Everything else goes through here: the
 * main program (updater/kedged) fills the table in, by posting to the network thread and waiting.
 *
 * Every function is called on the API's threads, many at once, and blocks until what it brought
 * about is durable (or was refused and changed nothing). Each returns KEDGE_E_BUSY, soon, when the
 * server is ending or the store is held. Strings are borrowed for the call. `text` is for people:
 * filled in on failure with what is wrong and what to do ("" where kedge_rc_text() says it all);
 * it holds KEDGE_BACKEND_TEXT_MAX bytes with its NUL and begins as "".
 *
 * `who` is the name of the token that asked; each change leaves an audit entry by that name.
 */
#ifndef KEDGE_UPDATER_BACKEND_H
#define KEDGE_UPDATER_BACKEND_H

#include "updater/metrics/exposition.h"
#include "updater/rollout/fit.h"
#include "updater/store/store.h"

#include <kedge/lwm2m_operation.h>

#include <netinet/in.h>

#define KEDGE_BACKEND_TEXT_MAX 1024u
#define KEDGE_BACKEND_CREDENTIALS_MAX 1000u /* written in one call */
#define KEDGE_BACKEND_IMPORT_MAX 20000u     /* devices of one file */
#define KEDGE_TOKENS_MAX 1000u
#define KEDGE_TOKEN_PREFIX "kedge_"
#define KEDGE_TOKEN_SIZE 70u                         /* characters of a token */
#define KEDGE_BACKEND_LOOKS_MAX KEDGE_STORE_PAGE_MAX /* deployments looked at in one call */

/** What a new rollout is to be. The backend looks up package and devices. */
struct kedge_backend_rollout {
    const char *name;
    const char *package_id;
    const char *revert_package_id;               /* what devices are taken back to; NULL: nothing */
    const char *const *intermediate_package_ids; /* offered first, in this order; so many */
    uint32_t intermediate_count;
    bool dynamic;                      /* devices that come to match later join it */
    bool all_devices;                  /* all of the package's vendor and class; */
    const struct kedge_filter *filter; /* else those of them that it means; */
    const char *filter_text;
    const char *const *endpoints; /* else these */
    size_t endpoint_count;
    struct kedge_rollout_policy policy;
    const struct kedge_group_plan *groups; /* none (0): one group with all devices */
    uint32_t group_count;
    uint64_t start_at_ms; /* it starts by itself then; 0: when somebody says so */
    /* Windows as people write them, one a line; NULL: at any time. */
    const char *windows;      /* when its devices may install */
    const char *gate_windows; /* when its gates may open */
    bool download_in_window;  /* and when downloads may begin */
    const char *spread_by;    /* a tag, over whose values the groups are spread; NULL: none */
    uint32_t seed;            /* of the order of the devices; */
    bool seed_given;          /* without, one is drawn */
};

#define KEDGE_BACKEND_OVERLAPS_MAX 32u

/** A rollout that goes on and has not ended with devices of one that is planned. */
struct kedge_backend_overlap {
    uint64_t rollout_id;
    enum kedge_rollout_state state;
    char name[KEDGE_NAME_MAX + 1];
    uint32_t priority;
    uint64_t device_count;
    char example[KEDGE_ENDPOINT_MAX + 1]; /* one of them */
};

/** What a rollout would be, if it were created now. */
struct kedge_backend_plan {
    char vendor[KEDGE_VENDOR_MAX + 1];
    char class_name[KEDGE_CLASS_MAX + 1];
    char version[KEDGE_VERSION_MAX + 1];
    uint32_t seed;
    uint64_t device_count;
    uint64_t already; /* of them: run the version already */
    /* The windows in the one way of writing them, and how they stand at its start. */
    char windows[KEDGE_WINDOWS_TEXT_MAX + 1];
    char gate_windows[KEDGE_WINDOWS_TEXT_MAX + 1];
    struct kedge_window_state standing;
    /* Devices that go through each intermediate package first, and behind these, through any. */
    struct kedge_intermediate intermediates[KEDGE_INTERMEDIATES_MAX];
    uint32_t intermediate_count;
    uint64_t through[KEDGE_STEPS_MAX];
    char through_example[KEDGE_STEPS_MAX][KEDGE_ENDPOINT_MAX + 1];
    struct kedge_backend_overlap overlaps[KEDGE_BACKEND_OVERLAPS_MAX];
    uint32_t overlap_count;
    uint64_t overlaps_left_out;         /* devices' parts in further ones; 0: they are all there */
    uint64_t unmatched;                 /* known devices that the filter does not mean */
    uint64_t left_out[KEDGE_FIT_COUNT]; /* asked for, and why they cannot take the package */
    char example[KEDGE_FIT_COUNT][KEDGE_ENDPOINT_MAX + 1]; /* one of those, where there are any */
    char words[KEDGE_FIT_COUNT][KEDGE_FIT_WORDS_MAX];      /* with the figures of that one */
};

/** Each device of it, in its order; its strings are borrowed for the call. */
typedef void kedge_backend_target_fn(void *context, const struct kedge_rollout_target *target);

/** Settings of a class of devices; NULL: as it is. */
struct kedge_backend_class {
    const char *class_name;
    const char *vendor; /* "": whatever their vendor is */
    const char *version_path;
    const char *success;
};

enum kedge_backend_rollout_change {
    KEDGE_BACKEND_ROLLOUT_START,
    KEDGE_BACKEND_ROLLOUT_PAUSE,
    KEDGE_BACKEND_ROLLOUT_RESUME,
    KEDGE_BACKEND_ROLLOUT_ABORT,
    KEDGE_BACKEND_ROLLOUT_ROLL_BACK,
    KEDGE_BACKEND_ROLLOUT_CLOSE,  /* of a dynamic one; else KEDGE_E_STATE */
    KEDGE_BACKEND_ROLLOUT_APPROVE /* by another than the author; else KEDGE_E_CONFLICT */
};

/** One deployment as the network thread sees it now. */
struct kedge_backend_look {
    uint64_t deployment_id; /* in */
    bool live;              /* whether it is held now; if not, nothing below is filled in */
    uint64_t bytes_done;    /* of the download */
    uint64_t bytes_total;   /* 0: unknown */
    char explanation[KEDGE_EXPLANATION_MAX]; /* why it is where it is */
};

/** Whether a device that is registered can be reached now. */
struct kedge_backend_reach {
    bool queue_mode;
    bool asleep;             /* in queue mode, and nothing is sent before it is heard of */
    uint64_t expected_at_ms; /* its next Update, at the latest; 0: it has no lifetime, or is late */
};

/** How far somebody is with a download. */
struct kedge_backend_progress {
    char host[INET6_ADDRSTRLEN];            /* numeric, where it goes to */
    char digest[KEDGE_PACKAGE_ID_SIZE + 1]; /* of the file */
    uint64_t reach;                         /* bytes from the start of the file */
    uint64_t wait_ms; /* not 0: it does not move, since the server holds it back for so long */
};

#define KEDGE_BACKEND_PROGRESS_MAX 64u /* told in one call */

/** What a device answered. */
struct kedge_backend_answer {
    uint8_t code;            /* 2.05, 4.04, ... */
    uint32_t content_format; /* KEDGE_LWM2M_FORMAT_NONE: it did not say */
    uint8_t *payload;        /* the caller's to free(); NULL: none */
    size_t payload_size;
    struct kedge_lwm2m_path created; /* depth 0: it has not said that there is a new instance */
};

/** An operation on a device, and what became of it. */
struct kedge_backend_question {
    const struct kedge_operation_request *request;
    uint32_t timeout_s;
    bool by_reset; /* an observation ends with the reset of what comes next, not by Observe 1 */
    struct kedge_backend_answer *answers; /* room for `answer_max`: 1, more for an observation */
    size_t answer_max;
    size_t answer_count; /* out */
};

/** Devices as they left the factory; one that is not known is kept as one that was not seen yet. */
struct kedge_backend_factory {
    const struct kedge_bootstrap_record *records;
    size_t count;
    /* Of each, NULL for one without: the certificate that it is given; NULL: none has any. */
    const struct kedge_handout_record *const *handouts;
    /* Of each, a JSON object of strings, NULL: none are said; NULL: of none. */
    const char *const *tags;
};

struct kedge_backend_health {
    bool ready;                  /* the network thread answers and the store takes changes */
    uint64_t devices_registered; /* now */
    uint64_t rollouts_running;
    uint64_t deployments_busy; /* offered to verifying */
};

/** How long notes of a kind are kept, and how many of one owner's. */
struct kedge_backend_keep {
    const char *owner; /* how the ids of its notes begin */
    uint32_t kept_s;
    uint32_t kept_max;
};

struct kedge_backend {
    void *context; /* given to every function */

    /*
     * A PEM public key becomes a trust record, which is copied to `out`. KEDGE_E_KEY (no usable
     * public key), KEDGE_E_DEVELOPMENT_KEY (a development key where the server does not allow
     * them), KEDGE_E_EXISTS (the key, or another key of that name, is trusted already),
     * KEDGE_E_LIMIT (too many).
     */
    enum kedge_rc (*trust_add)(void *context, const char *who, const char *name,
                               struct kedge_slice pem, struct kedge_trust_record *out, char *text);
    /* KEDGE_E_NOT_FOUND. Packages that were accepted by the key stay. */
    enum kedge_rc (*trust_remove)(void *context, const char *who, const uint8_t key_id[32],
                                  char *text);

    /*
     * Makes a token of the record's name and role that expires after `lifetime_s` (0: never),
     * fills in the rest of the record, and gives the token: it is kept nowhere, so wipe it.
     * KEDGE_E_EXISTS (a token has that name and has not expired), KEDGE_E_LIMIT (KEDGE_TOKENS_MAX).
     */
    enum kedge_rc (*token_create)(void *context, const char *who, struct kedge_token_record *record,
                                  uint32_t lifetime_s, char token[KEDGE_TOKEN_SIZE + 1],
                                  char *text);
    /* It is unknown from then on. KEDGE_E_NOT_FOUND; KEDGE_E_STATE for the last admin's token
     * that does not expire. */
    enum kedge_rc (*token_revoke)(void *context, const char *who, const char *name, char *text);

    /*
     * Writes them, and copies what then holds to `out`: for devices that register, and rollouts'
     * offers, from then on. KEDGE_E_ARGUMENT, KEDGE_E_LIMIT (KEDGE_CLASSES_MAX).
     */
    enum kedge_rc (*class_put)(void *context, const char *who,
                               const struct kedge_backend_class *settings,
                               struct kedge_class_record *out, char *text);
    /* Takes those of exactly this vendor ("": of any) away, likewise from then on.
     * KEDGE_E_NOT_FOUND. */
    enum kedge_rc (*class_remove)(void *context, const char *who, const char *vendor,
                                  const char *class_name, char *text);

    /*
     * Checks the file at `path` whole against the trust records and keeps it; `id` gets its
     * manifest digest in hex with a NUL. The file at `path` stays the caller's to remove. A
     * refusal (KEDGE_E_SIGNATURE, KEDGE_E_DIGEST, KEDGE_E_TRUNCATED, ...) stores nothing. A package
     * that is there already is no failure: *existed is set and nothing changes.
     */
    enum kedge_rc (*package_accept)(void *context, const char *who, const char *path,
                                    char id[KEDGE_PACKAGE_ID_SIZE + 1], bool *existed, char *text);
    /* KEDGE_E_NOT_FOUND; KEDGE_E_CONFLICT when a rollout names it. Removes the files too. */
    enum kedge_rc (*package_delete)(void *context, const char *who, const char *id, char *text);

    /*
     * Makes a rollout that can be started. KEDGE_E_NOT_FOUND (package, a listed device, or no
     * device at all), and as kedge_engine_handle() refuses. Of a refusal, `*field` gets the field of
     * the request at fault, a constant; it is left as it is where no single one is.
     */
    enum kedge_rc (*rollout_create)(void *context, const char *who,
                                    const struct kedge_backend_rollout *rollout,
                                    uint64_t *rollout_id, char *text, const char **field);
    /* What that would make: the same refusals, but for those that only its name and its policy
     * bring about, and nothing is made or stored. `fn` is called before it returns. */
    enum kedge_rc (*rollout_plan)(void *context, const struct kedge_backend_rollout *rollout,
                                  struct kedge_backend_plan *plan, kedge_backend_target_fn *fn,
                                  void *fn_context, char *text, const char **field);
    /* KEDGE_E_NOT_FOUND; KEDGE_E_STATE when the state does not allow it. */
    enum kedge_rc (*rollout_change)(void *context, const char *who, uint64_t rollout_id,
                                    enum kedge_backend_rollout_change change, char *text);

    /*
     * Replaces the tags (a JSON object of strings, at most KEDGE_TAGS_MAX bytes, which the API has
     * checked). KEDGE_E_NOT_FOUND.
     */
    enum kedge_rc (*device_set_tags)(void *context, const char *who, const char *endpoint,
                                     const char *tags_json, char *text);

    /*
     * Asks a registered device and waits for its answer; for an observation until there are as many
     * as there is room for, or the time is over, and then ends it. KEDGE_E_NOT_FOUND (it is not
     * registered), KEDGE_E_STATE (in queue mode and asleep all the time), KEDGE_E_TIMEOUT,
     * KEDGE_E_REFUSED, KEDGE_E_CANCELED (it registered anew meanwhile), KEDGE_E_BUFFER,
     * KEDGE_E_LIMIT, KEDGE_E_ARGUMENT (the request does not go together), KEDGE_E_BUSY (too many
     * are asked).
     */
    enum kedge_rc (*device_ask)(void *context, const char *who, const char *endpoint,
                                struct kedge_backend_question *question, char *text);

    /*
     * Writes credentials of devices, all or none, and ends what the devices have by former ones.
     * The secrets are the caller's to wipe. KEDGE_E_CONFLICT when an identity is another
     * endpoint's, or two of these have the same.
     */
    enum kedge_rc (*credentials_put)(void *context, const char *who,
                                     const struct kedge_credential_record *records, size_t count,
                                     char *text);
    /* Takes them away, and ends what the device has by them. KEDGE_E_NOT_FOUND. */
    enum kedge_rc (*credentials_remove)(void *context, const char *who, const char *endpoint,
                                        char *text);

    /* Like credentials_put, of what devices prove themselves by to the bootstrap server. */
    enum kedge_rc (*bootstraps_put)(void *context, const char *who,
                                    const struct kedge_backend_factory *devices, char *text);
    /* Takes them away, with keys that the device was given and not seen with. KEDGE_E_NOT_FOUND. */
    enum kedge_rc (*bootstrap_remove)(void *context, const char *who, const char *endpoint,
                                      char *text);

    /*
     * Looking, not touching. The explanation of a rollout, or of its group `group_index` (-1: of
     * the rollout itself); KEDGE_E_NOT_FOUND.
     */
    enum kedge_rc (*rollout_explain)(void *context, uint64_t rollout_id, int64_t group_index,
                                     char explanation[KEDGE_EXPLANATION_MAX]);
    /* KEDGE_E_NOT_FOUND: it is not registered. */
    enum kedge_rc (*device_reach)(void *context, const char *endpoint,
                                  struct kedge_backend_reach *out);
    /* Fills in up to KEDGE_BACKEND_LOOKS_MAX looks in one go; unknown ones are not live. */
    enum kedge_rc (*deployments_look)(void *context, struct kedge_backend_look *looks,
                                      size_t count);
    /* Keeps a note of the API's own; older ones of the kind are dropped. Not audited. */
    enum kedge_rc (*note_put)(void *context, const struct kedge_note *note,
                              const struct kedge_backend_keep *how);
    enum kedge_rc (*note_delete)(void *context, const char *kind, const char *id);

    /*
     * Keeps the hook, whose note is complete; events are posted to the URL from now on.
     * KEDGE_E_ARGUMENT (what is wrong with the URL), KEDGE_E_EXISTS, KEDGE_E_LIMIT.
     */
    enum kedge_rc (*webhook_put)(void *context, const char *who, const struct kedge_note *hook,
                                 const char *url, bool allow_http, char *text);
    enum kedge_rc (*webhook_remove)(void *context, const char *who, const char *name, char *text);
    /* Posts once more what was not delivered. KEDGE_E_NOT_FOUND. */
    enum kedge_rc (*webhook_again)(void *context, const char *who, const char *number, char *text);

    /* "So far they are", in downloads that move or are held back. Does not wait, and cannot fail.
     */
    void (*downloaded)(void *context, const struct kedge_backend_progress *progress, size_t count);
    /* Never waits longer than a second: a network thread that does not answer is not ready. */
    void (*health)(void *context, struct kedge_backend_health *out);
    /* Writes the figures of what the API does not see itself: of the network threads, where they
     * answer within a second, and of the store. */
    void (*figures)(void *context, struct kedge_exposition *out);
};

#endif
