/*
 * roff.h: what the programs that write manual pages from tables of commands and options share. They
 * run when the project is built, and print to standard output.
 */
#ifndef KEDGE_TOOLS_ROFF_H
#define KEDGE_TOOLS_ROFF_H

#include <stddef.h>

/** Text as roff takes it: no escapes, no requests at the beginning of a line, ASCII hyphens. */
void roff_text(const char *text);

/** Begins the page `name`(`section`), and says in a line what the program is. */
void roff_page(const char *name, int section, const char *summary);
/** A heading. */
void roff_section(const char *title);
/** A heading below one. */
void roff_subsection(const char *title);
void roff_paragraph(const char *text);
/** A line of usage, as long as it is; however it was broken for a terminal. */
void roff_usage(const char *text);

/** An item of a list, as a file or a signal, and what is said of it. */
void roff_item(const char *name, const char *text);
/** An option with its value (NULL: it has none) in a list of such; then comes what is said of it.
 */
void roff_option(const char *name, const char *value);
/** The same with what is said of it, which gets its full stop. */
void roff_option_row(const char *name, const char *value, const char *help);
/** A word in italics, after a space. */
void roff_placeholder(const char *text);

/** The section on the exit status: what 0, 1, ... mean. */
void roff_statuses(const char *const *words, size_t count);

/** Other pages, as "kedged(8)"; the last section. */
void roff_see_also(const char *const *pages, size_t count);
/** The exit status of the program that has written the page. */
int roff_end(void);

#define ROFF_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
