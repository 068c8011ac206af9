/*
 * machine.h: how a device is taken through object 5, as a pure machine: answers, notifications,
 * served blocks and the time come in, what to ask of the device next and what to report go out. It
 * does no input or output; times are milliseconds of a clock that the caller has.
 *
 * Method: whatever happens, the machine asks the device what it looks like (a probe), sorts the
 * answer into one of the pictures below, and looks up in a total table of step x picture what to
 * make of it. So the first look at a device, a lost answer and a restart of either side all take
 * the same way, and a notification is only ever a reason to look.
 */
#ifndef KEDGE_UPDATER_MACHINE_H
#define KEDGE_UPDATER_MACHINE_H

#include "updater/lwm2m/update.h"

#define KEDGE_MACHINE_TRIES_MAX 3u    /* writings of the URI, Executes, resets: of each */
#define KEDGE_MACHINE_SETBACKS_MAX 8u /* ways back, as from Updating to Downloading */
#define KEDGE_MACHINE_SHARED_LIMITS                                                               \
    24u                                  /* limits of a download, by blocks that may be another's \
                                          */
#define KEDGE_MACHINE_HELD_BACK_MS 1000u /* a wait that is worth a word */
#define KEDGE_MACHINE_PROGRESS_MS 1000u  /* reports of progress are at least so far apart */

/** How far the machine has come with the device. */
#define KEDGE_MACHINE_STEPS(X)                                                       \
    X(KEDGE_STEP_LOOK)     /* nothing of this job is known to have reached it */     \
    X(KEDGE_STEP_DOWNLOAD) /* it took the URI, or a pushed package's first block */  \
    X(KEDGE_STEP_EXECUTE)  /* Execute is to be sent, or was sent and not answered */ \
    X(KEDGE_STEP_AWAIT)    /* Execute was answered; it has not come back yet */      \
    X(KEDGE_STEP_RETURNED) /* it has registered again since */                       \
    X(KEDGE_STEP_SOAK)     /* it read as updated; is it still, after the soak? */

/** What a device looks like, from State, Result, version and Package URI. */
#define KEDGE_MACHINE_PICTURES(X)                                                   \
    X(KEDGE_PICTURE_IDLE)          /* 0, Result 0 or 11; another version */         \
    X(KEDGE_PICTURE_IDLE_FAILED)   /* 0, any other Result but 1; another version */ \
    X(KEDGE_PICTURE_IDLE_CLAIMS)   /* 0, Result 1; another version all the same */  \
    X(KEDGE_PICTURE_UPDATED)       /* 0, and what counts as success of its class */ \
    X(KEDGE_PICTURE_UNCONFIRMED)   /* 0, the wanted version, but not Result 1 */    \
    X(KEDGE_PICTURE_DOWNLOADING)   /* 1 */                                          \
    X(KEDGE_PICTURE_DOWNLOADED)    /* 2 */                                          \
    X(KEDGE_PICTURE_DEFERRED)      /* 2, Result 11: somebody there put it off */    \
    X(KEDGE_PICTURE_NOT_INSTALLED) /* 2, with the Result of a failure */            \
    X(KEDGE_PICTURE_UPDATING)      /* 3 */                                          \
    X(KEDGE_PICTURE_FOREIGN)       /* 1, 2 or 3 with a package that is not this job's */

#define KEDGE_MACHINE_ENUM_(name) name,
enum kedge_machine_step { KEDGE_MACHINE_STEPS(KEDGE_MACHINE_ENUM_) KEDGE_STEP_COUNT };
enum kedge_machine_picture { KEDGE_MACHINE_PICTURES(KEDGE_MACHINE_ENUM_) KEDGE_PICTURE_COUNT };
#undef KEDGE_MACHINE_ENUM_

/** What is made of a picture in a step. */
enum kedge_machine_verdict {
    KEDGE_VERDICT_OFFER,  /* write the URI, or push */
    KEDGE_VERDICT_RESET,  /* take back what it holds, then look again */
    KEDGE_VERDICT_FOLLOW, /* it downloads: watch */
    KEDGE_VERDICT_RUN,    /* Execute */
    KEDGE_VERDICT_AWAIT,  /* it installs: wait for its return */
    KEDGE_VERDICT_STAY,   /* nothing new: go on watching */
    KEDGE_VERDICT_SETTLE, /* believe it, once the soak is over */
    KEDGE_VERDICT_FAIL
};

/** The cell of the total table. */
enum kedge_machine_verdict kedge_machine_verdict(enum kedge_machine_step step,
                                                 enum kedge_machine_picture picture);

