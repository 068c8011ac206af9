/* say.c: see say.h. One write, so that lines do not mix with the agent's. */
#include "agent/boot/say.h"

#include <stdarg.h>
#include <stdio.h>

void kedge_boot_say(const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "kedge-boot: %s\n", line);
}
