/* json_text.c: see json_text.h. */
#define _GNU_SOURCE
#include "updater/api/json_text.h"

#include <stdlib.h>
#include <string.h>

json_t *json_text(const char *text)
{
    json_t *json = json_string(text);
    if (json != NULL)
        return json;
    char *ascii = strdup(text);
    if (ascii == NULL)
        return NULL;
    for (char *at = ascii; *at != '\0'; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    json = json_string(ascii);
    free(ascii);
    return json;
}

const char *json_fault(json_error_t *error)
{
    char *piece = strstr(error->text, " near ");
    if (piece != NULL)
        *piece = '\0';
    return error->text;
}
