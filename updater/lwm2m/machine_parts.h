/* machine_parts.h: what the files of the machine share: its words, and what it does next. */
#ifndef KEDGE_UPDATER_MACHINE_PARTS_H
#define KEDGE_UPDATER_MACHINE_PARTS_H

#include "updater/lwm2m/machine.h"

/** Not now, it says (RFC 7252 section 5.9.3.4, RFC 8516): no refusal, and not one of its tries. */
bool machine_is_busy(uint8_t code);
uint64_t machine_after_s(uint64_t now_ms, uint32_t seconds);
/** The patience of the step that begins is `limit_s`, from now, or from when it is not held back
 * any more. */
void machine_limit(struct kedge_machine *machine, uint32_t limit_s, uint64_t now_ms);
/** The device got bytes: whether it still waits for the rate of the server, if it did. */
void machine_review_pace(struct kedge_machine *machine, uint64_t now_ms);
/** The sum, or the most that there is. */
uint32_t machine_longer(uint32_t limit_s, uint32_t by_s);

/** Says the reason for what happens next; it goes out with the next report. */
__attribute__((format(printf, 2, 3))) void machine_say(struct kedge_machine *machine,
                                                       const char *format, ...);
void machine_enter_phase(struct kedge_machine *machine, enum kedge_update_phase phase);
const char *machine_state_name(int64_t state);
const char *machine_result_name(int64_t result);

void machine_schedule(struct kedge_machine *machine, enum kedge_machine_action next, uint64_t at_ms,
                      uint64_t now_ms);
/** Goes on watching, by observation where the device allows it, and asks again at `at_ms`. */
void machine_watch(struct kedge_machine *machine, uint64_t at_ms, uint64_t now_ms);
uint64_t machine_next_poll(const struct kedge_machine *machine, uint64_t now_ms);
/** False: Execute may not be sent now; then it is waited, without a limit, until it may. */
bool machine_may_install(struct kedge_machine *machine, uint64_t now_ms);
/** The device took what it was offered; the reason has been said. */
void machine_taken(struct kedge_machine *machine, uint64_t now_ms);
/** Something happened: looks at once, or as soon as what is asked now has been answered. */
void machine_look_now(struct kedge_machine *machine, uint64_t now_ms);
/** The reason has been said. A failure waits for the device's own words before it is reported. */
void machine_end(struct kedge_machine *machine, enum kedge_update_phase phase);

#endif
