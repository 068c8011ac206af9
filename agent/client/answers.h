/*
 * answers.h: what the agent answers to the device's own software on its local socket: who it lets
 * in there, and what it says (agent/local has the sockets and the words).
 */
#ifndef KEDGE_AGENT_ANSWERS_H
#define KEDGE_AGENT_ANSWERS_H

#include "agent/client/config.h"
#include "agent/client/object5.h"
#include "agent/local/service.h"

/** Zeroed, it is one that answers nobody. */
struct kedge_answers {
    struct kedge_object5 *object5; /* the caller's */
    struct kedge_local local;
};

/**
 * kedge_answers_begin() opens the socket that `config` says. False when the configuration is at
 * fault: a group that there is not. A socket that cannot be made is logged: updates go on without.
 */
bool kedge_answers_begin(struct kedge_answers *answers, const struct kedge_agent_config *config,
                         struct kedge_object5 *object5);
/** Answers who asks; lowers `wait_ms`. */
void kedge_answers_poll(struct kedge_answers *answers, uint64_t now_ms, uint64_t *wait_ms);
/** What becomes readable when somebody asks; -1: nobody can. */
int kedge_answers_fd(const struct kedge_answers *answers);
void kedge_answers_end(struct kedge_answers *answers);

#endif
