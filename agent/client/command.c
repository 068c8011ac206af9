/* command.c: see command.h. */
#define _GNU_SOURCE
#include "agent/client/command.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: only what may be called there, except setenv(), safe in a single-threaded parent.
 */
static _Noreturn void run(const char *command, const struct kedge_variable *variables)
{
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        _exit(126);
    for (; variables->name != NULL; variables++)
        if (setenv(variables->name, variables->value, 1) != 0)
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
static int collect(struct kedge_command *running)
{
    int how = 0;
    kill(-running->process, SIGKILL);
    while (waitpid(running->process, &how, 0) < 0)
        ; /* only an interruption can fail here */
    if (running->guard > 0) {
        kill(running->guard, SIGKILL); /* it may not have joined the group yet */
        while (waitpid(running->guard, NULL, 0) < 0)
            ;
    }
    close(running->life);
    *running = (struct kedge_command){.process = 0};
    return how;
}

enum kedge_rc kedge_command_start(struct kedge_command *running, const char *command,
                                  const struct kedge_variable *variables)
{
    int life[2];
    if (running->process != 0)
        return KEDGE_E_BUSY;
    if (pipe2(life, O_CLOEXEC) != 0)
        return KEDGE_E_SYSTEM;
    pid_t process = fork();
    if (process == 0)
        run(command, variables);
    if (process < 0) {
        close(life[0]);
        close(life[1]);
        return KEDGE_E_SYSTEM;
    }
    setpgid(process, process); /* here too, so that a kill right away meets the group */
    *running = (struct kedge_command){.process = process, .guard = fork(), .life = life[1]};
    if (running->guard == 0)
        guard(process, life[0]);
    close(life[0]);
    if (running->guard > 0)
        return KEDGE_OK;
    collect(running);
    return KEDGE_E_SYSTEM;
}

bool kedge_command_ended(struct kedge_command *running, int *status, int *signal_number)
{
    siginfo_t info = {.si_pid = 0};
    if (running->process == 0 ||
        waitid(P_PID, (id_t)running->process, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0)
        return false;
    /* What the command left behind must not outlive it. */
    int how = collect(running);
    *status = WIFEXITED(how) ? WEXITSTATUS(how) : 0;
    *signal_number = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
    return true;
}

void kedge_command_kill(struct kedge_command *running)
{
    if (running->process != 0)
        collect(running);
}
