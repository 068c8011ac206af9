/* hooks.c: see hooks.h. */
#include "agent/client/hooks.h"

#include <inttypes.h>
#include <stdio.h>

#define HOW_MAX 64u

const char *kedge_hook_name(enum kedge_hook hook)
{
    static const char *const names[KEDGE_HOOK_COUNT] = {
        [KEDGE_HOOK_PRE_INSTALL] = "pre-install",
        [KEDGE_HOOK_POST_INSTALL] = "post-install",
        [KEDGE_HOOK_PRE_REBOOT] = "pre-reboot",
    };
    return names[hook];
}

bool kedge_hooks_has(const struct kedge_hooks *hooks, enum kedge_hook hook)
{
    return hooks->commands[hook] != NULL && hooks->commands[hook][0] != '\0';
}

void kedge_hooks_start(struct kedge_hooks *hooks, enum kedge_hook hook,
                       const struct kedge_variable *variables, uint64_t now_ms)
{
    hooks->running = true;
    hooks->which = hook;
    hooks->ends_at_ms = now_ms + hooks->limit_ms;
    /* One that was not started has no process, which poll takes for its end. */
    if (kedge_command_start(&hooks->command, hooks->commands[hook], variables) != KEDGE_OK)
        hooks->command.process = 0;
}

static enum kedge_hook_end end_badly(struct kedge_hooks *hooks, const char *how)
{
    snprintf(hooks->words, sizeof hooks->words, "%s hook %s", kedge_hook_name(hooks->which), how);
    return KEDGE_HOOK_BAD;
}

static enum kedge_hook_end judge(struct kedge_hooks *hooks, int status, int signal_number)
{
    char how[HOW_MAX];
    if (signal_number == 0 && status == 0)
        return KEDGE_HOOK_GOOD;
    if (signal_number != 0)
        snprintf(how, sizeof how, "ended by signal %d", signal_number);
    else
        snprintf(how, sizeof how, "exit status %d", status);
    return end_badly(hooks, how);
}

static enum kedge_hook_end end_late(struct kedge_hooks *hooks)
{
    char how[HOW_MAX];
    kedge_hooks_kill(hooks);
    snprintf(how, sizeof how, "did not end within %" PRIu64 " s", hooks->limit_ms / 1000);
    return end_badly(hooks, how);
}

enum kedge_hook_end kedge_hooks_poll(struct kedge_hooks *hooks, uint64_t now_ms, uint64_t *wait_ms)
{
    int status, signal_number;
    if (hooks->command.process == 0) {
        hooks->running = false;
        return end_badly(hooks, "could not be started");
    }
    if (kedge_command_ended(&hooks->command, &status, &signal_number)) {
        hooks->running = false;
        return judge(hooks, status, signal_number);
    }
    if (now_ms >= hooks->ends_at_ms)
        return end_late(hooks);
    if (hooks->ends_at_ms - now_ms < *wait_ms)
        *wait_ms = hooks->ends_at_ms - now_ms;
    return KEDGE_HOOK_RUNS;
}

void kedge_hooks_kill(struct kedge_hooks *hooks)
{
    kedge_command_kill(&hooks->command);
    hooks->running = false;
}
