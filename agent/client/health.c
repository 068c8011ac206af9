/* health.c: see health.h. */
#define _POSIX_C_SOURCE 200809L
#include "agent/client/health.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: only what may be called there, except setenv(), safe in a single-threaded parent. */
static _Noreturn void run(const char *command, uint8_t slot, const char *version,
                          const char *endpoint)
{
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDONLY);
    char slot_text[4];
    snprintf(slot_text, sizeof slot_text, "%u", (unsigned)slot);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
        setenv("KEDGE_SLOT", slot_text, 1) != 0 || setenv("KEDGE_VERSION", version, 1) != 0 ||
        setenv("KEDGE_ENDPOINT", endpoint, 1) != 0)
        _exit(126);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

enum kedge_rc kedge_health_start(struct kedge_health *health, const char *command, uint8_t slot,
                                 const char *version, const char *endpoint)
{
    if (health->process != 0)
        return KEDGE_E_BUSY;
    pid_t process = fork();
    if (process < 0)
        return KEDGE_E_SYSTEM;
    if (process == 0)
        run(command, slot, version, endpoint);
    setpgid(process, process); /* here too, so that a kill right away meets the group */
    health->process = process;
    return KEDGE_OK;
}

static void collect_group(pid_t group)
{
    kill(-group, SIGKILL);
}

bool kedge_health_ended(struct kedge_health *health, int *status, int *signal_number)
{
    int how;
    if (health->process == 0 || waitpid(health->process, &how, WNOHANG) != health->process)
        return false;
    collect_group(health->process); /* what it left behind must not outlive the check */
    health->process = 0;
    *status = WIFEXITED(how) ? WEXITSTATUS(how) : 0;
    *signal_number = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
    return true;
}

void kedge_health_kill(struct kedge_health *health)
{
    if (health->process == 0)
        return;
    collect_group(health->process);
    while (waitpid(health->process, NULL, 0) < 0)
        ; /* only an interruption can fail here */
    health->process = 0;
}
