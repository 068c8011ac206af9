/* credential_texts.h: by what a device proves itself, as a body says it. */
#ifndef KEDGE_UPDATER_CREDENTIAL_TEXTS_H
#define KEDGE_UPDATER_CREDENTIAL_TEXTS_H

#include "updater/api/internal.h"

#define CREDENTIAL_KEY_LEAST 8u /* bytes */
#define CREDENTIAL_PEM_MAX 4096u

/** NULL: not given. */
struct credential_texts {
    const char *endpoint, *identity, *key, *public_key;
};

/** The rows for body_read() that fill in the texts. */
#define CREDENTIAL_FIELDS(texts)                                                          \
    {.name = "endpoint",                                                                  \
     .kind = FIELD_TEXT,                                                                  \
     .required = true,                                                                    \
     .least = 1,                                                                          \
     .most = KEDGE_ENDPOINT_MAX,                                                          \
     .text = &(texts).endpoint},                                                          \
        {.name = "identity",                                                              \
         .kind = FIELD_TEXT,                                                              \
         .least = 1,                                                                      \
         .most = KEDGE_CREDENTIAL_IDENTITY_MAX,                                           \
         .text = &(texts).identity},                                                      \
        {.name = "key",                                                                   \
         .kind = FIELD_TEXT,                                                              \
         .least = 2u * CREDENTIAL_KEY_LEAST,                                              \
         .most = 2u * KEDGE_CREDENTIAL_SECRET_MAX,                                        \
         .text = &(texts).key},                                                           \
    {                                                                                     \
        .name = "public_key", .kind = FIELD_TEXT, .least = 1, .most = CREDENTIAL_PEM_MAX, \
        .text = &(texts).public_key                                                       \
    }

/* Each answers what is wrong, naming the member `within` something, and is false then. */

/** A pre-shared key with its identity, or a public key in PEM. */
bool credential_take(struct request *request, const char *within,
                     const struct credential_texts *texts, struct kedge_credential_record *record);
/** A text without control characters, of at most `max` bytes. */
bool credential_take_name(struct request *request, const char *within, const char *name,
                          const char *text, char *out, size_t max);
bool credential_refuse(struct request *request, const char *within, const char *name,
                       const char *words);

#endif
