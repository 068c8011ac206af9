/*
 * processor.h: a SUIT manifest, executed (draft-ietf-suit-manifest-37, section 6): the command
 * sequences of one procedure over a device's components.
 *
 * The processor reads the manifest where it lies and keeps a small fixed state: the parameters of
 * each component, and the sequences that are inside one another. It knows no flash and no network:
 * what a command does or asks is the platform's to do or answer. A directive that has to wait,
 * for a payload that comes over the network say, answers KEDGE_E_BUSY: kedge_suit_processor_run()
 * then returns that, and kedge_suit_processor_resume() goes on once the work is done.
 *
 * Before anything runs, every sequence of the manifest is walked: an unknown command or parameter,
 * one that the platform has no function for, or one that does not belong where it stands is a
 * refusal, whichever branch it is in, and `refused` says which it was.
 *
 * Sections run one after another, each after the shared sequence and with all parameters cleared
 * before it: what a section does never depends on whether another one ran before. Nothing survives
 * a reboot: a procedure that was cut is begun anew ("reapplied", section 6.3.1).
 */
#ifndef KEDGE_PROCESSOR_H
#define KEDGE_PROCESSOR_H

#include <kedge/suit.h>

#define KEDGE_SUIT_NESTING_MAX 4u    /* sequences inside one another, the section's own included */
#define KEDGE_SUIT_COMMANDS_MAX 512u /* that stand in one section, in all of its branches */
#define KEDGE_SUIT_STEPS_MAX \
    1024u /* of one section's run: a command begins, or runs for a component */
#define KEDGE_SUIT_REFUSAL_TEXT_MAX 96u

enum kedge_suit_section {
    KEDGE_SUIT_SECTION_SHARED = 0,
    KEDGE_SUIT_SECTION_FETCH,
    KEDGE_SUIT_SECTION_INSTALL,
    KEDGE_SUIT_SECTION_VALIDATE,
    KEDGE_SUIT_SECTION_LOAD,
    KEDGE_SUIT_SECTION_INVOKE,
    KEDGE_SUIT_SECTION_COUNT
};

/** Section 8.4.6: to update is fetch, install and validate; to boot is validate, load and invoke.
 */
enum kedge_suit_procedure { KEDGE_SUIT_UPDATE = 0, KEDGE_SUIT_INVOCATION };

/** The bits of kedge_suit_parameters.set. */
enum kedge_suit_has {
    KEDGE_SUIT_HAS_VENDOR = 1 << 0,
    KEDGE_SUIT_HAS_CLASS = 1 << 1,
    KEDGE_SUIT_HAS_DEVICE = 1 << 2,
    KEDGE_SUIT_HAS_DIGEST = 1 << 3,
    KEDGE_SUIT_HAS_SIZE = 1 << 4,
    KEDGE_SUIT_HAS_SLOT = 1 << 5,
    KEDGE_SUIT_HAS_CONTENT = 1 << 6,
    KEDGE_SUIT_HAS_URI = 1 << 7,
    KEDGE_SUIT_HAS_SOURCE = 1 << 8,
    KEDGE_SUIT_HAS_INVOKE_ARGS = 1 << 9,
    KEDGE_SUIT_HAS_FETCH_ARGS = 1 << 10,
    KEDGE_SUIT_HAS_VERSION = 1 << 11,
    KEDGE_SUIT_HAS_FRAMES = 1 << 12,
    KEDGE_SUIT_HAS_DELIVERY = 1 << 13,
    KEDGE_SUIT_HAS_ATTACHMENTS = 1 << 14,
    KEDGE_SUIT_HAS_HARDWARE = 1 << 15
};

/** What is set for one component. Slices borrow the manifest; all were checked when they were set.
 */
struct kedge_suit_parameters {
    uint32_t set;      /* kedge_suit_has bits */
    uint32_t unjudged; /* version, hardware: set, and no condition has looked at it since */
    struct kedge_slice vendor, class_id, device; /* UUIDs: 16 bytes */
    struct kedge_slice digest;                   /* SHA-256 of the component: 32 bytes */
    uint64_t image_size;                         /* 1 to KEDGE_IMAGE_SIZE_MAX */
    uint64_t slot;
    struct kedge_slice content, uri, invoke_args, fetch_args;
    uint64_t source;     /* index of the component to copy from or swap with */
    uint64_t comparison; /* SUIT_VERSION_..., 1 to 5, with `version` */
    struct kedge_suit_version version;
    struct kedge_payload_plan frames; /* its image_size is not set here */
    enum kedge_suit_delivery delivery;
    struct kedge_slice attachments; /* encoded: {"#name": [-16, digest, size]} */
    struct kedge_slice hardware;    /* encoded: [+ tstr] */
};

