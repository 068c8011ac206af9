/*
 * store.h: the store seam: what kedged keeps on disk, and how it is written and read.
 *
 * Writing: a batch is put together, handed over, and committed whole or not at all by the store's
 * own thread, which takes all batches that wait into one transaction (SQLite, WAL,
 * synchronous=FULL: a commit that was reported survives a power cut). Reading while running: each
 * thread opens a reader of its own and sees committed rows only.
 *
 * Last-seen time, address and lifetime of a device are the exception (design decision 6): they are
 * flushed lazily through kedge_store_touch_device().
 */
#ifndef KEDGE_UPDATER_STORE_H
#define KEDGE_UPDATER_STORE_H

#include <stddef.h>

#include "updater/metrics/histogram.h"
#include "updater/rollout/filter.h"
#include "updater/rollout/rollout.h"
#include "updater/store/roles.h"

#define KEDGE_STORE_SCHEMA_VERSION 25
#define KEDGE_STORE_PAGE_MAX 500u   /* records of one page */
#define KEDGE_STORE_CURSOR_MAX 160u /* an opaque cursor, with its NUL */
#define KEDGE_STORE_BATCH_ROWS_MAX 4000000u
#define KEDGE_STORE_ERROR_MAX 512u
#define KEDGE_STORE_FILE "kedged.db" /* in the data folder; -wal and -shm stand beside it */

#define KEDGE_TAGS_MAX 1023u /* bytes of a device's tags, a JSON object of strings */
#define KEDGE_ADDRESS_MAX 63u
#define KEDGE_HARDWARE_MAX 63u
#define KEDGE_PACKAGE_SIGNERS_MAX 8u
#define KEDGE_PACKAGE_HARDWARE_MAX 511u /* bytes of 8 revisions of 63 */
#define KEDGE_STORE_SPKI_MAX 91u
#define KEDGE_CREDENTIAL_IDENTITY_MAX 128u
#define KEDGE_CREDENTIAL_SECRET_MAX 64u
#define KEDGE_FACTORY_TEXT_MAX 63u  /* bytes of a serial number, and of a batch */
#define KEDGE_ISSUED_KEPT_MAX 4u    /* keys of a device that it was given and not yet seen with */
#define KEDGE_CERTIFICATE_MAX 4096u /* bytes of a certificate of a device, in DER */
#define KEDGE_PRIVATE_KEY_MAX 512u  /* bytes of its private key, in DER (PKCS #8) */

/* ---- records of the store's own (those of rollouts are in rollout.h) ---- */

struct kedge_device_record {
    char endpoint[KEDGE_ENDPOINT_MAX + 1];
    char vendor[KEDGE_VENDOR_MAX + 1]; /* "" where the device did not say, and likewise below */
    char class_name[KEDGE_CLASS_MAX + 1];
    char version[KEDGE_VERSION_MAX + 1];
    char hardware[KEDGE_HARDWARE_MAX + 1];
    char lwm2m_version[8];
    char binding[8];
    uint32_t lifetime_s;
    char address[KEDGE_ADDRESS_MAX + 1]; /* "192.0.2.1:5683", "[2001:db8::1]:5683" */
    char location[32];                   /* the id behind /rd/ */
    bool registered;
    struct kedge_fit_limits limits;
    bool texts_kept;        /* of one that is put: vendor to hardware, and the limits, stay as they
                               are stored */
    uint64_t first_seen_ms; /* kept from the first write on */
    uint64_t last_seen_ms;
    char tags[KEDGE_TAGS_MAX + 1]; /* the last: put by kedge_batch_set_tags() only; "{}" at first */
};

struct kedge_package_record {
    char id[KEDGE_PACKAGE_ID_SIZE + 1]; /* manifest digest */
    uint64_t sequence;
    char version[KEDGE_VERSION_MAX + 1];
    uint8_t vendor_id[16];
    uint8_t class_id[16];
    char vendor[KEDGE_VENDOR_MAX + 1]; /* from the package's text */
    char class_name[KEDGE_CLASS_MAX + 1];
    uint64_t envelope_size; /* of the uploaded file */
    uint64_t image_size;    /* decoded */
    uint64_t device_size;   /* of the file that devices are sent */
    uint8_t image_digest[32];
    char device_digest[64 + 1]; /* hex SHA-256 of that file: names it under /fw/ */
    bool deliver_payload;       /* devices get the bare image, not the envelope */
    uint32_t signer_count;
    uint8_t signers[KEDGE_PACKAGE_SIGNERS_MAX][32]; /* key ids that signed and were trusted */
    uint64_t uploaded_at_ms;
    char uploader[KEDGE_NAME_MAX + 1];
    /* What it asks of devices; "": nothing, and likewise below. */
    char hardware[KEDGE_PACKAGE_HARDWARE_MAX + 1]; /* revisions, each on a line of its own */
    char min_version[KEDGE_VERSION_MAX + 1];       /* of what it replaces, both inclusive */
    char max_version[KEDGE_VERSION_MAX + 1];
};

