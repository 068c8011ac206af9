/* child.c: see child.h. */
#define _GNU_SOURCE
#include "agent/boot/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: becomes the agent, or tells the parent through the pipe why not. */
_Noreturn static void become(char **command, const sigset_t *mask, pid_t parent, int report)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
        sigprocmask(SIG_SETMASK, mask, NULL) == 0)
        execvp(command[0], command);
    int why = errno;
    ssize_t told = write(report, &why, sizeof why);
    _exit(told == sizeof why ? 127 : 126);
}

/* The pipe closes at exec; what comes through it before is an errno. */
static int exec_error(int report)
{
    int why = 0;
    ssize_t got;
    do {
        got = read(report, &why, sizeof why);
    } while (got < 0 && errno == EINTR);
    return got == sizeof why ? why : 0;
}

enum kedge_rc kedge_child_start(char **command, uint8_t slot, bool on_trial, const sigset_t *mask,
                                pid_t *child)
{
    int report[2];
    pid_t parent = getpid();
    if (setenv(KEDGE_BOOT_ENV_SLOT, slot == 0 ? "0" : "1", 1) != 0 ||
        setenv(KEDGE_BOOT_ENV_TRIAL, on_trial ? "1" : "0", 1) != 0 || pipe2(report, O_CLOEXEC) != 0)
        return KEDGE_E_SYSTEM;
    pid_t pid = fork();
    if (pid == 0)
        become(command, mask, parent, report[1]);
    int why = pid < 0 ? errno : 0;
    close(report[1]);
    if (pid > 0)
        why = exec_error(report[0]);
    close(report[0]);
    if (why == 0) {
        *child = pid;
        return KEDGE_OK;
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
    errno = why;
    return KEDGE_E_SYSTEM;
}

bool kedge_child_ended(pid_t child, int *status, int *signal_number)
{
    int word;
    if (waitpid(child, &word, WNOHANG) != child)
        return false;
    *signal_number = WIFSIGNALED(word) ? WTERMSIG(word) : 0;
    *status = WIFEXITED(word) ? WEXITSTATUS(word) : 0;
    return true;
}
