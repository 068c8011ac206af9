/*
 * machine_push.c: a Package that is pushed. What is offered by pull and what is pushed are the same
 * to the table: both are taken, make progress, and come to an end that the device's State and
 * Result tell. Only that a push can be held up, and is gone on with, is its own.
 */
#include "updater/lwm2m/machine.h"
#include "updater/lwm2m/machine_parts.h"

#include <inttypes.h>
#include <kedge/coap.h>

void kedge_machine_push_taken(struct kedge_machine *machine, uint8_t code, uint64_t now_ms)
{
    char text[5];
    machine->asking = false;
    if (machine->ended)
        return;
    machine->writes++;
    machine->refused = 0;
    machine->push = KEDGE_PUSH_RUNNING;
    kedge_coap_code_text(code, text);
    machine_say(machine, "answered %s to the first block of the Package", text);
    machine_taken(machine, now_ms);
}

void kedge_machine_push_going_on(struct kedge_machine *machine, uint64_t now_ms)
{
    machine->asking = false;
    if (machine->ended)
        return;
    machine->push = KEDGE_PUSH_RUNNING;
    machine_say(machine, "the Package is pushed on from byte %" PRIu64, machine->bytes_done);
    machine->report_due = true;
    machine_watch(machine, machine_next_poll(machine, now_ms), now_ms);
}

void kedge_machine_push_restarted(struct kedge_machine *machine, uint8_t code, uint64_t now_ms)
{
    char text[5];
    if (machine->ended || machine->step != KEDGE_STEP_DOWNLOAD)
        return;
    kedge_coap_code_text(code, text);
    machine_say(machine,
                "answered %s after %" PRIu64 " bytes; the Package is pushed from the start", text,
                machine->bytes_done);
    machine->report_due = true;
    machine->bytes_done = 0;
    machine_limit(machine, machine->plan.download_limit_s, now_ms);
}

/* What held it up may hold it up again at once: a pause, but for what took its time anyway. */
static void hold_up(struct kedge_machine *machine, enum kedge_rc rc, uint64_t now_ms)
{
    machine->push = KEDGE_PUSH_HELD_UP;
    if (rc == KEDGE_E_TIMEOUT)
        machine_look_now(machine, now_ms);
    else if (!machine->asking)
        machine_schedule(machine, KEDGE_MACHINE_PROBE, now_ms + machine->quick_poll_ms, now_ms);
    else
        machine->news = true;
}

void kedge_machine_push_stopped(struct kedge_machine *machine, enum kedge_rc rc, uint8_t code,
                                uint32_t size_max, uint64_t now_ms)
{
    bool was_offered = machine->asking && machine->next == KEDGE_MACHINE_OFFER;
    if (was_offered || machine->next == KEDGE_MACHINE_GO_ON)
        machine->asking = false;
    if (machine->ended)
        return;
    if (rc == KEDGE_E_LIMIT) {
        machine_say(machine,
                    "it wants a Package of %" PRIu64
                    " bytes in smaller blocks than Block1 can number (RFC 7959)",
                    machine->plan.file_size);
        machine_end(machine, KEDGE_UPDATE_REJECTED);
        return;
    }
    if (rc == KEDGE_E_REFUSED && machine_is_busy(code)) {
        hold_up(machine, rc, now_ms);
        machine->push = was_offered ? KEDGE_PUSH_NONE : KEDGE_PUSH_HELD_UP;
        return;
    }
    if (was_offered)
        machine->writes++;
    if (rc == KEDGE_E_REFUSED) {
        machine->push = KEDGE_PUSH_REFUSED;
        machine->refused = code;
        machine->size_max = size_max;
    } else if (rc == KEDGE_OK) {
        machine->push = KEDGE_PUSH_DONE;
        machine->written_at_ms = now_ms;
    } else if (!was_offered) {
        hold_up(machine, rc, now_ms);
        return;
    }
    /* Of a first block without an answer too: it may have been taken all the same. */
    if (was_offered)
        machine_schedule(machine, KEDGE_MACHINE_PROBE, now_ms, now_ms);
    else
        machine_look_now(machine, now_ms);
}