/** What the machine wants done next; one thing at a time. */
enum kedge_machine_action {
    KEDGE_MACHINE_WAIT,    /* for an event, or until the time has come */
    KEDGE_MACHINE_PROBE,   /* read State and Result, then what kedge_machine_wants_*() says */
    KEDGE_MACHINE_OFFER,   /* write the Package URI, or begin to push the Package */
    KEDGE_MACHINE_GO_ON,   /* go on pushing where it was held up */
    KEDGE_MACHINE_RESET,   /* write an empty Package URI, or a Package of one zero byte */
    KEDGE_MACHINE_OBSERVE, /* observe State and Result */
    KEDGE_MACHINE_PREPARE, /* write Severity and Maximum Defer Period */
    KEDGE_MACHINE_EXECUTE, /* execute Update */
    KEDGE_MACHINE_EXPLAIN, /* read the words behind a failure at /26241/0/0 */
    KEDGE_MACHINE_OVER     /* nothing any more; the last report may be due */
};

/** How the Package gets to the device: what of it is at work beside the machine's asking. */
enum kedge_machine_push {
    KEDGE_PUSH_NONE,    /* it downloads, or nothing was offered yet */
    KEDGE_PUSH_RUNNING, /* block after block goes out */
    KEDGE_PUSH_HELD_UP, /* to be gone on with when the device shows that it still waits for it */
    KEDGE_PUSH_DONE,    /* the device took the last block */
    KEDGE_PUSH_REFUSED
};

/** What a probe read. */
struct kedge_machine_view {
    int64_t state;
    int64_t result;
    const char *version; /* "": the device does not say, or was not asked */
    const char *uri;     /* of the package; NULL: not asked, "": none or not readable */
};

struct kedge_machine {
    struct kedge_update_plan plan; /* its strings are the caller's */
    uint64_t poll_ms;
    uint64_t quick_poll_ms;

    enum kedge_machine_step step;
    enum kedge_machine_action next; /* due at next_at_ms */
    uint64_t next_at_ms;
    uint64_t limit_at_ms;    /* when the patience of this step ends */
    uint64_t proven_at_ms;   /* when it last began for something that this device did */
    uint64_t fresh_until_ms; /* what is observed; UINT64_MAX: that was not said */
    uint32_t limit_s;        /* how long it is, */
    uint32_t away_s;         /* and how much longer, for the device may be out of reach so long */
    bool asking;             /* `next` is being done */
    bool news;               /* something happened meanwhile: look again */
    bool reachable;          /* registered now */
    bool observing;
    bool unobservable; /* it refused to be observed, in this registration */
    bool back;         /* it has registered since Execute, or before that the package, was sent */
    bool in_touch;     /* an Update came since Execute was answered */
    bool first_look;   /* no probe has been answered yet */
    bool ours;         /* what it holds is this job's package */
    bool already;      /* it ran the wanted version before anything was sent */
    bool words_wanted; /* it may have an object 26241 */
    bool prepared;     /* it was told what it is to know before Execute, or has no place for it */
    bool deferred;     /* it puts the update off */
    bool on_hold;      /* it could install, and may not: nothing is waited for */
    uint64_t install_until_ms; /* of a plan that holds it back: Execute before that */
    bool ended;
    uint8_t writes, executes, resets, deferrals, setbacks;
    uint8_t returns;   /* from out of reach, since the limit began */
    uint8_t refused;   /* the code of the last answer that would not take the package */
    uint32_t size_max; /* what would fit, as a 4.13 to a Package said; 0: it did not */
    enum kedge_machine_push push;
    bool probe_lost;                            /* the last one has failed, */
    uint8_t probe_code;                         /* by this answer; 0: by none, or by nothing */
    int64_t state, result;                      /* as last known; -1: not */
    int64_t result_before;                      /* when it was offered */
    char version[KEDGE_UPDATE_VERSION_MAX + 1]; /* as last read */
    uint64_t written_at_ms, soak_until_ms, told_at_ms;

    enum kedge_update_phase phase;
    uint64_t bytes_done;
    uint64_t held_until_ms;    /* the bytes that come next; kedge_machine_held_back() */
    uint64_t held_bytes_per_s; /* which rate it waits for; 0: for none, of late */
    bool held_told;            /* that was said once */
    bool report_due;
    bool has_reason;
    char reason[KEDGE_UPDATE_REASON_MAX + 1];
};

/** Begins a job; the fields of the plan and the two polls are copied, its strings borrowed. */
void kedge_machine_begin(struct kedge_machine *machine, const struct kedge_update_plan *plan,
                         uint64_t poll_ms, uint64_t quick_poll_ms, bool reachable, uint64_t now_ms);

/**
 * "The device may be out of reach for `away_s` before it can be asked anything": limits are longer
 * by that. When it is less than before, the device can be asked now, and the limit that counts
 * begins anew, three times at most: until then it may have been over for long.
 */
void kedge_machine_may_be_away(struct kedge_machine *machine, uint32_t away_s, uint64_t now_ms);
/** Execute may be sent before `until_ms`; 0: not any more. Only of a plan that holds it back. */
void kedge_machine_let_install(struct kedge_machine *machine, uint64_t until_ms, uint64_t now_ms);
/** Ends the job when the patience of its step is over, though something may be asked just now. */
void kedge_machine_check_limit(struct kedge_machine *machine, uint64_t now_ms);
/** What to do at `now_ms`; of a WAIT, `wait_ms` is how long. Not while something is asked. */
enum kedge_machine_action kedge_machine_next(struct kedge_machine *machine, uint64_t now_ms,
                                             uint64_t *wait_ms);
