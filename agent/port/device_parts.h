/* device_parts.h: what the files of the two kinds of device share. */
#ifndef KEDGE_AGENT_PORT_DEVICE_PARTS_H
#define KEDGE_AGENT_PORT_DEVICE_PARTS_H

#include "agent/port/device.h"

struct kedge_port_device_kind {
    int claim_flags; /* of open(2), beside O_RDWR */
    uint8_t erased_value;
    /** Fills in the sizes of `flash` by asking the open device; NULL, or why it is of no use. */
    const char *(*measure)(const struct kedge_port_device *device, struct kedge_flash *flash);
    /** What open(2) for writing did not see to: EBUSY, somebody has it; EROFS; 0: nothing. */
    int (*refuses)(const struct kedge_port_device *device, int writing);
    enum kedge_rc (*erase)(const struct kedge_port_device *device, uint32_t offset, uint32_t size);
    enum kedge_rc (*sync)(const struct kedge_port_device *device);
};

extern const struct kedge_port_device_kind kedge_port_block_kind; /* device_block.c */
extern const struct kedge_port_device_kind kedge_port_mtd_kind;   /* device_mtd.c */

#endif
