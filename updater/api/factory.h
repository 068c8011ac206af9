/*
 * factory.h: what is known of a device before it was ever seen: by what it proves itself, its
 * serial number, hardware and batch; from a request's JSON, or from a file of many. Pure.
 */
#ifndef KEDGE_UPDATER_FACTORY_H
#define KEDGE_UPDATER_FACTORY_H

#include "updater/api/internal.h"

#define FACTORY_KEY_LEAST 8u /* bytes */
#define FACTORY_PEM_MAX 4096u

/** As it is said; NULL or "": not said. */
struct factory_texts {
    const char *endpoint;
    const char *identity, *key;   /* a pre-shared key in hex; */
    const char *public_key;       /* or a public key, in PEM or the Base64 of its DER; */
    const char *certificate_name; /* or the common name of a certificate; */
    const char *security;         /* or "none" */
    const char *serial, *hardware, *batch;
    const char *certificate, *private_key; /* that it is given: for handout_read() alone */
};

/** Whether there is anything; "" is not. */
bool factory_is_said(const char *text);

/** Which member is wrong, and why. */
struct factory_fault {
    const char *member, *words;
};

/** Fills in the record, but for when it changed; false: something is wrong. */
bool factory_read(const struct factory_texts *texts, struct kedge_bootstrap_record *record,
                  struct factory_fault *fault);
/** Answers what is wrong `within` something, as "devices[3]."; false. */
bool factory_refuse(struct request *request, const char *within, const struct factory_fault *fault);

/**
 * Refuses a `list` of a request in which an endpoint, or what devices prove, stands twice: which of
 * them counts would depend on the order. `first` is that of the first of `count` records that are
 * `stride` bytes apart.
 */
bool factory_each_once(struct request *request, const char *list,
                       const struct kedge_credential_record *first, size_t stride, size_t count);

/** How the backend takes away what the endpoint has; of one kind or the other. */
typedef enum kedge_rc credentials_remove_fn(void *context, const char *who, const char *endpoint,
                                            char *text);
/** Has that of the request's endpoint taken away, and answers. */
void credentials_take_away(struct request *request, credentials_remove_fn *remove);

/** Rows of body_read() for the proofs that a device registers by. */
#define FACTORY_PROOF_FIELDS(texts)                                                    \
    {.name = "endpoint",                                                               \
     .kind = FIELD_TEXT,                                                               \
     .required = true,                                                                 \
     .least = 1,                                                                       \
     .most = KEDGE_ENDPOINT_MAX,                                                       \
     .text = &(texts).endpoint},                                                       \
        {.name = "identity",                                                           \
         .kind = FIELD_TEXT,                                                           \
         .least = 1,                                                                   \
         .most = KEDGE_CREDENTIAL_IDENTITY_MAX,                                        \
         .text = &(texts).identity},                                                   \
        {.name = "key",                                                                \
         .kind = FIELD_TEXT,                                                           \
         .least = 2u * FACTORY_KEY_LEAST,                                              \
         .most = 2u * KEDGE_CREDENTIAL_SECRET_MAX,                                     \
         .text = &(texts).key},                                                        \
    {                                                                                  \
        .name = "public_key", .kind = FIELD_TEXT, .least = 1, .most = FACTORY_PEM_MAX, \
        .text = &(texts).public_key                                                    \
    }

#endif
