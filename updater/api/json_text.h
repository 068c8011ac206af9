/*
 * json_text.h: texts from outside as JSON, and what is wrong with some. Names of devices come as
 * any bytes, and a sentence that was cut to its limit may end within a character; jansson takes
 * neither.
 */
#ifndef KEDGE_UPDATER_API_JSON_TEXT_H
#define KEDGE_UPDATER_API_JSON_TEXT_H

#include <jansson.h>

/** A string; of a text that is not UTF-8, what is not ASCII becomes "?". NULL: no memory. */
json_t *json_text(const char *text);

/**
 * What is wrong with a text, in words. jansson shows the piece where it stopped, which may be a key
 * or a secret: that is cut off `error`.
 */
const char *json_fault(json_error_t *error);

#endif
