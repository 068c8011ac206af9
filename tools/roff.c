/* roff.c: see roff.h. */
#include "tools/roff.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

void roff_text(const char *text)
{
    bool line_begins = true;
    for (; *text != '\0'; text++) {
        if (line_begins && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
        line_begins = *text == '\n';
    }
}

void roff_option(const char *name, const char *value)
{
    fputs(".TP\n.B ", stdout);
    roff_text("--");
    roff_text(name);
    if (value != NULL)
        roff_placeholder(value);
    putchar('\n');
}

void roff_placeholder(const char *text)
{
    fputs(" \\fI", stdout);
    roff_text(text);
    fputs("\\fR", stdout);
}
