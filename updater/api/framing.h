/* framing.h: where a request ends, so that a proxy and kedged do not differ about it. */
#ifndef KEDGE_UPDATER_API_FRAMING_H
#define KEDGE_UPDATER_API_FRAMING_H

#include "updater/api/internal.h"

/**
 * Refuses (400, and the connection ends behind the answer) what others may read in another way than
 * libmicrohttpd does, by RFC 9112: a body with two lengths, or with a length and a coding, or of
 * another coding than chunked (6.1, 6.3); a field whose name has blanks (5.1, and 2.2 of the line
 * behind the first); a second Host (3.2). False: it is refused.
 */
bool framing_check(struct request *request) KEDGE_MUST_USE;

#endif
