/*
 * hooks.h: commands of the operator around an update, each with a limit of time, run beside the
 * agent (command.h). One at a time.
 */
#ifndef KEDGE_AGENT_HOOKS_H
#define KEDGE_AGENT_HOOKS_H

#include "agent/client/command.h"

enum kedge_hook {
    KEDGE_HOOK_PRE_INSTALL,  /* before the switch to the new slot is written: may refuse it */
    KEDGE_HOOK_POST_INSTALL, /* the update has ended: confirmed, rolled back or failed */
    KEDGE_HOOK_PRE_REBOOT,   /* before each reboot that the agent asks for */
    KEDGE_HOOK_COUNT
};

enum kedge_hook_end { KEDGE_HOOK_RUNS, KEDGE_HOOK_GOOD, KEDGE_HOOK_BAD };

#define KEDGE_HOOK_WORDS_MAX 127u

struct kedge_hooks {
    /* The caller's. */
    const char *commands[KEDGE_HOOK_COUNT]; /* NULL or "": there is none */
    uint64_t limit_ms;

    struct kedge_command command;
    bool running;
    enum kedge_hook which;
    uint64_t ends_at_ms;
    char words[KEDGE_HOOK_WORDS_MAX + 1]; /* how the latest one ended badly */
};

/** "pre-install", "post-install", "pre-reboot". Static storage. */
const char *kedge_hook_name(enum kedge_hook hook);
bool kedge_hooks_has(const struct kedge_hooks *hooks, enum kedge_hook hook);
/**
 * kedge_hooks_start() starts one while none runs. One that cannot be started has ended badly by the
 * next poll.
 */
void kedge_hooks_start(struct kedge_hooks *hooks, enum kedge_hook hook,
                       const struct kedge_variable *variables, uint64_t now_ms);
/**
 * kedge_hooks_poll() says how the one that runs has ended, once; one that is over its limit is
 * killed with all that it started. Lowers `wait_ms` to its limit.
 */
enum kedge_hook_end kedge_hooks_poll(struct kedge_hooks *hooks, uint64_t now_ms, uint64_t *wait_ms);
/** Ends the one that runs, if one does. */
void kedge_hooks_kill(struct kedge_hooks *hooks);

#endif
