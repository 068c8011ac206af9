/*
 * scan.h: moving through the text of a header field.
 */
#ifndef KEDGE_UPDATER_API_SCAN_H
#define KEDGE_UPDATER_API_SCAN_H

#include <kedge/base.h>

/** Moves past spaces and tabs (OWS, RFC 9110 section 5.6.3). */
void scan_blanks(struct kedge_cursor *cursor);
/** Takes what stands before the next byte that is in `ends`, or before the end. */
struct kedge_slice scan_until(struct kedge_cursor *cursor, const char *ends);

#endif