/** Whether a probe that read this State needs the version, or the Package URI, too. */
bool kedge_machine_wants_version(int64_t state);
bool kedge_machine_wants_uri(const struct kedge_machine *machine, int64_t state);
/** Whether the device holds something that was not told to be installed: worth a reset. */
bool kedge_machine_holds_package(const struct kedge_machine *machine);

/* How what was asked for ended. `code` is the device's answer, 0: none came. */
void kedge_machine_probed(struct kedge_machine *machine, const struct kedge_machine_view *view,
                          uint64_t now_ms);
void kedge_machine_probe_failed(struct kedge_machine *machine, const char *path, uint8_t code,
                                uint64_t now_ms);
void kedge_machine_uri_written(struct kedge_machine *machine, uint8_t code, uint64_t now_ms);
/** There is no URI for this device: the job ends in REJECTED for the reason given. */
void kedge_machine_no_uri(struct kedge_machine *machine, const char *reason);
/** The device took the first block of the Package with `code`: it is pushed from now on. */
void kedge_machine_push_taken(struct kedge_machine *machine, uint8_t code, uint64_t now_ms);
/** What was held up is at work again. */
void kedge_machine_push_going_on(struct kedge_machine *machine, uint64_t now_ms);
void kedge_machine_reset_done(struct kedge_machine *machine, uint8_t code, uint64_t now_ms);
void kedge_machine_observed(struct kedge_machine *machine, bool observing, uint64_t now_ms);
/** What was to be written before Execute was answered, whatever the answers were. */
void kedge_machine_prepared(struct kedge_machine *machine, uint64_t now_ms);
void kedge_machine_executed(struct kedge_machine *machine, uint8_t code, uint64_t now_ms);
/** `words` may be NULL: the device has none. */
void kedge_machine_explained(struct kedge_machine *machine, const char *words);

/** Something is sent to the device now, or was answered: for the deployment's history. */
__attribute__((format(printf, 2, 3))) void kedge_machine_note(struct kedge_machine *machine,
                                                              const char *format, ...);

/* What happens beside it, at any time. */
void kedge_machine_state_noticed(struct kedge_machine *machine, int64_t state, uint64_t now_ms);
void kedge_machine_result_noticed(struct kedge_machine *machine, int64_t result, uint64_t now_ms);
/**
 * What was observed last holds for so long (Max-Age; UINT32_MAX: it did not say). When nothing
 * newer has come by then, the device is looked at and observed anew (RFC 7641 section 3.3.1).
 */
void kedge_machine_fresh_for(struct kedge_machine *machine, uint32_t max_age_s, uint64_t now_ms);
void kedge_machine_observation_lost(struct kedge_machine *machine, uint64_t now_ms);
/**
 * The server itself holds the next bytes back for `wait_ms`, since `bytes_per_s` is all that it
 * sends to all devices: that time counts for no limit.
 */
void kedge_machine_held_back(struct kedge_machine *machine, uint64_t wait_ms, uint64_t bytes_per_s,
                             uint64_t now_ms);
/** A block was served, or taken by the device, that reaches so far from the file's start. */
void kedge_machine_block(struct kedge_machine *machine, uint64_t reach, uint64_t now_ms);
/**
 * It downloads, as far as can be told, or another one beside it: the limit of the download counts
 * from now, as long as it answers, and KEDGE_MACHINE_SHARED_LIMITS times at most without a block
 * that was surely its own.
 */
void kedge_machine_is_at_it(struct kedge_machine *machine, uint64_t now_ms);
/** After `code` the Package is pushed from the start again. */
void kedge_machine_push_restarted(struct kedge_machine *machine, uint8_t code, uint64_t now_ms);
/**
 * The push came to a stop, as struct kedge_upload_stop says it (updater/net/upload.h); also when
 * not even its first block was taken, or going on failed.
 */
void kedge_machine_push_stopped(struct kedge_machine *machine, enum kedge_rc rc, uint8_t code,
                                uint32_t size_max, uint64_t now_ms);
/** A Register was taken: everything that was asked under an earlier one has ended. */
void kedge_machine_registered(struct kedge_machine *machine, uint64_t now_ms);
/** An Update was taken, perhaps from a new address: then kedge_machine_gone() was said before. */
void kedge_machine_touched(struct kedge_machine *machine, uint64_t now_ms);
/** The registration ended; what is being asked still gets its answer from the caller. */
void kedge_machine_gone(struct kedge_machine *machine);

/** Takes the report that is due, if one is; the deployment's id is left to the caller. */
bool kedge_machine_report(struct kedge_machine *machine, struct kedge_update_report *report);

#endif
