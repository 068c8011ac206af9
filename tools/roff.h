/*
 * roff.h: what the programs that write manual pages from tables of commands share. They run when
 * the project is built, and print to standard output.
 */
#ifndef KEDGE_TOOLS_ROFF_H
#define KEDGE_TOOLS_ROFF_H

/** Text as roff takes it: no escapes, no requests at the beginning of a line, ASCII hyphens. */
void roff_text(const char *text);
/** An option with its value (NULL: it has none) in a list of such; then comes what is said of it.
 */
void roff_option(const char *name, const char *value);
/** A word in italics, after a space. */
void roff_placeholder(const char *text);

#endif
