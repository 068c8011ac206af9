/*
 * json.h: looking into the server's answers. A member that is absent, null or of another type is
 * "" or 0: what a newer or older server does not say is not there.
 */
#ifndef KEDGE_UPDATER_CLI_JSON_H
#define KEDGE_UPDATER_CLI_JSON_H

#include <jansson.h>
#include <stdint.h>

static inline const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static inline uint64_t number_of(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value < 0 ? 0 : (uint64_t)value;
}

/** Prints "name: value" lines for a record as it came, nested ones indented. */
void print_details(const json_t *record);
/** A number as text; "" where there is none. */
void optional_text(const json_t *object, const char *name, char *out, size_t out_size);
/** "2 succeeded, 1 failed": the states that are not zero; "none" when all are. */
void counts_text(const json_t *counts, char *out, size_t out_size);

#endif