/** What it asks of devices, borrowed from the record. */
static inline struct kedge_fit_conditions
kedge_package_conditions(const struct kedge_package_record *record)
{
    return (struct kedge_fit_conditions){.hardware = record->hardware,
                                         .min_version = record->min_version,
                                         .max_version = record->max_version,
                                         .sequence = record->sequence,
                                         .image_size = record->image_size};
}

#define KEDGE_CLASSES_MAX 1000u /* classes of devices with settings of their own */
#define KEDGE_CLASS_PATH_MAX 23u

/** By what a device of a class shows that it was updated. */
enum kedge_class_success {
    KEDGE_CLASS_SUCCESS_BOTH,    /* Result 1 and the version */
    KEDGE_CLASS_SUCCESS_RESULT,  /* Result 1 */
    KEDGE_CLASS_SUCCESS_VERSION, /* the version, with Result 1 or 0 */
    KEDGE_CLASS_SUCCESS_COUNT
};

/** "both", "result", "version"; static storage; "unknown" for a number outside the table. */
const char *kedge_class_success_name(enum kedge_class_success success);
bool kedge_class_success_parse(const char *name, enum kedge_class_success *out);

/** How devices of a class do what others do otherwise. */
struct kedge_class_record {
    char vendor[KEDGE_VENDOR_MAX + 1]; /* "": whatever their vendor is */
    char class_name[KEDGE_CLASS_MAX + 1];
    char version_path[KEDGE_CLASS_PATH_MAX + 1]; /* of the resource that reads their version */
    enum kedge_class_success success;
    uint64_t changed_at_ms;
};

struct kedge_trust_record {
    uint8_t key_id[32]; /* SHA-256 of the SubjectPublicKeyInfo */
    char name[KEDGE_NAME_MAX + 1];
    uint8_t spki[KEDGE_STORE_SPKI_MAX];
    size_t spki_size;
    bool development;
    uint64_t added_at_ms;
};

/** By what a device proves its endpoint name in a DTLS handshake; one for a device. */
enum kedge_credential_kind {
    KEDGE_CREDENTIAL_PSK,     /* the identity is what the handshake names, the secret the key */
    KEDGE_CREDENTIAL_RAW_KEY, /* the identity is the SHA-256 of the SPKI in hex; no secret */
    /* for bootstrapping only: */
    KEDGE_CREDENTIAL_CERTIFICATE, /* the identity is the common name; no secret */
    KEDGE_CREDENTIAL_NONE,        /* without security; the identity is the endpoint */
    KEDGE_CREDENTIAL_KIND_COUNT
};

struct kedge_credential_record {
    char endpoint[KEDGE_ENDPOINT_MAX + 1];
    enum kedge_credential_kind kind;
    char identity[KEDGE_CREDENTIAL_IDENTITY_MAX + 1]; /* no two records of a kind have the same */
    uint8_t secret[KEDGE_CREDENTIAL_SECRET_MAX];      /* the key; filled in by one reader only */
    size_t secret_size;
    uint64_t changed_at_ms;
};

/** "psk", "rpk", "x509", "none"; static storage; "unknown" for a number outside the table. */
const char *kedge_credential_kind_name(enum kedge_credential_kind kind);

/** A device as it left the factory, and by what it proves itself to the bootstrap server. */
struct kedge_bootstrap_record {
    struct kedge_credential_record credential;
    char serial[KEDGE_FACTORY_TEXT_MAX + 1]; /* "": not known, and likewise below */
    char hardware[KEDGE_HARDWARE_MAX + 1];
    char batch[KEDGE_FACTORY_TEXT_MAX + 1];
};

/** A certificate that the device is given by bootstrapping, in place of a key; both in DER. */
struct kedge_handout_record {
    char endpoint[KEDGE_ENDPOINT_MAX + 1];
    size_t private_key_size;                    /* 0: the device has it */
    uint8_t private_key[KEDGE_PRIVATE_KEY_MAX]; /* PKCS #8 */
    size_t certificate_size;
    uint8_t certificate[KEDGE_CERTIFICATE_MAX]; /* the last: see kedge_handout_size() */
};