/**
 * The device, given by the caller. `index` is a component's place in the manifest. A function that
 * is NULL is a command that this device refuses. Conditions answer KEDGE_OK when they hold, the
 * code named here when they do not, and anything else when they could not be judged, which ends the
 * procedure whatever soft failure says. They change nothing. Directives answer KEDGE_OK,
 * KEDGE_E_BUSY to be resumed, or how they failed.
 */
struct kedge_suit_platform {
    void *context;
    uint64_t sequence_floor; /* of updates: a lower manifest is refused before anything runs */
    /** Whether the device has the component (encoded id); KEDGE_E_UNSUPPORTED when it has not. */
    enum kedge_rc (*component)(void *context, size_t index, struct kedge_slice id);
    /** Whether commands or parameters of this id may stand in a section; NULL: all that are known.
     */
    bool (*permits)(void *context, enum kedge_suit_section section, bool parameter, int64_t id);

    enum kedge_rc (*vendor)(void *context, size_t index,
                            struct kedge_slice uuid); /* KEDGE_E_VENDOR */
    enum kedge_rc (*class_id)(void *context, size_t index,
                              struct kedge_slice uuid); /* KEDGE_E_CLASS */
    enum kedge_rc (*device)(void *context, size_t index,
                            struct kedge_slice uuid); /* KEDGE_E_CONDITION */
    /** The component's bytes have the digest, and if HAS_SIZE the size. KEDGE_E_DIGEST. */
    enum kedge_rc (*match)(void *context, size_t index, const struct kedge_suit_parameters *set);
    /** How long the component is, and bytes of it, for check-content. */
    enum kedge_rc (*size)(void *context, size_t index, uint64_t *size);
    enum kedge_rc (*read)(void *context, size_t index, uint64_t offset, void *out, size_t size);
    enum kedge_rc (*slot)(void *context, size_t index, uint64_t *slot);
    /** kedge_suit_version_holds() helps. KEDGE_E_VERSION. */
    enum kedge_rc (*version)(void *context, size_t index, const struct kedge_suit_parameters *set);
    /** kedge_suit_hardware_listed() helps. KEDGE_E_HARDWARE. */
    enum kedge_rc (*hardware)(void *context, size_t index, const struct kedge_suit_parameters *set);

    enum kedge_rc (*fetch)(void *context, size_t index, const struct kedge_suit_parameters *set);
    enum kedge_rc (*write)(void *context, size_t index, const struct kedge_suit_parameters *set);
    enum kedge_rc (*copy)(void *context, size_t index, const struct kedge_suit_parameters *set);
    enum kedge_rc (*swap)(void *context, size_t index, const struct kedge_suit_parameters *set);
    enum kedge_rc (*invoke)(void *context, size_t index, const struct kedge_suit_parameters *set);
    /** kedge-directive-install-frames. */
    enum kedge_rc (*install)(void *context, size_t index, const struct kedge_suit_parameters *set);
};

/** What a manifest asked for that is refused, or the command that failed. */
struct kedge_suit_refusal {
    bool named;     /* there is one */
    bool parameter; /* `id` is a parameter's, not a command's */
    int64_t id;
    enum kedge_suit_section section;
};

/** kedge_suit_refusal_text() writes "directive-fetch (21) in install"; "" when none is named. */
void kedge_suit_refusal_text(const struct kedge_suit_refusal *refusal,
                             char text[KEDGE_SUIT_REFUSAL_TEXT_MAX]);

/**
 * kedge_suit_refusal_words() writes the words of `rc` for people and, where those leave open what
 * was asked for, the refusal's text: "the manifest asks for ...: directive-fetch (21) in install".
 */
#define KEDGE_SUIT_WORDS_MAX (64u + KEDGE_SUIT_REFUSAL_TEXT_MAX)
void kedge_suit_refusal_words(const struct kedge_suit_refusal *refusal, enum kedge_rc rc,
                              char words[KEDGE_SUIT_WORDS_MAX]);

