/* health.c: see health.h. */
#define _GNU_SOURCE
#include "agent/client/health.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: only what may be called there, except setenv(), safe in a single-threaded parent.
 */
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
    /* libcoap's sockets are not marked close-on-exec; they are none of the command's. */
    close_range(STDERR_FILENO + 1, ~0U, 0);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

/* Reads from the pipe until its other end closes: with the agent, however that ends. */
static _Noreturn void guard(pid_t group, int life)
{
    char byte;
    setpgid(0, group);
    if (dup2(life, STDIN_FILENO) < 0)
        _exit(126);
    close_range(STDIN_FILENO + 1, ~0U, 0);
    while (read(STDIN_FILENO, &byte, 1) != 0)
        ; /* only an interruption can come between */
    kill(-group, SIGKILL);
    _exit(0);
}

/* Ends the whole group while its leader, dead or not, still holds the number. */
static int collect(struct kedge_health *health)
{
    int how = 0;
    kill(-health->process, SIGKILL);
    while (waitpid(health->process, &how, 0) < 0)
        ; /* only an interruption can fail here */
    if (health->guard > 0) {
        kill(health->guard, SIGKILL); /* it may not have joined the group yet */
        while (waitpid(health->guard, NULL, 0) < 0)
            ;
    }
    close(health->life);
    *health = (struct kedge_health){.process = 0};
    return how;
}

enum kedge_rc kedge_health_start(struct kedge_health *health, const char *command, uint8_t slot,
                                 const char *version, const char *endpoint)
{
    int life[2];
    if (health->process != 0)
        return KEDGE_E_BUSY;
    if (pipe2(life, O_CLOEXEC) != 0)
        return KEDGE_E_SYSTEM;
    pid_t process = fork();
    if (process == 0)
        run(command, slot, version, endpoint);
    if (process < 0) {
        close(life[0]);
        close(life[1]);
        return KEDGE_E_SYSTEM;
    }
    setpgid(process, process); /* here too, so that a kill right away meets the group */
    *health = (struct kedge_health){.process = process, .guard = fork(), .life = life[1]};
    if (health->guard == 0)
        guard(process, life[0]);
    close(life[0]);
    if (health->guard > 0)
        return KEDGE_OK;
    collect(health);
    return KEDGE_E_SYSTEM;
}

bool kedge_health_ended(struct kedge_health *health, int *status, int *signal_number)
{
    siginfo_t info = {.si_pid = 0};
    if (health->process == 0 ||
        waitid(P_PID, (id_t)health->process, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0)
        return false;
    /* What the command left behind must not outlive the check. */
    int how = collect(health);
    *status = WIFEXITED(how) ? WEXITSTATUS(how) : 0;
    *signal_number = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
    return true;
}

void kedge_health_kill(struct kedge_health *health)
{
    if (health->process != 0)
        collect(health);
}