/** How much there must be of one that is put: a file of many has no room for what is empty. */
static inline size_t kedge_handout_size(const struct kedge_handout_record *record)
{
    return offsetof(struct kedge_handout_record, certificate) + record->certificate_size;
}

/** By what a person or a program proves to the API who they are. */
struct kedge_token_record {
    char name[KEDGE_NAME_MAX + 1];
    uint8_t hash[32]; /* SHA-256 of the token; the token itself is never stored */
    uint64_t created_at_ms;
    uint64_t expires_at_ms; /* 0: never; from then on it is as unknown as any other */
    enum kedge_role role;
    char creator[KEDGE_NAME_MAX + 1]; /* whose token made it; "server" */
};

#define KEDGE_NOTE_KIND_MAX 15u
#define KEDGE_NOTE_ID_MAX 159u
#define KEDGE_NOTE_MAX 32768u /* bytes of one's content */

/** What a part of the server keeps for itself; the store does not look into it. */
struct kedge_note {
    char kind[KEDGE_NOTE_KIND_MAX + 1]; /* whose, and of what */
    char id[KEDGE_NOTE_ID_MAX + 1];     /* of its kind */
    uint64_t at_ms;                     /* by which old ones are dropped */
    size_t size;
    char content[KEDGE_NOTE_MAX + 1]; /* the last; read with a NUL behind it */
};

#define KEDGE_CLOCK_BOOT_MAX 36u /* what the system calls one boot: a UUID */

/**
 * How far the wall clock, by which all times in the records are, was from the time since boot,
 * which nobody sets: so it can be told, after a restart too, that the wall clock was set.
 */
struct kedge_clock_record {
    char boot[KEDGE_CLOCK_BOOT_MAX + 1]; /* which boot; "": not known */
    int64_t ahead_ms;                    /* wall clock minus time since boot */
};

/* ---- opening and closing ---- */

struct kedge_store;

struct kedge_store_config {
    const char *folder;      /* must exist; the database is made 0600 in it */
    bool check_integrity;    /* reads the whole database at opening */
    uint32_t touch_flush_ms; /* how long a touch may wait; 0: 2000 */
    uint64_t size_max_bytes; /* the database does not grow beyond it (0: no limit) */
};

/**
 * Opens or makes the database, migrates an older schema in one transaction and starts the store
 * thread. On failure `error` says what is wrong and what to do: KEDGE_E_SYSTEM (cannot be read or
 * written), KEDGE_E_MALFORMED (damaged, or not a database), KEDGE_E_VERSION (written by a newer
 * kedged: nothing was touched), KEDGE_E_BUSY (another kedged has it open).
 */
enum kedge_rc kedge_store_open(const struct kedge_store_config *config, struct kedge_store **out,
                               char error[KEDGE_STORE_ERROR_MAX]) KEDGE_MUST_USE;
/** Commits what waits and the touches, calls the callbacks, ends the thread, closes. NULL is fine.
 */
void kedge_store_close(struct kedge_store *store);

/* ---- writing ---- */

struct kedge_batch;

/** A new, empty batch; NULL when there is no memory. */
struct kedge_batch *kedge_batch_create(void);
/** Only for a batch that was not submitted. NULL is fine. */
void kedge_batch_destroy(struct kedge_batch *batch);
/** How many rows it will write. */
size_t kedge_batch_rows(const struct kedge_batch *batch);

/*
 * Adding to a batch copies the record and does nothing else: KEDGE_E_MEMORY, or KEDGE_E_LIMIT.
 * `put` writes the whole record, new or not. Rows are written in the order of adding.
 */
enum kedge_rc kedge_batch_put_device(struct kedge_batch *batch,
                                     const struct kedge_device_record *record) KEDGE_MUST_USE;
/** Keeps a device that was never seen, with its hardware ("": not said); one that is known stays as
 * it is. */
enum kedge_rc kedge_batch_provision_device(struct kedge_batch *batch, const char *endpoint,
                                           const char *hardware) KEDGE_MUST_USE;
/** Replaces the tags of a device; without the device, nothing happens. */
enum kedge_rc kedge_batch_set_tags(struct kedge_batch *batch, const char *endpoint,
                                   const char *tags_json) KEDGE_MUST_USE;
/**
 * Deletes the devices that never said who they are, are not registered, and that nothing else
 * (tags, a deployment, credentials) names; those seen last stay, as many as `keep`.
 */
