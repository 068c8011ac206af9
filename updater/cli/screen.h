/*
 * screen.h: lines at the foot of a terminal that are drawn again and again in the same place.
 */
#ifndef KEDGE_UPDATER_CLI_SCREEN_H
#define KEDGE_UPDATER_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

struct screen {
    size_t width, height; /* of the terminal, as of the last screen_measure(); 0: there is none */
    size_t drawn;         /* lines that stand there */
};

/** Looks how large the terminal at standard output is now. */
void screen_measure(struct screen *screen);

/** Takes away what was drawn, so that other lines can be printed there. */
void screen_clear(struct screen *screen);

/** Draws one line more, cut to the terminal's width: UTF-8 without control characters. */
void screen_add(struct screen *screen, const char *line);

#endif
