/*
 * import.h: a factory's file of devices, as CSV with a header line or as JSON (a list of objects,
 * or {"devices": [...]}): which devices it holds, or all that is wrong with it.
 */
#ifndef KEDGE_UPDATER_IMPORT_H
#define KEDGE_UPDATER_IMPORT_H

#include "updater/api/handout.h"

#define IMPORT_FAULTS_TOLD 100u /* of a file that is refused; the others are counted */

struct import {
    struct kedge_bootstrap_record *records;
    struct kedge_handout_record **handouts; /* of each, what it is given; NULL: a fresh key */
    char **tags;                            /* of each, a JSON object; NULL: the file says none */
    size_t *places;                         /* line (CSV) or number (JSON) of each, from 1 */
    size_t count, capacity;
    bool is_json;
    json_t *faults; /* {"line" or "device": N, "field": ..., "message": ...} */
    size_t fault_count;
    bool no_memory;
};

/** Reads the whole file, and looks for what is there twice. End it with import_clear(). */
void import_read(struct import *import, struct kedge_slice file);
/** Notes what is wrong with the n-th device; `field` may be NULL. */
void import_fault(struct import *import, size_t place, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** Wipes it. */
void import_clear(struct import *import);

#endif