enum kedge_rc kedge_batch_trim_devices(struct kedge_batch *batch, uint64_t keep) KEDGE_MUST_USE;
enum kedge_rc kedge_batch_put_package(struct kedge_batch *batch,
                                      const struct kedge_package_record *record) KEDGE_MUST_USE;
/** The batch fails with KEDGE_E_CONFLICT when a rollout names the package. */
enum kedge_rc kedge_batch_delete_package(struct kedge_batch *batch, const char *id) KEDGE_MUST_USE;
enum kedge_rc kedge_batch_put_trust(struct kedge_batch *batch,
                                    const struct kedge_trust_record *record) KEDGE_MUST_USE;
enum kedge_rc kedge_batch_delete_trust(struct kedge_batch *batch,
                                       const uint8_t key_id[32]) KEDGE_MUST_USE;
/** Replaces what the class of that vendor has. */
enum kedge_rc kedge_batch_put_class(struct kedge_batch *batch,
                                    const struct kedge_class_record *record) KEDGE_MUST_USE;
/** That class of that vendor has none of its own any more, if it had. */
enum kedge_rc kedge_batch_delete_class(struct kedge_batch *batch,
                                       const struct kedge_class_record *record) KEDGE_MUST_USE;
/**
 * Replaces what the endpoint has. The batch fails with KEDGE_E_CONFLICT when another
 * endpoint has the identity.
 */
enum kedge_rc
kedge_batch_put_credential(struct kedge_batch *batch,
                           const struct kedge_credential_record *record) KEDGE_MUST_USE;
enum kedge_rc kedge_batch_delete_credential(struct kedge_batch *batch,
                                            const char *endpoint) KEDGE_MUST_USE;
/**
 * Keeps a pre-shared key that the endpoint is about to be given beside its credentials, for the
 * handshake; of those it was given and not seen with, the KEDGE_ISSUED_KEPT_MAX newest stay.
 */
enum kedge_rc
kedge_batch_issue_credential(struct kedge_batch *batch,
                             const struct kedge_credential_record *record) KEDGE_MUST_USE;
/**
 * "The endpoint was seen with this issued key": it becomes its credentials in place of the former
 * ones; those that were issued before it go. Without such a key, nothing happens.
 */
enum kedge_rc kedge_batch_adopt_credential(struct kedge_batch *batch, const char *identity,
                                           uint64_t now_ms) KEDGE_MUST_USE;
/** Drops what was issued to the endpoint, and what it may still be waiting to use. */
enum kedge_rc kedge_batch_drop_issued(struct kedge_batch *batch,
                                      const char *endpoint) KEDGE_MUST_USE;
/** Like kedge_batch_put_credential(), among the credentials for bootstrapping. */
enum kedge_rc kedge_batch_put_bootstrap(struct kedge_batch *batch,
                                        const struct kedge_bootstrap_record *record) KEDGE_MUST_USE;
/** Replaces what the endpoint is given by bootstrapping; without, it is given a fresh key. */
enum kedge_rc kedge_batch_put_handout(struct kedge_batch *batch,
                                      const struct kedge_handout_record *record) KEDGE_MUST_USE;
enum kedge_rc kedge_batch_delete_handout(struct kedge_batch *batch,
                                         const char *endpoint) KEDGE_MUST_USE;
/** With what it is given, and what was issued to it. */
enum kedge_rc kedge_batch_delete_bootstrap(struct kedge_batch *batch,
                                           const char *endpoint) KEDGE_MUST_USE;
/** Replaces the token of that name. */
enum kedge_rc kedge_batch_put_token(struct kedge_batch *batch,
                                    const struct kedge_token_record *record) KEDGE_MUST_USE;
enum kedge_rc kedge_batch_delete_token(struct kedge_batch *batch, const char *name) KEDGE_MUST_USE;
/** Replaces the note of that kind and id. KEDGE_E_LIMIT for one that is too long. */
enum kedge_rc kedge_batch_put_note(struct kedge_batch *batch,
                                   const struct kedge_note *note) KEDGE_MUST_USE;
enum kedge_rc kedge_batch_delete_note(struct kedge_batch *batch, const char *kind,
                                      const char *id) KEDGE_MUST_USE;
/**
 * Deletes those of the kind from before `before_ms`, and of those whose id begins with `prefix`
 * ("": of all) all but the `keep` newest.
 */
enum kedge_rc kedge_batch_trim_notes(struct kedge_batch *batch, const char *kind,
                                     const char *prefix, uint64_t before_ms,
                                     uint64_t keep) KEDGE_MUST_USE;
