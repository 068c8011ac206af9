/*
 * install.h: an envelope, as its bytes come in, becomes an image in the spare slot: its manifest is
 * executed (processor.h). The signature comes first, then a rehearsal in which nothing is asked of
 * the device but its slot; then the manifest runs, and waits at kedge-directive-install-frames for
 * the payload: each frame is checked, expanded and written. With the last one it runs on to its
 * end.
 *
 * Bounded memory, no heap: struct kedge_install is about 96 KiB and the caller's. Bytes may come
 * in any pieces. An envelope may still carry text and attachments of any size: they are passed
 * over. An installation that was cut short can be gone on with, see resume.h. Before wrapper and
 * manifest have been authenticated and judged (vendor, class, hardware, sequence floor, version
 * window, size) not one byte of flash changes. After any failure the installation is over: the
 * running slot and the boot record are as they were, and the spare slot is not bootable.
 */
#ifndef KEDGE_AGENT_INSTALL_H
#define KEDGE_AGENT_INSTALL_H

#include <kedge/boot.h>
#include <kedge/payload.h>
#include <kedge/processor.h>
#include <kedge/stream.h>
#include <kedge/suit.h>

/** Who the device is: the version 5 UUIDs of its vendor's domain and of its class (crypto.h). */
struct kedge_install_identity {
    uint8_t vendor[16];
    uint8_t class_id[16];
    struct kedge_slice hardware; /* what /3/0/18 reads; empty for none; outlives the installation */
    struct kedge_suit_version running; /* what is to be replaced; count 0: not known */
};

enum kedge_install_stage {
    KEDGE_INSTALL_RUNNING = 0, /* bytes are awaited */
    KEDGE_INSTALL_DONE,        /* the slot holds it, ready for kedge_boot_activate() */
    KEDGE_INSTALL_FAILED       /* `failure` says why */
};

/** Where an installation can be gone on with after a cut of power, see resume.h. */
struct kedge_install_point {
    uint8_t manifest_digest[KEDGE_SHA256_SIZE];
    uint64_t offset; /* in the envelope as it comes in: what is before it need not come again */
    struct kedge_payload_boundary boundary;
};

struct kedge_install {
    const struct kedge_boot *boot;
    uint8_t slot;
    enum kedge_install_stage stage;
    enum kedge_rc failure;
    struct kedge_suit_device device;
    struct kedge_suit_manifest manifest; /* its slices borrow `head` */
    struct kedge_suit_platform platform;
    struct kedge_suit_processor processor; /* what is left of the manifest, which lies in `head` */
    struct kedge_suit_refusal refused;     /* what the manifest asked for that was refused */
    bool authenticated;
    bool matched;   /* the whole image came, and its digest is the manifest's */
    bool resumed;   /* what is in front of some point was in the slot already */
    bool has_point; /* `point` is the latest one */
    struct kedge_install_point point;
    uint64_t payload_at; /* in the envelope as it comes in: where the payload begins */
    bool expanding;      /* the member that comes in is the payload, not one that is passed over */
    struct kedge_suit_stream stream;
    size_t head_size; /* composed from wrapper and manifest: what the slot's header will hold */
    uint8_t head[KEDGE_SUIT_HEAD_MAX];
    struct kedge_slot writer;
    struct kedge_payload_reader reader;
};

/**
 * kedge_install_begin() gets ready to install into `slot`, the one that is not running. Touches no
 * flash. KEDGE_E_STATE when the boot record says that `slot` is the confirmed one, or that a trial
 * runs or is asked for. On a device without a boot record (KEDGE_E_NOT_FOUND: the factory) the
 * floor is 0. `boot` must outlive the installation.
 */
enum kedge_rc kedge_install_begin(struct kedge_install *install, const struct kedge_boot *boot,
                                  const struct kedge_install_identity *identity,
                                  uint8_t slot) KEDGE_MUST_USE;

/**
 * kedge_install_push() takes the next bytes of the envelope. Blocks for the flash. The first
 * failure is final and handed out again by every later call; its /5/0/5 is
 * kedge_rc_update_result().
 */
enum kedge_rc kedge_install_push(struct kedge_install *install,
                                 struct kedge_slice bytes) KEDGE_MUST_USE;

/**
 * kedge_install_end() says that no more bytes come: KEDGE_E_TRUNCATED unless all did. Checks the
 * image's digest, reads it back from flash, and writes the slot's header. Then the slot verifies
 * and kedge_boot_activate() may follow, now or after a restart. Calling it again changes nothing.
 */
enum kedge_rc kedge_install_end(struct kedge_install *install) KEDGE_MUST_USE;

/**
 * kedge_install_words() says in words for people why the installation failed: those of `failure`,
 * and which command, parameter or condition it was, where those leave it open.
 */
void kedge_install_words(const struct kedge_install *install, char words[KEDGE_SUIT_WORDS_MAX]);

/** kedge_install_manifest() is the manifest once it was authenticated and judged; NULL before. */
const struct kedge_suit_manifest *kedge_install_manifest(const struct kedge_install *install);

/** kedge_install_size() is how many bytes the whole envelope has, once the payload has begun; else
 * 0.
 */
uint64_t kedge_install_size(const struct kedge_install *install);

/**
 * kedge_install_abort() gives up with KEDGE_E_CANCELED; the spare slot stays unbootable. Once the
 * installation is done or has failed it changes nothing.
 */
void kedge_install_abort(struct kedge_install *install);

#endif
