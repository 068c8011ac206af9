/* timing.h: start times and windows in bodies and answers. */
#ifndef KEDGE_UPDATER_API_TIMING_H
#define KEDGE_UPDATER_API_TIMING_H

#include "updater/api/asked.h"

/** `text` NULL: none. False, when it was refused: no time, or one beside "start". */
bool timing_read_start(struct request *request, const char *text, bool start, uint64_t *at_ms);
/** The members of the list, one a line, in `lines`; `*out` stays as it is without a list. */
bool timing_read_windows(struct request *request, const char *field, const json_t *list,
                         char lines[KEDGE_WINDOWS_LINES_MAX], const char **out);

#endif