/** There is one such record. */
enum kedge_rc kedge_batch_put_clock(struct kedge_batch *batch,
                                    const struct kedge_clock_record *record) KEDGE_MUST_USE;
enum kedge_rc kedge_batch_put_rollout(struct kedge_batch *batch,
                                      const struct kedge_rollout *record) KEDGE_MUST_USE;
enum kedge_rc kedge_batch_put_group(struct kedge_batch *batch,
                                    const struct kedge_group *record) KEDGE_MUST_USE;
enum kedge_rc kedge_batch_put_deployment(struct kedge_batch *batch,
                                         const struct kedge_deployment *record) KEDGE_MUST_USE;
enum kedge_rc kedge_batch_add_history(struct kedge_batch *batch,
                                      const struct kedge_history_entry *entry) KEDGE_MUST_USE;
enum kedge_rc kedge_batch_add_audit(struct kedge_batch *batch,
                                    const struct kedge_audit_entry *entry) KEDGE_MUST_USE;
/** All records of an engine's output, in an order that the references between them allow. */
enum kedge_rc kedge_batch_add_output(struct kedge_batch *batch,
                                     const struct kedge_engine_output *output) KEDGE_MUST_USE;

/** `rc` is KEDGE_OK when the batch is durable; `error` (never NULL) is for people. */
typedef void kedge_store_durable_fn(void *context, enum kedge_rc rc, const char *error);

/**
 * Takes the batch over, in every case, and returns at once; batches are committed in the order of
 * submitting. `on_durable` (may be NULL) is called exactly once, on the store thread: with KEDGE_OK
 * after the commit, or with KEDGE_E_SPACE (disk full), KEDGE_E_SYSTEM (input/output error),
 * KEDGE_E_MALFORMED (the file is damaged), KEDGE_E_CONFLICT (a reference does not hold: a rollout
 * of an unknown package, ...), KEDGE_E_MEMORY when nothing of the batch was written.
 *
 * Any failure but KEDGE_E_CONFLICT holds the store: batches that were or are submitted after it end
 * with KEDGE_E_BUSY, so that no later change overtakes a lost one, until kedge_store_recover().
 */
void kedge_store_submit(struct kedge_store *store, struct kedge_batch *batch,
                        kedge_store_durable_fn *on_durable, void *context);
/** From so many waiting batches on, the store is behind: about 40 MiB of what devices say. */
#define KEDGE_STORE_WAITING_MAX 20000u
/**
 * Whether more batches wait than the disk can be expected to take soon, as when it stalls. Whoever
 * may refuse a change then does, so that what waits is bounded by what may not be refused. Any
 * thread.
 */
bool kedge_store_behind(struct kedge_store *store);

/** What the store has done since it was opened. */
struct kedge_store_figures {
    uint64_t submitted;                    /* batches */
    uint64_t waiting;                      /* of them: not durable yet */
    uint64_t failures;                     /* transactions that could not be written */
    const struct kedge_histogram *commits; /* how long the others took; the store's */
};
/** Any thread. */
void kedge_store_figures(struct kedge_store *store, struct kedge_store_figures *out);
/**
 * "I know that batches were lost": lets submitted batches through again. Call kedge_store_flush()
 * before it, so that none that was built on a lost one is still waiting. Any thread.
 */
void kedge_store_recover(struct kedge_store *store);
/** Waits until everything submitted before is durable or has failed. Not from on_durable. */
void kedge_store_flush(struct kedge_store *store);

/** Of what kind a thing is that others follow. */
enum kedge_committed_kind {
    KEDGE_COMMITTED_DEVICE,
    KEDGE_COMMITTED_ROLLOUT,
    KEDGE_COMMITTED_GROUP,
    KEDGE_COMMITTED_DEPLOYMENT,
    KEDGE_COMMITTED_KIND_COUNT
};

/** "This was written anew and is durable": which, not what. What it is now, a reader says. */
struct kedge_committed {
    enum kedge_committed_kind kind;
    uint64_t rollout_id;  /* 0: of a device */
    uint64_t id;          /* a group's index, a deployment's id; else 0 */
    const char *endpoint; /* of a device or deployment; else "". Borrowed for the call */
};

typedef void kedge_store_committed_fn(void *context, const struct kedge_committed *what);
/**
 * From now on `fn` is called on the store thread for each such row after its commit: it must be
 * quick, and not call the store. NULL ends it: when that returns, `fn` is not running any more.
 */
void kedge_store_follow(struct kedge_store *store, kedge_store_committed_fn *fn, void *context);

