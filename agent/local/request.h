/*
 * request.h: a line that the device's own software says to the agent: {"command": "status"}. The
 * answer is a line too: the status (status.h), or {"error": "why not"}.
 */
#ifndef KEDGE_AGENT_LOCAL_REQUEST_H
#define KEDGE_AGENT_LOCAL_REQUEST_H

#include <kedge/base.h>

#define KEDGE_LOCAL_LINE_MAX 256u /* bytes of a request, its line end included */
#define KEDGE_LOCAL_SECONDS_MAX UINT32_MAX
#define KEDGE_LOCAL_WORDS_MAX 127u /* of an error */

enum kedge_local_command {
    KEDGE_LOCAL_STATUS, /* the status now */
    KEDGE_LOCAL_WATCH,  /* the status now, and again whenever it is another one */
    KEDGE_LOCAL_ACCEPT, /* an update that waits for consent goes on */
    KEDGE_LOCAL_DEFER,  /* it is put off, for `seconds` or for as long as it may be */
    KEDGE_LOCAL_COMMAND_COUNT
};

struct kedge_local_request {
    enum kedge_local_command command;
    bool has_seconds; /* of KEDGE_LOCAL_DEFER alone */
    uint64_t seconds; /* 1 to KEDGE_LOCAL_SECONDS_MAX */
};

/**
 * kedge_local_request_read() reads one request, without its line end. KEDGE_E_UNSUPPORTED for
 * another command or member, KEDGE_E_MISSING without a command, KEDGE_E_EXISTS for a member twice,
 * KEDGE_E_LIMIT for seconds out of their range, or what JSON's reader says.
 */
enum kedge_rc kedge_local_request_read(struct kedge_slice line,
                                       struct kedge_local_request *request) KEDGE_MUST_USE;
/** Writes a request with its line end. */
enum kedge_rc kedge_local_request_write(const struct kedge_local_request *request,
                                        struct kedge_writer *out) KEDGE_MUST_USE;

/** Writes {"error": words} without a line end. */
enum kedge_rc kedge_local_error_write(const char *words, struct kedge_writer *out) KEDGE_MUST_USE;
/** Whether the line is an error; its words are printable, and cut to KEDGE_LOCAL_WORDS_MAX. */
bool kedge_local_error_read(struct kedge_slice line, char words[KEDGE_LOCAL_WORDS_MAX + 1]);

#endif
