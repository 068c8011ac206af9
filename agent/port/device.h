/*
 * device.h: a device as flash: a block device (a partition), or NOR flash as its MTD character
 * device (/dev/mtd0).
 *
 * A device is opened for reading alone. It is claimed for writing by the first erase or write, and
 * with that against everybody else: a slot that is mounted, or otherwise in use, may be read and
 * run, and is never written. So the slot that runs is not even open for writing.
 *
 * A device that is of no use, because it is not there, cannot be read, or is none of those, is no
 * failure of opening: it reads with an error, and says why. The device may run from the other slot.
 */
#ifndef KEDGE_AGENT_PORT_DEVICE_H
#define KEDGE_AGENT_PORT_DEVICE_H

#include <kedge/boot.h>
#include <sys/types.h>

#define KEDGE_PORT_DEVICE_WORDS_MAX 256u
/* Neighbours of a sector that is written when the power goes may suffer on cheap cards; the two
 * copies of a boot record have at least this between them. */
#define KEDGE_PORT_RECORD_ERASE_SIZE (64u * 1024u)
#define KEDGE_PORT_SLOT_SIZE_LEAST (64u * 1024u)

/** What a device is for. */
enum kedge_port_use { KEDGE_PORT_SLOT, KEDGE_PORT_RECORD };

struct kedge_port_device_kind; /* block device or MTD: device_parts.h */

/** Do not copy it: `flash` points into it. Zeroed with `reading` and `writing` -1 it is closed. */
struct kedge_port_device {
    const char *path; /* the caller's; NULL: none */
    enum kedge_port_use use;
    bool read_only;
    const struct kedge_port_device_kind *kind;
    dev_t number;
    int reading, writing; /* files; -1: not open */
    struct kedge_flash flash;
    char trouble[KEDGE_PORT_DEVICE_WORDS_MAX]; /* why it is of no use, with its path; "": it is */
};

/**
 * kedge_port_device_open() finds the device at `path` and what its flash is like; see `trouble`.
 * When `read_only`, it is never claimed.
 */
void kedge_port_device_open(struct kedge_port_device *device, const char *path,
                            enum kedge_port_use use, bool read_only);
/**
 * kedge_port_device_ready() opens it anew and claims it: before something large is written, and for
 * a device that was away. KEDGE_E_SYSTEM, with `trouble`, when it cannot be written now.
 */
enum kedge_rc kedge_port_device_ready(struct kedge_port_device *device) KEDGE_MUST_USE;
/** May be called again. */
void kedge_port_device_close(struct kedge_port_device *device);

/**
 * kedge_port_devices_overlap(): they are the same device, or one is the disk that the other is a
 * partition of. Devices that are not open overlap with none.
 */
bool kedge_port_devices_overlap(const struct kedge_port_device *a,
                                const struct kedge_port_device *b);

#endif