/** What may be lost in a crash. */
struct kedge_device_touch {
    const char *endpoint;
    const char *address;
    uint64_t last_seen_ms;
    uint32_t lifetime_s;
};

/**
 * Remembers the touch (the newest one of an endpoint counts) and writes it within touch_flush_ms;
 * a device that is not stored is not made. Any thread; O(1); KEDGE_E_MEMORY loses the touch only.
 */
enum kedge_rc kedge_store_touch_device(struct kedge_store *store,
                                       const struct kedge_device_touch *touch) KEDGE_MUST_USE;

/* ---- reading ---- */

struct kedge_reader;

/** A read-only connection for one thread. `folder` as in the config; the store must be open. */
enum kedge_rc kedge_reader_open(const char *folder, struct kedge_reader **out,
                                char error[KEDGE_STORE_ERROR_MAX]) KEDGE_MUST_USE;
void kedge_reader_close(struct kedge_reader *reader);
/** What went wrong in the last call that failed; for people. */
const char *kedge_reader_error(const struct kedge_reader *reader);

/** Which page: at most `limit` records (1..KEDGE_STORE_PAGE_MAX) after `cursor` ("": from the
 * start). */
struct kedge_page {
    char cursor[KEDGE_STORE_CURSOR_MAX];
    uint32_t limit;
    char next[KEDGE_STORE_CURSOR_MAX]; /* filled in: the cursor of the next page, "" at the end */
};

/*
 * The callbacks get each record in turn, borrowed for the call; one that returns false ends the
 * listing early. A page fails with KEDGE_E_ARGUMENT for a limit or cursor that cannot be. A `page`
 * of NULL means all there is (for loading at start).
 */
typedef bool kedge_device_fn(void *context, const struct kedge_device_record *record);
typedef bool kedge_package_fn(void *context, const struct kedge_package_record *record);
typedef bool kedge_trust_fn(void *context, const struct kedge_trust_record *record);
typedef bool kedge_credential_fn(void *context, const struct kedge_credential_record *record);
typedef bool kedge_bootstrap_fn(void *context, const struct kedge_bootstrap_record *record);
typedef bool kedge_note_fn(void *context, const struct kedge_note *note);
typedef bool kedge_token_fn(void *context, const struct kedge_token_record *record);
typedef bool kedge_rollout_fn(void *context, const struct kedge_rollout *record);
typedef bool kedge_group_fn(void *context, const struct kedge_group *record);
typedef bool kedge_deployment_fn(void *context, const struct kedge_deployment *record);
typedef bool kedge_history_fn(void *context, const struct kedge_history_entry *entry);
typedef bool kedge_audit_fn(void *context, const struct kedge_audit_entry *entry);

/** In the order of endpoints; `vendor` and `class_name` narrow it (NULL: any). */
enum kedge_rc kedge_reader_devices(struct kedge_reader *reader, const char *vendor,
                                   const char *class_name, struct kedge_page *page,
                                   kedge_device_fn *fn, void *context) KEDGE_MUST_USE;

#define KEDGE_STORE_SCAN_MAX 100000u /* records that are looked at for one page of matching ones \
                                      */

/** Which devices. */
struct kedge_matching {
    const struct kedge_filter *filter;
    const char *vendor, *class_name; /* NULL: any */
    uint64_t now_ms;                 /* what "now" is in the filter */
};

/** Whether the filter means this device, as the record has it; `serial` and `batch`: "" unknown. */
bool kedge_matching_means(const struct kedge_matching *which,
                          const struct kedge_device_record *record, const char *serial,
                          const char *batch);
/**
 * The devices that match, in the order of endpoints. A page ends when it is full, and also after
 * KEDGE_STORE_SCAN_MAX devices that were looked at: then it holds fewer than its limit, or none,
 * and `next` goes on from there, so no page takes long however many devices do not match.
 */
enum kedge_rc kedge_reader_matching(struct kedge_reader *reader, const struct kedge_matching *which,
                                    struct kedge_page *page, kedge_device_fn *fn,
                                    void *context) KEDGE_MUST_USE;
/** In the order of uploading, newest first. */
enum kedge_rc kedge_reader_packages(struct kedge_reader *reader, struct kedge_page *page,
                                    kedge_package_fn *fn, void *context) KEDGE_MUST_USE;
/** Those of them that a filter of packages means. A page ends as one of matching devices does. */
enum kedge_rc kedge_reader_matching_packages(struct kedge_reader *reader,
                                             const struct kedge_filter *filter, uint64_t now_ms,
                                             struct kedge_page *page, kedge_package_fn *fn,
                                             void *context) KEDGE_MUST_USE;