/** The components that commands apply to: one, or several of which each is meant (section 6.5). */
struct kedge_suit_targets {
    uint8_t index[KEDGE_SUIT_COMPONENTS_MAX];
    uint8_t count; /* 0: none has been chosen */
    bool several;  /* chosen by True or a list, even a list of one */
};

/** A sequence under way. */
struct kedge_suit_frame {
    int64_t kind;                  /* try-each, run-sequence; 0: a section's own sequence */
    struct kedge_suit_steps steps; /* what has not begun yet */
    struct kedge_suit_step step;   /* what has: once for each target */
    bool under_way;
    uint8_t target;                    /* its place in `targets` */
    struct kedge_suit_targets targets; /* the component index */
    struct kedge_cursor alternatives;  /* of a try-each under way */
    size_t alternatives_left;
    bool soft_failure, strict_order;
    bool must_choose, may_not_choose; /* set-component-index comes first; does not come (again) */
    uint8_t written, read;            /* components, as bits, while strict order is off */
};

/** The processor; the caller's, about 2 KiB. */
struct kedge_suit_processor {
    const struct kedge_suit_platform *platform;
    enum kedge_suit_procedure procedure;
    struct kedge_suit_parts parts;
    size_t stage;                    /* which section of the procedure */
    bool shared;                     /* its shared sequence is running */
    enum kedge_suit_section section; /* what is running: SHARED, or the section itself */
    unsigned steps;                  /* in this section, its shared sequence included */
    size_t depth;                    /* frames in use */
    bool waiting, done;
    enum kedge_rc failure; /* KEDGE_OK: none yet */
    struct kedge_suit_refusal refused;
    struct kedge_suit_parameters parameters[KEDGE_SUIT_COMPONENTS_MAX];
    struct kedge_suit_frame frames[KEDGE_SUIT_NESTING_MAX];
};

/**
 * kedge_suit_processor_begin() gets ready to run `procedure`, in this order: authenticates the
 * envelope (`trust` NULL: the caller has done so), then reads the manifest and checks its version,
 * the sequence number (of an update), the digests of severed members, the components, and all
 * sequences. Nothing runs and nothing is asked of the platform but component() and permits().
 * `envelope`'s bytes and `platform` must outlive the processor. `processor->refused` is set also
 * when it fails. KEDGE_E_SEQUENCE, KEDGE_E_COMMAND, KEDGE_E_DIGEST, KEDGE_E_MISSING (a severed
 * member that this procedure needs is not there) and so on.
 */
enum kedge_rc kedge_suit_processor_begin(struct kedge_suit_processor *processor,
                                         const struct kedge_suit_envelope *envelope,
                                         const struct kedge_suit_trust *trust,
                                         const struct kedge_suit_platform *platform,
                                         enum kedge_suit_procedure procedure) KEDGE_MUST_USE;

/**
 * kedge_suit_processor_run() runs until the procedure is through (KEDGE_OK), a directive waits
 * (KEDGE_E_BUSY), or it fails: the first failure is final and handed out again. Blocks as long as
 * the platform does.
 */
enum kedge_rc kedge_suit_processor_run(struct kedge_suit_processor *processor) KEDGE_MUST_USE;

/**
 * kedge_suit_processor_resume() tells how the directive that waited has ended, and runs on.
 * KEDGE_E_STATE when none waits.
 */
enum kedge_rc kedge_suit_processor_resume(struct kedge_suit_processor *processor,
                                          enum kedge_rc result) KEDGE_MUST_USE;

/**
 * kedge_suit_manifest_read_for_slot() is kedge_suit_manifest_read() for the device that installs
 * into `slot` or boots from it: a package may have branches (try-each, condition-component-slot)
 * that differ in image and frames, and what is read is what holds for this slot. `refused` (may be
 * NULL) then names what was refused. Branches by anything but the slot are followed as if every
 * condition held.
 */
enum kedge_rc kedge_suit_manifest_read_for_slot(const struct kedge_suit_envelope *envelope,
                                                uint8_t slot, struct kedge_suit_manifest *out,
                                                struct kedge_suit_refusal *refused) KEDGE_MUST_USE;

/** kedge_suit_version_holds() compares what runs with a version condition's parameters. */
bool kedge_suit_version_holds(const struct kedge_suit_version *running,
                              const struct kedge_suit_parameters *set);

/** kedge_suit_hardware_listed() says whether `revision` is one of the hardware parameter's. */
bool kedge_suit_hardware_listed(struct kedge_slice revision,
                                const struct kedge_suit_parameters *set);

#endif
