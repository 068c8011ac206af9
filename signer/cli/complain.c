/* complain.c: see complain.h. */
#include "signer/cli/complain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void say(const char *format, va_list arguments)
{
    fputs("kedge-sign: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

enum kedge_exit kedge_complain(enum kedge_exit status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    return status;
}

enum kedge_exit kedge_complain_system(const char *doing, const char *path)
{
    return kedge_complain(KEDGE_EXIT_SYSTEM, "cannot %s %s: %s", doing, path, strerror(errno));
}

void kedge_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}