/** In the order of key ids. */
enum kedge_rc kedge_reader_trust(struct kedge_reader *reader, struct kedge_page *page,
                                 kedge_trust_fn *fn, void *context) KEDGE_MUST_USE;
typedef bool kedge_class_fn(void *context, const struct kedge_class_record *record);
/** In the order of classes and vendors; all of them, there are no pages. */
enum kedge_rc kedge_reader_classes(struct kedge_reader *reader, kedge_class_fn *fn,
                                   void *context) KEDGE_MUST_USE;
/** What holds for a device: the settings for its vendor and class, else those for its class. */
enum kedge_rc kedge_reader_class_of(struct kedge_reader *reader, const char *vendor,
                                    const char *class_name,
                                    struct kedge_class_record *out) KEDGE_MUST_USE;
/** In the order of endpoints, without their secrets. */
enum kedge_rc kedge_reader_credentials(struct kedge_reader *reader, struct kedge_page *page,
                                       kedge_credential_fn *fn, void *context) KEDGE_MUST_USE;
/** In the order of endpoints, without their secrets. */
enum kedge_rc kedge_reader_bootstraps(struct kedge_reader *reader, struct kedge_page *page,
                                      kedge_bootstrap_fn *fn, void *context) KEDGE_MUST_USE;
/** In the order of names. */
enum kedge_rc kedge_reader_tokens(struct kedge_reader *reader, struct kedge_page *page,
                                  kedge_token_fn *fn, void *context) KEDGE_MUST_USE;
/** Of one kind, in the order of ids. */
enum kedge_rc kedge_reader_notes(struct kedge_reader *reader, const char *kind,
                                 struct kedge_page *page, kedge_note_fn *fn,
                                 void *context) KEDGE_MUST_USE;
/** Newest first. */
enum kedge_rc kedge_reader_rollouts(struct kedge_reader *reader, struct kedge_page *page,
                                    kedge_rollout_fn *fn, void *context) KEDGE_MUST_USE;
/** All groups of a rollout (0: of all rollouts), by rollout and index. */
enum kedge_rc kedge_reader_groups(struct kedge_reader *reader, uint64_t rollout_id,
                                  kedge_group_fn *fn, void *context) KEDGE_MUST_USE;

/** How many there are in each state, of all rollouts. */
struct kedge_store_totals {
    uint64_t rollouts[KEDGE_ROLLOUT_STATE_COUNT];
    uint64_t deployments[KEDGE_DEPLOYMENT_STATE_COUNT];
};
/** O(groups): no deployment is looked at. */
enum kedge_rc kedge_reader_totals(struct kedge_reader *reader,
                                  struct kedge_store_totals *out) KEDGE_MUST_USE;

/** Which deployments; zeroed fields with `state` = -1 and `group_index` = -1 mean all there are. */
struct kedge_deployment_filter {
    uint64_t rollout_id;   /* 0: any */
    int64_t group_index;   /* -1: any */
    int state;             /* enum kedge_deployment_state, -1: any */
    const char *endpoint;  /* NULL: any */
    bool of_open_rollouts; /* only of rollouts that have not ended: what the engine loads */
    bool newest_first;
};

/** In the order of deployment ids, or against it. A cursor is good for the same filter. */
enum kedge_rc kedge_reader_deployments(struct kedge_reader *reader,
                                       const struct kedge_deployment_filter *filter,
                                       struct kedge_page *page, kedge_deployment_fn *fn,
                                       void *context) KEDGE_MUST_USE;

/** Which history; 0 and NULL mean any. */
struct kedge_history_filter {
    uint64_t rollout_id;
    uint64_t deployment_id;
    const char *endpoint;
    bool newest_first;
};

/** Oldest first, unless asked otherwise. A cursor is good for the same filter. */
enum kedge_rc kedge_reader_history(struct kedge_reader *reader,
                                   const struct kedge_history_filter *filter,
                                   struct kedge_page *page, kedge_history_fn *fn,
                                   void *context) KEDGE_MUST_USE;
/** Which entries; a zeroed one means all, oldest first. */
struct kedge_audit_filter {
    const char *subject, *who; /* NULL: any */
    const char *what;          /* NULL: anything; "rollout." is all that begins so */
    bool newest_first;
};

/**
 * `filter` may be NULL. A cursor is good for the same filter. A row that kedged cannot have written
 * comes too: what of it cannot be is 0 or "", and so is its hash.
 */
