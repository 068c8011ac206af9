/*
 * openapi.h: the OpenAPI document of the API, as openapi.json has it. What it says is held to what
 * the server does by tests/e2e/test_openapi.py: whoever changes a route, a field, a status or a
 * right changes the document with it.
 */
#ifndef KEDGE_UPDATER_API_OPENAPI_H
#define KEDGE_UPDATER_API_OPENAPI_H

#include <stddef.h>

extern const char openapi_document[]; /* without a NUL */
extern const size_t openapi_document_size;

#endif
