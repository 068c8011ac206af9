/*
 * status.h: where a device stands, and that as JSON: what `kedge-agent status --json` prints and
 * what the agent's socket says. One table in status.c has the names; docs/agent.md says what they
 * mean.
 */
#ifndef KEDGE_AGENT_LOCAL_STATUS_H
#define KEDGE_AGENT_LOCAL_STATUS_H

#include <kedge/boot.h>
#include <kedge/lwm2m.h>

#define KEDGE_STATUS_JSON_MAX 4096u /* the longest one fits */
#define KEDGE_STATUS_WORD_MAX 63u
#define KEDGE_STATUS_NONE UINT64_MAX /* null in JSON */

struct kedge_status {
    bool agent_running; /* told by it, not by the state folder alone */
    char endpoint[KEDGE_LWM2M_ENDPOINT_MAX + 1];
    char state[KEDGE_STATUS_WORD_MAX + 1];
    uint64_t result;
    char result_text[KEDGE_STATUS_WORD_MAX + 1];
    char version[KEDGE_SUIT_VERSION_TEXT_MAX]; /* that runs, or runs next */
    uint64_t slot;
    bool on_trial;
    uint64_t boots_used;
    char slot_versions[KEDGE_SLOTS][KEDGE_SUIT_VERSION_TEXT_MAX]; /* "": none that could run */
    char package_version[KEDGE_SUIT_VERSION_TEXT_MAX];
    uint64_t downloaded_bytes, package_bytes; /* of a download that runs; 0: not known */
    char severity[KEDGE_STATUS_WORD_MAX + 1];
    uint64_t maximum_defer_s; /* KEDGE_STATUS_NONE: the server has named none */
    bool consent_wanted;
    uint64_t consent_left_s; /* until it goes on by itself; KEDGE_STATUS_NONE: it does not */
    char reason[KEDGE_LWM2M_STRING_MAX + 1];
    char message[KEDGE_LWM2M_STRING_MAX + 1];
    uint64_t changed_at_s;
    uint64_t sequence_floor, updates_confirmed, updates_rolled_back;
};

enum kedge_status_layout { KEDGE_STATUS_LINE, KEDGE_STATUS_INDENTED };

/**
 * kedge_status_write() appends the JSON object, without a line end. Texts stand in it as
 * kedge_printable() has them. KEDGE_E_BUFFER below KEDGE_STATUS_JSON_MAX bytes of room.
 */
enum kedge_rc kedge_status_write(const struct kedge_status *status, enum kedge_status_layout layout,
                                 struct kedge_writer *out) KEDGE_MUST_USE;
/**
 * kedge_status_read() reads such an object and nothing behind it. Names that are not known are
 * skipped, as another version of the agent may say more; what is missing is 0, false or "". The
 * texts are printable afterwards. KEDGE_E_TYPE, KEDGE_E_LIMIT, KEDGE_E_EXISTS for a name twice, or
 * what JSON's reader says; `status` then holds nothing.
 */
enum kedge_rc kedge_status_read(struct kedge_slice json,
                                struct kedge_status *status) KEDGE_MUST_USE;

#endif