enum kedge_rc kedge_reader_audit(struct kedge_reader *reader,
                                 const struct kedge_audit_filter *filter, struct kedge_page *page,
                                 kedge_audit_fn *fn, void *context) KEDGE_MUST_USE;

/* One record by its key; KEDGE_E_NOT_FOUND when there is none. */
enum kedge_rc kedge_reader_device(struct kedge_reader *reader, const char *endpoint,
                                  struct kedge_device_record *out) KEDGE_MUST_USE;
enum kedge_rc kedge_reader_package(struct kedge_reader *reader, const char *id,
                                   struct kedge_package_record *out) KEDGE_MUST_USE;
enum kedge_rc kedge_reader_trust_key(struct kedge_reader *reader, const uint8_t key_id[32],
                                     struct kedge_trust_record *out) KEDGE_MUST_USE;
/** Of an endpoint, without its secret. */
enum kedge_rc kedge_reader_credential_of(struct kedge_reader *reader, const char *endpoint,
                                         struct kedge_credential_record *out) KEDGE_MUST_USE;
/** By its identity, with its secret: only for the handshake; wipe it. */
enum kedge_rc kedge_reader_credential(struct kedge_reader *reader, enum kedge_credential_kind kind,
                                      const char *identity,
                                      struct kedge_credential_record *out) KEDGE_MUST_USE;
/** A pre-shared key that was issued and not yet adopted: as kedge_reader_credential(). */
enum kedge_rc kedge_reader_issued(struct kedge_reader *reader, const char *identity,
                                  struct kedge_credential_record *out) KEDGE_MUST_USE;
/** KEDGE_OK when any key is issued and not yet adopted, to whomever. */
enum kedge_rc kedge_reader_any_issued(struct kedge_reader *reader) KEDGE_MUST_USE;
/**
 * KEDGE_OK when the endpoint has anything that only it can prove itself by: credentials, a key that
 * was issued to it, or credentials for bootstrapping.
 */
enum kedge_rc kedge_reader_is_enrolled(struct kedge_reader *reader,
                                       const char *endpoint) KEDGE_MUST_USE;
/** Of an endpoint, without its secret. */
enum kedge_rc kedge_reader_bootstrap_of(struct kedge_reader *reader, const char *endpoint,
                                        struct kedge_bootstrap_record *out) KEDGE_MUST_USE;
/** What the endpoint is given in place of a key; wipe it. */
enum kedge_rc kedge_reader_handout(struct kedge_reader *reader, const char *endpoint,
                                   struct kedge_handout_record *out) KEDGE_MUST_USE;
/** By its identity, with its secret: only for the handshake; wipe it. */
enum kedge_rc kedge_reader_bootstrap(struct kedge_reader *reader, enum kedge_credential_kind kind,
                                     const char *identity,
                                     struct kedge_bootstrap_record *out) KEDGE_MUST_USE;
enum kedge_rc kedge_reader_note(struct kedge_reader *reader, const char *kind, const char *id,
                                struct kedge_note *out) KEDGE_MUST_USE;
/** By the SHA-256 of what the caller presented. */
enum kedge_rc kedge_reader_token(struct kedge_reader *reader, const uint8_t hash[32],
                                 struct kedge_token_record *out) KEDGE_MUST_USE;
enum kedge_rc kedge_reader_rollout(struct kedge_reader *reader, uint64_t rollout_id,
                                   struct kedge_rollout *out) KEDGE_MUST_USE;
enum kedge_rc kedge_reader_deployment(struct kedge_reader *reader, uint64_t deployment_id,
                                      struct kedge_deployment *out) KEDGE_MUST_USE;

/** The highest ids ever given, for kedge_engine_create(). */
enum kedge_rc kedge_reader_last_ids(struct kedge_reader *reader,
                                    struct kedge_engine_ids *out) KEDGE_MUST_USE;
/** The id of the newest entry of the history; 0: there is none. */
enum kedge_rc kedge_reader_last_history(struct kedge_reader *reader, uint64_t *id) KEDGE_MUST_USE;
/** By which clock the times in the records are; KEDGE_E_NOT_FOUND before the first one was put. */
enum kedge_rc kedge_reader_clock(struct kedge_reader *reader,
                                 struct kedge_clock_record *out) KEDGE_MUST_USE;
/** How many devices are stored and how many of them are registered. */
enum kedge_rc kedge_reader_device_counts(struct kedge_reader *reader, uint64_t *stored,
                                         uint64_t *registered) KEDGE_MUST_USE;

#endif
