/* screen.c: lines at the foot of a terminal. */
#define _DEFAULT_SOURCE
#include "updater/cli/screen.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "updater/cli/table.h"

#define HEIGHT_UNKNOWN 24u

void screen_measure(struct screen *screen)
{
    struct winsize size;
    screen->width = terminal_width(stdout);
    screen->height = 0;
    if (screen->width == 0)
        return;
    bool known = ioctl(fileno(stdout), TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    screen->height = known ? size.ws_row : HEIGHT_UNKNOWN;
}

void screen_clear(struct screen *screen)
{
    if (screen->drawn > 1)
        (void)printf("\r\033[%zuA\033[J", screen->drawn - 1);
    else if (screen->drawn == 1)
        (void)printf("\r\033[J");
    screen->drawn = 0;
}

/* The last column stays free: some terminals begin a new line there. */
void screen_add(struct screen *screen, const char *line)
{
    if (screen->width == 0)
        return;
    (void)printf("%s%.*s", screen->drawn > 0 ? "\r\n" : "",
                 (int)text_prefix(line, screen->width - 1), line);
    screen->drawn++;
}
