/*
 * device_parts.h: what the parts of the simulated device share: its rules (device.c) and its
 * downloads (device_download.c), and what it tells (device_state.c).
 */
#ifndef KEDGE_TESTS_POWERCUT_DEVICE_PARTS_H
#define KEDGE_TESTS_POWERCUT_DEVICE_PARTS_H

#include "tests/powercut/device.h"

/** Notes that a rule was broken, unless one was before; false. */
bool device_broken(struct device *device, const char *words);
/** From here on, a cut must find these promises kept. */
void device_mark(struct device *device);
/** Whether `rc` is a failure; one is expected only where the simulator lets a written bit not hold.
 */
bool device_failed(struct device *device, enum kedge_rc rc, const char *what);
/** Whether the first bytes of the image of `sequence` are in the slot; asks no code under test. */
bool device_holds(const struct device *device, uint8_t slot, uint64_t sequence, uint64_t size);

/**
 * device_download() fetches the package block by block into `slot`, on from where an earlier
 * session came to. False when the session ends by it: in the middle, as the plan has it, or by a
 * failure.
 */
bool device_download(struct device *device, uint8_t slot, const struct package *package);

/* The agent's state file, where the plan has one; else these do nothing. */

/** Takes `record` in, as an agent does that starts in `slot`; what it would tell must be true. */
void device_agent_starts(struct device *device, const struct kedge_boot_record *record,
                         uint8_t slot);
/** What an event makes of State and Result; kept. */
void device_agent_applies(struct device *device, enum kedge_firmware_event event, int result,
                          const char *reason);
/** The server offers a package, unless it did so before the power went. */
void device_agent_is_offered(struct device *device, const char *uri);
/** Whether a package waits for Execute. */
bool device_agent_has_package(const struct device *device);
void device_agent_has_confirmed(struct device *device);

#endif
