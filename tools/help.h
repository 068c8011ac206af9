/*
 * help.h: what the programs share that print a table of options for --help, as those that write
 * manual pages of the same tables share roff.h.
 */
#ifndef KEDGE_TOOLS_HELP_H
#define KEDGE_TOOLS_HELP_H

#include <stdio.h>

#define HELP_COLUMN 30

/** Prints an option with its value (NULL: it has none), and beside it what is said of it; below it
 * where the option is too long for that. */
static inline void help_option_row(const char *name, const char *value, const char *help)
{
    int width = printf("  --%s%s%s", name, value != NULL ? " " : "", value != NULL ? value : "");
    if (width >= HELP_COLUMN) {
        printf("\n");
        width = 0;
    }
    printf("%*s%s\n", HELP_COLUMN - width, "", help);
}

#endif
